//! What sidecar and prover daemon do alike: logs, signals, and what identifies a network.

mod log;
mod signal;
mod spec;

pub use log::{LogFormat, init_log};
pub use signal::{hangups, interrupted};
pub use spec::spec_root;
