//! One agreement: the state, and how inputs reach the parts that handle them.

mod engine;
mod messages;
#[cfg(test)]
mod model;
mod news;
mod own;
mod time;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use arc_malachitebft_core_driver::ThresholdParams;
use quintet_types::{Ballot, BundleCertificate, PhaseBundle, Root, SignedProposal, SignedVote, ValidatorIndex, VoteKind};

use crate::effects::{Decision, Effect, Input, Leaders, Proof, Setup};
use crate::engine::{Address, Driver, DriverInput, Engine, HEIGHT, Voters};
use crate::{Lock, Record};

/// How validators agree on the bundle of one phase of one job, as seen by one of them.
///
/// Give it what happens, do what it says, in order. See the crate's head for the picture and `docs/agreement.md` for why.
#[derive(Debug)]
pub struct Agreement {
    setup: Setup,
    job_root: Root,
    driver: Driver,
    /// What the driver has yet to hear.
    queue: VecDeque<DriverInput>,
    effects: Vec<Effect>,
    /// Leaders by extension and rank, as drawn.
    ranks: BTreeMap<u32, Vec<ValidatorIndex>>,
    /// Who has rank 0 of an extension, once that is known.
    first: BTreeMap<u32, ValidatorIndex>,
    /// Proposals by round and bundle, at most two of a round.
    proposals: BTreeMap<(u32, Root), SignedProposal>,
    /// The first vote of each validator in each round.
    votes: BTreeMap<(u32, VoteKind, ValidatorIndex), SignedVote>,
    /// Their weights added up.
    tally: BTreeMap<(u32, VoteKind, Root), u64>,
    /// Whether a bundle may be voted for.
    verdicts: BTreeMap<Root, bool>,
    asked: BTreeSet<Root>,
    accused: BTreeSet<ValidatorIndex>,
    own: Own,
    time: time::Time,
    /// The round that begins once its time has come and its leader is known.
    waiting: Option<u32>,
    /// Rounds below this one are passed over.
    target: u32,
    /// The round that this validator was asked to propose in, and what it came up with.
    proposing: Option<u32>,
    mine: Option<(PhaseBundle, Option<BundleCertificate>)>,
    /// Certified, and the bundle is missing.
    wanted: Option<(Root, Proof)>,
    decided: Option<u32>,
    /// While the driver is brought back to where it was.
    replaying: bool,
}

/// What this validator has put its name to, or is about to.
#[derive(Debug, Default)]
struct Own {
    votes: BTreeMap<(u32, VoteKind), Root>,
    proposals: BTreeMap<u32, SignedProposal>,
    lock: Option<Lock>,
}

impl Own {
    /// Highest round in which it has said anything.
    fn last_round(&self) -> Option<u32> {
        let voted = self.votes.keys().map(|(round, _)| *round).max();
        voted.max(self.proposals.keys().max().copied())
    }
}

impl Agreement {
    /// A fresh one. Nothing happens before [`Input::Start`], but messages are kept.
    pub fn new(setup: Setup) -> Self {
        Self::restore(setup, [])
    }

    /// One that goes on from what was recorded by [`Effect::Persist`], in the same order. Records of other jobs and phases
    /// are passed over.
    pub fn restore(setup: Setup, records: impl IntoIterator<Item = Record>) -> Self {
        let job_root = setup.job.root();
        let mut own = Own::default();
        for record in records {
            if record.place() != (job_root, setup.phase) {
                continue;
            }
            match record {
                Record::Vote(vote) => {
                    own.votes.entry((vote.ballot.round, vote.kind)).or_insert(vote.ballot.bundle_root);
                }
                Record::Proposal(proposal) => {
                    own.proposals.entry(proposal.proposal.round).or_insert(proposal);
                }
                Record::Lock(lock) => own.lock = Some(lock),
            }
        }
        // A listener is nobody: its votes go nowhere, and it never leads.
        let address = Address(setup.me.unwrap_or(ValidatorIndex(u64::MAX)));
        let voters = Voters::of(&setup.committee);
        let driver = Driver::new(Engine, HEIGHT, voters, address, ThresholdParams::default());
        let mut agreement = Self {
            job_root,
            driver,
            queue: VecDeque::new(),
            effects: Vec::new(),
            ranks: BTreeMap::new(),
            first: BTreeMap::new(),
            proposals: BTreeMap::new(),
            votes: BTreeMap::new(),
            tally: BTreeMap::new(),
            verdicts: BTreeMap::new(),
            asked: BTreeSet::new(),
            accused: BTreeSet::new(),
            own,
            time: time::Time::default(),
            waiting: None,
            target: 0,
            proposing: None,
            mine: None,
            wanted: None,
            decided: None,
            replaying: false,
            setup,
        };
        let leaders = agreement.setup.leaders.clone();
        agreement.extend(0, leaders);
        agreement
    }

    /// Takes in what happened, and says what is to be done.
    pub fn handle(&mut self, input: Input) -> Vec<Effect> {
        match input {
            Input::Start { now_ms } => self.start(now_ms),
            Input::Tick { now_ms } => self.tick(now_ms),
            Input::Proposal(proposal) => self.on_proposal(proposal.into_inner()),
            Input::Vote(vote) => self.on_vote(vote.into_inner()),
            Input::Judged { bundle_root, accept } => self.on_verdict(bundle_root, accept),
            Input::MyBundle { bundle, previous } => self.on_my_bundle(*bundle, previous),
            Input::Signed { request, signature } => self.on_signed(request, signature),
            Input::Extend { extension, leaders } => {
                self.extend(extension, leaders);
                self.enter_if_waiting();
            }
            Input::First { extension, leader } => {
                self.set_first(extension, leader);
                self.enter_if_waiting();
            }
            Input::Certified(certified) => {
                let certified = certified.into_inner();
                let ballot = certified.certificate.ballot;
                if self.is_here(&ballot) && ballot.bundle_root == certified.bundle.root() {
                    self.decide(certified.bundle, Proof::Certificate(certified.certificate));
                }
            }
            Input::Certificate(certificate) => {
                let certificate = certificate.into_inner();
                if self.is_here(&certificate.ballot) {
                    self.certify(certificate.ballot.bundle_root, Proof::Certificate(certificate));
                }
            }
            Input::Bundle(bundle) => self.on_bundle(*bundle),
        }
        self.run();
        self.tell_when_to_wake();
        std::mem::take(&mut self.effects)
    }

    /// What it is about.
    pub const fn setup(&self) -> &Setup {
        &self.setup
    }

    /// The round in which the bundle was certified, once it is.
    pub const fn decided(&self) -> Option<u32> {
        self.decided
    }

    /// The round that it is in; `None` before the first.
    pub fn round(&self) -> Option<u32> {
        self.driver.round().as_u32()
    }

    /// What has been said in rounds from `first` on, for a peer that asks: proposals, then votes.
    pub fn messages(&self, first: u32) -> (impl Iterator<Item = &SignedProposal>, impl Iterator<Item = &SignedVote>) {
        let proposals = self.proposals.range((first, Root::ZERO)..).map(|(_, proposal)| proposal);
        let votes = self.votes.range((first, VoteKind::Prevote, ValidatorIndex(0))..).map(|(_, vote)| vote);
        (proposals, votes)
    }

    fn is_here(&self, ballot: &Ballot) -> bool {
        ballot.job_root == self.job_root && ballot.phase == self.setup.phase && ballot.bundle_root != Root::ZERO
    }

    /// Whether `me` has a vote.
    fn voter(&self) -> Option<ValidatorIndex> {
        self.setup.me.filter(|&me| self.setup.committee.voter(me).is_ok())
    }

    fn ballot(&self, round: u32, bundle_root: Root) -> Ballot {
        Ballot { job_root: self.job_root, phase: self.setup.phase, round, bundle_root }
    }

    /// Who leads a round, if that is known.
    pub fn leader(&self, round: u32) -> Option<ValidatorIndex> {
        let (extension, rank) = (self.setup.rounds.extension(round), self.setup.rounds.rank(round));
        if rank == 0 {
            return self.first.get(&extension).copied();
        }
        let ranks = self.ranks.get(&extension)?;
        ranks.get(usize::from(rank) % ranks.len().max(1)).copied()
    }

    /// The leaders of an extension, once: whoever led a round leads it for good.
    fn extend(&mut self, extension: u32, leaders: Leaders) {
        let Leaders { first, mut drawn } = leaders;
        drawn.retain(|&leader| self.setup.committee.member(leader).is_some());
        if !drawn.is_empty() {
            self.ranks.entry(extension).or_insert(drawn);
            if let Some(first) = first {
                self.set_first(extension, first);
            }
        }
    }

    fn set_first(&mut self, extension: u32, leader: ValidatorIndex) {
        if self.setup.committee.member(leader).is_some() {
            self.first.entry(extension).or_insert(leader);
        }
    }

    /// In whose name a round begins whose leader is not known here. The engine only asks whether it is this validator, who must not propose then.
    fn stand_in(&self, round: u32) -> Option<ValidatorIndex> {
        let drawn = self.ranks.get(&self.setup.rounds.extension(round))?;
        drawn.iter().copied().find(|&leader| Some(leader) != self.setup.me)
    }

    fn has_quorum(&self, round: u32, kind: VoteKind, bundle_root: Root) -> bool {
        let weight = self.tally.get(&(round, kind, bundle_root)).copied().unwrap_or(0);
        self.setup.committee.check_quorum(weight).is_ok()
    }

    /// More than two thirds have committed themselves to this bundle.
    fn certify(&mut self, root: Root, proof: Proof) {
        if self.decided.is_some() {
            return;
        }
        let held = self.proposals.iter().find(|((_, held), _)| *held == root).map(|(_, signed)| signed.bundle.clone());
        match held {
            Some(bundle) => self.decide(bundle, proof),
            None if self.wanted.is_none() => {
                self.wanted = Some((root, proof));
                self.effects.push(Effect::Fetch(root));
            }
            None => {}
        }
    }

    fn on_bundle(&mut self, bundle: PhaseBundle) {
        let wanted = self.wanted.take_if(|(root, _)| *root == bundle.root());
        if let Some((_, proof)) = wanted {
            self.decide(bundle, proof);
        }
    }

    /// The end.
    fn decide(&mut self, bundle: PhaseBundle, proof: Proof) {
        if self.decided.is_some() {
            return;
        }
        let decision = Decision { bundle, proof };
        let round = decision.round();
        self.decided = Some(round);
        self.queue.clear();
        self.time.stop();
        let led = self.leader(round).is_some_and(|leader| Some(leader) == self.setup.me);
        self.effects.push(Effect::Decided(Box::new(decision)));
        if led {
            self.effects.push(Effect::Announce);
        }
    }
}
