//! A network of agreements: seeded, so that a failure can be repeated. No cryptography; who signs is who it says.

use std::collections::{BTreeMap, BTreeSet};

use quintet_agreement::{
    Agreement, Committee, Effect, Input, Leaders, Member, Message, Record, Rounds, Setup, SigningRequest, Timing, Verified,
};
use quintet_keys::SecretKey;
use quintet_types::*;

pub(crate) const DEADLINE_MS: u64 = 120_000;
/// What bundles are marked with that leave a prover out.
const CENSORED: u8 = 0xcc;

/// What a validator does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conduct {
    Honest,
    /// Never answers when it should propose.
    SilentLeader,
    /// Proposes bundles that every honest validator objects to.
    CensoringLeader,
    /// Proposes one bundle to even validators, another to odd ones.
    EquivocatingLeader,
    /// Votes for its opinion towards even validators, against it towards odd ones.
    EquivocatingAttester,
    /// Says nothing at all.
    Down,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Net {
    pub(crate) min_delay: u64,
    pub(crate) max_delay: u64,
    /// Of 100 messages.
    pub(crate) drops: u64,
    /// Validators below `cut` do not reach the others until `heals`.
    pub(crate) cut: usize,
    pub(crate) heals: u64,
}

impl Default for Net {
    fn default() -> Self {
        Self { min_delay: 20, max_delay: 200, drops: 0, cut: 0, heals: 0 }
    }
}

enum Event {
    Deliver(Input),
    Wake,
    Restart,
}

struct Node {
    agreement: Agreement,
    records: Vec<Record>,
    conduct: Conduct,
    life: u32,
    decided: Option<(Root, u64)>,
}

pub(crate) struct Sim {
    pub(crate) now: u64,
    nodes: Vec<Node>,
    events: BTreeMap<(u64, u64), (usize, u32, Event)>,
    bundles: BTreeMap<Root, PhaseBundle>,
    /// What each honest validator has said, whatever life it was in.
    said: BTreeMap<(usize, u32, Option<VoteKind>), Root>,
    pub(crate) accused: BTreeSet<ValidatorIndex>,
    pub(crate) uncertified: u32,
    net: Net,
    seed: u64,
    sequence: u64,
}

pub(crate) fn member(index: u64, weight: u64) -> Member {
    let mut bytes = [0; 32];
    bytes[24..].copy_from_slice(&(index + 1).to_be_bytes());
    let key = SecretKey::from_bytes(&bytes).unwrap().public_key();
    Member { index: ValidatorIndex(index), key, weight, variant: SigningVariant::Direct }
}

pub(crate) fn setup(count: u64, me: Option<u64>) -> Setup {
    let rounds = Rounds::new(Slot(10), 0, Timing::default(), &Spec::default());
    Setup {
        job: JobId::new(Slot(7), Root::repeat_byte(3)),
        phase: Phase::T2,
        committee: Committee::new((0..count).map(|index| member(index, 32)).collect()).unwrap(),
        rounds,
        leaders: Leaders::drawn((0..count).map(ValidatorIndex).collect()),
        me: me.map(ValidatorIndex),
    }
}

pub(crate) fn bundle(setup: &Setup, leader: u64, rank: u16, slot: Slot, mark: u8) -> PhaseBundle {
    PhaseBundle {
        job: setup.job,
        phase: setup.phase,
        previous: Root::repeat_byte(1),
        attesters: Default::default(),
        leader: ValidatorIndex(leader),
        rank,
        slot,
        plan_root: Root::repeat_byte(mark),
        accepted: Default::default(),
        digests: Default::default(),
        agg_proofs: Default::default(),
        equivocations: Default::default(),
        late_equivocations: Default::default(),
    }
}

impl Sim {
    pub(crate) fn new(conducts: &[Conduct], net: Net, seed: u64) -> Self {
        let count = conducts.len() as u64;
        let node = |(index, conduct): (u64, &Conduct)| Node {
            agreement: Agreement::new(setup(count, Some(index))),
            records: Vec::new(),
            conduct: *conduct,
            life: 0,
            decided: None,
        };
        let mut sim = Self {
            now: DEADLINE_MS - 500,
            nodes: (0..).zip(conducts).map(node).collect(),
            events: BTreeMap::new(),
            bundles: BTreeMap::new(),
            said: BTreeMap::new(),
            accused: BTreeSet::new(),
            uncertified: 0,
            net,
            seed,
            sequence: 0,
        };
        for index in 0..conducts.len() {
            let now_ms = sim.now;
            sim.at(now_ms, index, Event::Deliver(Input::Start { now_ms }));
        }
        sim
    }

    /// splitmix64.
    fn random(&mut self, below: u64) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below.max(1)
    }

    fn at(&mut self, time: u64, node: usize, event: Event) {
        self.sequence += 1;
        let life = self.nodes[node].life;
        self.events.insert((time, self.sequence), (node, life, event));
    }

    /// Validator `node` never hears who has rank 0 of the phase's own deadline. Comes before anything runs.
    pub(crate) fn unaware(&mut self, node: usize) {
        let mut setup = self.nodes[node].agreement.setup().clone();
        setup.leaders.first = None;
        self.nodes[node].agreement = Agreement::new(setup);
    }

    /// Validator `node` hears at `time` that `leader` has rank 0 of the phase's own deadline.
    pub(crate) fn hear_of_first(&mut self, node: usize, leader: u64, time: u64) {
        let leader = ValidatorIndex(leader);
        self.at(time, node, Event::Deliver(Input::First { extension: 0, leader }));
    }

    pub(crate) fn restart(&mut self, node: usize, time: u64) {
        self.at(time, node, Event::Restart);
    }

    /// Runs until everyone who should has decided, or until `end`. Says when the last one did.
    pub(crate) fn run(&mut self, end: u64) -> Option<u64> {
        while let Some(((time, _), (node, life, event))) = self.events.pop_first() {
            if time > end {
                break;
            }
            self.now = self.now.max(time);
            let input = match event {
                Event::Restart => {
                    self.nodes[node].life += 1;
                    let records = self.nodes[node].records.clone();
                    let setup = self.nodes[node].agreement.setup().clone();
                    self.nodes[node].agreement = Agreement::restore(setup, records);
                    Input::Start { now_ms: self.now }
                }
                // What a process had in hand is lost with it; what others sent is not.
                Event::Wake if life == self.nodes[node].life => Input::Tick { now_ms: self.now },
                Event::Wake => continue,
                Event::Deliver(input) => input,
            };
            self.handle(node, input);
            if let Some(done) = self.all_decided() {
                return Some(done);
            }
        }
        self.all_decided()
    }

    fn all_decided(&self) -> Option<u64> {
        let honest = self.nodes.iter().filter(|node| node.conduct == Conduct::Honest);
        honest.map(|node| node.decided.map(|(_, at)| at)).try_fold(0, |last, at| Some(last.max(at?)))
    }

    pub(crate) fn decided(&self) -> BTreeSet<Root> {
        self.nodes.iter().filter_map(|node| node.decided.map(|(root, _)| root)).collect()
    }

    pub(crate) fn decision_of(&self, root: &Root) -> &PhaseBundle {
        &self.bundles[root]
    }

    fn handle(&mut self, node: usize, input: Input) {
        if self.nodes[node].conduct == Conduct::Down || !self.is_news(node, &input) {
            return;
        }
        for effect in self.nodes[node].agreement.handle(input) {
            self.perform(node, effect);
        }
    }

    /// As a sidecar does: what says nothing new is not even verified.
    fn is_news(&self, node: usize, input: &Input) -> bool {
        let agreement = &self.nodes[node].agreement;
        match input {
            Input::Proposal(signed) => agreement.is_news_proposal(signed),
            Input::Vote(vote) => agreement.is_news_vote(vote),
            Input::Certificate(certificate) => agreement.is_news_certificate(certificate),
            _ => true,
        }
    }

    fn perform(&mut self, node: usize, effect: Effect) {
        let conduct = self.nodes[node].conduct;
        match effect {
            Effect::Persist(record) => self.nodes[node].records.push(*record),
            Effect::Sign(request) => {
                let signature = SignatureBytes::repeat_byte(node as u8);
                self.handle(node, Input::Signed { request, signature });
            }
            Effect::Broadcast(message) => self.broadcast(node, message),
            Effect::Judge(signed) => {
                let bundle_root = signed.bundle.root();
                self.bundles.insert(bundle_root, signed.bundle.clone());
                let accept = conduct != Conduct::Honest || signed.bundle.plan_root != Root::repeat_byte(CENSORED);
                let delay = self.random(30);
                self.at(self.now + delay, node, Event::Deliver(Input::Judged { bundle_root, accept }));
            }
            Effect::Propose { rank, slot } => self.propose(node, rank, slot),
            Effect::Fetch(root) => {
                if let Some(found) = self.bundles.get(&root).cloned() {
                    self.at(self.now + 300, node, Event::Deliver(Input::Bundle(Box::new(found))));
                }
            }
            Effect::Decided(decision) => {
                let root = decision.bundle.root();
                self.bundles.insert(root, decision.bundle.clone());
                let before = self.nodes[node].decided;
                assert!(before.is_none_or(|(other, _)| other == root), "node {node} decided twice");
                self.nodes[node].decided = before.or(Some((root, self.now)));
            }
            Effect::Announce => {
                let Some((root, _)) = self.nodes[node].decided else { return };
                let ballot = self.bundles[&root].ballot(self.nodes[node].agreement.decided().unwrap());
                let signature = SignatureBytes::ZERO;
                let certificate = BundleCertificate { ballot, attesters: Default::default(), signature };
                for to in 0..self.nodes.len() {
                    self.send(node, to, Input::Certificate(Verified::trusted(certificate.clone())));
                }
            }
            Effect::Uncertified { extension, .. } => {
                self.uncertified = self.uncertified.max(extension);
                let count = self.nodes.len() as u64;
                let ranks = (0..count).map(|rank| ValidatorIndex((rank + u64::from(extension)) % count)).collect();
                self.at(self.now, node, Event::Deliver(Input::Extend { extension, leaders: Leaders::drawn(ranks) }));
            }
            Effect::Evidence(evidence) => {
                assert!(evidence.is_consistent());
                self.accused.insert(evidence.validator());
            }
            Effect::WakeAt(time) => self.at(time.max(self.now), node, Event::Wake),
        }
    }

    fn propose(&mut self, node: usize, rank: u16, slot: Slot) {
        let conduct = self.nodes[node].conduct;
        let mark = if conduct == Conduct::CensoringLeader { CENSORED } else { self.random(200) as u8 };
        let setup = self.nodes[node].agreement.setup().clone();
        let mine = bundle(&setup, node as u64, rank, slot, mark);
        self.bundles.insert(mine.root(), mine.clone());
        if conduct == Conduct::SilentLeader {
            return;
        }
        if conduct == Conduct::EquivocatingLeader {
            let other = bundle(&setup, node as u64, rank, slot, mark.wrapping_add(1));
            let round = setup.rounds.first_round(setup.rounds.extension_of_slot(slot).unwrap()) + u32::from(rank);
            for to in 0..self.nodes.len() {
                let chosen = if to % 2 == 0 { &mine } else { &other };
                let proposal = Proposal {
                    job_root: setup.job.root(),
                    phase: setup.phase,
                    round,
                    polka: 0,
                    bundle_root: chosen.root(),
                    proposer: ValidatorIndex(node as u64),
                };
                let signature = SignatureBytes::repeat_byte(node as u8);
                let (previous, polka) = Default::default();
                let signed = SignedProposal { proposal, bundle: chosen.clone(), previous, polka, signature };
                self.send(node, to, Input::Proposal(Box::new(Verified::trusted(signed))));
            }
            return;
        }
        self.handle(node, Input::MyBundle { bundle: Box::new(mine), previous: None });
    }

    fn broadcast(&mut self, node: usize, message: Message) {
        let honest = self.nodes[node].conduct == Conduct::Honest;
        let (place, root) = match &message {
            Message::Proposal(signed) => ((node, signed.proposal.round, None), signed.proposal.bundle_root),
            Message::Vote(vote) => ((node, vote.ballot.round, Some(vote.kind)), vote.ballot.bundle_root),
        };
        let before = self.said.entry(place).or_insert(root);
        assert!(!honest || *before == root, "validator {node} contradicts itself at {place:?}");
        for to in (0..self.nodes.len()).filter(|&to| to != node) {
            let input = match &message {
                Message::Proposal(signed) => Input::Proposal(Box::new(Verified::trusted((**signed).clone()))),
                Message::Vote(vote) => {
                    let mut vote = *vote;
                    if self.nodes[node].conduct == Conduct::EquivocatingAttester && to % 2 == 1 {
                        vote.ballot.bundle_root = if root == Root::ZERO { Root::repeat_byte(9) } else { Root::ZERO };
                        // Both are in the open sooner or later.
                        self.send(node, to, Input::Vote(Verified::trusted(SignedVote { ..vote })));
                        vote.ballot.bundle_root = root;
                    }
                    Input::Vote(Verified::trusted(vote))
                }
            };
            self.send(node, to, input);
        }
    }

    fn send(&mut self, from: usize, to: usize, input: Input) {
        let Net { min_delay, max_delay, drops, cut, heals } = self.net;
        let apart = (from < cut) != (to < cut) && self.now < heals;
        if apart || self.random(100) < drops {
            return;
        }
        let delay = min_delay + self.random(max_delay - min_delay + 1);
        self.at(self.now + delay, to, Event::Deliver(input));
    }
}

#[test]
fn requests_sign_what_messages_say() {
    let setup = setup(4, Some(0));
    let ballot = bundle(&setup, 0, 0, Slot(10), 1).ballot(0);
    let spec = Spec::default();
    let root = |kind| SigningRequest::Vote(kind, ballot).signing_root(SigningVariant::Direct, &spec);
    assert_ne!(root(VoteKind::Prevote), root(VoteKind::Precommit));
}
