//! Token buckets, one a key, in bounded memory.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How much is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Tokens that come in a second.
    pub per_second: u32,
    /// Tokens that a full bucket holds.
    pub burst: u32,
}

/// The buckets. A key that was not seen has a full one.
#[derive(Debug)]
pub struct Buckets<K> {
    rate: Rate,
    max_keys: usize,
    state: Mutex<State<K>>,
}

#[derive(Debug)]
struct State<K> {
    buckets: HashMap<K, Bucket>,
    /// Shared by all newcomers while there are more keys than buckets.
    overflow: Bucket,
    swept: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

/// Full buckets are thrown away at most so often.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

impl Bucket {
    const fn full(rate: Rate, now: Instant) -> Self {
        Self { tokens: rate.burst as f64, at: now }
    }

    fn refill(&mut self, rate: Rate, now: Instant) {
        let grown = now.saturating_duration_since(self.at).as_secs_f64() * f64::from(rate.per_second);
        self.tokens = (self.tokens + grown).min(rate.burst.into());
        self.at = now.max(self.at);
    }

    /// Takes tokens, or says how long to wait for them.
    fn take(&mut self, rate: Rate, cost: u32, now: Instant) -> Result<(), Duration> {
        self.refill(rate, now);
        // What costs more than a full bucket would never be let in.
        let cost = f64::from(cost.min(rate.burst));
        if self.tokens < cost {
            return Err(Duration::from_secs_f64((cost - self.tokens) / f64::from(rate.per_second.max(1))));
        }
        self.tokens -= cost;
        Ok(())
    }
}

impl<K: Eq + Hash + Clone> Buckets<K> {
    /// Buckets for `max_keys` keys at a time; beyond, newcomers share one until older ones are full again.
    pub fn new(rate: Rate, max_keys: usize) -> Self {
        let now = Instant::now();
        let state = State { buckets: HashMap::new(), overflow: Bucket::full(rate, now), swept: now };
        Self { rate, max_keys, state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State<K>> {
        // Nothing under the lock panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes tokens of a key.
    ///
    /// # Errors
    /// How long until there are enough.
    pub fn take(&self, key: &K, cost: u32, now: Instant) -> Result<(), Duration> {
        self.with(key, now, |bucket, rate| bucket.take(rate, cost, now))
    }

    /// Whether a key has a token left, without taking it.
    ///
    /// # Errors
    /// How long until it has.
    pub fn peek(&self, key: &K, now: Instant) -> Result<(), Duration> {
        let mut state = self.lock();
        let Some(bucket) = state.buckets.get_mut(key) else { return Ok(()) };
        let mut copy = *bucket;
        copy.take(self.rate, 1, now)
    }

    /// Takes tokens whether they are there or not; a bucket does not sink below empty.
    pub fn charge(&self, key: &K, cost: u32, now: Instant) {
        self.with(key, now, |bucket, rate| {
            bucket.refill(rate, now);
            bucket.tokens = (bucket.tokens - f64::from(cost)).max(0.0);
        });
    }

    fn with<T>(&self, key: &K, now: Instant, act: impl FnOnce(&mut Bucket, Rate) -> T) -> T {
        let mut state = self.lock();
        if !state.buckets.contains_key(key) && state.buckets.len() >= self.max_keys {
            self.sweep(&mut state, now);
        }
        if !state.buckets.contains_key(key) && state.buckets.len() >= self.max_keys {
            return act(&mut state.overflow, self.rate);
        }
        act(state.buckets.entry(key.clone()).or_insert_with(|| Bucket::full(self.rate, now)), self.rate)
    }

    /// Forgets full buckets: their keys are as good as never seen.
    fn sweep(&self, state: &mut State<K>, now: Instant) {
        if now.saturating_duration_since(state.swept) < SWEEP_INTERVAL {
            return;
        }
        state.swept = now;
        let rate = self.rate;
        state.buckets.retain(|_, bucket| {
            bucket.refill(rate, now);
            bucket.tokens < rate.burst.into()
        });
    }

    /// Keys with a bucket of their own.
    pub fn len(&self) -> usize {
        self.lock().buckets.len()
    }

    /// Whether no key has one.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 10, burst: 3 };

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let buckets = Buckets::new(RATE, 10);
        let start = Instant::now();
        for _ in 0..3 {
            assert_eq!(buckets.take(&1, 1, start), Ok(()));
        }
        let wait = buckets.take(&1, 1, start).unwrap_err();
        assert_eq!(wait, Duration::from_millis(100));
        assert_eq!(buckets.take(&2, 1, start), Ok(()), "another key has its own");
        assert_eq!(buckets.take(&1, 1, start + wait), Ok(()));
        assert!(buckets.take(&1, 1, start + wait).is_err());
        // However long the pause, no more than a burst.
        let later = start + Duration::from_secs(3600);
        assert_eq!((0..9).filter(|_| buckets.take(&1, 1, later).is_ok()).count(), 3);
    }

    #[test]
    fn peeking_takes_nothing_and_charging_takes_all() {
        let buckets = Buckets::new(RATE, 10);
        let now = Instant::now();
        (0..9).for_each(|_| assert_eq!(buckets.peek(&1, now), Ok(())));
        buckets.charge(&1, 99, now);
        assert_eq!(buckets.peek(&1, now), Err(Duration::from_millis(100)));
        assert_eq!(
            buckets.take(&1, 99, now),
            Err(Duration::from_millis(300)),
            "a dear one waits for a full bucket, not for ever"
        );
    }

    #[test]
    fn memory_is_bounded_and_newcomers_share_what_is_left() {
        let buckets = Buckets::new(RATE, 100);
        let now = Instant::now();
        let passed = (0..10_000).filter(|key| buckets.take(key, 1, now).is_ok()).count();
        assert_eq!((buckets.len(), passed), (100, 103), "a hundred of their own, and one bucket for all others");
        // Old ones are full again and make room.
        let later = now + Duration::from_secs(2);
        assert_eq!(buckets.take(&5_000, 1, later), Ok(()));
        assert_eq!(buckets.len(), 1);
    }
}
