//! Timers: when rounds begin, when the engine stops waiting, when a phase is extended.

use std::collections::BTreeMap;

use arc_malachitebft_core_types::{Round, Timeout, TimeoutKind};
use quintet_types::{Root, VoteKind};

use super::Agreement;
use crate::effects::{Effect, Message};
use crate::engine::DriverInput;

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Timer {
    /// A round's leader may propose.
    Round(u32),
    /// The engine waited long enough.
    Engine(u32, Wait),
    /// An extension's deadline.
    Extension(u32),
    /// Say it again.
    Resend,
    /// The certificate may be sent once more.
    Announced,
}

/// What the engine waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Wait {
    Proposal,
    Prevotes,
    Precommits,
}

/// The time, and what is due when.
#[derive(Debug, Default)]
pub(super) struct Time {
    pub(super) now_ms: u64,
    pub(super) timers: BTreeMap<Timer, u64>,
    told: Option<u64>,
}

impl Time {
    pub(super) fn set(&mut self, timer: Timer, due_ms: u64) {
        self.timers.insert(timer, due_ms);
    }

    pub(super) fn stop(&mut self) {
        self.timers.clear();
    }
}

impl Agreement {
    /// The phase is open.
    pub(super) fn start(&mut self, now_ms: u64) {
        self.time.now_ms = now_ms;
        let extension = self.setup.rounds.extension_at(now_ms);
        self.time.set(Timer::Extension(extension + 1), self.setup.rounds.deadline_ms(extension + 1));
        let resend = self.setup.rounds.timing().resend_ms;
        self.time.set(Timer::Resend, now_ms.max(self.setup.rounds.deadline_ms(0)).saturating_add(resend));
        if extension > 0 {
            self.ask_for_ranks(extension);
        }
        self.resume(self.setup.rounds.first_round(extension));
    }

    /// Time passed.
    pub(super) fn tick(&mut self, now_ms: u64) {
        self.time.now_ms = self.time.now_ms.max(now_ms);
        // What becomes due while others fire waits for the next tick, which is asked for at once.
        let mut due: Vec<_> =
            self.time.timers.iter().filter(|(_, due)| **due <= self.time.now_ms).map(|(timer, due)| (*due, *timer)).collect();
        due.sort_unstable();
        for (_, timer) in due {
            if self.time.timers.remove(&timer).is_some() {
                self.fire(timer);
                self.run();
            }
        }
    }

    pub(super) fn fire(&mut self, timer: Timer) {
        match timer {
            Timer::Round(round) if self.waiting == Some(round) => self.enter(round),
            Timer::Round(_) | Timer::Announced => {}
            Timer::Engine(round, wait) => self.queue.push_back(timeout(round, wait)),
            Timer::Extension(extension) => self.next_extension(extension),
            Timer::Resend => self.resend(),
        }
    }

    /// The phase goes on past a deadline: everyone moves to the first round after it.
    fn next_extension(&mut self, extension: u32) {
        let rounds = self.setup.rounds;
        self.time.set(Timer::Extension(extension + 1), rounds.deadline_ms(extension + 1));
        self.ask_for_ranks(extension);
        self.forget_before(rounds.first_round(extension.saturating_sub(1)));
        self.jump(rounds.first_round(extension));
    }

    fn ask_for_ranks(&mut self, extension: u32) {
        self.effects.push(Effect::Uncertified { extension, slot: self.setup.rounds.slot(extension) });
    }

    /// Votes of rounds long past are dropped, but for those that a bundle may be proposed by once more.
    fn forget_before(&mut self, round: u32) {
        let valid = self.driver.valid_value().and_then(|valid| valid.round.as_u32());
        let first = valid.map_or(round, |valid| valid.min(round));
        self.votes = self.votes.split_off(&(first, VoteKind::Prevote, quintet_types::ValidatorIndex(0)));
        self.tally = self.tally.split_off(&(first, VoteKind::Prevote, Root::ZERO));
        self.driver.prune_votes_and_certificates(Round::new(first));
    }

    /// The first round whose votes are still of interest, and the last that may be voted in by now.
    pub(super) fn open_rounds(&self) -> std::ops::RangeInclusive<u32> {
        let rounds = &self.setup.rounds;
        let extension = rounds.extension_at(self.time.now_ms);
        rounds.first_round(extension.saturating_sub(1))..=rounds.first_round(extension + 2) - 1
    }

    /// Repeats what this validator said in the round that it is in, and what it is locked on.
    fn resend(&mut self) {
        let due = self.time.now_ms.saturating_add(self.setup.rounds.timing().resend_ms.max(1));
        self.time.set(Timer::Resend, due);
        let (Some(me), Some(current)) = (self.setup.me, self.driver.round().as_u32()) else { return };
        let locked = self.own.lock.as_ref().map(|lock| lock.proposal.proposal.round);
        let is_of_interest = |round: u32| round == current || Some(round) == locked;
        let proposals =
            self.proposals.values().filter(|signed| signed.proposal.proposer == me && signed.proposal.round == current);
        let votes = self.votes.values().filter(|vote| vote.validator == me && is_of_interest(vote.ballot.round));
        let proposals = proposals.map(|signed| Message::Proposal(Box::new(signed.clone())));
        self.effects.extend(proposals.chain(votes.map(|vote| Message::Vote(*vote))).map(Effect::Broadcast));
    }

    /// Someone lags: the certificate is worth sending, once a second.
    pub(super) fn announce(&mut self) {
        if !self.time.timers.contains_key(&Timer::Announced) {
            self.time.set(Timer::Announced, self.time.now_ms.saturating_add(1000));
            self.effects.push(Effect::Announce);
        }
    }

    /// Says when the next timer is due, if that has changed.
    pub(super) fn tell_when_to_wake(&mut self) {
        let next = self.time.timers.values().min().copied();
        if next != self.time.told {
            self.time.told = next;
            self.effects.extend(next.map(Effect::WakeAt));
        }
    }
}

/// What the engine hears when it waited long enough.
pub(super) fn timeout(round: u32, wait: Wait) -> DriverInput {
    let kind = match wait {
        Wait::Proposal => TimeoutKind::Propose,
        Wait::Prevotes => TimeoutKind::Prevote,
        Wait::Precommits => TimeoutKind::Precommit,
    };
    DriverInput::TimeoutElapsed(Timeout::new(Round::new(round), kind))
}
