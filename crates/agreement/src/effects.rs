//! What goes into an agreement and what comes out.

use quintet_types::{
    Ballot, BundleCertificate, CertifiedBundle, JobId, Phase, PhaseBundle, Proposal, Root, SignatureBytes, SignedProposal,
    SignedVote, SigningVariant, Slot, Spec, ValidatorEquivocation, ValidatorIndex, VoteKind,
};

use crate::verify::certify;
use crate::{AgreementError, Committee, Record, Rounds, Verified};

/// What an agreement is about and who takes part.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The job.
    pub job: JobId,
    /// The phase.
    pub phase: Phase,
    /// Who votes.
    pub committee: Committee,
    /// When rounds begin.
    pub rounds: Rounds,
    /// The leaders of the phase's own deadline.
    pub leaders: Leaders,
    /// The validator that this sidecar votes for; `None` for one that only listens.
    pub me: Option<ValidatorIndex>,
}

/// Who leads the rounds of a deadline. Those who are not of the committee are left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Leaders {
    /// Rank 0; `None` while it is not known here who that is. Such a round is passed without a proposal.
    pub first: Option<ValidatorIndex>,
    /// By rank as drawn, rank 0 included; it counts from rank 1 on.
    pub drawn: Vec<ValidatorIndex>,
}

impl Leaders {
    /// All as drawn, rank 0 too.
    pub fn drawn(drawn: Vec<ValidatorIndex>) -> Self {
        Self { first: drawn.first().copied(), drawn }
    }

    /// Leaders by rank; empty while rank 0 is not known.
    pub fn ranks(&self) -> Vec<ValidatorIndex> {
        self.first.into_iter().flat_map(|first| [first].into_iter().chain(self.drawn.iter().skip(1).copied())).collect()
    }
}

/// Something happened.
#[derive(Debug, Clone)]
pub enum Input {
    /// The phase is open, and all earlier ones are certified. Comes first, once.
    Start {
        /// Unix ms.
        now_ms: u64,
    },
    /// Time passed.
    Tick {
        /// Unix ms.
        now_ms: u64,
    },
    /// A proposal came.
    Proposal(Box<Verified<SignedProposal>>),
    /// A vote came.
    Vote(Verified<SignedVote>),
    /// The answer to [`Effect::Judge`]. Withhold it while submissions are still being fetched or verified; a later
    /// answer may turn a rejection into an acceptance, not the other way round.
    Judged {
        /// Which bundle.
        bundle_root: Root,
        /// Whether this validator has no objection.
        accept: bool,
    },
    /// The answer to [`Effect::Propose`].
    MyBundle {
        /// The bundle, with leader, rank and slot as asked for.
        bundle: Box<PhaseBundle>,
        /// The certificate whose signers it names.
        previous: Option<BundleCertificate>,
    },
    /// The answer to [`Effect::Sign`].
    Signed {
        /// What was signed.
        request: SigningRequest,
        /// The signature.
        signature: SignatureBytes,
    },
    /// The leaders of an extension: the answer to [`Effect::Uncertified`].
    Extend {
        /// Which extension; 1 is the first after the phase's own deadline.
        extension: u32,
        /// Its leaders.
        leaders: Leaders,
    },
    /// It is known by now who has rank 0 of an extension.
    First {
        /// Which extension; 0 is the phase's own deadline.
        extension: u32,
        /// Who.
        leader: ValidatorIndex,
    },
    /// Someone has the outcome.
    Certified(Box<Verified<CertifiedBundle>>),
    /// Someone has the certificate of a bundle that this node may hold already.
    Certificate(Verified<BundleCertificate>),
    /// The answer to [`Effect::Fetch`].
    Bundle(Box<PhaseBundle>),
}

/// What is to be done, in the order given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Write and flush before anything after it is done.
    Persist(Box<Record>),
    /// Sign, and come back with [`Input::Signed`].
    Sign(SigningRequest),
    /// Send to all.
    Broadcast(Message),
    /// Judge this proposal ([`crate::judge_proposal`]), and come back with [`Input::Judged`].
    Judge(Box<SignedProposal>),
    /// Make a bundle, and come back with [`Input::MyBundle`].
    Propose {
        /// The bundle's rank.
        rank: u16,
        /// The bundle's slot.
        slot: Slot,
    },
    /// Fetch the bundle with this root: it is certified, and this node lacks it.
    Fetch(Root),
    /// The phase has its bundle. The last word, but for [`Effect::Announce`] and evidence.
    Decided(Box<Decision>),
    /// Send the certificate to all: someone lags, or this node led the round.
    Announce,
    /// The deadline of the next extension came without a certificate: later deadlines move by PHASE_SLOTS, and nobody
    /// pays. Agreement goes on once [`Input::Extend`] names the leaders.
    Uncertified {
        /// Which extension begins.
        extension: u32,
        /// Its deadline slot.
        slot: Slot,
    },
    /// A validator contradicted itself.
    Evidence(Box<ValidatorEquivocation>),
    /// Come with [`Input::Tick`] at this time (Unix ms), if not before. Replaces the one before.
    WakeAt(u64),
}

/// What goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// On the topic of bundles.
    Proposal(Box<SignedProposal>),
    /// On the topic of attestations, as [`quintet_types::Attestation::Vote`].
    Vote(SignedVote),
}

/// What this validator is to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SigningRequest {
    /// A proposal.
    Proposal(Proposal),
    /// A vote.
    Vote(VoteKind, Ballot),
}

impl SigningRequest {
    /// What a key that signs in `variant` signs.
    pub fn signing_root(&self, variant: SigningVariant, spec: &Spec) -> Root {
        match self {
            Self::Proposal(proposal) => proposal.signing_root(variant, spec),
            Self::Vote(kind, ballot) => ballot.signing_root(*kind, variant, spec),
        }
    }
}

/// An outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The bundle.
    pub bundle: PhaseBundle,
    pub(crate) proof: Proof,
}

/// What shows that more than two thirds committed themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Proof {
    Votes(Vec<SignedVote>),
    Certificate(BundleCertificate),
}

impl Decision {
    /// The round in which it was certified. Another node may know of another round, never of another bundle.
    pub fn round(&self) -> u32 {
        match &self.proof {
            Proof::Votes(votes) => votes.first().map_or(0, |vote| vote.ballot.round),
            Proof::Certificate(certificate) => certificate.ballot.round,
        }
    }

    /// The bundle with its certificate; aggregates signatures.
    ///
    /// # Errors
    /// If a vote that was said to be verified holds no signature.
    pub fn certified(self) -> Result<CertifiedBundle, AgreementError> {
        let certificate = match self.proof {
            Proof::Votes(votes) => certify(&votes)?,
            Proof::Certificate(certificate) => certificate,
        };
        Ok(CertifiedBundle { bundle: self.bundle, certificate })
    }
}
