//! The long-running parts: the chain, the clock, and the threads that plan, verify and recompute.

mod held;
mod intake;
mod work;

use std::{
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use quintet_beacon::ChainEvent;
use quintet_proving::Circuits;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use held::must_wait;
pub use intake::{Arrival, IntakeQueue, QueueError};

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

/// Why the sidecar cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The core or its store.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// The system gives no threads.
    #[error("starting threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

/// Now in Unix milliseconds.
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// How often the clock is looked at.
const TICK: Duration = Duration::from_millis(100);

/// What the service may use of the machine.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Threads that plan and verify.
    pub threads: usize,
    /// Bytes of submissions held; finalized jobs are forgotten early above it.
    pub max_bytes: usize,
}

/// Runs chain and clock until `stop`, within `bounds`.
///
/// # Errors
/// If the store fails: nothing can be acknowledged any more. If there are no threads to be had.
pub async fn run(
    shared: Shared,
    circuits: Arc<Circuits>,
    mut chain: mpsc::Receiver<ChainEvent>,
    intake: IntakeQueue,
    bounds: Bounds,
    metrics: Metrics,
    stop: CancellationToken,
) -> Result<(), ServiceError> {
    let Bounds { threads, max_bytes } = bounds;
    let work = work::Workers::new(shared.clone(), circuits, threads, metrics.clone())?;
    let mut held = held::Held::default();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            // A held block holds all that comes after it, so that the chain is seen in order.
            event = chain.recv(), if held.has_room() => match event {
                Some(event) => {
                    held.push(event);
                    held.work_off(&shared, &metrics, max_bytes).await?;
                }
                None => return Ok(()),
            },
            _ = ticks.tick() => {
                held.work_off(&shared, &metrics, max_bytes).await?;
                let (shared, horizon) = (shared.clone(), intake.horizon());
                // Closing a phase writes to disk.
                let todo = tokio::task::spawn_blocking(move || shared.write().tick(horizon)).await;
                match todo {
                    Ok(todo) => todo?.into_iter().for_each(|todo| work.start(todo)),
                    Err(error) => tracing::error!(%error, "clock step panicked"),
                }
            }
        }
    }
}

/// Takes a chain event in.
fn on_chain(shared: &Shared, metrics: &Metrics, event: ChainEvent, max_bytes: usize) -> Result<(), CoreError> {
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
            core.on_reorg(&reorg, now_ms())?;
        }
        ChainEvent::Head(head) => {
            core.node.optimistic = false;
            metrics.head_slot.set(head.block.slot.0 as i64);
            core.on_block(&head.block, now_ms())?;
            metrics.blocks_without_registry.set(core.blocks_without_registry as i64);
        }
        ChainEvent::OptimisticHead(block) => {
            core.node.optimistic = true;
            tracing::debug!(slot = %block.slot, "optimistic head is held back");
        }
        ChainEvent::PayloadAvailable(block) => {
            core.on_block(&block, now_ms())?;
        }
        ChainEvent::Finalized { epoch, block_root } => {
            core.on_finalized(epoch, block_root)?;
            let forgotten = core.bound_memory(max_bytes)?;
            if forgotten > 0 {
                core.warn(format!(
                    "{forgotten} finalized jobs are forgotten before their time: limits.submissions_bytes is used up"
                ))?;
            }
        }
        ChainEvent::RandaoMismatch { block, own, other, source } => {
            metrics.randao_mismatches.inc();
            core.warn(format!("slot {}: the RANDAO mix is {own}, but {other} by {source:?}; no job", block.slot))?;
        }
        ChainEvent::Rejected { block, reason } => core.warn(format!("block at slot {} is not used: {reason:?}", block.slot))?,
        ChainEvent::Gap { after, before } => {
            core.warn(format!("blocks between slots {} and {} were missed", after.slot, before.slot))?;
        }
    }
    Ok(())
}
