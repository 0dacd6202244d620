//! The daemon: follows a gateway's events and gives each job that it has a part in to a worker.

pub(crate) mod aggregate;
pub(crate) mod board;
pub(crate) mod duty;
pub(crate) mod gateways;
mod gpu_metrics;
mod health;
mod input;
pub(crate) mod listener;
pub(crate) mod metrics;
pub(crate) mod speed;
pub(crate) mod standing;
pub(crate) mod twin;
pub(crate) mod work;
mod worker;

#[cfg(test)]
mod failover_tests;

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::Context as _;
use futures::StreamExt as _;
use quintet_api::{Event, EventKind, JobFilter, JobState, Topic};
use quintet_beacon::BeaconClient;
use quintet_keys::StakeKey;
use quintet_proving::Circuits;
use quintet_types::{JobId, PublicKeyBytes, Slot, Spec};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::protection::Protection;
use board::{Board, Mode};
use gateways::Gateways;
use metrics::Metrics;
use speed::Speed;
use standing::{OnChain, Slashed, Standing};
use twin::{LookOut, LookOutPolicy, Twin};
use work::Step;
use worker::Wake;

/// Topics that a daemon follows.
const TOPICS: [Topic; 6] = [Topic::Job, Topic::Phase, Topic::Holes, Topic::Challenge, Topic::Submission, Topic::Finalized];
/// How often the list of jobs is read, in case events were missed.
const REFRESH: Duration = Duration::from_secs(10);
/// Pause before a gateway is spoken to again after a failure.
const RECONNECT: Duration = Duration::from_secs(2);
/// Times that a job is taken up again after an error, with pauses between them.
const ATTEMPTS: u32 = 4;
/// Records of older jobs are removed: what was finalized so many epochs ago has no open phase any more.
const KEPT_EPOCHS: u64 = 64;

/// What all workers use.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The gateways.
    pub(crate) gateways: Gateways,
    /// Parameters of the network.
    pub(crate) spec: Arc<Spec>,
    /// The stake key.
    pub(crate) key: StakeKey,
    /// Its public half.
    pub(crate) pubkey: PublicKeyBytes,
    /// Keys of machine and guest.
    pub(crate) circuits: Arc<Circuits>,
    /// What the key has signed.
    pub(crate) protection: Protection,
    /// Our own beacon node.
    pub(crate) beacon: Option<BeaconClient>,
    /// The staking contracts, if we were told where they are.
    pub(crate) chain: Option<OnChain>,
    /// Whether to make full proofs.
    pub(crate) aggregate: bool,
    /// Whether to make a full proof alone in T1 or T2 where there is time for it.
    pub(crate) full_proof_when_faster: bool,
    /// Whether to look out for a twin first.
    pub(crate) look_out: LookOutPolicy,
    /// Whether bars are hidden.
    pub(crate) quiet: bool,
    /// How fast this machine has been.
    pub(crate) speed: Arc<Speed>,
    /// Counters.
    pub(crate) metrics: Arc<Metrics>,
    /// What is being done.
    pub(crate) board: Arc<Board>,
}

impl Shared {
    /// Something happened to an instance.
    pub(crate) fn on_step(&self, air: u16, step: Step) {
        match step {
            Step::Committed(took) => self.metrics.committed(air, took),
            Step::Proven(took) => self.metrics.proven(air, took),
            Step::Failed => self.metrics.failed(air),
        }
    }

    /// Length of a phase in milliseconds: how long a request is worth repeating.
    pub(crate) fn phase_ms(&self) -> u64 {
        self.spec.phase_slots.saturating_mul(self.spec.slot_duration_ms)
    }
}

/// Jobs that are being worked on.
#[derive(Debug, Default)]
struct Jobs {
    running: HashMap<JobId, (Arc<Wake>, JoinHandle<()>)>,
    /// Last event of each gateway.
    last_event: HashMap<String, u64>,
    /// A look-out for a twin that is not over: nothing is worked on meanwhile.
    look_out: Option<LookOut>,
    /// Whether we looked for a twin at all.
    looked: bool,
    /// Whether we may work.
    standing: Standing,
}

/// Follows events until `stop`.
///
/// # Errors
/// If another process uses the same key. After a slash nothing is done any more, until `stop`. Everything else is logged and gone on after.
pub(crate) async fn run(shared: Arc<Shared>, stop: CancellationToken) -> anyhow::Result<()> {
    let mut jobs = Jobs::default();
    let outcome = loop {
        let gateway = shared.gateways.current().clone();
        shared.board.set_mode(Mode::Connecting, gateway.base());
        let error = tokio::select! {
            () = stop.cancelled() => break Ok(()),
            ended = follow(&shared, &mut jobs) => ended.err(),
        };
        shared.metrics.gateway_connected.set(0);
        match error {
            Some(error) if error.is::<Twin>() => break Err(error),
            Some(error) if error.is::<Slashed>() => {
                jobs.stop();
                tracing::error!(prover = %shared.pubkey, "{error}");
                shared.board.stop(error.to_string());
                // A restart would change nothing, so the process stays, and tells those who ask.
                stop.cancelled().await;
                break Ok(());
            }
            Some(error) => tracing::warn!(gateway = %gateway.base(), "{error:#}; connecting again"),
            None if gateway.base() != shared.gateways.current().base() => {
                jobs.standing.reset();
                continue;
            }
            None => tracing::warn!(gateway = %gateway.base(), "the event stream ended; connecting again"),
        }
        jobs.standing.reset();
        shared.gateways.rotate(&gateway);
        tokio::select! {
            () = stop.cancelled() => break Ok(()),
            () = tokio::time::sleep(RECONNECT) => {}
        }
    };
    jobs.stop();
    outcome
}

/// Follows one gateway until the stream ends.
async fn follow(shared: &Arc<Shared>, jobs: &mut Jobs) -> anyhow::Result<()> {
    health::choose(shared).await?;
    let client = shared.gateways.current().clone();
    let gateway = client.base().to_string();
    if !jobs.looked {
        jobs.look_out = LookOut::begin(shared).await?;
        jobs.looked = true;
    }
    // The ids of one gateway's events mean nothing to another.
    let mut events = client.events(&TOPICS, Some(jobs.last_event.get(&gateway).copied().unwrap_or(0))).await?;
    shared.metrics.gateway_connected.set(1);
    shared.metrics.event_streams.inc();
    jobs.refresh(shared).await?;
    let mut refresh = tokio::time::interval(REFRESH);
    refresh.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let mode = if jobs.look_out.is_some() { Mode::LookingOut } else { Mode::Following };
        shared.board.set_mode(mode, &gateway);
        tokio::select! {
            event = events.next() => match event {
                Some(event) => {
                    let event = event?;
                    jobs.last_event.insert(gateway.clone(), event.id);
                    jobs.on_event(shared, event).await?;
                }
                None => return Ok(()),
            },
            _ = refresh.tick() => {
                // Somebody may have turned to another one, or now is the time.
                if client.base() != shared.gateways.current().base() || health::choose(shared).await? {
                    return Ok(());
                }
                jobs.refresh(shared).await?;
            }
        }
    }
}

/// Works on a job until it is over. Errors may pass, so it is taken up again some times.
async fn work(shared: Arc<Shared>, id: JobId, wake: Arc<Wake>) {
    let mut pause = RECONNECT;
    for attempt in 1..=ATTEMPTS {
        let Err(error) = worker::work(Arc::clone(&shared), id, Arc::clone(&wake)).await else { break };
        tracing::error!(job = %id, attempt, "not worked on: {error:#}");
        if attempt == ATTEMPTS {
            shared.metrics.missed("job");
            shared.board.missed(&id, None, format!("{error:#}"));
        } else {
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }
    shared.board.close(&id);
}

impl Jobs {
    /// Stops all workers.
    fn stop(&mut self) {
        for (id, (_, worker)) in self.running.drain() {
            if !worker.is_finished() {
                tracing::info!(job = %id, "left unfinished");
                worker.abort();
            }
        }
    }

    /// Starts a worker for every job that is open and has none, if we may work.
    async fn refresh(&mut self, shared: &Arc<Shared>) -> anyhow::Result<()> {
        self.standing.check(shared).await?;
        let filter = JobFilter { limit: Some(200), ..JobFilter::default() };
        let page = shared.gateways.current().jobs(&filter).await.context("reading the jobs")?;
        for job in &page.data {
            self.looked_at(shared, job.job, job.state).await?;
        }
        let open: Vec<JobId> = page.data.iter().filter(|job| !job.state.is_final()).map(|job| job.job).collect();
        // A worker that gave up is not started again while its job is open.
        self.running.retain(|id, (_, worker)| open.contains(id) || !worker.is_finished());
        for id in open {
            self.start(shared, id);
        }
        let working = self.running.values().filter(|(_, worker)| !worker.is_finished()).count();
        shared.metrics.jobs_open.set(working as i64);
        Ok(())
    }

    /// Tells the look-out of a job's state; ends it when nothing was found.
    async fn looked_at(&mut self, shared: &Arc<Shared>, job: JobId, state: JobState) -> anyhow::Result<()> {
        if let Some(look_out) = &mut self.look_out
            && look_out.saw(shared, job, state).await?
        {
            self.look_out = None;
        }
        Ok(())
    }

    fn start(&mut self, shared: &Arc<Shared>, id: JobId) {
        if self.look_out.is_some() {
            return;
        }
        self.running.entry(id).or_insert_with(|| {
            let wake = Arc::new(Wake::default());
            let worker = tokio::spawn(work(Arc::clone(shared), id, Arc::clone(&wake)));
            (wake, worker)
        });
    }

    async fn on_event(&mut self, shared: &Arc<Shared>, event: Event) -> anyhow::Result<()> {
        match event.kind {
            EventKind::Job { job, state } => {
                self.looked_at(shared, job, state).await?;
                if !state.is_final() && state != JobState::Suspended {
                    self.start(shared, job);
                }
                self.wake(&job);
            }
            EventKind::Phase { job, .. } | EventKind::Challenge { job } => self.wake(&job),
            EventKind::Holes { job, instances } => {
                if let Some((wake, _)) = self.running.get(&job) {
                    wake.add_holes(&instances);
                }
            }
            EventKind::Submission { job, phase, prover, body_root, .. } if prover == shared.pubkey => {
                twin::check(shared, job, phase, body_root).await?;
            }
            EventKind::Finalized { slot, .. } => {
                let floor = Slot(slot.0.saturating_sub(KEPT_EPOCHS * shared.spec.slots_per_epoch));
                let shared = Arc::clone(shared);
                let removed = tokio::task::spawn_blocking(move || shared.protection.prune(floor)).await?;
                match removed {
                    Ok(0) => {}
                    Ok(records) => tracing::debug!(records, %floor, "old protection records removed"),
                    Err(error) => tracing::warn!(%error, "old protection records could not be removed"),
                }
            }
            EventKind::Submission { .. }
            | EventKind::Certificate { .. }
            | EventKind::Peers { .. }
            | EventKind::Reorg { .. }
            | EventKind::Warning { .. } => {}
        }
        Ok(())
    }

    fn wake(&self, id: &JobId) {
        if let Some((wake, _)) = self.running.get(id) {
            wake.notify.notify_one();
        }
    }
}
