//! Errors of the bridge.

use quintet_machine::{ElfError, ExecutorError, PlanError, airs::TraceError};
use quintet_types::{InstanceIndex, Root};

/// Why a block could not be planned, proven or verified.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The guest is no program of the machine.
    #[error("guest: {0}")]
    Elf(#[from] ElfError),
    /// The block is of a fork that the guest cannot check.
    #[error("the guest checks Capella to Fulu payloads, this one is of a fork {0}")]
    Fork(&'static str),
    /// The block has no execution payload.
    #[error("block {0} has no execution payload")]
    NoPayload(Root),
    /// The payload cannot be encoded for the guest.
    #[error("input: {0}")]
    Input(#[from] quintet_payload::EncodeError),
    /// The guest trapped.
    #[error("execution: {0}")]
    Execution(#[from] ExecutorError),
    /// The guest ended with an exit code other than 0: the payload is not what its block hash says.
    #[error("the guest ended with exit code {0:#x}: the payload does not lead to its block hash")]
    Exit(u64),
    /// There is no plan.
    #[error("plan: {0}")]
    Plan(#[from] PlanError),
    /// A trace cannot be filled.
    #[error("trace: {0}")]
    Trace(#[from] TraceError),
    /// The proof system failed.
    #[error("proof system: {0}")]
    Plonk(#[from] quintet_plonk::Error),
    /// A proof was refused.
    #[error("refused: {0}")]
    Rejected(#[from] quintet_plonk::Rejection),
    /// There is no such instance in the plan.
    #[error("instance {0} is not in the plan, which has {1}")]
    NoInstance(InstanceIndex, usize),
    /// Bytes from the wire are no proof object.
    #[error("{what} of instance {instance}: {reason}")]
    Wire {
        /// Which object.
        what: &'static str,
        /// Of which instance.
        instance: InstanceIndex,
        /// What is wrong.
        reason: String,
    },
    /// The plan of someone else differs from ours.
    #[error("the plan root is {found}, ours is {expected}")]
    PlanRoot {
        /// Ours.
        expected: Root,
        /// Theirs.
        found: Root,
    },
}
