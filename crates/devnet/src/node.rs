//! A running devnet: the loop over slots and the server beside it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quintet_types::{Root, Slot};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::chain::{Advance, Chain};
use crate::clock::Clock;
use crate::config::{DevnetConfig, DevnetError};
use crate::control::{Control, Orders, SlotPlan};
use crate::server;

/// Deepest reorg that can be ordered.
pub const MAX_REORG_DEPTH: usize = 3;
/// Events that a slow reader of the stream may lag behind.
const EVENT_BUFFER: usize = 1024;

/// An event of the stream: topic and data.
pub(crate) type TopicEvent = (&'static str, Value);

/// State shared by the loop and the server.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) chain: Mutex<Chain>,
    pub(crate) control: Control,
    pub(crate) clock: Clock,
    pub(crate) events: broadcast::Sender<TopicEvent>,
    /// The slot that has been dealt with last.
    pub(crate) done: watch::Sender<u64>,
    pub(crate) cancel: CancellationToken,
}

impl Shared {
    pub(crate) fn chain(&self) -> MutexGuard<'_, Chain> {
        self.chain.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_offline(&self) -> bool {
        self.control.orders().offline > 0
    }

    fn tick(&self, slot: Slot) {
        let was_optimistic = self.control.orders().optimistic > 0;
        let plan = self.control.next(slot);
        if was_optimistic && self.control.orders().optimistic == 0 {
            tracing::info!(%slot, "heads are valid again");
        }
        if let SlotPlan::Block { transactions, reorg_depth } = plan {
            let advance = self.chain().produce(slot, transactions, reorg_depth);
            match advance {
                Ok(advance) => self.announce(&advance),
                Err(error) => tracing::error!(%slot, %error, "no block"),
            }
        } else {
            tracing::info!(%slot, "missed, as ordered");
        }
        self.done.send_replace(slot.0);
    }

    fn announce(&self, advance: &Advance) {
        let block = &advance.block;
        let optimistic = self.control.orders().optimistic > 0;
        let (previous, current) = {
            let chain = self.chain();
            let epoch = chain.builder().epoch(block.slot);
            (chain.dependent_root(epoch.minus(1)), chain.dependent_root(epoch))
        };
        let transactions = block.execution.transactions();
        tracing::info!(slot = %block.slot, root = %block.root, transactions, reorg = advance.reorg.is_some(), "block");
        let mut events: Vec<TopicEvent> =
            vec![("block", json!({"slot": block.slot, "block": block.root, "execution_optimistic": optimistic}))];
        if let Some((old, depth)) = &advance.reorg {
            let data = json!({
                "slot": block.slot, "depth": depth.to_string(), "old_head_block": old.root, "new_head_block": block.root,
                "old_head_state": old.state_root, "new_head_state": block.state_root,
                "epoch": self.chain().builder().epoch(block.slot), "execution_optimistic": optimistic,
            });
            events.push(("chain_reorg", data));
        }
        let data = json!({
            "slot": block.slot, "block": block.root, "state": block.state_root,
            "epoch_transition": advance.epoch_transition, "previous_duty_dependent_root": previous,
            "current_duty_dependent_root": current, "execution_optimistic": optimistic,
        });
        events.push(("head", data));
        if let Some(checkpoint) = advance.finalized {
            let state = self.chain().by_root(&checkpoint.root).map(|block| block.state_root).unwrap_or_default();
            let data = json!({
                "block": checkpoint.root, "state": state, "epoch": checkpoint.epoch, "execution_optimistic": false,
            });
            events.push(("finalized_checkpoint", data));
        }
        for event in events {
            // Without listeners there is nobody to tell.
            let _ = self.events.send(event);
        }
    }
}

/// An embedded chain with its Beacon API. Stops when dropped.
#[derive(Debug)]
pub struct Devnet {
    shared: Arc<Shared>,
    config: DevnetConfig,
    address: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
}

impl Devnet {
    /// Starts the chain at slot 1 and the server.
    ///
    /// # Errors
    /// When the configuration cannot be, or the address cannot be listened on.
    pub async fn start(config: DevnetConfig) -> Result<Self, DevnetError> {
        let chain = Chain::new(config.clone())?;
        let listen_error = |source| DevnetError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(listen_error)?;
        let address = listener.local_addr().map_err(listen_error)?;
        let (events, _) = broadcast::channel(EVENT_BUFFER);
        let shared = Arc::new(Shared {
            chain: Mutex::new(chain),
            control: Control::new(config.txs_per_block, config.rhythm),
            clock: config.clock.clone(),
            events,
            done: watch::Sender::new(0),
            cancel: CancellationToken::new(),
        });
        let slots = tokio::spawn(run_slots(shared.clone(), config.clone()));
        let server = tokio::spawn(server::serve(listener, shared.clone()));
        Ok(Self { shared, config, address, tasks: vec![slots, server] })
    }

    /// What it was started with.
    #[must_use]
    pub const fn config(&self) -> &DevnetConfig {
        &self.config
    }

    /// Where the Beacon API listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Base URL of the Beacon API.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Root that tells this network from others.
    #[must_use]
    pub fn genesis_validators_root(&self) -> Root {
        self.shared.chain().genesis_validators_root()
    }

    /// Slot and root of the head.
    #[must_use]
    pub fn head(&self) -> (Slot, Root) {
        let chain = self.shared.chain();
        (chain.head().slot, chain.head().root)
    }

    /// Orders that are still to be carried out.
    #[must_use]
    pub fn orders(&self) -> Orders {
        self.shared.control.orders()
    }

    /// Leaves the next `slots` slots without a block.
    pub fn miss(&self, slots: u64) {
        self.shared.control.change(|orders| orders.missed = slots);
    }

    /// Makes the next `blocks` blocks without transactions.
    pub fn empty(&self, blocks: u64) {
        self.shared.control.change(|orders| orders.empty = blocks);
    }

    /// Lets the next block drop `depth` blocks.
    ///
    /// # Errors
    /// When `depth` is more than [`MAX_REORG_DEPTH`].
    pub fn reorg(&self, depth: usize) -> Result<(), DevnetError> {
        if depth > MAX_REORG_DEPTH {
            return Err(DevnetError::ReorgTooDeep { depth });
        }
        self.shared.control.change(|orders| orders.reorg_depth = depth);
        Ok(())
    }

    /// Takes the API away for `slots` slots; the chain goes on.
    pub fn go_offline(&self, slots: u64) {
        self.shared.control.change(|orders| orders.offline = slots);
    }

    /// Announces heads as optimistic for `slots` slots.
    pub fn go_optimistic(&self, slots: u64) {
        self.shared.control.change(|orders| orders.optimistic = slots);
    }

    /// Waits until `slot` has been dealt with, by a block or without.
    pub async fn reached(&self, slot: Slot) {
        let mut done = self.shared.done.subscribe();
        // The sender lives in `shared`.
        let _ = done.wait_for(|done| *done >= slot.0).await;
    }

    /// Stops the chain, ends event streams and connections, and waits until all has stopped.
    pub async fn shutdown(mut self) {
        self.shared.cancel.cancel();
        for task in self.tasks.drain(..) {
            // A panic in a task has been reported by the runtime already.
            let _ = task.await;
        }
    }
}

impl Drop for Devnet {
    fn drop(&mut self) {
        self.shared.cancel.cancel();
    }
}

async fn run_slots(shared: Arc<Shared>, config: DevnetConfig) {
    let cancel = shared.cancel.clone();
    for slot in (1..).map(Slot) {
        tokio::select! {
            () = cancel.cancelled() => return,
            () = config.clock.reached(slot, config.genesis_time, config.slot_duration) => {}
        }
        let worker = shared.clone();
        // Signing takes milliseconds of CPU; the server goes on meanwhile.
        if tokio::task::spawn_blocking(move || worker.tick(slot)).await.is_err() {
            return;
        }
    }
}
