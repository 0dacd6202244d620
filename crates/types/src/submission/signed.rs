//! The header that is signed, and submissions that carry their signature.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use ssz_derive::{Decode, Encode};
use tree_hash::TreeHash;
use tree_hash_derive::TreeHash;

use super::{AggProof, Commitments, FullProof, PartialProofs};
use crate::domain::{DOMAIN_AGG_PROOF, DomainType, compute_signing_root, submission_domain_type};
use crate::{JobId, Phase, PublicKeyBytes, Root, SignatureBytes, Spec, TypesError};

/// What a prover signs. Two of these that differ only in `body_root`, both signed, are equivocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Encode, Decode, TreeHash)]
pub struct SubmissionHeader {
    /// Hash tree root of the [`JobId`].
    pub job_root: Root,
    /// The phase it is for.
    pub phase: Phase,
    /// Key of the prover.
    pub prover: PublicKeyBytes,
    /// Hash tree root of the body.
    pub body_root: Root,
}

impl SubmissionHeader {
    /// What is signed, under a domain of type `domain_type`.
    pub fn signing_root(&self, domain_type: DomainType, spec: &Spec) -> Root {
        compute_signing_root(self.tree_hash_root(), spec.domain(domain_type))
    }
}

/// A container that can be the body of a submission.
pub trait SubmissionBody:
    ssz::Encode + ssz::Decode + TreeHash + Serialize + DeserializeOwned + Clone + PartialEq + std::fmt::Debug
{
    /// The container's name.
    const NAME: &'static str;

    /// The type of the domain that it is signed under in `phase`.
    ///
    /// # Errors
    /// If this body has no place in `phase`.
    fn domain_type(phase: Phase) -> Result<DomainType, TypesError>;
}

/// Domain type of `phase`, if `allowed`.
fn phase_domain(name: &'static str, phase: Phase, allowed: bool) -> Result<DomainType, TypesError> {
    if allowed { Ok(submission_domain_type(phase)) } else { Err(TypesError::WrongPhase { body: name, phase }) }
}

impl SubmissionBody for Commitments {
    const NAME: &'static str = "Commitments";

    fn domain_type(phase: Phase) -> Result<DomainType, TypesError> {
        phase_domain(Self::NAME, phase, phase == Phase::T1)
    }
}

impl SubmissionBody for PartialProofs {
    const NAME: &'static str = "PartialProofs";

    fn domain_type(phase: Phase) -> Result<DomainType, TypesError> {
        phase_domain(Self::NAME, phase, phase == Phase::T2)
    }
}

impl SubmissionBody for FullProof {
    const NAME: &'static str = "FullProof";

    fn domain_type(phase: Phase) -> Result<DomainType, TypesError> {
        phase_domain(Self::NAME, phase, phase.is_aggregation())
    }
}

impl SubmissionBody for AggProof {
    const NAME: &'static str = "AggProof";

    fn domain_type(_: Phase) -> Result<DomainType, TypesError> {
        Ok(DOMAIN_AGG_PROOF)
    }
}

/// A submission with its signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode, TreeHash)]
#[serde(bound = "")]
pub struct Signed<B: SubmissionBody> {
    /// The job it is for.
    pub job: JobId,
    /// The phase it is for.
    pub phase: Phase,
    /// Key of the prover.
    pub prover: PublicKeyBytes,
    /// What it submits.
    pub body: B,
    /// Signature over the [`SubmissionHeader`].
    pub signature: SignatureBytes,
}

/// A T1 submission.
pub type SignedCommitments = Signed<Commitments>;
/// A T2 submission.
pub type SignedPartialProofs = Signed<PartialProofs>;
/// A T3, T4 or T5 submission.
pub type SignedFullProof = Signed<FullProof>;
/// A submitted aggregation of sub-blocks.
pub type SignedAggProof = Signed<AggProof>;

impl<B: SubmissionBody> Signed<B> {
    /// The header whose signature this carries. Hashes the whole body.
    pub fn header(&self) -> SubmissionHeader {
        SubmissionHeader {
            job_root: self.job.root(),
            phase: self.phase,
            prover: self.prover,
            body_root: self.body.tree_hash_root(),
        }
    }

    /// What the signature must sign.
    ///
    /// # Errors
    /// If the body has no place in the phase.
    pub fn signing_root(&self, spec: &Spec) -> Result<Root, TypesError> {
        Ok(self.header().signing_root(self.domain_type()?, spec))
    }

    /// The type of the domain that this is signed under.
    fn domain_type(&self) -> Result<DomainType, TypesError> {
        B::domain_type(self.phase)
    }
}

/// Any submission. SSZ: a union with selectors 0 to 3 in this order. JSON: `{"type": …, "data": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[ssz(enum_behaviour = "union")]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum Submission {
    /// T1.
    Commitments(SignedCommitments),
    /// T2.
    PartialProofs(SignedPartialProofs),
    /// T3–T5.
    FullProof(SignedFullProof),
    /// Aggregation of sub-blocks.
    AggProof(SignedAggProof),
}

impl Submission {
    /// The job it is for.
    pub const fn job(&self) -> &JobId {
        match self {
            Self::Commitments(s) => &s.job,
            Self::PartialProofs(s) => &s.job,
            Self::FullProof(s) => &s.job,
            Self::AggProof(s) => &s.job,
        }
    }

    /// The phase it is for.
    pub const fn phase(&self) -> Phase {
        match self {
            Self::Commitments(s) => s.phase,
            Self::PartialProofs(s) => s.phase,
            Self::FullProof(s) => s.phase,
            Self::AggProof(s) => s.phase,
        }
    }

    /// Key of the prover.
    pub const fn prover(&self) -> &PublicKeyBytes {
        match self {
            Self::Commitments(s) => &s.prover,
            Self::PartialProofs(s) => &s.prover,
            Self::FullProof(s) => &s.prover,
            Self::AggProof(s) => &s.prover,
        }
    }

    /// The signature.
    pub const fn signature(&self) -> &SignatureBytes {
        match self {
            Self::Commitments(s) => &s.signature,
            Self::PartialProofs(s) => &s.signature,
            Self::FullProof(s) => &s.signature,
            Self::AggProof(s) => &s.signature,
        }
    }

    /// SSZ of this, from the SSZ of the signed container in it.
    pub fn ssz_of(&self, signed: &[u8]) -> Vec<u8> {
        let selector = match self {
            Self::Commitments(_) => 0,
            Self::PartialProofs(_) => 1,
            Self::FullProof(_) => 2,
            Self::AggProof(_) => 3,
        };
        [&[selector], signed].concat()
    }

    /// The header whose signature this carries. Hashes the whole body.
    pub fn header(&self) -> SubmissionHeader {
        match self {
            Self::Commitments(s) => s.header(),
            Self::PartialProofs(s) => s.header(),
            Self::FullProof(s) => s.header(),
            Self::AggProof(s) => s.header(),
        }
    }

    /// What the signature must sign.
    ///
    /// # Errors
    /// If the body has no place in the phase.
    pub fn signing_root(&self, spec: &Spec) -> Result<Root, TypesError> {
        Ok(self.header().signing_root(self.domain_type()?, spec))
    }

    /// The type of the domain that this is signed under, with which [`SubmissionHeader::signing_root`] gives what the signature must sign.
    ///
    /// # Errors
    /// If the body has no place in the phase.
    pub fn domain_type(&self) -> Result<DomainType, TypesError> {
        match self {
            Self::Commitments(s) => s.domain_type(),
            Self::PartialProofs(s) => s.domain_type(),
            Self::FullProof(s) => s.domain_type(),
            Self::AggProof(s) => s.domain_type(),
        }
    }
}
