//! What others say: proposals, votes, and what they come to.

use quintet_types::{ProposalHeader, Root, SignedProposal, SignedVote, ValidatorEquivocation, VoteKind};

use super::Agreement;
use super::engine::engine_vote;
use crate::effects::{Effect, Proof};
use crate::verify::check_shape;

/// Bundles kept of one round: a second one shows that the leader equivocates, a third shows nothing more.
pub(super) const PROPOSALS_PER_ROUND: usize = 2;

impl Agreement {
    pub(super) fn on_proposal(&mut self, signed: SignedProposal) {
        let proposal = signed.proposal;
        if (proposal.job_root, proposal.phase) != (self.job_root, self.setup.phase)
            || !self.open_rounds().contains(&proposal.round)
            || self.leader(proposal.round) != Some(proposal.proposer)
            || check_shape(&signed, &self.setup.committee).is_err()
        {
            return;
        }
        let of_round = self.proposals.range((proposal.round, Root::ZERO)..=(proposal.round, Root::repeat_byte(0xff)));
        let others: Vec<_> = of_round.map(|(_, other)| header(other)).collect();
        for other in &others {
            self.accuse(ValidatorEquivocation::proposals(*other, header(&signed)));
        }
        if let Some(decided) = self.decided {
            if proposal.round > decided {
                self.announce();
            }
            return;
        }
        let key = (proposal.round, proposal.bundle_root);
        if others.len() >= PROPOSALS_PER_ROUND || self.proposals.contains_key(&key) || !self.is_authors(&signed) {
            return;
        }
        let prevotes: Vec<_> = signed.polka_votes().collect();
        self.store(signed);
        // They were verified with the proposal.
        for vote in prevotes {
            self.on_vote(vote);
        }
    }

    /// Whether the bundle was made by the leader of the round that its slot and rank speak of: this one for a new bundle,
    /// that of the prevotes or an earlier one for one that is proposed once more.
    fn is_authors(&self, signed: &SignedProposal) -> bool {
        let (bundle, rounds) = (&signed.bundle, &self.setup.rounds);
        if bundle.job != self.setup.job || u32::from(bundle.rank) >= rounds.per_extension() {
            return false;
        }
        let Some(extension) = rounds.extension_of_slot(bundle.slot) else { return false };
        let Some(made) = rounds.first_round(extension).checked_add(bundle.rank.into()) else { return false };
        let in_time = match signed.proposal.polka_round() {
            None => made == signed.proposal.round,
            Some(prevoted) => made <= prevoted,
        };
        // Where this validator does not know who led it: more than two thirds of prevotes say that honest ones knew.
        in_time && self.leader(made).map_or(signed.proposal.polka_round().is_some(), |leader| leader == bundle.leader)
    }

    /// Keeps a proposal, and hands it to the driver if it is judged.
    pub(super) fn store(&mut self, signed: SignedProposal) {
        let (root, round) = (signed.proposal.bundle_root, signed.proposal.round);
        if let Some((_, proof)) = self.wanted.take_if(|(wanted, _)| *wanted == root) {
            return self.decide(signed.bundle, proof);
        }
        if self.has_polka(root) {
            self.verdicts.insert(root, true);
        }
        let unjudged = (!self.verdicts.contains_key(&root) && self.asked.insert(root)).then(|| Box::new(signed.clone()));
        self.effects.extend(unjudged.map(Effect::Judge));
        self.proposals.insert((round, root), signed);
        if self.is_running() {
            self.queue.extend(self.judged((round, root)));
        }
    }

    pub(super) fn on_vote(&mut self, vote: SignedVote) {
        let ballot = vote.ballot;
        let Ok(weight) = self.setup.committee.voter(vote.validator).map(|member| member.weight) else { return };
        if (ballot.job_root, ballot.phase) != (self.job_root, self.setup.phase) {
            return;
        }
        let key = (ballot.round, vote.kind, vote.validator);
        let known = self.votes.get(&key).copied();
        if let Some(known) = known {
            self.accuse(ValidatorEquivocation::votes(known, vote));
        }
        if let Some(decided) = self.decided {
            // It is in a later round, or says again what it said: it does not know.
            if ballot.round > decided || known == Some(vote) {
                self.announce();
            }
            return;
        }
        if known.is_some() || !(self.open_rounds().contains(&ballot.round) || self.is_locks(&vote)) {
            return;
        }
        self.votes.insert(key, vote);
        *self.tally.entry((ballot.round, vote.kind, ballot.bundle_root)).or_default() += weight;
        if self.is_running() {
            self.queue.push_back(engine_vote(&vote));
        }
        if self.is_here(&ballot) {
            self.settle(ballot.round, vote.kind, ballot.bundle_root);
        }
    }

    /// Whether it is one of the prevotes that a bundle is proposed by once more, however old.
    pub(super) fn is_locks(&self, vote: &SignedVote) -> bool {
        let ballot = &vote.ballot;
        let is_named = |signed: &SignedProposal| {
            signed.proposal.bundle_root == ballot.bundle_root && signed.proposal.polka_round() == Some(ballot.round)
        };
        vote.kind == VoteKind::Prevote && self.proposals.values().any(is_named)
    }

    /// What one more vote for a bundle brings about.
    fn settle(&mut self, round: u32, kind: VoteKind, root: Root) {
        if !self.has_quorum(round, kind, root) {
            return;
        }
        match kind {
            VoteKind::Prevote => self.on_verdict(root, true),
            VoteKind::Precommit => {
                let of_round = self
                    .votes
                    .values()
                    .filter(|vote| vote.kind == kind && vote.ballot.round == round && vote.ballot.bundle_root == root);
                let votes = of_round.copied().collect();
                self.certify(root, Proof::Votes(votes));
            }
        }
    }

    /// Whether more than two thirds have prevoted for a bundle in some round. Then more than a third of all weight is
    /// honest and has nothing against it, and an objection of one's own gives way.
    fn has_polka(&self, root: Root) -> bool {
        self.tally
            .keys()
            .any(|&(round, kind, voted)| voted == root && kind == VoteKind::Prevote && self.has_quorum(round, kind, root))
    }

    /// Takes a verdict in. An acceptance stands.
    pub(super) fn on_verdict(&mut self, root: Root, accept: bool) {
        let known = self.verdicts.get(&root).copied();
        if known == Some(true) || known == Some(accept) || (!accept && self.has_polka(root)) {
            return;
        }
        self.verdicts.insert(root, accept);
        if self.is_running() {
            let keys: Vec<_> = self.proposals.keys().filter(|(_, of)| *of == root).copied().collect();
            for key in keys {
                self.queue.extend(self.judged(key));
            }
        }
    }

    /// One piece of evidence a validator is enough.
    fn accuse(&mut self, evidence: Option<ValidatorEquivocation>) {
        let new = evidence.filter(|evidence| self.accused.insert(evidence.validator()));
        self.effects.extend(new.map(|evidence| Effect::Evidence(Box::new(evidence))));
    }
}

fn header(signed: &SignedProposal) -> ProposalHeader {
    ProposalHeader { proposal: signed.proposal, signature: signed.signature }
}
