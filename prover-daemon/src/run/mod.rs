//! The daemon: follows a gateway's events and gives each job that it has a part in to a worker.

mod aggregate;
mod duty;
pub(crate) mod gateways;
mod input;
mod work;
mod worker;

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::Context as _;
use futures::StreamExt as _;
use quintet_api::{Event, EventKind, JobFilter, JobState, Topic};
use quintet_beacon::BeaconClient;
use quintet_keys::StakeKey;
use quintet_proving::Circuits;
use quintet_types::{JobId, Phase, PublicKeyBytes, Root, Slot, Spec};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::protection::Protection;
use gateways::Gateways;
use worker::Wake;

/// Topics that a daemon follows.
const TOPICS: [Topic; 6] = [Topic::Job, Topic::Phase, Topic::Holes, Topic::Challenge, Topic::Submission, Topic::Finalized];
/// How often the list of jobs is read, in case events were missed.
const REFRESH: Duration = Duration::from_secs(10);
/// Pause before a gateway is spoken to again after a failure.
const RECONNECT: Duration = Duration::from_secs(2);
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
    /// Whether to make full proofs.
    pub(crate) aggregate: bool,
}

impl Shared {
    /// Length of a phase in milliseconds: how long a request is worth repeating.
    pub(crate) fn phase_ms(&self) -> u64 {
        self.spec.phase_slots.saturating_mul(self.spec.slot_duration_ms)
    }
}

/// Someone else signs with our key.
#[derive(Debug, thiserror::Error)]
#[error(
    "job {job} {phase}: a submission {found} was made with this key, and our record {ours}. Another process has the key, or the \
     protection record was lost. Two bodies for one phase are slashed: stop the other one, import its record, and start again"
)]
struct Twin {
    job: Box<JobId>,
    phase: Phase,
    found: Root,
    ours: String,
}

/// Jobs that are being worked on.
#[derive(Debug, Default)]
struct Jobs {
    running: HashMap<JobId, (Arc<Wake>, JoinHandle<()>)>,
    /// Last event that was seen.
    last_event: u64,
}

/// Follows events until `stop`.
///
/// # Errors
/// If another process uses the same key. Everything else is logged and gone on after.
pub(crate) async fn run(shared: Arc<Shared>, stop: CancellationToken) -> anyhow::Result<()> {
    let mut jobs = Jobs::default();
    let outcome = loop {
        let error = tokio::select! {
            () = stop.cancelled() => break Ok(()),
            ended = follow(&shared, &mut jobs) => ended.err(),
        };
        match error {
            Some(error) if error.is::<Twin>() => break Err(error),
            Some(error) => tracing::warn!(gateway = %shared.gateways.current().base(), "{error:#}; connecting again"),
            None => tracing::warn!(gateway = %shared.gateways.current().base(), "the event stream ended; connecting again"),
        }
        shared.gateways.rotate();
        tokio::select! {
            () = stop.cancelled() => break Ok(()),
            () = tokio::time::sleep(RECONNECT) => {}
        }
    };
    for (id, (_, worker)) in jobs.running {
        if !worker.is_finished() {
            tracing::info!(job = %id, "left unfinished; it is taken up again after a restart");
            worker.abort();
        }
    }
    outcome
}

/// Follows one gateway until the stream ends.
async fn follow(shared: &Arc<Shared>, jobs: &mut Jobs) -> anyhow::Result<()> {
    let client = shared.gateways.current().clone();
    let mut events = client.events(&TOPICS, Some(jobs.last_event)).await?;
    jobs.refresh(shared).await?;
    let mut refresh = tokio::time::interval(REFRESH);
    refresh.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(event) => jobs.on_event(shared, event?).await?,
                None => return Ok(()),
            },
            _ = refresh.tick() => jobs.refresh(shared).await?,
        }
    }
}

impl Jobs {
    /// Starts a worker for every job that is open and has none.
    async fn refresh(&mut self, shared: &Arc<Shared>) -> anyhow::Result<()> {
        let filter = JobFilter { limit: Some(200), ..JobFilter::default() };
        let page = shared.gateways.current().jobs(&filter).await.context("reading the jobs")?;
        let open: Vec<JobId> = page.data.iter().filter(|job| !job.state.is_final()).map(|job| job.job).collect();
        // A worker that gave up is not started again while its job is open.
        self.running.retain(|id, (_, worker)| open.contains(id) || !worker.is_finished());
        for id in open {
            self.start(shared, id);
        }
        Ok(())
    }

    fn start(&mut self, shared: &Arc<Shared>, id: JobId) {
        self.running.entry(id).or_insert_with(|| {
            let wake = Arc::new(Wake::default());
            let (shared, theirs) = (Arc::clone(shared), Arc::clone(&wake));
            let worker = tokio::spawn(async move {
                if let Err(error) = worker::work(shared, id, theirs).await {
                    tracing::error!(job = %id, "not worked on: {error:#}");
                }
            });
            (wake, worker)
        });
    }

    async fn on_event(&mut self, shared: &Arc<Shared>, event: Event) -> anyhow::Result<()> {
        self.last_event = event.id;
        match event.kind {
            EventKind::Job { job, state } => {
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
                check_twin(shared, job, phase, body_root).await?;
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
            EventKind::Submission { .. } | EventKind::Reorg { .. } | EventKind::Warning { .. } => {}
        }
        Ok(())
    }

    fn wake(&self, id: &JobId) {
        if let Some((wake, _)) = self.running.get(id) {
            wake.notify.notify_one();
        }
    }
}

/// A submission under our key: it has to be one that we have on record, which is written before anything is sent.
async fn check_twin(shared: &Arc<Shared>, job: JobId, phase: Phase, found: Root) -> anyhow::Result<()> {
    if job.slot < shared.protection.floor() {
        return Ok(());
    }
    let record = {
        let shared = Arc::clone(shared);
        tokio::task::spawn_blocking(move || shared.protection.body_root(&job, phase)).await??
    };
    if record == Some(found) {
        return Ok(());
    }
    // Events come again after a restart; of a job that is over nothing more is signed.
    if record.is_none() && shared.gateways.current().job(&job).await.is_ok_and(|detail| detail.summary.state.is_final()) {
        tracing::warn!(%job, %phase, "this key submitted to a job that is over, and the protection record does not know of it");
        return Ok(());
    }
    let ours = record.map_or_else(|| "has none".to_owned(), |root| format!("has {root}"));
    Err(Twin { job: Box::new(job), phase, found, ours }.into())
}
