//! What provers send: a body per phase, signed through one small header.

mod bodies;
mod partial;
mod signed;

pub use bodies::{
    AggProof, Commitment, Commitments, CommitmentsSummary, FullProof, MaxFullProofBytes, MaxSubBlocks, PartialProofs,
    SubBlockProof,
};
pub use partial::{MaxPartialProofBytes, PartialId, PartialProof};
pub use signed::{
    Signed, SignedAggProof, SignedCommitments, SignedFullProof, SignedPartialProofs, Submission, SubmissionBody,
    SubmissionHeader,
};
