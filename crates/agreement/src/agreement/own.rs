//! What this validator says itself: recorded, then signed, then sent. And how it goes on after a restart.

use arc_malachitebft_core_types::Round;
use quintet_types::{
    BundleCertificate, PhaseBundle, PolkaVote, Proposal, Root, SignatureBytes, SignedProposal, SignedVote, VoteKind,
};
use ssz_types::VariableList;

use super::Agreement;
use crate::effects::{Effect, Message, SigningRequest};
use crate::engine::{Address, DriverInput, EngineProposal, Value};
use crate::{Lock, OwnVote, Record};

impl Agreement {
    /// The driver votes. A vote that contradicts a recorded one is never signed, whatever led to it.
    pub(super) fn vote(&mut self, round: u32, kind: VoteKind, root: Root) {
        if self.voter().is_none() {
            return;
        }
        match self.own.votes.get(&(round, kind)) {
            Some(recorded) if *recorded == root => {}
            Some(_) => return,
            None if self.replaying || self.own.last_round().is_some_and(|last| round < last) => return,
            None => {
                if kind == VoteKind::Precommit && root != Root::ZERO && !self.lock(round, root) {
                    return;
                }
                let vote = OwnVote { ballot: self.ballot(round, root), kind };
                self.own.votes.insert((round, kind), root);
                self.effects.push(Effect::Persist(Box::new(Record::Vote(vote))));
            }
        }
        self.effects.push(Effect::Sign(SigningRequest::Vote(kind, self.ballot(round, root))));
    }

    /// Records what a precommit rests on. False if that is not there, which the driver rules out.
    fn lock(&mut self, round: u32, root: Root) -> bool {
        let Some(proposal) = self.proposals.get(&(round, root)).cloned() else { return false };
        let lock = Lock { proposal, prevotes: self.prevotes(round, root) };
        self.own.lock = Some(lock.clone());
        self.effects.push(Effect::Persist(Box::new(Record::Lock(lock))));
        true
    }

    /// The prevotes for a bundle in a round, rising by validator.
    fn prevotes<N: ssz_types::typenum::Unsigned>(&self, round: u32, root: Root) -> VariableList<PolkaVote, N> {
        let first = (round, VoteKind::Prevote, quintet_types::ValidatorIndex(0));
        let of_round = self.votes.range(first..(round, VoteKind::Precommit, quintet_types::ValidatorIndex(0)));
        let votes: Vec<_> = of_round
            .filter(|(_, vote)| vote.ballot.bundle_root == root)
            .map(|(_, vote)| PolkaVote { validator: vote.validator, signature: vote.signature })
            .collect();
        // A committee has no more voters than the list has room for.
        VariableList::new(votes).unwrap_or_default()
    }

    /// The driver wants a bundle from this validator.
    pub(super) fn ask_for_bundle(&mut self, round: u32) {
        if self.sign_recorded_proposal(round) || self.replaying {
            return;
        }
        self.proposing = Some(round);
        let rounds = &self.setup.rounds;
        self.effects.push(Effect::Propose { rank: rounds.rank(round), slot: rounds.slot(rounds.extension(round)) });
    }

    pub(super) fn on_my_bundle(&mut self, bundle: PhaseBundle, previous: Option<BundleCertificate>) {
        let Some(round) = self.proposing else { return };
        let rounds = &self.setup.rounds;
        let fits = bundle.job == self.setup.job
            && bundle.phase == self.setup.phase
            && Some(bundle.leader) == self.setup.me
            && bundle.rank == rounds.rank(round)
            && bundle.slot == rounds.slot(rounds.extension(round))
            && bundle.is_ordered();
        if fits && self.driver.round().as_u32() == Some(round) {
            self.proposing = None;
            let root = bundle.root();
            self.mine = Some((bundle, previous));
            self.queue.push_back(DriverInput::ProposeValue(Round::new(round), Value(root)));
        }
    }

    /// The driver proposes: what this validator has just made, or what others have prevoted for before.
    pub(super) fn propose(&mut self, proposal: &EngineProposal) {
        let (Some(round), Some(me), Value(root)) = (proposal.round.as_u32(), self.setup.me, proposal.value) else { return };
        if self.sign_recorded_proposal(round) || self.replaying {
            return;
        }
        let polka_round = proposal.polka.as_u32();
        let mine = self.mine.take_if(|(bundle, _)| polka_round.is_none() && bundle.root() == root);
        let held = || self.proposals.iter().find(|((_, held), _)| *held == root).map(|(_, signed)| signed);
        let (bundle, previous) = match mine {
            Some((bundle, previous)) => (bundle, Vec::from_iter(previous).try_into().unwrap_or_default()),
            None => match held() {
                Some(signed) => (signed.bundle.clone(), signed.previous.clone()),
                None => return,
            },
        };
        let own = SignedProposal {
            proposal: Proposal {
                job_root: self.job_root,
                phase: self.setup.phase,
                round,
                polka: polka_round.map_or(0, |round| round + 1),
                bundle_root: root,
                proposer: me,
            },
            bundle,
            previous,
            polka: polka_round.map(|round| self.prevotes(round, root)).unwrap_or_default(),
            signature: SignatureBytes::ZERO,
        };
        self.own.proposals.insert(round, own.clone());
        self.effects.push(Effect::Persist(Box::new(Record::Proposal(own))));
        self.sign_recorded_proposal(round);
    }

    fn sign_recorded_proposal(&mut self, round: u32) -> bool {
        let Some(own) = self.own.proposals.get(&round) else { return false };
        self.effects.push(Effect::Sign(SigningRequest::Proposal(own.proposal)));
        true
    }

    /// A signature is there: what it is under goes out, and counts here as anyone else's does.
    pub(super) fn on_signed(&mut self, request: SigningRequest, signature: SignatureBytes) {
        let Some(me) = self.setup.me else { return };
        match request {
            SigningRequest::Proposal(proposal) => {
                let Some(own) = self.own.proposals.get(&proposal.round).filter(|own| own.proposal == proposal) else { return };
                let signed = SignedProposal { signature, ..own.clone() };
                self.effects.push(Effect::Broadcast(Message::Proposal(Box::new(signed.clone()))));
                if self.decided.is_none() && !self.proposals.contains_key(&(proposal.round, proposal.bundle_root)) {
                    self.on_verdict(proposal.bundle_root, true);
                    self.store(signed);
                }
            }
            SigningRequest::Vote(kind, ballot) => {
                if self.own.votes.get(&(ballot.round, kind)) != Some(&ballot.bundle_root)
                    || ballot != self.ballot(ballot.round, ballot.bundle_root)
                {
                    return;
                }
                let vote = SignedVote { ballot, kind, validator: me, signature };
                self.effects.push(Effect::Broadcast(Message::Vote(vote)));
                if self.decided.is_none() {
                    self.on_vote(vote);
                }
            }
        }
    }

    /// Begins at `first`, or where this validator was when it stopped.
    ///
    /// The engine's state cannot be written down, so it is brought about again: the round in which the validator locked is
    /// played once more with what made it lock, then rounds are passed over up to the last in which it said something.
    /// Votes that this gives rise to are sent if they were recorded, and suppressed if not.
    pub(super) fn resume(&mut self, first: u32) {
        let Some(last) = self.own.last_round() else { return self.jump(first) };
        self.replaying = true;
        if let Some(lock) = self.own.lock.clone() {
            let proposal = lock.proposal.proposal;
            let prevotes: Vec<_> = SignedProposal { polka: lock.prevotes, ..lock.proposal.clone() }
                .polka_votes()
                .map(|vote| SignedVote { ballot: self.ballot(proposal.round, proposal.bundle_root), ..vote })
                .collect();
            self.begin(proposal.round, Address(proposal.proposer));
            self.run();
            self.verdicts.insert(proposal.bundle_root, true);
            self.store(lock.proposal);
            for vote in prevotes {
                self.on_vote(vote);
            }
            self.run();
        }
        self.jump(last);
        self.run();
        self.replaying = false;
        self.repeat(last);
        self.jump(first);
    }

    /// Asks for the signatures of a round again: they may have been lost with the process.
    fn repeat(&mut self, round: u32) {
        let votes = [VoteKind::Prevote, VoteKind::Precommit].map(|kind| (kind, self.own.votes.get(&(round, kind)).copied()));
        for (kind, root) in votes {
            let request = root.map(|root| SigningRequest::Vote(kind, self.ballot(round, root)));
            self.effects.extend(request.map(Effect::Sign));
        }
    }
}
