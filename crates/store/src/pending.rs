//! The promise that a batch will be on disk: waited for by a thread, or awaited by a task.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use crate::StoreError;

type Outcome = Result<(), StoreError>;

/// A batch that was handed to the writer. Dropping this does not call the batch back.
#[derive(Debug)]
#[must_use = "the batch is on disk only once this says so"]
pub struct Pending(Arc<Shared>);

/// The writer's end. Dropped without an answer (the writer died), it answers "closed".
#[derive(Debug)]
pub(crate) struct Responder(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    answered: Condvar,
}

#[derive(Debug, Default)]
struct State {
    outcome: Option<Outcome>,
    waker: Option<Waker>,
}

/// Both ends of a promise.
pub(crate) fn promise() -> (Responder, Pending) {
    let shared = Arc::new(Shared::default());
    (Responder(shared.clone()), Pending(shared))
}

impl Shared {
    /// Nothing that holds the lock can panic halfway, so a poisoned state is still whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, outcome: Outcome) {
        let waker = {
            let mut state = self.lock();
            if state.outcome.is_some() {
                return;
            }
            state.outcome = Some(outcome);
            state.waker.take()
        };
        self.answered.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Pending {
    /// Blocks this thread until the batch is on disk or has failed.
    ///
    /// # Errors
    /// [`StoreError::Condition`], or why it could not be written.
    pub fn wait(self) -> Result<(), StoreError> {
        let mut state = self.0.lock();
        loop {
            if let Some(outcome) = &state.outcome {
                return outcome.clone();
            }
            state = self.0.answered.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Future for Pending {
    type Output = Result<(), StoreError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.0.lock();
        match &state.outcome {
            Some(outcome) => Poll::Ready(outcome.clone()),
            None => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Responder {
    pub(crate) fn answer(self, outcome: Outcome) {
        self.0.answer(outcome);
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.0.answer(Err(StoreError::Closed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        sync::atomic::{AtomicBool, Ordering},
        task::Wake,
    };

    struct Flag(AtomicBool);

    impl Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    #[test]
    fn task_is_woken_by_the_answer() {
        let flag = Arc::new(Flag(AtomicBool::new(false)));
        let waker = flag.clone().into();
        let mut context = Context::from_waker(&waker);
        let (responder, mut pending) = promise();
        assert!(Pin::new(&mut pending).poll(&mut context).is_pending());
        assert!(!flag.0.load(Ordering::SeqCst));
        responder.answer(Ok(()));
        assert!(flag.0.load(Ordering::SeqCst));
        assert!(matches!(Pin::new(&mut pending).poll(&mut context), Poll::Ready(Ok(()))));
    }

    #[test]
    fn waiting_thread_learns_that_the_writer_died() {
        let (responder, pending) = promise();
        let waiting = std::thread::spawn(|| pending.wait());
        drop(responder);
        assert!(matches!(waiting.join().unwrap(), Err(StoreError::Closed)));
    }
}
