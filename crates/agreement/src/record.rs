//! What must be on disk before a signature is asked for: that a restarted validator may never contradict itself.

use quintet_types::bundle::MaxCommittee;
use quintet_types::{Ballot, Phase, PolkaVote, Root, SignedProposal, VoteKind};
use ssz_derive::{Decode, Encode};
use ssz_types::VariableList;

/// A vote that this validator is about to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub struct OwnVote {
    /// What it says.
    pub ballot: Ballot,
    /// Prevote or precommit.
    pub kind: VoteKind,
}

/// The bundle that this validator is about to precommit, with what brought it to do so.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Lock {
    /// The proposal of the round in which it locked.
    pub proposal: SignedProposal,
    /// That round's prevotes for the bundle.
    pub prevotes: VariableList<PolkaVote, MaxCommittee>,
}

/// One entry of the log of a (job, phase), in the order in which they were handed out.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[ssz(enum_behaviour = "union")]
pub enum Record {
    /// Before a vote is signed.
    Vote(OwnVote),
    /// Before a proposal is signed; its signature is zero.
    Proposal(SignedProposal),
    /// Before a precommit for a bundle is recorded.
    Lock(Lock),
}

impl Record {
    /// The (job, phase) that it belongs to.
    pub const fn place(&self) -> (Root, Phase) {
        match self {
            Self::Vote(vote) => (vote.ballot.job_root, vote.ballot.phase),
            Self::Proposal(own) => (own.proposal.job_root, own.proposal.phase),
            Self::Lock(lock) => (lock.proposal.proposal.job_root, lock.proposal.proposal.phase),
        }
    }
}
