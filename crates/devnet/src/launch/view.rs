//! The live view: one line for each thing that changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use quintet_api::{CertificateState, Event, EventKind, JobState};
use quintet_types::{JobId, Phase, PublicKeyBytes};

/// What was seen so far.
#[derive(Debug)]
pub(super) struct View {
    started: Instant,
    names: BTreeMap<PublicKeyBytes, String>,
    states: BTreeMap<JobId, JobState>,
    submitted: BTreeMap<(JobId, Phase), BTreeMap<PublicKeyBytes, u32>>,
    finalized: Vec<JobId>,
    /// Whether blocks go without a job at the moment, because too few provers are free.
    resting: bool,
    last_event: u64,
}

impl View {
    pub(super) fn new(started: Instant, names: BTreeMap<PublicKeyBytes, String>) -> Self {
        let (states, submitted) = Default::default();
        Self { started, names, states, submitted, finalized: Vec::new(), resting: false, last_event: 0 }
    }

    /// Finalized jobs, in the order in which they were.
    pub(super) fn finalized(&self) -> &[JobId] {
        &self.finalized
    }

    /// Id of the last event.
    pub(super) const fn last_event(&self) -> u64 {
        self.last_event
    }

    /// Name of a prover's process.
    pub(super) fn name(&self, key: &PublicKeyBytes) -> String {
        self.names.get(key).cloned().unwrap_or_else(|| key.to_string())
    }

    /// Takes an event in, and prints it if it changes anything.
    pub(super) fn show(&mut self, event: &Event) {
        self.last_event = event.id;
        if let Some(line) = self.line(&event.kind) {
            quintet_node::outln!("{:>7.1} s  {line}", self.started.elapsed().as_secs_f64());
        }
    }

    fn line(&mut self, kind: &EventKind) -> Option<String> {
        Some(match kind {
            EventKind::Job { job, state } => {
                if self.states.insert(*job, *state) == Some(*state) {
                    return None;
                }
                match state {
                    JobState::Finalized => self.finalized.push(*job),
                    // Every block until provers are free again has such a job.
                    JobState::Unserved if std::mem::replace(&mut self.resting, true) => return None,
                    JobState::Unserved => {
                        return Some(format!("{}  too few provers are free; they rest for a phase", short(job)));
                    }
                    // The phase's own event says so.
                    JobState::T1 | JobState::T2 | JobState::T3 | JobState::T4 | JobState::T5 => return None,
                    _ => self.resting = false,
                }
                format!("{}  {}", short(job), format!("{state:?}").to_lowercase())
            }
            EventKind::Phase { job, phase, open: true, .. } => format!("{}  {phase} is open", short(job)),
            EventKind::Phase { job, phase, open: false, .. } => {
                let provers = self.submitted.get(&(*job, *phase)).map_or(0, BTreeMap::len);
                format!("{}  {phase} is closed with {provers} submissions", short(job))
            }
            EventKind::Challenge { job } => format!("{}  D is complete, the challenge is known", short(job)),
            EventKind::Holes { job, instances } => format!("{}  {} instances have no commitment", short(job), instances.len()),
            EventKind::Submission { job, phase, prover, valid, .. } => self.submission(*job, *phase, prover, *valid)?,
            EventKind::Reorg { slot, depth, .. } => format!("slot {slot}: {depth} blocks left the chain"),
            EventKind::Certificate { job, phase, state: CertificateState::Certified } => {
                format!("{}  {phase} is certified", short(job))
            }
            EventKind::Certificate { job, phase, .. } => format!("{}  {phase} goes on: no certificate in time", short(job)),
            EventKind::Finalized { .. } | EventKind::Peers { .. } => return None,
            EventKind::Warning { message } => format!("warning: {message}"),
        })
    }

    fn submission(&mut self, job: JobId, phase: Phase, prover: &PublicKeyBytes, valid: u32) -> Option<String> {
        let of_phase = self.submitted.entry((job, phase)).or_default();
        let news = match of_phase.insert(*prover, valid) {
            None => "submitted".to_owned(),
            Some(before) if before < valid => format!("{valid} instances verified"),
            Some(_) => return None,
        };
        let (count, verified) = (of_phase.len(), of_phase.values().filter(|valid| **valid > 0).count());
        let verified = if phase == Phase::T1 { String::new() } else { format!(", {verified} verified") };
        Some(format!("{}  {phase}: {count} in{verified}; {}: {news}", short(&job), self.name(prover)))
    }

    /// Attempts that failed.
    pub(super) fn failed(&self) -> BTreeSet<JobId> {
        self.states.iter().filter(|(_, state)| matches!(state, JobState::Failed)).map(|(job, _)| *job).collect()
    }
}

/// A job for people.
pub(super) fn short(job: &JobId) -> String {
    let attempt = if job.attempt == 0 { String::new() } else { format!(" (attempt {})", job.attempt + 1) };
    format!("slot {}{attempt}", job.slot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use quintet_types::{Root, Slot};

    #[test]
    fn only_changes_are_shown_and_finalized_jobs_counted_once() {
        let job = JobId::new(Slot(7), Root::ZERO);
        let key = PublicKeyBytes::default();
        let mut view = View::new(Instant::now(), [(key, "prover-3".to_owned())].into());
        let submission = |valid| EventKind::Submission { job, phase: Phase::T2, prover: key, body_root: Root::ZERO, valid };
        assert_eq!(view.line(&submission(0)).as_deref(), Some("slot 7  T2: 1 in, 0 verified; prover-3: submitted"));
        assert_eq!(view.line(&submission(0)), None);
        let verified = view.line(&submission(9));
        assert_eq!(verified.as_deref(), Some("slot 7  T2: 1 in, 1 verified; prover-3: 9 instances verified"));
        let finalized = EventKind::Job { job, state: JobState::Finalized };
        assert_eq!(view.line(&finalized).as_deref(), Some("slot 7  finalized"));
        assert_eq!(view.line(&finalized), None);
        assert_eq!(view.finalized(), [job]);
        let unserved = |slot| EventKind::Job { job: JobId::new(Slot(slot), Root::ZERO), state: JobState::Unserved };
        assert!(view.line(&unserved(8)).unwrap().contains("too few provers"));
        assert_eq!(view.line(&unserved(9)), None);
        let failed = EventKind::Job { job: job.next_attempt().unwrap(), state: JobState::Failed };
        assert_eq!(view.line(&failed).as_deref(), Some("slot 7 (attempt 2)  failed"));
        assert_eq!(view.failed().len(), 1);
    }
}
