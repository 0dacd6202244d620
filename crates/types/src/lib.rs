//! What every part of Quintet speaks about: ids, parameters, SSZ containers, signing domains.
//!
//! Everything here is data. Nothing does I/O, nothing verifies a signature or a proof; `types` knows only the
//! bytes of keys and signatures. Each container has an SSZ form, a hash tree root and a JSON form in the style
//! of the Beacon API (quoted integers, `0x` hex).

pub mod bloom;
pub mod bundle;
mod bytes;
pub mod domain;
mod error;
pub mod evidence;
mod introduction;
mod job;
pub mod ledger;
mod newtypes;
mod phase;
pub mod plan;
pub mod proposal;
pub mod quoted;
mod reward;
pub mod signing_variant;
pub mod spec;
pub mod submission;
pub mod validator_evidence;
pub mod vote;

pub use alloy_primitives::{B256, FixedBytes};
pub use bloom::BloomHash;
pub use bundle::{BundleCertificate, BundleEntry, CertifiedBundle, LateEquivocation, PhaseBundle};
pub use bytes::ByteList;
pub use domain::{Domain, compute_domain, compute_signing_root};
pub use error::TypesError;
pub use evidence::{EquivocationEvidence, WrongDigestEvidence};
pub use introduction::{Introduction, PeerClaim};
pub use job::JobId;
pub use ledger::{Account, LedgerEntry, Reason};
pub use newtypes::{Epoch, InstanceIndex, ProverIndex, PublicKeyBytes, Root, SignatureBytes, Slot, ValidatorIndex};
pub use phase::Phase;
pub use plan::{Plan, PlanEntry};
pub use proposal::{PolkaVote, Proposal, SignedProposal};
pub use reward::{Balance, REWARD_SCALE, Reward};
pub use signing_variant::SigningVariant;
pub use spec::{RetryPolicy, Spec};
pub use ssz::{Decode, Encode};
pub use submission::{
    AggProof, Commitment, Commitments, FullProof, PartialProof, PartialProofs, Signed, SignedAggProof, SignedCommitments,
    SignedFullProof, SignedPartialProofs, Submission, SubmissionBody, SubmissionHeader,
};
pub use tree_hash::TreeHash;
pub use validator_evidence::{ProposalHeader, ValidatorEquivocation};
pub use vote::{Attestation, Ballot, SignedVote, VoteKind};
