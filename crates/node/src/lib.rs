//! What sidecar and prover daemon do alike: logs, signals, and what identifies a network.

mod log;
mod signal;
mod spec;

pub use log::{LogFormat, init_log, init_log_to};
pub use signal::{hangups, interrupted};
pub use spec::spec_root;
