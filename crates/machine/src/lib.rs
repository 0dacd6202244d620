//! The RV64IM machine.
//!
//! [`Program::from_elf`] loads a program, [`Execution::run`] executes it once, [`Planned`] cuts the execution into AIR
//! instances and gives the records of each, from which the AIRs fill their traces. The contract between these parts is
//! `docs/machine.md`.

pub mod airs;
pub mod asm;
pub mod decode;
pub mod elf;
pub mod isa;
pub mod layout;
pub mod plan;

mod air_id;
mod error;
mod event;
mod exec;
mod program;

pub use air_id::{AirId, UnknownAir};
pub use error::{ElfError, ExecutorError, PlanError, Trap, TrapKind};
pub use event::{Access, AluEvent, CpuEvent, InstanceEvents, KeccakEvent, LoadStoreEvent, WordEvent};
pub use exec::{Execution, Mark, Options};
pub use plan::{PlanIds, Planned, choose_k};
pub use program::{Lowered, MAX_IMAGE_BYTES, MAX_TEXT_BYTES, Program};
