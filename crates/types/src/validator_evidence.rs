//! Evidence that a validator contradicted itself while a phase was agreed on.

use serde::{Deserialize, Serialize};
use ssz_derive::{Decode, Encode};
use tree_hash::TreeHash as _;
use tree_hash_derive::TreeHash;

use crate::proposal::Proposal;
use crate::vote::{Ballot, SignedVote, VoteKind};
use crate::{Phase, Root, SignatureBytes, SigningVariant, Spec, ValidatorIndex};

/// A signed proposal without the bundle: enough to show who signed what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Encode, Decode, TreeHash)]
pub struct ProposalHeader {
    /// What was signed.
    pub proposal: Proposal,
    /// The proposer's signature.
    pub signature: SignatureBytes,
}

/// Two proposals by one validator for one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode, TreeHash)]
pub struct ProposalEquivocation {
    /// The lower of the two.
    pub proposal_1: ProposalHeader,
    /// The other.
    pub proposal_2: ProposalHeader,
}

/// Two votes of one kind by one validator in one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode, TreeHash)]
pub struct VoteEquivocation {
    /// The lower of the two.
    pub vote_1: SignedVote,
    /// The other.
    pub vote_2: SignedVote,
}

/// A validator signed two things of which it may sign one. Needs nothing but the validator's key to be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode, TreeHash)]
#[ssz(enum_behaviour = "union")]
#[tree_hash(enum_behaviour = "union")]
#[serde(rename_all = "snake_case")]
pub enum ValidatorEquivocation {
    /// Two proposals.
    Proposals(ProposalEquivocation),
    /// Two votes.
    Votes(VoteEquivocation),
}

impl ValidatorEquivocation {
    /// Puts two votes together, in canonical order, if they contradict each other. The signatures are the caller's to
    /// verify.
    pub fn votes(a: SignedVote, b: SignedVote) -> Option<Self> {
        let (vote_1, vote_2) = if a.ballot <= b.ballot { (a, b) } else { (b, a) };
        let evidence = Self::Votes(VoteEquivocation { vote_1, vote_2 });
        evidence.is_consistent().then_some(evidence)
    }

    /// Puts two proposals together, in canonical order, if they contradict each other.
    pub fn proposals(a: ProposalHeader, b: ProposalHeader) -> Option<Self> {
        let (proposal_1, proposal_2) = if a.proposal <= b.proposal { (a, b) } else { (b, a) };
        let evidence = Self::Proposals(ProposalEquivocation { proposal_1, proposal_2 });
        evidence.is_consistent().then_some(evidence)
    }

    /// Whether both parts are one validator's, of one round and kind, and differ.
    pub fn is_consistent(&self) -> bool {
        match self {
            Self::Proposals(both) => {
                let (a, b) = (&both.proposal_1.proposal, &both.proposal_2.proposal);
                a < b && (a.job_root, a.phase, a.round, a.proposer) == (b.job_root, b.phase, b.round, b.proposer)
            }
            Self::Votes(both) => {
                let (a, b) = (&both.vote_1, &both.vote_2);
                let place = |ballot: &Ballot| (ballot.job_root, ballot.phase, ballot.round);
                a.ballot < b.ballot && place(&a.ballot) == place(&b.ballot) && (a.kind, a.validator) == (b.kind, b.validator)
            }
        }
    }

    /// Who signed both.
    pub const fn validator(&self) -> ValidatorIndex {
        match self {
            Self::Proposals(both) => both.proposal_1.proposal.proposer,
            Self::Votes(both) => both.vote_1.validator,
        }
    }

    /// The job and phase that it was in. One offence has many evidences: count by (job, phase, validator).
    pub const fn place(&self) -> (Root, Phase) {
        match self {
            Self::Proposals(both) => (both.proposal_1.proposal.job_root, both.proposal_1.proposal.phase),
            Self::Votes(both) => (both.vote_1.ballot.job_root, both.vote_1.ballot.phase),
        }
    }

    /// The two signing roots and signatures, for a key that signs in `variant`. Both must verify.
    pub fn claims(&self, variant: SigningVariant, spec: &Spec) -> [(Root, SignatureBytes); 2] {
        match self {
            Self::Proposals(both) => {
                [both.proposal_1, both.proposal_2].map(|header| (header.proposal.signing_root(variant, spec), header.signature))
            }
            Self::Votes(both) => {
                [both.vote_1, both.vote_2].map(|vote| (vote.ballot.signing_root(vote.kind, variant, spec), vote.signature))
            }
        }
    }

    /// Which kind of vote it is about; `None` for proposals.
    pub const fn kind(&self) -> Option<VoteKind> {
        match self {
            Self::Proposals(_) => None,
            Self::Votes(both) => Some(both.vote_1.kind),
        }
    }

    /// Hash tree root.
    pub fn root(&self) -> Root {
        self.tree_hash_root()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vote(bundle: u8) -> SignedVote {
        SignedVote {
            ballot: Ballot {
                job_root: Root::repeat_byte(1),
                phase: Phase::T2,
                round: 3,
                bundle_root: Root::repeat_byte(bundle),
            },
            kind: VoteKind::Precommit,
            validator: ValidatorIndex(4),
            signature: SignatureBytes::repeat_byte(bundle),
        }
    }

    #[test]
    fn order_of_arrival_does_not_matter_and_equal_votes_are_none() {
        assert_eq!(ValidatorEquivocation::votes(vote(1), vote(2)), ValidatorEquivocation::votes(vote(2), vote(1)));
        assert_eq!(ValidatorEquivocation::votes(vote(1), vote(1)), None);
    }

    #[test]
    fn votes_of_other_rounds_kinds_phases_or_validators_do_not_contradict() {
        let other = vote(2);
        let others = [
            SignedVote { ballot: Ballot { round: 4, ..other.ballot }, ..other },
            SignedVote { ballot: Ballot { phase: Phase::T3, ..other.ballot }, ..other },
            SignedVote { ballot: Ballot { job_root: Root::ZERO, ..other.ballot }, ..other },
            SignedVote { kind: VoteKind::Prevote, ..other },
            SignedVote { validator: ValidatorIndex(5), ..other },
        ];
        for other in others {
            assert_eq!(ValidatorEquivocation::votes(vote(1), other), None);
        }
    }

    #[test]
    fn one_bundle_proposed_with_and_without_prevotes_is_a_contradiction() {
        let header = |polka| ProposalHeader {
            proposal: Proposal {
                job_root: Root::ZERO,
                phase: Phase::T1,
                round: 2,
                polka,
                bundle_root: Root::repeat_byte(1),
                proposer: ValidatorIndex(1),
            },
            signature: SignatureBytes::ZERO,
        };
        assert!(ValidatorEquivocation::proposals(header(0), header(1)).is_some());
        assert!(ValidatorEquivocation::proposals(header(1), header(1)).is_none());
    }
}
