//! The long-running parts: the chain, the clock, and the threads that plan, verify and recompute.

mod intake;
mod work;

use std::{
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use quintet_beacon::ChainEvent;
use quintet_proving::Circuits;
use quintet_types::JobId;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use intake::{IntakeQueue, QueueError};

use crate::{
    core::{Core, CoreError},
    metrics::Metrics,
};

/// The state, shared. Locks are held for short steps only; nothing that takes long runs under one.
#[derive(Clone, Debug)]
pub struct Shared(Arc<RwLock<Core>>);

impl Shared {
    /// Shares a state.
    pub fn new(core: Core) -> Self {
        Self(Arc::new(RwLock::new(core)))
    }

    /// Looks at the state.
    pub fn read(&self) -> RwLockReadGuard<'_, Core> {
        // A panic under the lock is a bug that was logged; the state is written step by step and durable.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state.
    pub fn write(&self) -> RwLockWriteGuard<'_, Core> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Now in Unix milliseconds.
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// How often the clock is looked at.
const TICK: Duration = Duration::from_millis(100);

/// Runs chain and clock until `stop`.
///
/// # Errors
/// If the store fails: nothing can be acknowledged any more.
pub async fn run(
    shared: Shared,
    circuits: Arc<Circuits>,
    mut chain: mpsc::Receiver<ChainEvent>,
    threads: usize,
    metrics: Metrics,
    stop: CancellationToken,
) -> Result<(), CoreError> {
    let work = work::Workers::new(shared.clone(), circuits, threads, metrics.clone());
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            event = chain.recv() => match event {
                Some(event) => {
                    on_chain(&shared, &metrics, event)?;
                }
                None => return Ok(()),
            },
            _ = ticks.tick() => {
                let shared = shared.clone();
                // Closing a phase writes to disk.
                let todo = tokio::task::spawn_blocking(move || shared.write().tick(now_ms())).await;
                match todo {
                    Ok(todo) => todo?.into_iter().for_each(|todo| work.start(todo)),
                    Err(error) => tracing::error!(%error, "clock step panicked"),
                }
            }
        }
    }
}

/// Takes a chain event in. Returns the job that was opened.
fn on_chain(shared: &Shared, metrics: &Metrics, event: ChainEvent) -> Result<Option<JobId>, CoreError> {
    let mut core = shared.write();
    match event {
        ChainEvent::NodeUp { endpoint, version } => {
            tracing::info!(%endpoint, %version, "beacon node");
            core.node.up = true;
            core.node.synced = true;
        }
        ChainEvent::NodeDown { reason } => {
            core.node.up = false;
            core.warn(format!("no beacon node can be used: {reason}"))?;
        }
        ChainEvent::Syncing { endpoint, head_slot, distance } => {
            core.node.synced = false;
            core.warn(format!("{endpoint} is syncing: at slot {head_slot}, {distance} behind"))?;
        }
        ChainEvent::Reorg(reorg) => {
            metrics.reorgs.inc();
            core.on_reorg(&reorg)?;
        }
        ChainEvent::Head(head) => {
            core.node.optimistic = false;
            metrics.head_slot.set(head.block.slot.0 as i64);
            return core.on_block(&head.block);
        }
        ChainEvent::OptimisticHead(block) => {
            core.node.optimistic = true;
            tracing::debug!(slot = %block.slot, "optimistic head is held back");
        }
        ChainEvent::PayloadAvailable(block) => return core.on_block(&block),
        ChainEvent::Finalized { epoch, block_root } => core.on_finalized(epoch, block_root)?,
        ChainEvent::RandaoMismatch { block, own, other, source } => {
            metrics.randao_mismatches.inc();
            core.warn(format!("slot {}: the RANDAO mix is {own}, but {other} by {source:?}; no job", block.slot))?;
        }
        ChainEvent::Rejected { block, reason } => core.warn(format!("block at slot {} is not used: {reason:?}", block.slot))?,
        ChainEvent::Gap { after, before } => {
            core.warn(format!("blocks between slots {} and {} were missed", after.slot, before.slot))?;
        }
    }
    Ok(None)
}
