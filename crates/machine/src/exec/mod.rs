//! The executor: deterministic, one instruction a step, timestamps and operation counts kept on the way.

mod checkpoint;
mod code;
mod ecall;
mod execution;
mod machine;
mod memory;
mod outputs;
mod record;

pub use execution::{Execution, Options};
pub use outputs::Mark;

pub(crate) use record::Window;
