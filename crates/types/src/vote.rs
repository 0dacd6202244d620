//! Votes by which validators agree on the bundle of a phase.

use serde::{Deserialize, Serialize};
use ssz::{Decode, DecodeError, Encode};
use ssz_derive::{Decode, Encode};
use tree_hash::{Hash256, PackedEncoding, TreeHash, TreeHashType};
use tree_hash_derive::TreeHash;

use crate::domain::{DOMAIN_PRECOMMIT, DOMAIN_PREVOTE, DomainType};
use crate::{BundleCertificate, Phase, Root, SignatureBytes, SigningVariant, Spec, ValidatorIndex};

/// Which of a round's two votes. SSZ: one byte, 1 or 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoteKind {
    /// An opinion on the round's proposal.
    Prevote,
    /// More than two thirds prevoted for it.
    Precommit,
}

impl VoteKind {
    /// The domain that votes of this kind are signed under.
    pub const fn domain_type(self) -> DomainType {
        match self {
            Self::Prevote => DOMAIN_PREVOTE,
            Self::Precommit => DOMAIN_PRECOMMIT,
        }
    }

    /// The byte that stands for it.
    pub const fn number(self) -> u8 {
        match self {
            Self::Prevote => 1,
            Self::Precommit => 2,
        }
    }
}

impl Encode for VoteKind {
    fn is_ssz_fixed_len() -> bool {
        true
    }

    fn ssz_fixed_len() -> usize {
        1
    }

    fn ssz_bytes_len(&self) -> usize {
        1
    }

    fn ssz_append(&self, buf: &mut Vec<u8>) {
        buf.push(self.number());
    }
}

impl Decode for VoteKind {
    fn is_ssz_fixed_len() -> bool {
        true
    }

    fn ssz_fixed_len() -> usize {
        1
    }

    fn from_ssz_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        match u8::from_ssz_bytes(bytes)? {
            1 => Ok(Self::Prevote),
            2 => Ok(Self::Precommit),
            other => Err(DecodeError::BytesInvalid(format!("no kind of vote has the number {other}"))),
        }
    }
}

impl TreeHash for VoteKind {
    fn tree_hash_type() -> TreeHashType {
        TreeHashType::Basic
    }

    fn tree_hash_packed_encoding(&self) -> PackedEncoding {
        self.number().tree_hash_packed_encoding()
    }

    fn tree_hash_packing_factor() -> usize {
        u8::tree_hash_packing_factor()
    }

    fn tree_hash_root(&self) -> Hash256 {
        self.number().tree_hash_root()
    }
}

/// What a vote says. It does not name the voter, so that all who vote alike in a round sign the same and their
/// signatures add up to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Encode, Decode, TreeHash)]
pub struct Ballot {
    /// Root of the job's id.
    pub job_root: Root,
    /// The phase.
    pub phase: Phase,
    /// Round of the agreement.
    #[serde(with = "crate::quoted")]
    pub round: u32,
    /// Root of the bundle that is voted for; zero for none.
    pub bundle_root: Root,
}

impl Ballot {
    /// The bundle that is voted for, `None` for a vote against having one in this round.
    pub fn bundle(&self) -> Option<Root> {
        (self.bundle_root != Root::ZERO).then_some(self.bundle_root)
    }

    /// What a validator whose key signs in `variant` signs to cast this ballot.
    pub fn signing_root(&self, kind: VoteKind, variant: SigningVariant, spec: &Spec) -> Root {
        variant.signing_root(self.tree_hash_root(), spec.domain(kind.domain_type()), spec)
    }
}

/// One validator's vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Encode, Decode, TreeHash)]
pub struct SignedVote {
    /// What it says.
    pub ballot: Ballot,
    /// Prevote or precommit.
    pub kind: VoteKind,
    /// Who votes.
    pub validator: ValidatorIndex,
    /// The voter's signature of the ballot.
    pub signature: SignatureBytes,
}

/// What goes over the topic of attestations.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[ssz(enum_behaviour = "union")]
pub enum Attestation {
    /// A vote.
    Vote(SignedVote),
    /// A certificate, from one who holds it to those who lag.
    Certificate(BundleCertificate),
}
