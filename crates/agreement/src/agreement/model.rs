//! Model checking of the agreement itself, engine included: every order of messages, waits and restarts within a bound.
//!
//! Two honest validators (weights 3 and 2) and a liar (2 of 7, below a third) who leads the first round. The liar's messages
//! are all there from the start: two bundles, and votes for both in every round. Any message may come at any time or never;
//! any wait may end at any time; an honest validator may restart and go on from its records. Each pair of an honest
//! validator and the liar, or both honest ones, that weighs more than two thirds is a quorum, so that safety rests on locks
//! and records. A state is what has happened to each validator; states are equal if all that the future depends on is.
//!
//! Validators know each other by messages only, so what a step makes of one depends on nothing but what it has become
//! before: each such step is played once, with the real engine, and looked up from then on. What is left to explore are the
//! combinations.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, RwLock};

use quintet_keys::SecretKey;
use quintet_types::{
    Ballot, JobId, Phase, PhaseBundle, Proposal, Root, SignatureBytes, SignedProposal, SignedVote, SigningVariant, Slot, Spec,
    ValidatorIndex, VoteKind,
};
use stateright::{Checker as _, HasDiscoveries, Model, Property};

use super::Agreement;
use super::time::{Timer, Wait};
use crate::effects::{Effect, Input, Leaders, Message, Setup};
use crate::{Committee, Member, Record, Rounds, Timing, Verified};

const LIAR: u64 = 2;
const WEIGHTS: [u64; 3] = [3, 2, 2];
/// All rounds of the first extension may begin by then.
const NOW_MS: u64 = 120_000 + 11_500;

/// What is done to a validator.
#[derive(Debug, Clone, PartialEq)]
enum Step {
    Proposal(Arc<SignedProposal>),
    Vote(SignedVote),
    Fire(Timer),
    Restart,
}

/// A validator: what was done to it, and a digest of what it has become.
#[derive(Debug, Clone)]
struct Replica {
    log: Arc<[Step]>,
    print: u64,
    decided: Option<Root>,
    timers: Vec<Timer>,
    restarts: usize,
}

impl PartialEq for Replica {
    fn eq(&self, other: &Self) -> bool {
        self.print == other.print
    }
}

impl Hash for Replica {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.print.hash(state);
    }
}

/// Everyone, and all that was ever said, by a digest of it.
#[derive(Debug, Clone, PartialEq)]
struct World {
    honest: Vec<Replica>,
    proposals: BTreeMap<u64, Arc<SignedProposal>>,
    votes: std::collections::BTreeSet<SignedVote>,
}

impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.honest.hash(state);
        state.write_usize(self.proposals.len());
        self.proposals.keys().for_each(|key| key.hash(state));
        self.votes.hash(state);
    }
}

#[derive(Default)]
struct Bounded {
    rounds: u32,
    restarts: usize,
    /// Steps that were played: by validator, digest before, step.
    played: RwLock<HashMap<(usize, u64, u64), Arc<Outcome>>>,
}

/// What became of a validator, and all that it has said since its beginning.
#[derive(Debug)]
struct Outcome {
    replica: Replica,
    proposals: Vec<(u64, Arc<SignedProposal>)>,
    votes: Vec<SignedVote>,
}

fn digest(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// A proposal by what is signed and the prevotes that come with it: one bundle has one root.
fn key(signed: &SignedProposal) -> u64 {
    digest(&(signed.proposal, &signed.polka[..]))
}

impl Step {
    fn key(&self) -> u64 {
        match self {
            Self::Proposal(signed) => digest(&(0, key(signed))),
            Self::Vote(vote) => digest(&(1, vote)),
            Self::Fire(timer) => digest(&(2, text(timer))),
            Self::Restart => 3,
        }
    }
}

/// The engine's own state has no hash, but a short text.
fn text(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}")
}

fn bundle(leader: u64, rank: u16, mark: u8) -> PhaseBundle {
    PhaseBundle {
        job: JobId::new(Slot(7), Root::repeat_byte(3)),
        phase: Phase::T1,
        previous: Root::ZERO,
        attesters: Default::default(),
        leader: ValidatorIndex(leader),
        rank,
        slot: Slot(10),
        plan_root: Root::repeat_byte(mark),
        accepted: Default::default(),
        digests: Default::default(),
        agg_proofs: Default::default(),
        equivocations: Default::default(),
        late_equivocations: Default::default(),
    }
}

fn setup(me: u64) -> Setup {
    let member = |(index, weight): (u64, u64)| {
        let mut bytes = [0; 32];
        bytes[31] = 7;
        let key = SecretKey::from_bytes(&bytes).unwrap().public_key();
        Member { index: ValidatorIndex(index), key, weight, variant: SigningVariant::Direct }
    };
    thread_local! {
        static COMMITTEE: std::cell::OnceCell<Committee> = const { std::cell::OnceCell::new() };
    }
    let members = || Committee::new((0..).zip(WEIGHTS).map(member).collect()).unwrap();
    Setup {
        job: JobId::new(Slot(7), Root::repeat_byte(3)),
        phase: Phase::T1,
        committee: COMMITTEE.with(|committee| committee.get_or_init(members).clone()),
        rounds: Rounds::new(Slot(10), 0, Timing::default(), &Spec::default()),
        leaders: Leaders::drawn([LIAR, 0, 1].map(ValidatorIndex).to_vec()),
        me: Some(ValidatorIndex(me)),
    }
}

/// What a validator has said and come to.
#[derive(Default)]
struct Said {
    records: Vec<Record>,
    proposals: Vec<SignedProposal>,
    votes: Vec<SignedVote>,
    decided: Option<Root>,
}

impl Said {
    fn handle(&mut self, me: u64, agreement: &mut Agreement, input: Input) {
        let effects = agreement.handle(input);
        self.perform(me, agreement, effects);
    }

    fn perform(&mut self, me: u64, agreement: &mut Agreement, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Persist(record) => self.records.push(*record),
                Effect::Sign(request) => {
                    let signature = SignatureBytes::repeat_byte(me as u8);
                    self.handle(me, agreement, Input::Signed { request, signature });
                }
                Effect::Broadcast(Message::Proposal(signed)) => self.proposals.push(*signed),
                Effect::Broadcast(Message::Vote(vote)) => self.votes.push(vote),
                Effect::Judge(signed) => {
                    self.handle(me, agreement, Input::Judged { bundle_root: signed.bundle.root(), accept: true });
                }
                Effect::Propose { rank, .. } => {
                    let mine = Box::new(bundle(me, rank, rank as u8));
                    self.handle(me, agreement, Input::MyBundle { bundle: mine, previous: None });
                }
                Effect::Decided(decision) => {
                    let root = decision.bundle.root();
                    assert!(self.decided.is_none_or(|before| before == root));
                    self.decided = Some(root);
                }
                _ => {}
            }
        }
    }
}

/// Plays a validator's life, and says what it said all along.
fn play(me: u64, log: &[Step]) -> (Agreement, Said) {
    let mut said = Said::default();
    let mut agreement = Agreement::new(setup(me));
    said.handle(me, &mut agreement, Input::Start { now_ms: NOW_MS });
    for step in log {
        match step {
            Step::Proposal(signed) => {
                let input = Input::Proposal(Box::new(Verified::trusted((**signed).clone())));
                said.handle(me, &mut agreement, input);
            }
            Step::Vote(vote) => said.handle(me, &mut agreement, Input::Vote(Verified::trusted(*vote))),
            Step::Fire(timer) => {
                agreement.time.timers.remove(timer);
                agreement.fire(*timer);
                agreement.run();
                let effects = std::mem::take(&mut agreement.effects);
                said.perform(me, &mut agreement, effects);
            }
            Step::Restart => {
                agreement = Agreement::restore(setup(me), said.records.clone());
                said.handle(me, &mut agreement, Input::Start { now_ms: NOW_MS });
            }
        }
    }
    (agreement, said)
}

impl Bounded {
    fn is_open(&self, timer: &Timer) -> bool {
        match timer {
            Timer::Engine(round, Wait::Precommits) => round + 1 < self.rounds,
            Timer::Engine(round, _) | Timer::Round(round) => *round < self.rounds,
            Timer::Extension(_) | Timer::Resend | Timer::Announced => false,
        }
    }

    /// Makes a validator go one step on, and adds what it said to the world.
    fn advance(&self, world: &mut World, me: usize, step: &Step) {
        let before = &world.honest[me];
        let place = (me, before.print, step.key());
        let known = self.played.read().unwrap().get(&place).cloned();
        let outcome = known.unwrap_or_else(|| {
            let log = before.log.iter().chain([step]).cloned().collect();
            let outcome = Arc::new(self.rebuild(me, log));
            self.played.write().unwrap().insert(place, outcome.clone());
            outcome
        });
        world.proposals.extend(outcome.proposals.iter().cloned());
        world.votes.extend(&outcome.votes);
        world.honest[me] = outcome.replica.clone();
    }

    /// Plays a validator's life anew.
    fn rebuild(&self, me: usize, log: Vec<Step>) -> Outcome {
        let (agreement, said) = play(me as u64, &log);
        let (driver, own) = (&agreement.driver, &agreement.own);
        let engine = text(&(
            driver.round_state(),
            driver.last_prevote(),
            driver.last_precommit(),
            driver.proposer_address(),
            driver.pending_inputs().len(),
            driver.votes().all_rounds().values().map(|round| round.emitted_outputs()).collect::<Vec<_>>(),
        ));
        let timers: Vec<_> = agreement.time.timers.keys().copied().filter(|timer| self.is_open(timer)).collect();
        let restarts = log.iter().filter(|step| **step == Step::Restart).count();
        let seen = (&agreement.votes, agreement.proposals.values().map(key).collect::<Vec<_>>(), &agreement.verdicts);
        let recorded = (
            &own.votes,
            own.lock.as_ref().map(|lock| key(&lock.proposal)),
            own.proposals.values().map(key).collect::<Vec<_>>(),
        );
        let rest =
            (&timers, agreement.waiting, agreement.proposing, agreement.wanted.as_ref().map(|(root, _)| *root), restarts);
        let print = digest(&(engine, seen, recorded, rest, said.decided));
        Outcome {
            replica: Replica { log: log.into(), print, decided: said.decided, timers, restarts },
            proposals: said.proposals.into_iter().map(|signed| (key(&signed), Arc::new(signed))).collect(),
            votes: said.votes,
        }
    }
}

impl Model for Bounded {
    type State = World;
    type Action = (usize, Step);

    fn init_states(&self) -> Vec<World> {
        let mut world = World { honest: Vec::new(), proposals: BTreeMap::new(), votes: Default::default() };
        for mark in [0xa, 0xb] {
            let bundle = bundle(LIAR, 0, mark);
            let signature = SignatureBytes::repeat_byte(LIAR as u8);
            for round in 0..self.rounds {
                let ballot = Ballot { job_root: bundle.job.root(), phase: bundle.phase, round, bundle_root: bundle.root() };
                for kind in [VoteKind::Prevote, VoteKind::Precommit] {
                    world.votes.insert(SignedVote { ballot, kind, validator: ValidatorIndex(LIAR), signature });
                }
            }
            let proposal = Proposal {
                job_root: bundle.job.root(),
                phase: bundle.phase,
                round: 0,
                polka: 0,
                bundle_root: bundle.root(),
                proposer: ValidatorIndex(LIAR),
            };
            let (previous, polka) = Default::default();
            let signed = SignedProposal { proposal, bundle, previous, polka, signature };
            world.proposals.insert(key(&signed), Arc::new(signed));
        }
        for me in 0..2 {
            let outcome = self.rebuild(me, Vec::new());
            world.proposals.extend(outcome.proposals);
            world.votes.extend(outcome.votes);
            world.honest.push(outcome.replica);
        }
        vec![world]
    }

    fn actions(&self, world: &World, actions: &mut Vec<(usize, Step)>) {
        for (me, replica) in world.honest.iter().enumerate() {
            if replica.decided.is_some() {
                continue;
            }
            let proposals = world.proposals.values().filter(|signed| signed.proposal.proposer != ValidatorIndex(me as u64));
            actions.extend(proposals.cloned().map(Step::Proposal).map(|step| (me, step)));
            let votes = world.votes.iter().filter(|vote| vote.validator != ValidatorIndex(me as u64));
            actions.extend(votes.copied().map(Step::Vote).map(|step| (me, step)));
            actions.extend(replica.timers.iter().map(|timer| (me, Step::Fire(*timer))));
            if replica.restarts < self.restarts {
                actions.push((me, Step::Restart));
            }
        }
    }

    fn next_state(&self, world: &World, (me, step): (usize, Step)) -> Option<World> {
        let mut next = world.clone();
        self.advance(&mut next, me, &step);
        // Nothing came of it: the message was late, or a repetition.
        (next != *world).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("one bundle is certified at most", |_, world: &World| {
                let mut weights: BTreeMap<(u32, Root), BTreeMap<ValidatorIndex, u64>> = BTreeMap::new();
                for vote in world.votes.iter().filter(|vote| vote.kind == VoteKind::Precommit) {
                    let Some(root) = vote.ballot.bundle() else { continue };
                    let voters = weights.entry((vote.ballot.round, root)).or_default();
                    // The liar signs anything.
                    voters.insert(ValidatorIndex(LIAR), WEIGHTS[LIAR as usize]);
                    voters.insert(vote.validator, WEIGHTS[vote.validator.as_usize()]);
                }
                let certified = weights.iter().filter(|(_, voters)| 3 * voters.values().sum::<u64>() > 2 * 7);
                certified.map(|((_, root), _)| root).collect::<std::collections::BTreeSet<_>>().len() <= 1
            }),
            Property::always("all who decide decide the same", |_, world: &World| {
                let decided: Vec<_> = world.honest.iter().filter_map(|replica| replica.decided).collect();
                decided.windows(2).all(|pair| pair[0] == pair[1])
            }),
            Property::always("nobody honest contradicts itself", |_, world: &World| {
                let mut places = std::collections::BTreeSet::new();
                let honest = world.votes.iter().filter(|vote| vote.validator != ValidatorIndex(LIAR));
                honest.map(|vote| (vote.validator, vote.ballot.round, vote.kind)).all(|place| places.insert(place))
            }),
            Property::sometimes("both decide", |_, world: &World| world.honest.iter().all(|replica| replica.decided.is_some())),
        ]
    }
}

/// Explores for so many seconds, breadth first, and says whether that was everything.
fn check(model: Bounded, seconds: u64) {
    let limit = std::time::Duration::from_secs(seconds);
    let start = std::time::Instant::now();
    let bound = format!("{} rounds, {} restarts", model.rounds, model.restarts);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let checker = model.checker().threads(threads).timeout(limit).finish_when(HasDiscoveries::AnyFailures);
    let checker = checker.spawn_bfs().join();
    println!(
        "{bound}: {} states, {} unique, depth {}, {:?}, whole: {}",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
        start.elapsed(),
        start.elapsed() < limit,
    );
    checker.assert_no_discovery("one bundle is certified at most");
    checker.assert_no_discovery("all who decide decide the same");
    checker.assert_no_discovery("nobody honest contradicts itself");
    let whole = start.elapsed() < limit;
    assert!(!whole || checker.discovery("both decide").is_some(), "nobody decides");
}

#[test]
fn one_round_is_safe() {
    check(Bounded { rounds: 1, restarts: 0, ..Bounded::default() }, 2);
}

#[test]
#[ignore = "long: until it is whole"]
fn one_round_is_safe_wholly() {
    check(Bounded { rounds: 1, restarts: 0, ..Bounded::default() }, 1200);
}

#[test]
#[ignore = "long: twenty minutes"]
fn one_round_with_a_restart_is_safe() {
    check(Bounded { rounds: 1, restarts: 1, ..Bounded::default() }, 1200);
}

#[test]
#[ignore = "long: twenty minutes"]
fn two_rounds_with_restarts_are_safe() {
    check(Bounded { rounds: 2, restarts: 1, ..Bounded::default() }, 1200);
}
