//! What says that a slot has begun: the real clock, or a test.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quintet_types::Slot;
use tokio::sync::watch;

/// Drives the slots of a devnet.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The system's clock, from the genesis time on.
    Real,
    /// A clock that stands still until it is told otherwise.
    Virtual(VirtualClock),
}

/// A clock that its owner moves.
#[derive(Debug, Clone)]
pub struct VirtualClock {
    now: Arc<watch::Sender<u64>>,
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self { now: Arc::new(watch::Sender::new(0)) }
    }
}

impl VirtualClock {
    /// A clock at slot 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The current slot.
    #[must_use]
    pub fn now(&self) -> Slot {
        Slot(*self.now.borrow())
    }

    /// Moves on by `slots`; the devnet makes each block on the way.
    pub fn advance(&self, slots: u64) {
        self.now.send_modify(|now| *now = now.saturating_add(slots));
    }
}

impl Clock {
    /// Waits until `slot` has begun.
    pub(crate) async fn reached(&self, slot: Slot, genesis_time: u64, slot_duration: Duration) {
        match self {
            Self::Real => {
                let begin = Duration::from_secs(genesis_time) + slot_duration * u32::try_from(slot.0).unwrap_or(u32::MAX);
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                tokio::time::sleep(begin.saturating_sub(now)).await;
            }
            Self::Virtual(clock) => {
                let mut now = clock.now.subscribe();
                // The sender lives in `clock`, so that waiting ends only with the slot.
                let _ = now.wait_for(|now| *now >= slot.0).await;
            }
        }
    }

    /// The slot that has begun last.
    pub(crate) fn now(&self, genesis_time: u64, slot_duration: Duration) -> Slot {
        match self {
            Self::Real => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let since = now.saturating_sub(Duration::from_secs(genesis_time));
                Slot((since.as_millis() / slot_duration.as_millis().max(1)) as u64)
            }
            Self::Virtual(clock) => clock.now(),
        }
    }
}
