//! Submissions on their way in: signatures are verified in batches of up to 64, then accepted, then flushed.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use quintet_keys::MAX_BATCH;
use quintet_store::Pending;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::{Shared, now_ms};
use crate::{
    core::{CoreError, Intake, KeyCache, Refusal},
    metrics::Metrics,
};

/// What became of a submission: whether it was new, and the flush to wait for.
type Answer = Result<Result<(bool, Option<Pending>), Refusal>, CoreError>;

/// A submission that waits for the next batch, with the memory that it holds.
struct Waiting {
    intake: Intake,
    answer: oneshot::Sender<Answer>,
    _memory: OwnedSemaphorePermit,
}

/// Submissions wait here for the next batch.
#[derive(Clone, Debug)]
pub struct IntakeQueue {
    sender: mpsc::Sender<Waiting>,
    arrivals: Arrivals,
}

/// Moments of arrival of submissions that are not decided yet, with how many share each.
#[derive(Clone, Debug, Default)]
struct Arrivals(Arc<Mutex<BTreeMap<u64, usize>>>);

/// A submission that has arrived and is not decided yet. While it lives, no phase that it is in time for is closed.
#[derive(Debug)]
pub struct Arrival {
    ms: u64,
    arrivals: Arrivals,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// Too many are waiting.
    #[error("too many submissions are waiting; try again in a second")]
    Busy,
    /// The sidecar is going down.
    #[error("the sidecar is shutting down")]
    Closed,
    /// The store or the core.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// It was not flushed.
    #[error("store: {0}")]
    Store(#[from] quintet_store::StoreError),
}

impl Arrivals {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, usize>> {
        // Nothing under the lock panics.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Arrival {
    /// Unix milliseconds.
    pub const fn ms(&self) -> u64 {
        self.ms
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        let mut arrivals = self.arrivals.lock();
        if let Some(count) = arrivals.get_mut(&self.ms) {
            *count -= 1;
            if *count == 0 {
                arrivals.remove(&self.ms);
            }
        }
    }
}

impl IntakeQueue {
    /// Starts the thread that works the queue off. `capacity` bounds how many wait.
    pub fn start(shared: Shared, capacity: usize, metrics: Metrics) -> Self {
        let (sender, receiver) = mpsc::channel(capacity.max(1));
        std::thread::spawn(move || work_off(&shared, receiver, &metrics));
        Self { sender, arrivals: Arrivals::default() }
    }

    /// A submission has arrived whole, just now.
    pub fn arrive(&self) -> Arrival {
        let mut arrivals = self.arrivals.lock();
        // The clock is read under the lock, so that `horizon` cannot pass it.
        let ms = now_ms();
        *arrivals.entry(ms).or_default() += 1;
        Arrival { ms, arrivals: self.arrivals.clone() }
    }

    /// The moment up to which every submission is decided: now, if none is under way. The clock of the phases goes by it, so that whoever was in time is
    /// not refused because others kept the queue full.
    pub fn horizon(&self) -> u64 {
        let arrivals = self.arrivals.lock();
        let now = now_ms();
        arrivals.first_key_value().map_or(now, |(oldest, _)| now.min(*oldest))
    }

    /// Submissions that wait for their signature check.
    pub fn waiting(&self) -> usize {
        self.sender.max_capacity() - self.sender.capacity()
    }

    /// Verifies, accepts and flushes. `Ok(Ok(new))` means that it is on disk.
    ///
    /// # Errors
    /// If the queue is full or the store fails.
    pub async fn submit(&self, intake: Intake, memory: OwnedSemaphorePermit) -> Result<Result<bool, Refusal>, QueueError> {
        let (answer, wait) = oneshot::channel();
        self.sender.try_send(Waiting { intake, answer, _memory: memory }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => QueueError::Busy,
            mpsc::error::TrySendError::Closed(_) => QueueError::Closed,
        })?;
        match wait.await.map_err(|_| QueueError::Closed)?? {
            Ok((new, pending)) => {
                if let Some(pending) = pending {
                    pending.await?;
                }
                Ok(Ok(new))
            }
            Err(refusal) => Ok(Err(refusal)),
        }
    }
}

fn work_off(shared: &Shared, mut receiver: mpsc::Receiver<Waiting>, metrics: &Metrics) {
    let mut keys = KeyCache::default();
    let mut batch = Vec::with_capacity(MAX_BATCH);
    // Whatever has come in meanwhile is the next batch: alone when there is time, up to 64 when there is none.
    while receiver.blocking_recv_many(&mut batch, MAX_BATCH) > 0 {
        let (intakes, others): (Vec<_>, Vec<_>) = batch.drain(..).map(|w| (w.intake, (w.answer, w._memory))).unzip();
        let valid = keys.verify(&intakes);
        metrics.signature_batch.observe(intakes.len() as f64);
        let mut core = shared.write();
        for ((intake, (answer, _memory)), valid) in intakes.into_iter().zip(others).zip(valid) {
            let result =
                if valid { core.accept(intake) } else { Ok(Err(Refusal::Signature(intake.submission.prover().to_string()))) };
            // The sender may have gone away; the submission counts all the same.
            let _ = answer.send(result);
        }
    }
}
