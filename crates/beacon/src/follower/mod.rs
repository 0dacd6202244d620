//! Follows the chain of a beacon node and reports it as verified, ordered [`ChainEvent`]s.
//!
//! Nodes drop, delay and repeat events, restart, and answer from another branch than a moment ago. The follower
//! therefore takes an event only as a hint that the head moved. It fetches the head by root, walks back to the last
//! block that it knows, verifies each block, and reports all of them in order. What it reports does not depend on which
//! events came through.

mod adopt;
mod chain;
mod event;
mod far;
mod finality;
mod node;
mod run;
mod verify;

pub use event::{BlockRef, ChainEvent, Head, MixSource, RejectReason, Reorg};

use std::time::Duration;

use alloy_primitives::B256;
use quintet_types::Slot;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::client::BeaconClient;
use crate::metrics::BeaconMetrics;

/// What to do with a head whose payload the node has not verified yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OptimisticHeads {
    /// Hold it back until the node says that it is valid.
    #[default]
    Wait,
    /// Take it as any other.
    Accept,
}

/// How to follow the chain.
#[derive(Debug, Clone)]
pub struct FollowerConfig {
    /// Treatment of optimistic heads.
    pub optimistic: OptimisticHeads,
    /// Slots without a head or block event after which the stream is opened anew.
    pub silence_slots: u32,
    /// Furthest walk back from a new head to the last known block, in blocks. Beyond it, a [`ChainEvent::Gap`] is
    /// reported and the walk's end is the new beginning.
    pub max_backfill: usize,
    /// Distance to the clock, in slots, up to which a node that calls itself syncing is used all the same.
    pub sync_tolerance: u64,
    /// The last block that was processed before a restart; blocks after it are reported.
    pub resume_from: Option<B256>,
    /// No block before the last one at or before this slot is reported. With neither this nor a block to resume from, the
    /// first head is the beginning.
    pub begin_at: Option<Slot>,
    /// A longer walk than this is reported in parts of so many blocks; no more of them are held at a time.
    pub part_blocks: usize,
    /// Room for events that the consumer has not taken yet.
    pub buffer: usize,
}

impl Default for FollowerConfig {
    fn default() -> Self {
        Self {
            optimistic: OptimisticHeads::Wait,
            silence_slots: 2,
            max_backfill: 256,
            sync_tolerance: 1,
            resume_from: None,
            begin_at: None,
            part_blocks: 64,
            buffer: 256,
        }
    }
}

/// A running follower. Stops when dropped.
#[derive(Debug)]
pub struct ChainFollower {
    cancel: CancellationToken,
    task: Option<JoinHandle<()>>,
    metrics: BeaconMetrics,
}

impl ChainFollower {
    /// Starts following; events arrive on the receiver until the follower is stopped.
    #[must_use]
    pub fn spawn(client: BeaconClient, config: FollowerConfig) -> (Self, mpsc::Receiver<ChainEvent>) {
        let (sender, receiver) = mpsc::channel(config.buffer.max(1));
        let cancel = CancellationToken::new();
        let metrics = BeaconMetrics::default();
        let task = run::Follower::new(client, config, sender, cancel.clone(), metrics.clone());
        let task = tokio::spawn(task.run());
        (Self { cancel, task: Some(task), metrics }, receiver)
    }

    /// The follower's counters.
    #[must_use]
    pub const fn metrics(&self) -> &BeaconMetrics {
        &self.metrics
    }

    /// Stops the follower and waits until it has.
    pub async fn stop(mut self) {
        self.cancel.cancel();
        if let Some(task) = self.task.take() {
            // A panic in the task has been reported by the runtime already.
            let _ = tokio::time::timeout(Duration::from_secs(10), task).await;
        }
    }
}

impl Drop for ChainFollower {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}
