//! How much one peer may ask of us: token buckets.

use std::time::{Duration, Instant};

use crate::wire::requests::RequestKind;

/// How much a bucket holds, and how fast it fills.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// What may be taken at once.
    pub burst: f64,
    /// What comes back in a second.
    pub per_second: f64,
}

/// A bucket that is filled steadily up to its burst. It may be overdrawn, which then takes time to fill.
#[derive(Debug, Clone, Copy)]
pub struct TokenBucket {
    rate: Rate,
    tokens: f64,
    at: Instant,
}

impl TokenBucket {
    /// A full bucket.
    pub const fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, tokens: rate.burst, at: now }
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.rate.per_second).min(self.rate.burst);
        self.at = now;
    }

    /// Takes `cost` if it is there.
    pub fn take(&mut self, cost: f64, now: Instant) -> bool {
        self.fill(now);
        let enough = self.tokens >= cost;
        if enough {
            self.tokens -= cost;
        }
        enough
    }

    /// Takes `cost` in any case.
    pub fn charge(&mut self, cost: f64, now: Instant) {
        self.fill(now);
        self.tokens -= cost;
    }

    /// Whether anything is left.
    pub fn is_open(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.tokens > 0.0
    }
}

/// The rates of all requests and of the bytes of all answers.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    /// By [`RequestKind::index`]; a request costs [`crate::wire::requests::Request::cost`].
    pub requests: [Rate; RequestKind::ALL.len()],
    /// Bytes of answers, decompressed.
    pub bytes: Rate,
}

impl Default for Rates {
    fn default() -> Self {
        let rate = |burst: u32, seconds: u32| Rate { burst: burst.into(), per_second: f64::from(burst) / f64::from(seconds) };
        Self {
            // A neighbour pulls a slot's submissions of 208 provers in three phases at worst from one peer.
            requests: [
                rate(5, 60),
                rate(2, 60),
                rate(512, 30),
                rate(512, 30),
                rate(1024, 12),
                rate(10, 60),
                rate(1024, 12),
                rate(1024, 12),
            ],
            bytes: rate(96 << 20, 12),
        }
    }
}

/// What is left to one peer.
#[derive(Debug)]
pub struct Allowance {
    requests: [TokenBucket; RequestKind::ALL.len()],
    bytes: TokenBucket,
}

impl Allowance {
    /// Everything.
    pub fn new(rates: &Rates, now: Instant) -> Self {
        Self { requests: rates.requests.map(|rate| TokenBucket::new(rate, now)), bytes: TokenBucket::new(rates.bytes, now) }
    }

    /// Whether a request that costs `cost` may be answered now.
    pub fn allows(&mut self, kind: RequestKind, cost: u64, now: Instant) -> bool {
        self.bytes.is_open(now) && self.requests[kind.index()].take(cost as f64, now)
    }

    /// Books an answer of this many bytes.
    pub fn answered(&mut self, bytes: usize, now: Instant) {
        self.bytes.charge(bytes as f64, now);
    }
}

/// Doubles with each attempt, up to a limit.
pub fn back_off(attempts: u32, first: Duration, most: Duration) -> Duration {
    first.saturating_mul(1u32.checked_shl(attempts).unwrap_or(u32::MAX)).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(Rate { burst: 4.0, per_second: 2.0 }, start);
        assert!(bucket.take(3.0, start));
        assert!(!bucket.take(2.0, start));
        assert!(bucket.take(1.0, start));
        assert!(!bucket.is_open(start));
        assert!(bucket.take(2.0, start + Duration::from_secs(1)));
        assert!(!bucket.take(4.5, start + Duration::from_secs(100)), "never more than the burst");
        bucket.charge(8.0, start + Duration::from_secs(100));
        assert!(!bucket.is_open(start + Duration::from_secs(102)));
        assert!(bucket.is_open(start + Duration::from_secs(103)));
    }

    #[test]
    fn time_that_runs_backwards_gives_nothing() {
        let start = Instant::now() + Duration::from_secs(10);
        let mut bucket = TokenBucket::new(Rate { burst: 1.0, per_second: 1.0 }, start);
        assert!(bucket.take(1.0, start));
        assert!(!bucket.take(1.0, start - Duration::from_secs(5)));
    }

    #[test]
    fn large_answers_close_the_allowance_for_a_while() {
        let now = Instant::now();
        let rates = Rates::default();
        let mut allowance = Allowance::new(&rates, now);
        assert!(allowance.allows(RequestKind::Submissions, 64, now));
        allowance.answered(rates.bytes.burst as usize + 1, now);
        assert!(!allowance.allows(RequestKind::Submissions, 1, now));
        assert!(allowance.allows(RequestKind::Submissions, 1, now + Duration::from_secs(1)));
    }

    #[test]
    fn back_off_doubles_up_to_its_limit() {
        let (first, most) = (Duration::from_secs(1), Duration::from_secs(60));
        assert_eq!(back_off(0, first, most), first);
        assert_eq!(back_off(3, first, most), Duration::from_secs(8));
        assert_eq!(back_off(6, first, most), most);
        assert_eq!(back_off(u32::MAX, first, most), most);
    }
}
