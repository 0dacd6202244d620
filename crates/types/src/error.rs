//! What can be wrong with a value of this crate.

use crate::Phase;

/// Errors of building or reading the types of this crate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TypesError {
    /// A number is not the number of a phase.
    #[error("a phase is 1 to 5, got {0}")]
    UnknownPhase(u64),
    /// A job id's text is not `slot-root-sub_block-attempt`.
    #[error("a job id reads SLOT-0xROOT-SUB_BLOCK-ATTEMPT, got {0:?}")]
    MalformedJobId(String),
    /// A body was put under a phase in which it cannot be submitted.
    #[error("{body} cannot be submitted in {phase}")]
    WrongPhase {
        /// Name of the body's container.
        body: &'static str,
        /// The phase it came with.
        phase: Phase,
    },
    /// A list is longer than its SSZ limit.
    #[error("{what}: {len} elements, at most {max}")]
    TooLong {
        /// Which list.
        what: &'static str,
        /// Its length.
        len: usize,
        /// Its limit.
        max: usize,
    },
    /// The bytes are not the SSZ form of the expected container.
    #[error("not valid SSZ: {0}")]
    Ssz(String),
    /// No way of signing has this name.
    #[error("a signing variant is direct, commit_boost or web3signer, got {0:?}")]
    UnknownSigningVariant(String),
    /// A parameter file cannot be read.
    #[error("parameters: {0}")]
    Spec(String),
    /// A parameter has a value that the protocol cannot run with.
    #[error("{key} = {value}: {rule}")]
    BadParameter {
        /// Name of the parameter as in the file.
        key: &'static str,
        /// The value found.
        value: String,
        /// What it must be.
        rule: &'static str,
    },
}
