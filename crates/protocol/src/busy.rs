//! "A prover may only be assigned to one proof at a time" (source, Prover Selection and Assignment).
//!
//! Busy for a block = selected for a job on one of its ancestors, until that job's end plus one phase. A job's end
//! is the slot of the bundle that ended it; the phase in between gives every sidecar time to learn of that
//! bundle, so that all agree on who is free.

use std::collections::{BTreeMap, BTreeSet};

use quintet_types::{JobId, ProverIndex, Root, Slot, Spec};
use serde::{Deserialize, Serialize};

/// One job's hold on its provers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Hold {
    provers: Vec<ProverIndex>,
    ended: Option<Slot>,
}

/// Which provers are held by which jobs, on whatever fork.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusyBook {
    holds: BTreeMap<JobId, Hold>,
}

impl BusyBook {
    /// Notes that `provers` were selected for `job`.
    pub fn select(&mut self, job: JobId, provers: Vec<ProverIndex>) {
        self.holds.insert(job, Hold { provers, ended: None });
    }

    /// Notes that `job` ended with the bundle at slot `ended`. The earliest end counts.
    pub fn end(&mut self, job: &JobId, ended: Slot) {
        if let Some(hold) = self.holds.get_mut(job) {
            hold.ended = Some(hold.ended.map_or(ended, |before| before.min(ended)));
        }
    }

    /// Provers that cannot be drawn for a block at `slot` whose ancestors `is_ancestor` accepts.
    pub fn busy_at(&self, slot: Slot, spec: &Spec, mut is_ancestor: impl FnMut(Slot, &Root) -> bool) -> BTreeSet<ProverIndex> {
        self.holds
            .iter()
            .filter(|(job, hold)| {
                job.slot < slot
                    && hold.ended.is_none_or(|ended| slot < ended.plus(spec.phase_slots))
                    && is_ancestor(job.slot, &job.block_root)
            })
            .flat_map(|(_, hold)| hold.provers.iter().copied())
            .collect()
    }

    /// Whether an unfinished job exists on an ancestor of a block at `slot`; decides about the next job where
    /// jobs run one at a time. A job counts for `known_after` slots longer: where several nodes decide, the time that all
    /// of them need to learn of the end.
    pub fn has_open_job(&self, slot: Slot, known_after: u64, mut is_ancestor: impl FnMut(Slot, &Root) -> bool) -> bool {
        self.holds.iter().any(|(job, hold)| {
            job.slot < slot
                && hold.ended.is_none_or(|ended| slot < ended.plus(known_after))
                && is_ancestor(job.slot, &job.block_root)
        })
    }

    /// Forgets jobs that ended before `slot`, once no block before `slot` can become a head any more.
    pub fn prune(&mut self, slot: Slot) {
        self.holds.retain(|_, hold| hold.ended.is_none_or(|ended| ended >= slot));
    }

    /// Forgets jobs of blocks that are final nowhere: their provers are free on every chain that is left.
    pub fn drop_orphans(&mut self, finalized: Slot, mut is_canonical: impl FnMut(Slot, &Root) -> bool) {
        self.holds.retain(|job, _| job.slot > finalized || is_canonical(job.slot, &job.block_root));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(slot: u64, root: u8) -> JobId {
        JobId::new(Slot(slot), Root::repeat_byte(root))
    }

    #[test]
    fn busy_until_the_end_plus_one_phase() {
        let spec = Spec::default();
        let mut book = BusyBook::default();
        book.select(job(10, 1), vec![ProverIndex(3)]);
        let busy = |book: &BusyBook, slot| !book.busy_at(Slot(slot), &spec, |_, _| true).is_empty();
        assert!(!busy(&book, 10), "the job's own block and earlier ones are not affected");
        assert!(busy(&book, 11) && busy(&book, 1000));
        book.end(&job(10, 1), Slot(14));
        assert!(busy(&book, 14));
        assert!(!busy(&book, 15));
        book.end(&job(10, 1), Slot(99));
        assert!(!busy(&book, 15), "the earliest end counts");
    }

    #[test]
    fn jobs_of_other_forks_hold_nobody() {
        let spec = Spec::default();
        let mut book = BusyBook::default();
        book.select(job(10, 1), vec![ProverIndex(3)]);
        book.select(job(10, 2), vec![ProverIndex(4)]);
        let busy = book.busy_at(Slot(12), &spec, |_, root| *root == Root::repeat_byte(2));
        assert_eq!(busy.into_iter().collect::<Vec<_>>(), [ProverIndex(4)]);
        book.drop_orphans(Slot(10), |_, root| *root == Root::repeat_byte(2));
        assert!(book.busy_at(Slot(12), &spec, |_, root| *root == Root::repeat_byte(1)).is_empty());
    }

    #[test]
    fn one_job_at_a_time_waits_for_the_end() {
        let mut book = BusyBook::default();
        assert!(!book.has_open_job(Slot(11), 0, |_, _| true));
        book.select(job(10, 1), vec![]);
        assert!(book.has_open_job(Slot(11), 0, |_, _| true));
        book.end(&job(10, 1), Slot(14));
        assert!(!book.has_open_job(Slot(14), 0, |_, _| true));
        assert!(book.has_open_job(Slot(14), 1, |_, _| true), "not everybody may know yet");
        assert!(!book.has_open_job(Slot(15), 1, |_, _| true));
        book.prune(Slot(15));
        assert_eq!(book, BusyBook::default());
    }
}
