//! Posts settlements that have a quorum, one at a time. What was sent is followed until the chain says what became of it, before anything else is sent.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use quintet_staking::tx::{Progress, Request, Sender, TxError};
use tokio::task::JoinHandle;

use crate::metrics::Metrics;

/// Slots between one who may post and the next.
const TURN_SLOTS: u32 = 2;
/// Slots to wait after a posting, until finality shows it, and at most after a failure.
const PAUSE_SLOTS: u32 = 96;

/// A settlement with a quorum.
#[derive(Clone, Debug)]
pub(super) struct Post {
    /// Its number.
    pub(super) number: u64,
    /// How many come before us.
    pub(super) turn: u32,
    /// What is to be sent, in this order.
    pub(super) requests: Vec<Request>,
}

/// Sends what posts settlements.
#[derive(Debug)]
pub(super) struct Poster {
    sender: Arc<Sender>,
    /// Nothing is sent; what would be is logged.
    pub(super) dry_run: bool,
    slot: Duration,
    metrics: Metrics,
    task: Option<(Post, JoinHandle<Outcome>)>,
    /// The settlement that could be posted, and when to try next.
    ready: Option<(u64, Instant)>,
    failures: u32,
    /// What may still come. Another signature meanwhile must not make a second transaction of it.
    unknown: Option<Post>,
}

/// How many of the requests are in the chain, and why the next is not.
#[derive(Debug)]
struct Outcome {
    done: usize,
    result: Result<(), TxError>,
}

impl Poster {
    pub(super) fn new(sender: Sender, slot: Duration, metrics: Metrics) -> Self {
        let sender = Arc::new(sender);
        Self { sender, dry_run: false, slot, metrics, task: None, ready: None, failures: 0, unknown: None }
    }

    /// Looks what came of the last posting, and begins another if it is time for `next`.
    pub(super) async fn step(&mut self, next: impl FnOnce() -> Option<Post>) {
        if self.task.as_ref().is_some_and(|(_, task)| !task.is_finished()) {
            return;
        }
        if let Some((post, task)) = self.task.take() {
            let failed = |panic: tokio::task::JoinError| Outcome { done: 0, result: Err(TxError::Refused(panic.to_string())) };
            let outcome = task.await.unwrap_or_else(failed);
            self.ended(post, outcome);
        }
        let Some(mut post) = next() else { return };
        let now = Instant::now();
        if self.ready.is_none_or(|(ready, _)| ready != post.number) {
            self.ready = Some((post.number, now + self.slot * TURN_SLOTS * post.turn));
            self.failures = 0;
        }
        if self.ready.is_some_and(|(_, from)| now < from) {
            return;
        }
        if let Some(unknown) = self.unknown.take().filter(|unknown| unknown.number == post.number) {
            post = unknown;
        }
        let (sender, requests) = (Arc::clone(&self.sender), post.requests.clone());
        let task = match self.dry_run {
            true => tokio::spawn(preview(sender, requests)),
            false => tokio::spawn(send(sender, requests)),
        };
        self.task = Some((post, task));
    }

    fn ended(&mut self, post: Post, Outcome { done, result }: Outcome) {
        let number = post.number;
        let label = match &result {
            Ok(()) if self.dry_run => "dry_run",
            Ok(()) => "ok",
            Err(TxError::WouldRevert(_) | TxError::Reverted { .. }) => "reverted",
            Err(TxError::Unknown { .. }) => "unknown",
            Err(_) => "failed",
        };
        self.metrics.settlement_post(label);
        let pause = match result {
            Ok(()) => PAUSE_SLOTS,
            Err(error) => {
                // Most often somebody else was first, which finality will show.
                tracing::warn!(number, %error, "posting a settlement");
                self.failures = self.failures.saturating_add(1);
                let requests = post.requests[done..].to_vec();
                // A journal that cannot be read says nothing; the request is kept, and is harmless if it never went out.
                let may_come = |request| self.sender.is_under_way(request).unwrap_or(true);
                self.unknown = requests.iter().any(may_come).then_some(Post { requests, ..post });
                (1u32 << self.failures.min(10)).min(PAUSE_SLOTS)
            }
        };
        self.ready = Some((number, Instant::now() + self.slot * pause));
    }
}

async fn send(sender: Arc<Sender>, requests: Vec<Request>) -> Outcome {
    for (done, request) in requests.iter().enumerate() {
        let what = &request.what;
        let mut tell = |progress: Progress| tracing::debug!(%what, ?progress, "sending");
        match sender.send(request, &mut tell).await {
            Ok(receipt) => {
                tracing::info!(what, hash = %receipt.hash, block = receipt.block, gas = receipt.gas_used, "sent");
            }
            Err(error) => return Outcome { done, result: Err(error) },
        }
    }
    Outcome { done: requests.len(), result: Ok(()) }
}

/// Tries the last request alone: what comes before it would have to be in the chain.
async fn preview(sender: Arc<Sender>, requests: Vec<Request>) -> Outcome {
    let Some(request) = requests.last() else { return Outcome { done: 0, result: Ok(()) } };
    let result = sender.preview(request).await;
    Outcome { done: 0, result: result.map(|preview| tracing::info!(what = request.what, %preview, "dry run: not sent")) }
}
