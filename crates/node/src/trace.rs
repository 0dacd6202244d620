//! Spans: where the time of a job goes. Without the feature `otel`, and without a collector to send them to, they cost nothing.

use quintet_types::JobId;
use tracing::Span;

/// Target of all spans. They are on level `trace`, so that no log line carries them unless it is asked for them by name.
pub const SPANS: &str = "quintet::span";

/// A span of a job: `job_span!(&id, "prove", instances = 7)`. What any program does for one job is one trace.
#[macro_export]
macro_rules! job_span {
    ($job:expr, $name:literal $(, $($field:tt)*)?) => {{
        let job: &$crate::JobId = $job;
        $crate::of_job($crate::tracing::trace_span!(target: "quintet::span", $name, %job $(, $($field)*)?), job)
    }};
}

/// Puts a span that was not entered yet into the trace of a job.
#[must_use]
#[cfg_attr(not(feature = "otel"), allow(unused_variables, reason = "traces are made with the feature alone"))]
pub fn of_job(span: Span, job: &JobId) -> Span {
    #[cfg(feature = "otel")]
    crate::otel::adopt(&span, job);
    span
}
