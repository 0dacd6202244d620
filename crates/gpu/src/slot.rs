//! One device of several: its state, and how it comes back after it was lost.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use quintet_plonk::Error as PlonkError;

use crate::{Error, Gpu};

/// What there is to say about one device, for metrics and tables.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct DeviceStatus {
    /// Index of the adapter.
    pub index: usize,
    /// Name of the adapter.
    pub name: String,
    /// Layout of field elements.
    pub layout: &'static str,
    /// Whether it is used. One that was lost or hung is not before it could be opened again, one that computed wrongly not before a restart.
    pub working: bool,
    /// Bytes held on it.
    pub memory: u64,
    /// The most that was held at a time.
    pub peak_memory: u64,
    /// Bytes that may be held.
    pub memory_budget: u64,
    /// Proofs that did not fit its memory as a whole and streamed.
    pub streamed: u64,
    /// Commitments and proofs made on it.
    pub made: u64,
    /// Commitments and proofs that the CPU made instead.
    pub fallbacks: u64,
    /// How often it was opened again.
    pub reopened: u64,
}

/// How devices that were lost are opened again.
pub(super) type Open = Arc<dyn Fn(usize) -> Result<Gpu, Error> + Send + Sync>;

/// When a device is opened again.
#[derive(Clone, Copy, Debug)]
enum State {
    Working,
    /// Not before this time, after which the next wait is twice as long.
    Gone(Option<(Instant, Duration)>),
}

/// A device.
pub(super) struct Slot {
    gpu: Mutex<Arc<Gpu>>,
    state: Mutex<State>,
    /// The wait after the next loss.
    wait: Mutex<Duration>,
    told: AtomicBool,
    pub(super) waiting: AtomicUsize,
    made: AtomicU64,
    pub(super) fallbacks: AtomicU64,
    reopened: AtomicU64,
}

/// The longest wait before a device is opened again.
const LONGEST: Duration = Duration::from_secs(3600);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Slot {
    pub(super) fn new(gpu: Gpu, wait: Duration) -> Self {
        Self {
            gpu: Mutex::new(Arc::new(gpu)),
            state: Mutex::new(State::Working),
            wait: Mutex::new(wait),
            told: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            made: AtomicU64::new(0),
            fallbacks: AtomicU64::new(0),
            reopened: AtomicU64::new(0),
        }
    }

    pub(super) fn gpu(&self) -> Arc<Gpu> {
        Arc::clone(&lock(&self.gpu))
    }

    pub(super) fn works(&self) -> bool {
        matches!(*lock(&self.state), State::Working)
    }

    pub(super) fn status(&self) -> DeviceStatus {
        let gpu = self.gpu();
        let device = gpu.device();
        DeviceStatus {
            index: device.info().index,
            name: device.info().name.clone(),
            layout: device.layout().name(),
            working: self.works(),
            memory: device.memory(),
            peak_memory: device.peak_memory(),
            memory_budget: device.budget(),
            streamed: gpu.streamed(),
            made: self.made.load(Ordering::Relaxed),
            fallbacks: self.fallbacks.load(Ordering::Relaxed),
            reopened: self.reopened.load(Ordering::Relaxed),
        }
    }

    /// Counts what it made. A device that works is told apart from one that comes back only to fail.
    pub(super) fn succeeded(&self, wait: Duration) {
        self.made.fetch_add(1, Ordering::Relaxed);
        *lock(&self.wait) = wait;
    }

    /// Writes a failure of `gpu` down, as an error the first time, and gives a device up that will not go on.
    pub(super) fn failed(&self, gpu: &Arc<Gpu>, what: &'static str, error: &PlonkError, reopens: bool) {
        self.fallbacks.fetch_add(1, Ordering::Relaxed);
        let source = match error {
            PlonkError::Hardware(source) => source.downcast_ref(),
            _ => None,
        };
        let device = &gpu.device().info().name;
        let gone = match source {
            Some(Error::Lost(_) | Error::Hang(_)) => reopens,
            Some(Error::WrongResult(_)) => false,
            _ if self.told.swap(true, Ordering::Relaxed) => {
                tracing::warn!(device, %error, "the GPU failed at {what} again; the CPU does it");
                return;
            }
            _ => {
                tracing::error!(device, %error, "the GPU failed at {what}; the CPU does it");
                return;
            }
        };
        let mut state = lock(&self.state);
        if !matches!(*state, State::Working) || !Arc::ptr_eq(gpu, &self.gpu()) {
            tracing::debug!(device, %error, "the GPU failed at {what} too; the CPU does it");
            return;
        }
        if gone {
            let mut wait = lock(&self.wait);
            *state = State::Gone(Some((Instant::now() + *wait, *wait)));
            tracing::error!(device, %error, "the GPU failed at {what} and is opened again in {:?}; the CPU goes on", *wait);
            *wait = (*wait * 2).min(LONGEST);
        } else {
            *state = State::Gone(None);
            tracing::error!(device, %error, "the GPU failed at {what} and is not used again before a restart; the CPU goes on");
        }
    }

    /// Opens the device again if it is time to.
    pub(super) fn reopen(&self, place: usize, open: &Open) {
        {
            let mut state = lock(&self.state);
            let State::Gone(Some((time, wait))) = *state else { return };
            if Instant::now() < time {
                return;
            }
            // Nobody else tries in the meantime.
            let next = (wait * 2).min(LONGEST);
            *state = State::Gone(Some((Instant::now() + next, next)));
        }
        let name = self.gpu().device().info().name.clone();
        match open(place) {
            Ok(gpu) => {
                *lock(&self.gpu) = Arc::new(gpu);
                *lock(&self.state) = State::Working;
                self.reopened.fetch_add(1, Ordering::Relaxed);
                tracing::info!(device = name, "the GPU was opened again and is used");
            }
            Err(error) => tracing::warn!(device = name, %error, "the GPU cannot be opened again yet"),
        }
    }
}
