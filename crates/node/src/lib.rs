//! What sidecar and prover daemon do alike: logs, signals, what identifies a network, and what is made from the command line.

mod log;
mod manual;
mod output;
mod signal;
mod spec;

pub use log::{LogFormat, init_log, init_log_to};
pub use manual::{Completions, ManPages, check_reference, reference};
pub use output::print_line;
pub use signal::{hangups, interrupted};
pub use spec::spec_root;
