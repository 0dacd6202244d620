//! The account of a device's memory: whatever takes some holds a [`Share`] of it, for as long as the device may still use it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// What is in use, the most that was, and what may be.
#[derive(Debug)]
pub(super) struct Ledger {
    budget: u64,
    in_use: AtomicU64,
    peak: AtomicU64,
}

/// Bytes that are in use until this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    ledger: Arc<Ledger>,
    bytes: u64,
}

impl Share {
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.ledger.in_use.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Ledger {
    pub(super) fn new(budget: u64) -> Arc<Self> {
        Arc::new(Self { budget, in_use: AtomicU64::new(0), peak: AtomicU64::new(0) })
    }

    /// Takes bytes if the budget has them.
    pub(super) fn take(self: &Arc<Self>, bytes: u64) -> Option<Share> {
        let sum = |in_use: u64| in_use.checked_add(bytes).filter(|sum| *sum <= self.budget);
        let before = self.in_use.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum).ok()?;
        self.peak.fetch_max(before + bytes, Ordering::Relaxed);
        Some(Share { ledger: Arc::clone(self), bytes })
    }

    pub(super) fn budget(&self) -> u64 {
        self.budget
    }

    pub(super) fn in_use(&self) -> u64 {
        self.in_use.load(Ordering::Relaxed)
    }

    pub(super) fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }

    /// The peak from now on.
    pub(super) fn restart(&self) {
        self.peak.store(self.in_use(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_taken_than_there_is_and_the_peak_is_kept() {
        let ledger = Ledger::new(100);
        let first = ledger.take(60).unwrap();
        assert!(ledger.take(41).is_none() && ledger.take(u64::MAX).is_none());
        let second = ledger.take(40).unwrap();
        assert_eq!((ledger.in_use(), ledger.peak()), (100, 100));
        drop(first);
        assert_eq!((ledger.in_use(), ledger.peak(), ledger.budget()), (40, 100, 100));
        ledger.restart();
        assert_eq!(ledger.peak(), 40);
        drop(second);
        assert_eq!(ledger.in_use(), 0);
    }
}
