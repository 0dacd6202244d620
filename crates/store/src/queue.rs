//! The queue between callers and the writer: bounded in bytes, emptied in groups.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use crate::{Batch, StoreError, pending::Responder, snapshot::Snapshot};

/// Something for the writer to do.
#[derive(Debug)]
pub(crate) enum Job {
    /// Apply a batch and answer when it is on disk.
    Commit(Batch, Responder),
    /// Begin recording what changes from here on.
    Snapshot(Snapshot, Responder),
}

impl Job {
    fn bytes(&self) -> usize {
        match self {
            Self::Commit(batch, _) => batch.bytes(),
            Self::Snapshot(..) => 0,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    /// Something came in, or the queue was closed.
    filled: Condvar,
    /// Something was taken out, or the queue was closed.
    drained: Condvar,
    max_bytes: usize,
}

#[derive(Debug, Default)]
struct State {
    jobs: VecDeque<Job>,
    bytes: usize,
    closed: bool,
}

impl Queue {
    pub(crate) fn new(max_bytes: usize) -> Self {
        let (filled, drained) = (Condvar::new(), Condvar::new());
        Self { state: Mutex::default(), filled, drained, max_bytes }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a job, waiting for room if `wait`, else refusing with [`StoreError::Busy`]. A job larger than the whole queue
    /// is taken when the queue is empty.
    pub(crate) fn push(&self, job: Job, wait: bool) -> Result<(), StoreError> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return Err(StoreError::Closed);
            }
            if state.jobs.is_empty() || state.bytes + job.bytes() <= self.max_bytes {
                break;
            }
            if !wait {
                return Err(StoreError::Busy);
            }
            state = self.drained.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.bytes += job.bytes();
        state.jobs.push_back(job);
        self.filled.notify_one();
        Ok(())
    }

    /// Waits for jobs and takes as many as `max_bytes` allow, one at least. Empty only when closed and drained.
    pub(crate) fn take_group(&self, max_bytes: usize) -> Vec<Job> {
        let mut state = self.lock();
        while state.jobs.is_empty() && !state.closed {
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let (mut group, mut bytes) = (Vec::new(), 0);
        while let Some(job) = state.jobs.pop_front_if(|job| bytes == 0 || bytes + job.bytes() <= max_bytes) {
            bytes += job.bytes();
            group.push(job);
        }
        state.bytes -= bytes;
        self.drained.notify_all();
        group
    }

    /// Refuses everything from now on; what is in the queue is still handed out.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
        self.drained.notify_all();
    }

    /// Jobs waiting.
    pub(crate) fn len(&self) -> usize {
        self.lock().jobs.len()
    }
}
