//! What a validator is asked to sign: the object's root, the domain, and the place in the protocol for which there may be one signature only.

use std::fmt;

use quintet_types::{
    Ballot, Domain, JobId, Phase, PublicKeyBytes, Root, SigningVariant, Slot, Spec, TreeHash as _, VoteKind,
    compute_signing_root,
    domain::{DOMAIN_INTRODUCTION, DOMAIN_PRECOMMIT, DOMAIN_PREVOTE, DOMAIN_PROPOSAL, DomainType},
};

/// One message of agreement about a phase. The numbers are those on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum PhaseMessage {
    /// A leader's bundle.
    Proposal = 1,
    /// The first vote on it.
    Prevote = 2,
    /// The vote that a certificate aggregates.
    Precommit = 3,
}

impl PhaseMessage {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Proposal, Self::Prevote, Self::Precommit];

    /// The number on disk.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The domain that it is signed under.
    #[must_use]
    pub const fn domain_type(self) -> DomainType {
        match self {
            Self::Proposal => DOMAIN_PROPOSAL,
            Self::Prevote => DOMAIN_PREVOTE,
            Self::Precommit => DOMAIN_PRECOMMIT,
        }
    }

    /// The kind with this number on disk.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }
}

impl fmt::Display for PhaseMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Proposal => "proposal",
            Self::Prevote => "prevote",
            Self::Precommit => "precommit",
        })
    }
}

impl From<VoteKind> for PhaseMessage {
    fn from(kind: VoteKind) -> Self {
        match kind {
            VoteKind::Prevote => Self::Prevote,
            VoteKind::Precommit => Self::Precommit,
        }
    }
}

/// A turn to say something in agreement. A key signs one object for each, ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Turn {
    /// The job.
    pub job: JobId,
    /// Its phase.
    pub phase: Phase,
    /// The round in which a bundle is sought.
    pub round: u32,
    /// Which message of the round.
    pub kind: PhaseMessage,
}

impl Turn {
    /// Slot of the job: what records are pruned by.
    #[must_use]
    pub const fn slot(&self) -> Slot {
        self.job.slot
    }
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of round {} for {} {}", self.kind, self.round, self.job, self.phase)
    }
}

/// What a signature is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Agreement on a phase: recorded, one object for each turn.
    Turn(Turn),
    /// A settlement. Not recorded: the contract takes one for each number, and a sidecar whose ledger was wrong has to be able to sign the right one.
    Settlement {
        /// Number of the settlement.
        number: u64,
    },
    /// Which peer is this validator's sidecar. Not recorded: a validator may have several sidecars, one after the other.
    Introduction {
        /// First slot in which it no longer holds.
        expires: Slot,
    },
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Turn(turn) => turn.fmt(f),
            Self::Settlement { number } => write!(f, "settlement {number}"),
            Self::Introduction { expires } => write!(f, "introduction to peers until slot {expires}"),
        }
    }
}

/// Asks for a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SigningRequest {
    /// What it is for.
    pub subject: Subject,
    /// Hash tree root of what is signed.
    pub object_root: Root,
    /// The domain that it is signed under.
    pub domain: Domain,
}

impl SigningRequest {
    /// A proposal, vote or precommit of agreement.
    #[must_use]
    pub fn turn(turn: Turn, object_root: Root, spec: &Spec) -> Self {
        Self { subject: Subject::Turn(turn), object_root, domain: spec.domain(turn.kind.domain_type()) }
    }

    /// The vote that casts `ballot`, whose job has the id `job`.
    #[must_use]
    pub fn vote(job: JobId, kind: VoteKind, ballot: &Ballot, spec: &Spec) -> Self {
        let turn = Turn { job, phase: ballot.phase, round: ballot.round, kind: kind.into() };
        Self::turn(turn, ballot.tree_hash_root(), spec)
    }

    /// Whether the domain is that of the subject on this network: never one of the consensus layer, and never agreement's for anything else.
    #[must_use]
    pub fn is_consistent(&self, spec: &Spec) -> bool {
        match &self.subject {
            Subject::Turn(turn) => self.domain == spec.domain(turn.kind.domain_type()),
            Subject::Introduction { .. } => self.domain == spec.domain(DOMAIN_INTRODUCTION),
            Subject::Settlement { .. } => {
                let is_ours = self.domain[0] == DOMAIN_PROPOSAL[0] && self.domain[..4] != DOMAIN_INTRODUCTION;
                is_ours && PhaseMessage::ALL.iter().all(|kind| self.domain[..4] != kind.domain_type())
            }
        }
    }

    /// `compute_signing_root`: what keys of [`SigningVariant::Direct`] sign, and the others wrap.
    #[must_use]
    pub fn signing_root(&self) -> Root {
        compute_signing_root(self.object_root, self.domain)
    }

    /// What a key of this variant signs.
    #[must_use]
    pub fn wrapped_root(&self, variant: SigningVariant, spec: &Spec) -> Root {
        variant.wrap(self.signing_root(), spec)
    }
}

/// A key that can sign, and how it signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValidatorKey {
    /// The public key.
    pub pubkey: PublicKeyBytes,
    /// What its signatures are over. Enrolment fixes it.
    pub variant: SigningVariant,
}

/// The signing root of what is on record.
pub(crate) fn signing_root(signed: &crate::Signed) -> Root {
    compute_signing_root(signed.object_root, signed.domain)
}
