//! The follower's loop: choose a node, listen, fetch what is missing, verify, report.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alloy_primitives::B256;
use futures::StreamExt as _;
use quintet_types::{Epoch, Slot};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::chain::RecentChain;
use super::event::{BlockRef, ChainEvent};
use super::node::{Choice, choose};
use super::{FollowerConfig, OptimisticHeads};
use crate::client::BeaconClient;
use crate::error::Error;
use crate::events::{BeaconEvent, EventStream};
use crate::ids::BlockId;
use crate::metrics::BeaconMetrics;

/// Events kept between the reader of the stream and the loop. Beyond that they are dropped and the head is fetched.
const STREAM_BUFFER: usize = 256;

/// Why a stream is no longer listened to.
enum StreamEnd {
    Broken,
    /// Nothing came for two slots; `missed` if the chain went on meanwhile.
    Silent {
        missed: bool,
    },
    Stopped,
}

/// The consumer is gone, or the follower was told to stop.
pub(super) struct Stopped;

pub(super) struct Follower {
    pub(super) client: BeaconClient,
    pub(super) config: FollowerConfig,
    out: mpsc::Sender<ChainEvent>,
    cancel: CancellationToken,
    pub(super) metrics: BeaconMetrics,
    pub(super) chain: RecentChain,
    pub(super) rejected: HashSet<B256>,
    /// A head that could not be adopted yet: optimistic, or its blocks could not be fetched.
    pending: Option<BlockRef>,
    /// The optimistic head that was reported last.
    reported_optimistic: Option<B256>,
    /// Gloas blocks whose payload has not arrived.
    pub(super) without_payload: Vec<BlockRef>,
    last_status: Option<ChainEvent>,
    /// Whether a head has been adopted since the start.
    pub(super) began: bool,
    /// Epoch of the last finalized checkpoint that was reported.
    pub(super) finalized: Epoch,
    /// Epoch of the head when finality was asked for last.
    pub(super) finality_checked: Option<Epoch>,
    slot: Duration,
}

impl Follower {
    pub(super) fn new(
        client: BeaconClient,
        config: FollowerConfig,
        out: mpsc::Sender<ChainEvent>,
        cancel: CancellationToken,
        metrics: BeaconMetrics,
    ) -> Self {
        let slot = client.spec().slot_duration;
        Self {
            client,
            config,
            out,
            cancel,
            metrics,
            chain: RecentChain::default(),
            rejected: HashSet::new(),
            pending: None,
            reported_optimistic: None,
            without_payload: Vec::new(),
            last_status: None,
            began: false,
            finalized: Epoch(0),
            finality_checked: None,
            slot,
        }
    }

    pub(super) async fn run(mut self) {
        let cancel = self.cancel.clone();
        // Cancellation may strike between any two requests: nothing is lost, since the chain is read anew at the start.
        tokio::select! {
            () = cancel.cancelled() => {}
            _ = self.follow() => {}
        }
        self.metrics.connected.set(0);
    }

    async fn follow(&mut self) -> Result<(), Stopped> {
        let mut subscription = self.client.first_subscription();
        loop {
            let endpoint = match choose(&self.client, self.config.sync_tolerance).await {
                Choice::Synced(endpoint) => endpoint,
                Choice::Syncing { endpoint, head_slot, distance } => {
                    self.metrics.connected.set(0);
                    self.report_status(ChainEvent::Syncing { endpoint, head_slot, distance }).await?;
                    tokio::time::sleep(self.slot).await;
                    continue;
                }
                Choice::None(error) => {
                    self.went_down(&error).await?;
                    tokio::time::sleep(self.pause()).await;
                    continue;
                }
            };
            self.came_up(endpoint).await?;
            self.finality_checked = None;
            let patience = self.slot.clamp(Duration::from_secs(1), Duration::from_secs(6));
            match self.client.open_events(endpoint, subscription, patience).await {
                Ok(stream) => {
                    self.metrics.streams_opened.inc();
                    match self.listen(stream).await? {
                        StreamEnd::Stopped => return Ok(()),
                        StreamEnd::Broken => tokio::time::sleep(self.pause()).await,
                        StreamEnd::Silent { missed } => {
                            self.metrics.silences.inc();
                            // The node follows the chain but does not tell us: ask for its topics in another way.
                            if missed {
                                subscription = subscription.next();
                            }
                        }
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, "no event stream");
                    if matches!(error, Error::Events { .. }) {
                        subscription = subscription.next();
                    }
                    // Without a stream the head is polled.
                    self.look_at_head().await?;
                    tokio::time::sleep(self.pause()).await;
                }
            }
        }
    }

    /// Between two attempts: a fraction of a slot, so that a restarted node is found before the next head.
    fn pause(&self) -> Duration {
        (self.slot / 4).clamp(Duration::from_millis(20), Duration::from_secs(3))
    }

    async fn listen(&mut self, stream: EventStream) -> Result<StreamEnd, Stopped> {
        let (sender, mut events) = mpsc::channel(STREAM_BUFFER);
        let lagging = Arc::new(AtomicBool::new(false));
        // The reader never waits for us: nodes cut off readers that are slow (Prysm), or drop events (Lighthouse).
        let reader = tokio::spawn(read(stream, sender, lagging.clone()));
        let _abort = AbortOnDrop(reader.abort_handle());
        // The head may have moved while nobody listened.
        self.look_at_head().await?;
        let silence = self.slot * self.config.silence_slots;
        let mut last_sign = Instant::now();
        let mut last_look = last_sign;
        let mut missed = false;
        let mut tick = tokio::time::interval(self.pause());
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                event = events.recv() => {
                    let Some(first) = event else { return Ok(StreamEnd::Broken) };
                    let mut batch = vec![first];
                    while let Ok(event) = events.try_recv() {
                        batch.push(event);
                    }
                    if self.take(batch).await? {
                        last_sign = Instant::now();
                        last_look = last_sign;
                        missed = false;
                    }
                }
                _ = tick.tick() => {
                    if self.out.is_closed() {
                        return Ok(StreamEnd::Stopped);
                    }
                    if last_sign.elapsed() > silence {
                        return Ok(StreamEnd::Silent { missed });
                    }
                    // A slot without an event: missed, or the event was.
                    if lagging.swap(false, Ordering::Relaxed) || last_look.elapsed() > self.slot {
                        last_look = Instant::now();
                        let before = self.head_root();
                        self.look_at_head().await?;
                        missed |= self.head_root() != before;
                    }
                    self.retry().await?;
                }
            }
        }
    }

    pub(super) fn head_root(&self) -> Option<B256> {
        self.chain.head().map(|block| block.block_root)
    }

    /// Acts on a batch of events; tells whether there was a head or block among them.
    async fn take(&mut self, batch: Vec<BeaconEvent>) -> Result<bool, Stopped> {
        let mut head = None;
        let mut finalized = None;
        let mut look = false;
        let mut sign = false;
        for event in batch {
            match event {
                // Of several heads only the last matters: the walk back finds the others.
                BeaconEvent::Head { slot, block_root, optimistic } => {
                    sign = true;
                    head = Some((BlockRef { slot, root: block_root }, optimistic));
                }
                BeaconEvent::Block { .. } => sign = true,
                BeaconEvent::Reorg(_) => look = true,
                BeaconEvent::Finalized(event) => finalized = Some((Epoch(event.epoch), event.block)),
                BeaconEvent::PayloadAvailable { .. } => self.fetch_payloads().await?,
                BeaconEvent::Malformed { name, reason } => {
                    tracing::warn!(event = name, reason, "event that cannot be read");
                    self.metrics.malformed_events.inc();
                    look = true;
                }
            }
        }
        match head {
            Some((head, optimistic)) => self.on_head(head, optimistic).await?,
            None if look => self.look_at_head().await?,
            None => {}
        }
        if let Some((epoch, block_root)) = finalized {
            self.on_finalized(epoch, block_root).await?;
        }
        Ok(sign)
    }

    async fn look_at_head(&mut self) -> Result<(), Stopped> {
        match self.client.header(BlockId::Head).await {
            Ok(Some(meta)) => {
                let head = BlockRef { slot: Slot(meta.data.header.message.slot), root: meta.data.root };
                self.on_head(head, meta.execution_optimistic).await
            }
            Ok(None) => Ok(()),
            Err(error) => {
                tracing::debug!(%error, "cannot ask for the head");
                Ok(())
            }
        }
    }

    async fn on_head(&mut self, head: BlockRef, optimistic: bool) -> Result<(), Stopped> {
        if self.chain.head().is_some_and(|block| block.block_root == head.root) {
            self.pending = None;
            return Ok(());
        }
        if optimistic && self.config.optimistic == OptimisticHeads::Wait {
            self.pending = Some(head);
            if self.reported_optimistic != Some(head.root) {
                self.reported_optimistic = Some(head.root);
                self.report(ChainEvent::OptimisticHead(head)).await?;
            }
            return Ok(());
        }
        match self.adopt(head).await? {
            Ok(()) => self.pending = None,
            Err(error) => {
                tracing::debug!(%error, slot = %head.slot, "head not adopted yet");
                self.pending = Some(head);
            }
        }
        Ok(())
    }

    /// Tries again what could not be done before.
    async fn retry(&mut self) -> Result<(), Stopped> {
        if let Some(head) = self.pending {
            match self.client.header(BlockId::Root(head.root)).await {
                // A head that turned out invalid is gone.
                Ok(None) => self.pending = None,
                Ok(Some(meta)) => self.on_head(head, meta.execution_optimistic).await?,
                Err(_) => {}
            }
        }
        self.fetch_payloads().await
    }

    async fn came_up(&mut self, endpoint: usize) -> Result<(), Stopped> {
        let label = self.client.transport.label(endpoint).to_owned();
        self.metrics.connected.set(1);
        if matches!(&self.last_status, Some(ChainEvent::NodeUp { endpoint, .. }) if *endpoint == label) {
            return Ok(());
        }
        // Another node, or the same one after an upgrade: what it knows of the network may have changed, and what the
        // last one led us to reject may be right.
        if let Err(error) = self.client.refresh_spec().await {
            tracing::debug!(%error, "config/spec not read anew");
        }
        self.rejected.clear();
        let version = self.client.node_version().await.unwrap_or_else(|_| "unknown".into());
        tracing::info!(endpoint = label, version, "beacon node connected");
        self.report_status(ChainEvent::NodeUp { endpoint: label, version }).await
    }

    async fn went_down(&mut self, error: &Error) -> Result<(), Stopped> {
        self.metrics.connected.set(0);
        if !matches!(self.last_status, Some(ChainEvent::NodeDown { .. })) {
            self.metrics.outages.inc();
            tracing::warn!(%error, "no beacon node can be used");
            self.report_status(ChainEvent::NodeDown { reason: error.to_string() }).await?;
        }
        Ok(())
    }

    async fn report_status(&mut self, event: ChainEvent) -> Result<(), Stopped> {
        if self.last_status.as_ref() != Some(&event) {
            self.last_status = Some(event.clone());
            self.report(event).await?;
        }
        Ok(())
    }

    pub(super) async fn report(&self, event: ChainEvent) -> Result<(), Stopped> {
        self.out.send(event).await.map_err(|_| Stopped)
    }
}

/// Moves events from the stream to the loop. Never waits: what does not fit is dropped and noted.
async fn read(mut stream: EventStream, sender: mpsc::Sender<BeaconEvent>, lagging: Arc<AtomicBool>) {
    while let Some(event) = stream.next().await {
        match event {
            Ok(event) => match sender.try_send(event) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(_)) => lagging.store(true, Ordering::Relaxed),
                Err(mpsc::error::TrySendError::Closed(_)) => return,
            },
            Err(error) => {
                tracing::debug!(%error, "event stream broke");
                return;
            }
        }
    }
}

/// Ends the reader together with the function that started it.
struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(slot: u64) -> BeaconEvent {
        BeaconEvent::Head { slot: Slot(slot), block_root: B256::repeat_byte(slot as u8), optimistic: false }
    }

    /// Lighthouse drops events for readers that lag, Prysm cuts them off: the reader takes all that comes, whatever the loop does.
    #[tokio::test]
    async fn a_loop_that_lags_keeps_no_event_waiting_and_knows_that_it_missed_some() {
        let events = futures::stream::iter((0..300).map(|slot| Ok(head(slot)))).boxed();
        let (sender, mut receiver) = mpsc::channel(STREAM_BUFFER);
        let lagging = Arc::new(AtomicBool::new(false));
        read(events, sender, Arc::clone(&lagging)).await;
        assert!(lagging.load(Ordering::Relaxed), "the loop will ask for the head");
        let mut kept = 0;
        while receiver.recv().await.is_some() {
            kept += 1;
        }
        assert_eq!(kept, STREAM_BUFFER);
    }

    #[tokio::test]
    async fn a_loop_that_keeps_up_misses_nothing() {
        let events = futures::stream::iter((0..9).map(|slot| Ok(head(slot)))).boxed();
        let (sender, _receiver) = mpsc::channel(STREAM_BUFFER);
        let lagging = Arc::new(AtomicBool::new(false));
        read(events, sender, Arc::clone(&lagging)).await;
        assert!(!lagging.load(Ordering::Relaxed));
    }
}
