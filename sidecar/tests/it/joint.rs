//! Sidecars of several validators in one process, on loopback: a real network, real votes, real proofs, and the true clock.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use quintet_agreement::{Enrolled, Member, Timing};
use quintet_api::CertificateState;
use quintet_beacon::{BlockInfo, ChainEvent, Head, Lookahead};
use quintet_gossip::wire::{outline, requests::Refusal as NetworkRefusal};
use quintet_gossip::{
    Network, NetworkConfig, NetworkError, NetworkHandle, NodeKey, Outline, OutlineByRoot, PartsByIndex, Request, Status,
    SubmissionsByRoot, fork_digest,
};
use quintet_keys::SecretKey;
use quintet_node::spec_root;
use quintet_plonk::ParamsCache;
use quintet_protocol::JobState;
use quintet_proving::{Circuits, Guest};
use quintet_sidecar::{
    core::{Core, CoreConfig, Intake, Refusal},
    db,
    joint::{Board, Joint, ProposerSource},
    metrics::Metrics,
    registry::RegistryFile,
    service::{self, Bounds, IntakeQueue, Shared, now_ms},
};
use quintet_signer::{SignError, SigningRequest, ValidatorKey, ValidatorSigner};
use quintet_store::{Options, Store};
use quintet_types::{
    Account, Encode as _, Epoch, Introduction, JobId, Phase, PublicKeyBytes, Reason, Reward, Root, SignatureBytes,
    SigningVariant, Slot, Spec, Submission, TreeHash as _, ValidatorIndex,
};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::{
    agreed::shorter,
    recording::CULPRIT,
    world::{World, block, secrets, spec},
};

/// Validators, one to a sidecar.
const SIDECARS: u64 = 4;

/// A validator's key in memory. What may be signed twice is not its matter.
#[derive(Debug)]
struct InMemory {
    secret: SecretKey,
    spec: Arc<Spec>,
}

#[async_trait]
impl ValidatorSigner for InMemory {
    async fn public_keys(&self) -> Result<Vec<ValidatorKey>, SignError> {
        Ok(vec![ValidatorKey { pubkey: self.secret.public_key().into(), variant: SigningVariant::Direct }])
    }

    async fn sign(&self, _: &PublicKeyBytes, request: SigningRequest) -> Result<SignatureBytes, SignError> {
        Ok(self.secret.sign(&request.wrapped_root(SigningVariant::Direct, &self.spec).0).to_bytes().into())
    }

    async fn prove_possession(&self, _: &PublicKeyBytes, _: [u8; 32]) -> Result<SignatureBytes, SignError> {
        unreachable!("nobody enrols here")
    }
}

/// A chain on which the validators propose in turn, or always the same one.
#[derive(Debug)]
struct Proposers {
    plan: Plan,
    knows: bool,
}

impl Plan {
    /// Who proposes at a slot.
    fn proposer(&self, slot: Slot) -> ValidatorIndex {
        self.proposer.unwrap_or(ValidatorIndex(slot.0 % self.validators))
    }
}

#[async_trait]
impl ProposerSource for Proposers {
    fn fixed_from(&self) -> Option<Epoch> {
        Some(Epoch(0))
    }

    async fn after(&self, _: Root) -> Result<Option<Lookahead>, quintet_beacon::Error> {
        let slots_per_epoch = self.plan.spec.slots_per_epoch;
        let first_slot = block().slot.epoch(slots_per_epoch).start_slot(slots_per_epoch);
        let slots = first_slot.0..first_slot.plus(2 * slots_per_epoch).0;
        let proposers = slots.map(|slot| self.plan.proposer(Slot(slot))).collect();
        Ok(self.knows.then_some(Lookahead { first_slot, proposers }))
    }

    async fn key(&self, index: ValidatorIndex) -> Result<Option<PublicKeyBytes>, quintet_beacon::Error> {
        Ok(Some(validator(index.0).public_key().into()))
    }
}

/// One sidecar.
pub(crate) struct Sidecar {
    pub(crate) shared: Shared,
    intake: IntakeQueue,
    pub(crate) network: NetworkHandle,
    board: Board,
    pub(crate) metrics: Metrics,
    stop: CancellationToken,
    /// Events of a chain come through here; while it is open the sidecar runs.
    chain: mpsc::Sender<ChainEvent>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    folder: tempfile::TempDir,
}

/// What a sidecar is to be.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) spec: Spec,
    pub(crate) genesis_ms: u64,
    /// Validators that take part.
    pub(crate) validators: u64,
    pub(crate) circuits: Arc<Circuits>,
    pub(crate) max_fill: usize,
    /// The beacon chain's proposer of all slots.
    pub(crate) proposer: Option<ValidatorIndex>,
}

pub(crate) fn validator(index: u64) -> SecretKey {
    let mut bytes = [0; 32];
    bytes[30] = 1;
    bytes[31] = index as u8;
    SecretKey::from_bytes(&bytes).unwrap()
}

fn enrolled(validators: u64) -> Enrolled {
    let member = |index| Member {
        index: ValidatorIndex(index),
        key: validator(index).public_key(),
        weight: 32_000_000_000,
        variant: SigningVariant::Direct,
    };
    Enrolled::new((0..validators).map(member).collect()).unwrap()
}

pub(crate) fn circuits() -> Arc<Circuits> {
    let cache = ParamsCache::new(ParamsCache::default_folder().unwrap());
    Arc::new(Circuits::new(Guest::payload().unwrap(), Box::new(move |k| cache.load(k, &|_| {}))))
}

/// Slots that leave four sidecars on two cores the time to verify.
pub(crate) fn slow_spec() -> Spec {
    Spec { slot_duration_ms: 3_000, ..spec() }
}

impl Sidecar {
    /// Starts the sidecar of a validator, or (`None`) one that only follows, with whatever is in the folder.
    pub(crate) async fn start(me: Option<u64>, plan: &Plan, folder: tempfile::TempDir, peers: &[&NetworkHandle]) -> Self {
        let spec = Arc::new(plan.spec.clone());
        let registry: String = secrets().iter().map(|key| format!("[[prover]]\npubkey = \"{}\"\n", key.public_key())).collect();
        let config = CoreConfig {
            spec: Arc::clone(&spec),
            genesis_ms: plan.genesis_ms,
            validator: ValidatorIndex(me.unwrap_or(99)),
            program_hash: plan.circuits.guest().hash,
            retention_epochs: 64,
            max_job_bytes: 64 << 20,
            max_fill: plan.max_fill,
            joint: true,
            contract_votes: false,
            first_slot: block().slot,
        };
        let store =
            Store::open(&folder.path().join("store"), &db::SCHEMA, &Options { fsync: false, ..Options::default() }).unwrap();
        let core = Core::load(config, store, Arc::new(RegistryFile::parse(&registry, "registry").unwrap()), now_ms()).unwrap();
        let shared = Shared::new(core);
        let intake = IntakeQueue::start(shared.clone(), 256, Metrics::default());

        let mut network = NetworkConfig::new(NodeKey::generate(), status(&spec));
        network.listen = vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()];
        for peer in peers {
            network.static_peers.extend(peer.listen_addresses().await.unwrap());
        }
        let (network, events) = Network::start(network).unwrap();
        let board = Board::new(network.clone(), enrolled(plan.validators), me.map(ValidatorIndex));
        let metrics = Metrics::default();
        let joint = Joint {
            shared: shared.clone(),
            intake: intake.clone(),
            network: network.clone(),
            signer: Arc::new(InMemory { secret: validator(me.unwrap_or(99)), spec }),
            enrolled: enrolled(plan.validators).into(),
            me: me.map(ValidatorIndex),
            // One beacon node of four is too old to say who proposes.
            proposers: Arc::new(Proposers {
                plan: plan.clone(),
                knows: me != Some(0) || plan.validators < 4 || plan.proposer.is_some(),
            }),
            timing: Timing::default(),
            board: board.clone(),
            metrics: metrics.clone(),
        };
        let stop = CancellationToken::new();
        let running = joint.run(events, stop.clone());
        let (chain, chain_events) = mpsc::channel(16);
        let bounds = Bounds { threads: 1, max_bytes: 1 << 30 };
        let (circuits, metric) = (Arc::clone(&plan.circuits), Metrics::default());
        let service = service::run(shared.clone(), circuits, chain_events, intake.clone(), bounds, metric, stop.clone());
        let tasks = vec![
            tokio::spawn(async move { running.await.expect("agreeing with others") }),
            tokio::spawn(async move { service.await.expect("the service") }),
        ];
        tokio::time::sleep(Duration::from_millis(50)).await;
        Self { shared, intake, network, board, metrics, stop, chain, tasks, folder }
    }

    /// The process ends; its folder stays.
    pub(crate) async fn stop(self) -> tempfile::TempDir {
        self.stop.cancel();
        for task in self.tasks {
            task.await.unwrap();
        }
        self.folder
    }

    /// A block of the chain, as the follower reports it.
    pub(crate) async fn head(&self, block: &BlockInfo) {
        let head = Head { block: Arc::new(block.clone()), mix_confirmed: true, is_tip: true };
        self.chain.send(ChainEvent::Head(head)).await.unwrap();
    }

    pub(crate) fn state(&self, job: &JobId) -> Option<JobState> {
        self.shared.read().job(job).map(|live| live.job().state())
    }

    pub(crate) fn ledger_root(&self) -> Root {
        self.shared.read().books.ledger.root()
    }

    /// As the gateway takes it in.
    pub(crate) async fn submit(&self, submission: Submission) {
        self.post(submission).await.unwrap();
    }

    /// As [`Self::submit`], and it may be refused.
    async fn post(&self, submission: Submission) -> Result<bool, Refusal> {
        let spec = self.shared.read().config.spec.clone();
        let intake = Intake::new(submission, &spec, now_ms()).unwrap();
        let memory = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
        self.intake.submit(intake, memory).await.unwrap()
    }
}

/// What a node of the network tells of itself at first.
pub(crate) fn status(spec: &Spec) -> Status {
    Status { fork_digest: fork_digest(spec.genesis_validators_root, spec_root(spec)), ..Status::default() }
}

/// Waits until all sidecars are where they should be.
pub(crate) async fn until(what: &str, seconds: u64, all: impl Fn() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(seconds), async {
        while !all() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("{what}: not within {seconds} s"));
}

/// What the gateways of these sidecars show and count of the job.
async fn shown(sidecars: &[Sidecar], job: &JobId) {
    let mut led = 0;
    for sidecar in sidecars {
        let validators = {
            let core = sidecar.shared.read();
            let certificates = core.certificates(core.job(job).unwrap(), Some(&sidecar.board)).unwrap();
            assert_eq!(certificates.len(), 3);
            for one in &certificates {
                assert_eq!(one.state, CertificateState::Certified);
                assert!(one.signers.len() >= 3 && one.weight * 3 > one.total_weight * 2 && one.leader.is_some(), "{one:?}");
            }
            core.validators(Some(&sidecar.board))
        };
        assert_eq!((validators.certificates, validators.validators.len()), (3, 4));
        let heard = validators.validators.iter().filter(|one| one.heard_ms.is_some()).count();
        assert!(heard >= 2, "{validators:?}");
        assert!(validators.validators.iter().any(|one| one.balance.0 > 0), "somebody led");
        assert_eq!(sidecar.board.peers().await.unwrap().peers.len(), 3);
        let metrics = sidecar.metrics.render();
        for line in ["agreement_certificate_seconds_count 3", "agreement_certified_round_count 3", "gossip_peers 3"] {
            assert!(metrics.contains(&format!("quintet_sidecar_{line}")), "{line} is not in\n{metrics}");
        }
        led += sidecar.metrics.agreement.led.get();
    }
    assert_eq!(led, 3, "each bundle has one maker");
}

/// The sidecars of all validators, each of which dials those before it.
pub(crate) async fn network(plan: &Plan) -> Vec<Sidecar> {
    let mut sidecars: Vec<Sidecar> = Vec::new();
    for index in 0..plan.validators {
        let peers: Vec<_> = sidecars.iter().map(|sidecar| &sidecar.network).collect();
        let next = Sidecar::start(Some(index), plan, tempfile::tempdir().unwrap(), &peers).await;
        sidecars.push(next);
    }
    sidecars
}

/// The beacon proposer of the deadline slot leads before whoever was drawn, in the eyes of all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_proposer_of_the_deadline_slot_has_rank_0() {
    let spec = Spec { slot_duration_ms: 1_000, max_attempts: 1, ..spec() };
    let mut factory = World::new(spec.clone());
    let job = factory.announce();
    let circuits = circuits();
    drop(factory.plan(job));
    let (seed, due) = {
        let live = factory.core.job(&job).unwrap();
        (live.job().selection().unwrap().seed, live.job().deadline())
    };
    let drawn = quintet_protocol::leaders(&seed, Phase::T1, due, &[ValidatorIndex(0), ValidatorIndex(1)], 2, &spec);
    let genesis_ms = now_ms() - block().slot.0 * spec.slot_duration_ms;
    let plan = Plan { spec, genesis_ms, validators: 2, circuits, max_fill: 0, proposer: Some(drawn[1]) };
    let sidecars = network(&plan).await;
    for sidecar in &sidecars {
        sidecar.head(&block()).await;
    }
    let view = |sidecar: &Sidecar| {
        let core = sidecar.shared.read();
        core.certificates(core.job(&job)?, Some(&sidecar.board)).unwrap().first().cloned()
    };
    let ranks = |sidecar: &Sidecar| view(sidecar).map(|view| view.ranks).unwrap_or_default();
    until("both know who leads", 60, || sidecars.iter().all(|sidecar| ranks(sidecar).first() == Some(&drawn[1]))).await;
    until("the job is over", 60, || sidecars.iter().all(|sidecar| sidecar.state(&job).is_some_and(JobState::is_over))).await;
    // Unless the machine was too busy for the first round.
    let ends: Vec<_> = sidecars.iter().map(|sidecar| view(sidecar).map(|view| (view.leader, view.rank))).collect();
    assert_eq!(ends[0], ends[1]);
    assert!(ends[0].is_some_and(|(leader, rank)| rank != Some(0) || leader == Some(drawn[1])), "{ends:?}");
    sidecars.iter().for_each(|sidecar| sidecar.stop.cancel());
}

/// Commitments of an open T1 go to the sidecars of validators, who introduce themselves, and to everybody once the phase is closed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commitments_are_for_validators_until_the_phase_closes() {
    let spec = Spec { slot_duration_ms: 1_500, max_attempts: 1, ..spec() };
    let mut factory = World::new(spec.clone());
    let job = factory.announce();
    let circuits = circuits();
    drop(factory.plan(job));
    let genesis_ms = now_ms() - block().slot.0 * spec.slot_duration_ms;
    let plan = Plan { spec: spec.clone(), genesis_ms, validators: 2, circuits, max_fill: 0, proposer: None };
    let sidecars = network(&plan).await;
    // Says that it is validator 1's, by a signature of its own.
    let mut config = NetworkConfig::new(NodeKey::generate(), status(&spec));
    config.static_peers.extend(sidecars[0].network.listen_addresses().await.unwrap());
    let (stranger, _events) = Network::start(config).unwrap();
    let peer = sidecars[0].network.local_peer_id();
    let lie = Introduction { validator: ValidatorIndex(1), expires: Slot(u64::MAX / 2), signature: SignatureBytes::ZERO };
    while stranger.request(peer, Request::Introduction(lie)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for sidecar in &sidecars {
        sidecar.head(&block()).await;
    }
    let in_t1 = |sidecar: &Sidecar| sidecar.state(&job) == Some(JobState::Open(Phase::T1));
    until("the job is planned", 60, || sidecars.iter().all(in_t1)).await;
    let body = factory.commitments(&job, &factory.selected(&job)[0]);
    let root = body.header().tree_hash_root();
    sidecars[0].submit(body.clone()).await;
    let held = |sidecar: &Sidecar| sidecar.shared.read().job(&job).is_some_and(|live| live.of_phase(Phase::T1).count() == 1);
    until("the other validator has it", 5, || held(&sidecars[1])).await;
    let fetched = &sidecars[1].network.metrics().fetch;
    assert_eq!((fetched.fetched.get(), fetched.assembled.get()), (1, 1), "by its outline");
    // Neither as a whole, nor its outline, nor parts of it.
    let wanted = || {
        [
            Request::Submissions(SubmissionsByRoot { roots: vec![root].try_into().unwrap() }),
            Request::Outline(OutlineByRoot { root }),
            Request::Parts(PartsByIndex { root, indices: vec![0].try_into().unwrap() }),
        ]
    };
    for request in wanted() {
        let refused = stranger.request(peer, request).await;
        assert!(in_t1(&sidecars[0]), "the machine is too slow for this test");
        assert!(matches!(refused, Err(NetworkError::Refused { code: NetworkRefusal::Unavailable, .. })), "{refused:?}");
    }
    let shown = sidecars[0].board.peers().await.unwrap();
    let of = |id: String| shown.peers.iter().find(|peer| peer.peer_id == id).unwrap().validator;
    assert_eq!(of(sidecars[1].network.local_peer_id().to_string()), Some(ValidatorIndex(1)));
    assert_eq!(of(stranger.local_peer_id().to_string()), None);
    until("T1 is closed", 60, || sidecars.iter().all(|sidecar| sidecar.state(&job).is_some_and(JobState::is_over))).await;
    let mut answers = Vec::new();
    for request in wanted() {
        answers.push(stranger.request(peer, request).await.unwrap());
    }
    assert_eq!(answers[0], [body.as_ssz_bytes()], "now it is for everybody");
    assert_eq!(answers[1], [Outline::of(&body).unwrap().as_ssz_bytes()]);
    assert_eq!(answers[2], [outline::part(&body, 0).unwrap()]);
    sidecars.iter().for_each(|sidecar| sidecar.stop.cancel());
}

/// Each prover posts to one sidecar only; all sidecars close the same phases with the same bundles and end with one ledger.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: three phases of twelve seconds"]
async fn four_sidecars_agree_on_a_job_whose_provers_post_to_different_ones() {
    one_job(false).await;
}

/// One prover posts one body to two sidecars and another one to the others: nothing stalls, and all fine it the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: three phases of twelve seconds"]
async fn four_sidecars_agree_on_what_an_equivocating_prover_submitted_and_pays() {
    one_job(true).await;
}

async fn one_job(equivocates: bool) {
    let mut factory = World::new(spec());
    let job = factory.announce();
    let selected = factory.selected(&job);
    let circuits = circuits();
    // Keys are made at the first use, which takes a while in this profile.
    drop(factory.plan(job));

    let genesis_ms = now_ms() - block().slot.0 * slow_spec().slot_duration_ms;
    let plan = Plan { spec: slow_spec(), genesis_ms, validators: SIDECARS, circuits, max_fill: 64, proposer: None };
    let sidecars = network(&plan).await;
    for sidecar in &sidecars {
        sidecar.head(&block()).await;
    }
    let in_phase = |phase: Phase| sidecars.iter().all(|sidecar| sidecar.state(&job) == Some(JobState::Open(phase)));
    until("all have planned the job", 60, || in_phase(Phase::T1)).await;

    let at = |place: usize| &sidecars[place % sidecars.len()];
    for (place, key) in selected.iter().enumerate() {
        let body = factory.commitments(&job, key);
        if equivocates && place == CULPRIT {
            let other = shorter(&factory, &body);
            let posts = sidecars.iter().zip([&body, &body, &other, &other]);
            // The network may be faster than one of these, which is refused then.
            futures::future::join_all(posts.map(|(sidecar, body)| sidecar.post(body.clone()))).await;
        } else {
            at(place).submit(body).await;
        }
    }
    until("all have closed T1", 60, || in_phase(Phase::T2)).await;
    for (place, key) in selected.iter().enumerate() {
        at(place + 1).submit(factory.partials(&job, key)).await;
    }
    until("all have closed T2", 60, || in_phase(Phase::T3)).await;
    at(2).submit(factory.full_proof(&job, &selected[0], Phase::T3)).await;
    until("all have finalized", 60, || {
        sidecars.iter().all(|sidecar| matches!(sidecar.state(&job), Some(JobState::Finalized(_))))
    })
    .await;

    let roots: Vec<Root> = sidecars.iter().map(Sidecar::ledger_root).collect();
    assert!(roots.iter().all(|root| *root == roots[0]), "{roots:?}");
    let phases = |sidecar: &Sidecar| {
        let core = sidecar.shared.read();
        let lines = core.job(&job).unwrap().record.phases.clone();
        lines.into_iter().map(|line| (line.phase, line.bundle_root, line.submissions)).collect::<Vec<_>>()
    };
    let first = phases(&sidecars[0]);
    assert_eq!(first.iter().map(|line| line.2).collect::<Vec<_>>(), [4, 4, 1], "nobody's submission was lost");
    assert!(sidecars.iter().all(|sidecar| phases(sidecar) == first));
    for (phase, bundle_root, _) in &first {
        let core = sidecars[0].shared.read();
        let certificates = core.certificates(core.job(&job).unwrap(), None).unwrap();
        let one = certificates.iter().find(|one| one.phase == *phase && one.bundle_root == *bundle_root).unwrap();
        let line = core.job(&job).unwrap().record.phases.iter().find(|line| line.phase == *phase).unwrap().clone();
        if one.rank == Some(0) && one.extensions == 0 {
            assert_eq!(one.leader, Some(plan.proposer(line.due)), "rank 0 is the proposer of the deadline slot");
        }
    }
    if equivocates {
        let core = sidecars[0].shared.read();
        let culprit = Account::Prover(core.prover_index(&selected[CULPRIT]).unwrap());
        let of_t1 = core.books.ledger.job(&job).filter(|entry| entry.account == culprit && entry.phase == Phase::T1);
        let mut lines: Vec<_> = of_t1.map(|entry| (entry.reason, entry.amount)).collect();
        // If the shorter body is the one that was certified.
        lines.retain(|line| *line != (Reason::Missed, Reward::from_units(-1)));
        assert_eq!(lines, [(Reason::Equivocation, Reward::from_units(-1000))]);
        drop(core);
        assert!(sidecars.iter().all(|sidecar| sidecar.shared.read().evidence().count() == 1));
    }
    shown(&sidecars, &job).await;
    sidecars.iter().for_each(|sidecar| sidecar.stop.cancel());
}
