//! How fast this machine has been: measured seconds for each AIR, and what a whole proof would take by them.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Weight of a new measurement in the moving average.
const NEW: f64 = 0.3;
/// What an estimate is multiplied by, because other work runs beside.
const CAUTION: f64 = 1.25;

/// Moving averages, in seconds of one thread among all that work.
#[derive(Clone, Copy, Debug, Default)]
struct Measured {
    commit: Option<f64>,
    prove: Option<f64>,
}

/// Measurements by size and AIR number. They hold for the number of threads that they were made with.
#[derive(Debug, Default)]
pub struct Speed(Mutex<BTreeMap<(u32, u16), Measured>>);

impl Speed {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<(u32, u16), Measured>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An instance of `air` was committed to.
    pub fn committed(&self, k: u32, air: u16, took: Duration) {
        average(&mut self.lock().entry((k, air)).or_default().commit, took);
    }

    /// An instance of `air` was proven.
    pub fn proven(&self, k: u32, air: u16, took: Duration) {
        average(&mut self.lock().entry((k, air)).or_default().prove, took);
    }

    /// How long a prover needs that makes all `airs` (one for each instance) alone, on `threads` threads. `None` before anything was measured at this
    /// size. An AIR that was never measured counts as the slowest that was.
    pub fn full_proof(&self, k: u32, airs: impl IntoIterator<Item = u16>, threads: usize) -> Option<Duration> {
        let known = self.lock();
        let of_size = || known.range((k, 0)..=(k, u16::MAX)).map(|(_, measured)| *measured);
        let slowest_commit = of_size().filter_map(|measured| measured.commit).reduce(f64::max)?;
        let slowest_prove = of_size().filter_map(|measured| measured.prove).reduce(f64::max)?;
        let one = |air| {
            let measured = known.get(&(k, air)).copied().unwrap_or_default();
            // Traces are not kept, so that every instance is committed to twice.
            2.0 * measured.commit.unwrap_or(slowest_commit) + measured.prove.unwrap_or(slowest_prove)
        };
        let all: f64 = airs.into_iter().map(one).sum();
        Duration::try_from_secs_f64(CAUTION * all / threads.max(1) as f64).ok()
    }
}

fn average(value: &mut Option<f64>, took: Duration) {
    let new = took.as_secs_f64();
    *value = Some(value.map_or(new, |old| old + NEW * (new - old)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_no_estimate_without_measurements_at_that_size() {
        let speed = Speed::default();
        assert_eq!(speed.full_proof(11, [0, 1], 2), None);
        speed.committed(11, 0, Duration::from_secs(1));
        assert_eq!(speed.full_proof(11, [0, 1], 2), None);
        speed.proven(11, 0, Duration::from_secs(4));
        assert_eq!(speed.full_proof(12, [0, 1], 2), None);
    }

    #[test]
    fn an_unmeasured_air_counts_as_the_slowest() {
        let speed = Speed::default();
        for (air, seconds) in [(0, 4), (1, 8)] {
            speed.committed(11, air, Duration::from_secs(1));
            speed.proven(11, air, Duration::from_secs(seconds));
        }
        // (6 + 10 + 10) s of work on two threads, with caution.
        assert_eq!(speed.full_proof(11, [0, 1, 9], 2), Some(Duration::from_secs_f64(16.25)));
        speed.proven(11, 1, Duration::from_secs(18));
        assert_eq!(speed.full_proof(11, [1], 1), Some(Duration::from_secs_f64(16.25)));
    }
}
