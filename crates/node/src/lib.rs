//! What sidecar and prover daemon do alike: logs, signals, what identifies a network, and what is made from the command line.

mod log;
mod manual;
#[cfg(feature = "otel")]
pub mod otel;
mod output;
mod signal;
mod spec;
mod trace;

pub use log::{LogFormat, Logging, init_log, init_log_to};
pub use manual::{Completions, ManPages, check_reference, reference};
pub use output::{print_line, print_out};
pub use signal::{hangups, interrupted};
pub use spec::spec_root;
pub use trace::{SPANS, of_job};

#[doc(hidden)]
pub use quintet_types::JobId;
#[doc(hidden)]
pub use tracing;
