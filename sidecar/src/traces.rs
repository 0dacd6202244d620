//! Jobs and phases as spans: from the announcement of a job to its end, and from the opening of a phase to its close.

use std::collections::BTreeMap;

use opentelemetry::{KeyValue, trace::Span as _};
use quintet_api::{Event, EventKind, JobState};
use quintet_node::otel::JobTracer;
use quintet_types::{JobId, Phase};
use tokio::sync::broadcast::{Receiver, error::RecvError};

/// Jobs that can be under way at a time. Beyond it the oldest is given up: its end was missed.
const MOST_JOBS: usize = 256;

/// A job under way.
#[derive(Debug)]
struct Traced<S> {
    whole: S,
    phases: BTreeMap<Phase, S>,
}

/// Makes spans of `events` until there are no more of them.
pub async fn follow(tracer: JobTracer, mut events: Receiver<Event>) {
    let mut jobs = BTreeMap::new();
    loop {
        match events.recv().await {
            Ok(event) => take(&tracer, &mut jobs, event.kind),
            // Spans whose end was missed end with their job, or are given up.
            Err(RecvError::Lagged(missed)) => tracing::debug!(missed, "events without spans"),
            Err(RecvError::Closed) => return,
        }
    }
}

type Jobs = BTreeMap<JobId, Traced<quintet_node::otel::Span>>;

fn take(tracer: &JobTracer, jobs: &mut Jobs, event: EventKind) {
    match event {
        EventKind::Job { job, state: JobState::Announced } => {
            if jobs.len() == MOST_JOBS {
                jobs.pop_first();
            }
            jobs.insert(job, Traced { whole: tracer.job(&job), phases: BTreeMap::new() });
        }
        EventKind::Job { job, state } => {
            let is_over = matches!(state, JobState::Finalized | JobState::Failed | JobState::Unserved);
            if let Some(mut traced) = jobs.remove(&job) {
                traced.whole.add_event(format!("{state:?}").to_lowercase(), Vec::new());
                if !is_over {
                    jobs.insert(job, traced);
                }
            }
        }
        EventKind::Phase { job, phase, open: true, deadline_ms } => {
            if let Some(traced) = jobs.get_mut(&job) {
                let mut span = tracer.phase(&job, phase);
                span.set_attribute(KeyValue::new("deadline_ms", i64::try_from(deadline_ms).unwrap_or(i64::MAX)));
                traced.phases.insert(phase, span);
            }
        }
        EventKind::Phase { job, phase, open: false, .. } => {
            // Ends as it is dropped.
            jobs.get_mut(&job).and_then(|traced| traced.phases.remove(&phase));
        }
        EventKind::Submission { job, phase, prover, valid, .. } => {
            if let Some(span) = jobs.get_mut(&job).and_then(|traced| traced.phases.get_mut(&phase)) {
                let attributes = vec![KeyValue::new("prover", prover.to_string()), KeyValue::new("valid", i64::from(valid))];
                span.add_event("submission", attributes);
            }
        }
        _ => {}
    }
}
