//! Chain events that wait until it is known who can be drawn.
//!
//! A sidecar that was away takes the blocks that it missed one by one: each waits for what the others decided before it ([`Core::undecided_before`]),
//! since who is drawn depends on it.
//!
//! The execution node that the staking contracts are read from may lag a little behind the beacon node. A block whose provers are not known yet waits,
//! with everything after it, until they are or until its job would have to begin. Then it gets a job that nobody serves, rather than other provers than
//! everywhere else. What waits is not written down: after a restart the chain is followed from the last block that was dealt with.

use std::collections::VecDeque;

use quintet_beacon::{BlockInfo, ChainEvent};

use super::{Shared, now_ms, on_chain};
use crate::{
    core::{Core, CoreError},
    metrics::Metrics,
};

/// Most events that wait here; more wait where they come from.
const MAX_HELD: usize = 256;

/// Events in order, the oldest of which waits.
#[derive(Debug, Default)]
pub(super) struct Held {
    events: VecDeque<ChainEvent>,
    waiting: bool,
}

impl Held {
    pub(super) fn has_room(&self) -> bool {
        self.events.len() < MAX_HELD
    }

    pub(super) fn push(&mut self, event: ChainEvent) {
        self.events.push_back(event);
    }

    /// Deals with the events that need not wait.
    ///
    /// # Errors
    /// If the store fails.
    pub(super) async fn work_off(&mut self, shared: &Shared, metrics: &Metrics, max_bytes: usize) -> Result<(), CoreError> {
        while let Some(event) = self.events.front() {
            let reason = block_of(event).and_then(|block| must_wait(&shared.read(), block, now_ms()));
            if let Some(reason) = reason {
                if !self.waiting {
                    tracing::warn!("{reason}");
                    self.waiting = true;
                }
                return Ok(());
            }
            self.waiting = false;
            let Some(event) = self.events.pop_front() else { return Ok(()) };
            let (shared, metrics) = (shared.clone(), metrics.clone());
            // It draws provers and writes to disk.
            match tokio::task::spawn_blocking(move || on_chain(&shared, &metrics, event, max_bytes)).await {
                Ok(done) => done?,
                Err(error) => tracing::error!(%error, "chain event panicked"),
            }
        }
        Ok(())
    }
}

/// The block that may get a job.
fn block_of(event: &ChainEvent) -> Option<&BlockInfo> {
    match event {
        ChainEvent::Head(head) => Some(&head.block),
        ChainEvent::PayloadAvailable(block) => Some(block),
        _ => None,
    }
}

/// Why a block has to wait: its provers are not known, and there is time left before its first phase has to begin. A block that comes a slot late has
/// all the time that it takes to learn what was decided before it.
pub fn must_wait(core: &Core, block: &BlockInfo, now_ms: u64) -> Option<String> {
    let spec = &core.config.spec;
    if let Some(job) = core.undecided_before(block)
        && now_ms >= core.slot_start_ms(block.slot.plus(1))
    {
        return Some(format!("the block of slot {} waits for the end of a phase of job {job}", block.slot));
    }
    let not_known = core.check_registry(block).err()?;
    let begin = core.slot_start_ms(block.slot.plus(spec.t1_delay_slots));
    // Where phases begin with the block, half of the slot is what there is.
    let latest = begin.max(core.slot_start_ms(block.slot) + spec.slot_duration_ms / 2);
    (now_ms < latest).then(|| format!("the block of slot {} waits: {not_known}", block.slot))
}
