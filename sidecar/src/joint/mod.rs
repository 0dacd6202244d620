//! Agreeing with other validators' sidecars on what a phase contains.
//!
//! One task ties three things together that know nothing of each other: the network (`quintet_gossip`), which carries; the agreement
//! (`quintet_agreement`), one for each open phase, which decides; and the [core](crate::core), which knows what was submitted and keeps the ledger.
//!
//! ```text
//! network ── announcements, bodies ──▶ intake ──▶ core
//!    ▲  └── proposals, votes ──▶ agreement ── judge, propose, decided ──▶ core
//!    └────────── broadcast ─────────┘
//! ```

mod agree;
pub mod board;
mod carry;
pub mod enrolled;
mod introduce;
mod late;
pub mod proposers;
mod pull;
mod start;
mod status;

pub use board::Board;
pub use enrolled::Enrolment;
pub use proposers::ProposerSource;
pub use start::{Joined, Plan, RECORD_DIR, check, start};

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use board::Standing;
use quintet_agreement::{Agreement, Enrolled, Timing};
use quintet_api::EventKind;
use quintet_gossip::{NetworkEvent, NetworkHandle, PeerId};
use quintet_signer::ValidatorSigner;
use quintet_types::{
    BundleCertificate, CertifiedBundle, JobId, Phase, PublicKeyBytes, Root, SignedProposal, Slot, Spec, ValidatorIndex,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, mpsc};
use tokio_util::sync::CancellationToken;

use crate::{
    core::{CoreError, OpenPhase},
    metrics::Metrics,
    service::{IntakeQueue, Shared, now_ms},
};

/// How often the clock is looked at.
const TICK: std::time::Duration = std::time::Duration::from_millis(100);
/// Bytes of bodies on their way from the network to the store.
const BODY_MEMORY: usize = 64 << 20;
/// Between two requests for what a bundle lists and is missing here.
const FETCH_PAUSE_MS: u64 = 500;

/// What the task is made of.
#[derive(Debug)]
pub struct Joint {
    /// The sidecar's state.
    pub shared: Shared,
    /// Where submissions of peers go.
    pub intake: IntakeQueue,
    /// The network.
    pub network: NetworkHandle,
    /// Signs as our validator.
    pub signer: Arc<dyn ValidatorSigner>,
    /// Who takes part; each job's committee is drawn of them.
    pub enrolled: Enrolment,
    /// Our validator, if it is one of them; otherwise this sidecar only listens.
    pub me: Option<ValidatorIndex>,
    /// Knows the beacon chain's proposers, who have rank 0.
    pub proposers: Arc<dyn ProposerSource>,
    /// How long the agreement waits.
    pub timing: Timing,
    /// What the gateway shows of it.
    pub board: Board,
    /// Metrics.
    pub metrics: Metrics,
}

/// Why the task cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum JointError {
    /// The core or its store.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// The store.
    #[error("store: {0}")]
    Store(#[from] quintet_store::StoreError),
    /// What the others have certified cannot be here: the jobs here are not theirs.
    #[error(
        "a certified bundle of {phase} of job {job} does not fit what is here: {error}; this store's ledger is another one than that of the other \
         validators: make it from a backup of a sidecar that you trust (`quintet-sidecar db restore`)"
    )]
    Differs {
        /// The job.
        job: Box<JobId>,
        /// The phase.
        phase: Phase,
        /// The rule that it breaks here.
        error: Box<quintet_protocol::ProtocolError>,
    },
}

/// The agreement on one phase, and what it waits for.
struct Place {
    agreement: Agreement,
    /// Who leads at the deadline as it is now; empty while rank 0 is not known.
    ranks: Vec<ValidatorIndex>,
    /// Proposals to be judged, by the root of the bundle.
    judging: BTreeMap<Root, SignedProposal>,
    /// Rank and slot that a bundle is wanted for.
    proposing: Option<(u16, Slot)>,
    /// The outcome, until it is applied.
    decided: Option<CertifiedBundle>,
    /// Number of the next record.
    records: u64,
    /// When what is missing was asked for last, Unix ms.
    asked_ms: u64,
}

/// The running task.
struct Running {
    joint: Joint,
    spec: Arc<Spec>,
    places: BTreeMap<(JobId, Phase), Place>,
    /// Phases that the others may have ended while this sidecar was away.
    late: BTreeMap<(JobId, Phase), late::Late>,
    /// Certified bundles that peers told of, not verified yet.
    told: BTreeMap<(JobId, Phase), Vec<(PeerId, CertifiedBundle)>>,
    /// Submissions that are fetched.
    pulls: BTreeMap<(JobId, Phase), pull::Pull>,
    room: Arc<Semaphore>,
    /// Room for questions after certified bundles.
    asking: Arc<Semaphore>,
    peers: BTreeSet<PeerId>,
    /// Which peer is asked next.
    turn: usize,
    status: status::Told,
    proposers: proposers::Proposers,
    introductions: introduce::Introductions,
    /// Certificates of the last closed phase of jobs.
    certificates: HashMap<JobId, BundleCertificate>,
    /// Submissions that are here, by the root of their header.
    held: HashMap<Root, carry::Held>,
    keys: HashMap<PublicKeyBytes, quintet_keys::PublicKey>,
    memory: Arc<Semaphore>,
    /// Submissions that came as the answer to a request.
    fetched: mpsc::UnboundedSender<Fetched>,
}

/// An answer of a peer.
enum Fetched {
    Pulled(pull::Pulled),
    Bundles { peer: PeerId, items: Vec<Vec<u8>>, _room: OwnedSemaphorePermit },
    Told { peer: PeerId, place: (JobId, Phase), told: late::Told, _room: OwnedSemaphorePermit },
    Introduced { peer: PeerId, heard: bool },
    Proposers { block: Root, answer: Option<BTreeMap<Slot, ValidatorIndex>> },
}

impl Joint {
    /// Runs until `stop`, or until the network ends.
    ///
    /// # Errors
    /// If the store fails: nothing may be signed any more.
    pub async fn run(self, mut events: mpsc::Receiver<NetworkEvent>, stop: CancellationToken) -> Result<(), JointError> {
        self.metrics.gossip.show(self.network.metrics());
        let (sender, mut fetched) = mpsc::unbounded_channel();
        let (spec, mut own) = {
            let core = self.shared.read();
            (Arc::clone(&core.config.spec), core.events.subscribe(None).1)
        };
        let mut running = Running {
            joint: self,
            spec,
            places: BTreeMap::new(),
            late: BTreeMap::new(),
            told: BTreeMap::new(),
            pulls: BTreeMap::new(),
            room: Arc::new(Semaphore::new(pull::PULLS)),
            asking: Arc::new(Semaphore::new(late::QUESTIONS)),
            peers: BTreeSet::new(),
            turn: 0,
            status: status::Told::default(),
            proposers: proposers::Proposers::default(),
            introductions: introduce::Introductions::default(),
            certificates: HashMap::new(),
            held: HashMap::new(),
            keys: HashMap::new(),
            memory: Arc::new(Semaphore::new(BODY_MEMORY)),
            fetched: sender,
        };
        running.index();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                event = events.recv() => match event {
                    Some(event) => running.on_network(event).await?,
                    None => break,
                },
                event = own.recv() => match event {
                    Ok(event) => running.on_own(event.kind).await,
                    // Announcements may be lost; what bundles list is asked for anyway.
                    Err(broadcast::error::RecvError::Lagged(lost)) => {
                        tracing::warn!(lost, "own events came too fast");
                        running.index();
                    }
                    Err(broadcast::error::RecvError::Closed) => break,
                },
                Some(fetched) = fetched.recv() => running.on_fetched(fetched).await?,
                _ = ticks.tick() => running.tick().await?,
            }
        }
        running.joint.network.shutdown().await;
        Ok(())
    }
}

impl Running {
    /// Looks through all jobs for what is held.
    fn index(&mut self) {
        let core = self.joint.shared.read();
        let (mut found, mut open) = (HashMap::new(), Vec::new());
        for (id, live) in core.jobs() {
            for (prover, received) in Phase::ALL.into_iter().flat_map(|phase| live.bodies(phase)) {
                let (phase, body_root) = (received.submission.phase(), received.body_root);
                let root = carry::header_root(id, phase, received.submission.prover(), body_root);
                found.insert(root, carry::Held::new(*id, phase, prover, body_root));
                if !live.job().state().is_over() {
                    open.push(Arc::clone(&received.submission));
                }
            }
        }
        drop(core);
        self.held = found;
        self.hold(open);
    }

    /// Something happened in the core.
    async fn on_own(&mut self, event: EventKind) {
        if let EventKind::Submission { job, phase, prover, body_root, .. } = event {
            self.announce(job, phase, prover, body_root).await;
        }
    }

    async fn tick(&mut self) -> Result<(), JointError> {
        let open = self.joint.shared.read().open_phases();
        let is_open = |place: &(JobId, Phase)| open.iter().any(|phase| (phase.job, phase.phase) == *place);
        self.places.retain(|place, _| is_open(place));
        self.late.retain(|place, _| is_open(place));
        self.pulls.retain(|place, _| is_open(place));
        self.forget_told();
        for phase in &open {
            let place = (phase.job, phase.phase);
            if !self.places.contains_key(&place) && !self.late.contains_key(&place) {
                self.begin_or_catch_up(*phase, now_ms()).await?;
            }
        }
        let late: Vec<_> = self.late.keys().copied().collect();
        for place in late {
            self.catch_up(place, now_ms()).await?;
        }
        self.ask_for_proposers(&open, now_ms());
        self.introduce(now_ms()).await;
        self.tell_status(now_ms());
        let places: Vec<_> = self.places.keys().copied().collect();
        for place in places {
            self.wake(place, now_ms()).await?;
        }
        self.show();
        Ok(())
    }

    /// Puts what is to be seen on the board.
    fn show(&mut self) {
        let standings: BTreeMap<_, _> =
            self.places.iter().map(|(place, at)| (*place, Standing::of(&at.agreement, at.ranks.clone()))).collect();
        let metrics = &self.joint.metrics.agreement;
        metrics.open.set(i64::try_from(standings.len()).unwrap_or(i64::MAX));
        metrics.round.set(standings.values().filter_map(|standing| standing.round).max().map_or(0, i64::from));
        self.joint.board.set_phases(standings);
        let introduced = self.introduced(now_ms());
        self.joint.board.set_introduced(introduced);
    }

    /// Who takes part in a job, once that is known.
    fn enrolled(&self, open: &OpenPhase) -> Option<Enrolled> {
        let enrolled = self.joint.enrolled.of(&self.joint.shared.read(), &open.at);
        enrolled.inspect_err(|reason| tracing::debug!(job = %open.job, %reason, "not known yet who votes")).ok()
    }
}
