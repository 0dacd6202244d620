//! The driver: what it is fed, what it says, and how it comes from round to round.

use arc_malachitebft_core_types::{NilOrVal, Round, SignedMessage, TimeoutKind, Validity, VoteType};
use quintet_types::{Root, SignedProposal, SignedVote, VoteKind};

use super::Agreement;
use super::time::{Timer, Wait, timeout};
use crate::engine::{Address, DriverInput, DriverOutput, EngineProposal, EngineVote, HEIGHT, Value, vote_type};

impl Agreement {
    /// Lets the driver work until it has heard all there is.
    pub(super) fn run(&mut self) {
        while let Some(input) = self.queue.pop_front() {
            if self.decided.is_some() {
                self.queue.clear();
                return;
            }
            // Errors are of inputs for other heights and unknown validators; neither gets here. Whatever it were,
            // it must not stop the others from agreeing.
            for output in self.driver.process(input).unwrap_or_default() {
                self.on_output(output);
            }
        }
    }

    /// Whether the first round has begun. Before that the driver knows no proposer and would drop what it hears.
    pub(super) fn is_running(&self) -> bool {
        self.driver.proposer_address().is_some()
    }

    fn on_output(&mut self, output: DriverOutput) {
        match output {
            DriverOutput::NewRound(_, round) => self.enter(number(round)),
            DriverOutput::Propose(proposal) => self.propose(&proposal),
            DriverOutput::Vote(vote) => {
                let kind = match vote.kind {
                    VoteType::Prevote => VoteKind::Prevote,
                    VoteType::Precommit => VoteKind::Precommit,
                };
                let root = match vote.value {
                    NilOrVal::Nil => Root::ZERO,
                    NilOrVal::Val(root) => root,
                };
                self.vote(number(vote.round), kind, root);
            }
            // Precommits are counted as they come in: the same quorum has decided already.
            DriverOutput::Decide(..) => {}
            DriverOutput::ScheduleTimeout(due) => self.schedule(due.kind, number(due.round)),
            DriverOutput::GetValue(_, round, _) => self.ask_for_bundle(number(round)),
        }
    }

    fn schedule(&mut self, kind: TimeoutKind, round: u32) {
        let rounds = &self.setup.rounds;
        let (wait, ms) = match kind {
            TimeoutKind::Propose => (Wait::Proposal, rounds.propose_ms(round)),
            TimeoutKind::Prevote => (Wait::Prevotes, rounds.vote_ms(round)),
            // More than two thirds against: nothing that could still come would decide in this round.
            TimeoutKind::Precommit if self.has_quorum(round, VoteKind::Precommit, Root::ZERO) => {
                return self.queue.push_back(timeout(round, Wait::Precommits));
            }
            TimeoutKind::Precommit => (Wait::Precommits, rounds.vote_ms(round)),
            TimeoutKind::Rebroadcast | TimeoutKind::FinalizeHeight(_) => return,
        };
        self.time.set(Timer::Engine(round, wait), self.time.now_ms.saturating_add(ms));
    }

    /// Begins a round, or waits until it may begin.
    pub(super) fn enter(&mut self, round: u32) {
        self.waiting = None;
        if round < self.target {
            return self.queue.push_back(timeout(round, Wait::Precommits));
        }
        let start = self.setup.rounds.start_ms(round);
        let replayed = self.replaying && self.own.last_round() == Some(round);
        let begun = self.time.now_ms >= start;
        // Nobody is waited for: what this round comes to without this validator, or in the next one, is as good.
        let leader = self.leader(round).or_else(|| self.stand_in(round).filter(|_| begun || replayed));
        let leader = match leader {
            Some(leader) if replayed || begun => leader,
            known => {
                self.waiting = Some(round);
                if known.is_some() || self.stand_in(round).is_some() {
                    self.time.set(Timer::Round(round), start);
                }
                return;
            }
        };
        self.begin(round, Address(leader));
    }

    pub(super) fn enter_if_waiting(&mut self) {
        if let Some(round) = self.waiting {
            self.enter(round);
        }
    }

    /// Tells the driver of a round, and of all that came before it did run.
    pub(super) fn begin(&mut self, round: u32, leader: Address) {
        let first = !self.is_running() && !self.queue.iter().any(|input| matches!(input, DriverInput::NewRound(..)));
        self.time.timers.retain(|timer, _| !matches!(timer, Timer::Engine(of, _) if *of < round));
        self.proposing = None;
        self.queue.push_back(DriverInput::NewRound(HEIGHT, Round::new(round), leader));
        if first {
            let proposals: Vec<_> = self.proposals.keys().copied().collect();
            for key in proposals {
                self.queue.extend(self.judged(key));
            }
            self.queue.extend(self.votes.values().map(engine_vote));
        }
    }

    /// Passes over all rounds below `target`: to the engine, rounds in which nobody said anything.
    pub(super) fn jump(&mut self, target: u32) {
        self.target = self.target.max(target);
        if !self.is_running() {
            return self.enter(self.target);
        }
        match self.driver.round().as_u32() {
            Some(round) if round < self.target => self.queue.push_back(timeout(round, Wait::Precommits)),
            _ => self.enter_if_waiting(),
        }
    }

    /// What the driver is to hear of a stored proposal by now.
    pub(super) fn judged(&self, key: (u32, Root)) -> Option<DriverInput> {
        let accept = *self.verdicts.get(&key.1)?;
        let validity = if accept { Validity::Valid } else { Validity::Invalid };
        self.proposals.get(&key).map(|signed| engine_proposal(signed, validity))
    }
}

/// A round that the driver speaks of. It never speaks of the one before the first.
fn number(round: Round) -> u32 {
    round.as_u32().unwrap_or(0)
}

pub(super) fn engine_vote(vote: &SignedVote) -> DriverInput {
    let message = EngineVote {
        kind: vote_type(vote.kind),
        round: Round::new(vote.ballot.round),
        value: vote.ballot.bundle().map_or(NilOrVal::Nil, NilOrVal::Val),
        voter: Address(vote.validator),
    };
    DriverInput::Vote(SignedMessage::new(message, vote.signature))
}

pub(super) fn engine_proposal(signed: &SignedProposal, validity: Validity) -> DriverInput {
    let proposal = &signed.proposal;
    let message = EngineProposal {
        round: Round::new(proposal.round),
        value: Value(proposal.bundle_root),
        polka: proposal.polka_round().into(),
        proposer: Address(proposal.proposer),
    };
    DriverInput::Proposal(SignedMessage::new(message, signed.signature), validity)
}
