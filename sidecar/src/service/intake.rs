//! Submissions on their way in: signatures are verified in batches of up to 64, then accepted, then flushed.

use quintet_keys::MAX_BATCH;
use quintet_store::Pending;
use tokio::sync::{mpsc, oneshot};

use super::Shared;
use crate::core::{CoreError, Intake, Refusal, verify_signatures};

/// What became of a submission: whether it was new, and the flush to wait for.
type Answer = Result<Result<(bool, Option<Pending>), Refusal>, CoreError>;

/// Submissions wait here for the next batch.
#[derive(Clone, Debug)]
pub struct IntakeQueue {
    sender: mpsc::Sender<(Intake, oneshot::Sender<Answer>)>,
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

impl IntakeQueue {
    /// Starts the thread that works the queue off. `capacity` bounds how many wait.
    pub fn start(shared: Shared, capacity: usize) -> Self {
        let (sender, receiver) = mpsc::channel(capacity.max(1));
        std::thread::spawn(move || work_off(&shared, receiver));
        Self { sender }
    }

    /// Verifies, accepts and flushes. `Ok(Ok(new))` means that it is on disk.
    ///
    /// # Errors
    /// If the queue is full or the store fails.
    pub async fn submit(&self, intake: Intake) -> Result<Result<bool, Refusal>, QueueError> {
        let (answer, wait) = oneshot::channel();
        self.sender.try_send((intake, answer)).map_err(|error| match error {
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

fn work_off(shared: &Shared, mut receiver: mpsc::Receiver<(Intake, oneshot::Sender<Answer>)>) {
    let mut batch = Vec::with_capacity(MAX_BATCH);
    while let Some(first) = receiver.blocking_recv() {
        batch.push(first);
        while batch.len() < MAX_BATCH {
            match receiver.try_recv() {
                Ok(next) => batch.push(next),
                Err(_) => break,
            }
        }
        let (intakes, answers): (Vec<_>, Vec<_>) = batch.drain(..).unzip();
        let valid = verify_signatures(&intakes);
        let mut core = shared.write();
        for ((intake, answer), valid) in intakes.into_iter().zip(answers).zip(valid) {
            let result =
                if valid { core.accept(intake) } else { Ok(Err(Refusal::Signature(intake.submission.prover().to_string()))) };
            // The sender may have gone away; the submission counts all the same.
            let _ = answer.send(result);
        }
    }
}
