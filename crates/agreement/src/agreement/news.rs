//! Which messages say something new. Whoever is asked first need not verify, nor send on, what would change nothing here: each validator can sign as
//! many votes and proposals as it likes, and a signature costs its verifiers a millisecond and its author's peers the same again.

use quintet_types::{BundleCertificate, Root, SignedProposal, SignedVote};

use super::Agreement;
use super::messages::PROPOSALS_PER_ROUND;
use super::time::Timer;

impl Agreement {
    /// Whether a vote whose signature is not verified yet would be taken in if it holds: the first of its kind by this validator in a round that is
    /// open, the first that contradicts what it said, or word from one who has not heard of the certificate.
    pub fn is_news_vote(&self, vote: &SignedVote) -> bool {
        let ballot = &vote.ballot;
        if self.setup.committee.voter(vote.validator).is_err()
            || (ballot.job_root, ballot.phase) != (self.job_root, self.setup.phase)
        {
            return false;
        }
        let known = self.votes.get(&(ballot.round, vote.kind, vote.validator));
        if known.is_some_and(|known| known.ballot != *ballot) && !self.accused.contains(&vote.validator) {
            return true;
        }
        if let Some(decided) = self.decided {
            return (ballot.round > decided || known == Some(vote)) && self.may_announce();
        }
        known.is_none() && (self.open_rounds().contains(&ballot.round) || self.is_locks(vote))
    }

    /// Whether a proposal whose signatures are not verified yet would be taken in if they hold: by the leader of a round that is open, and one of its
    /// first two.
    pub fn is_news_proposal(&self, signed: &SignedProposal) -> bool {
        let proposal = &signed.proposal;
        if (proposal.job_root, proposal.phase) != (self.job_root, self.setup.phase)
            || !self.open_rounds().contains(&proposal.round)
            || self.leader(proposal.round) != Some(proposal.proposer)
        {
            return false;
        }
        if let Some(decided) = self.decided {
            return proposal.round > decided && self.may_announce();
        }
        let of_round = self.proposals.range((proposal.round, Root::ZERO)..=(proposal.round, Root::repeat_byte(0xff)));
        of_round.count() < PROPOSALS_PER_ROUND && !self.proposals.contains_key(&(proposal.round, proposal.bundle_root))
    }

    /// Whether a certificate that is not verified yet would be taken in if it holds: the first.
    pub fn is_news_certificate(&self, certificate: &BundleCertificate) -> bool {
        self.is_here(&certificate.ballot) && self.decided.is_none() && self.wanted.is_none()
    }

    fn may_announce(&self) -> bool {
        !self.time.timers.contains_key(&Timer::Announced)
    }
}
