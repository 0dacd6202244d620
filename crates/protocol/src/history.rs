//! Records of past duties, and the weight in selection that follows from them.
//!
//! Source: "Provers with a strong history of valid submissions may have an increased (but bounded) probability of
//! being selected in future rounds." The weight lies in [1, 2), so nobody is drawn twice as often as a newcomer.

use std::collections::BTreeMap;

use quintet_types::{JobId, Phase, ProverIndex, Root, Slot};
use serde::{Deserialize, Serialize};

/// A weight of 1. Weights are integers in 1/65,536.
pub const WEIGHT_ONE: u32 = 1 << 16;

/// Integer moving average of the valid share of past duties, in 1/65,536; 0 for newcomers.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct History(u16);

impl History {
    /// The average after one more duty of which `valid` parts of `due` were fulfilled. A duty of no parts
    /// changes nothing.
    #[must_use]
    pub fn after(self, valid: u64, due: u64, shift: u64) -> Self {
        if due == 0 {
            return self;
        }
        let share = u128::from(valid.min(due)) * u128::from(u16::MAX) / u128::from(due);
        let old = u128::from(self.0);
        let next = ((old << shift) - old + share) >> shift;
        // An average of two 16-bit values has 16 bits.
        Self(next as u16)
    }

    /// The weight in selection, in 1/65,536: from 65,536 to 131,071.
    pub const fn weight(self) -> u32 {
        WEIGHT_ONE + self.0 as u32
    }
}

/// How one prover fulfilled one duty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DutyOutcome {
    /// The prover.
    pub prover: ProverIndex,
    /// Parts fulfilled.
    pub valid: u64,
    /// Parts due; T1 is one part, T2 one for each assigned instance.
    pub due: u64,
}

/// Histories of all provers, on whatever fork.
///
/// Outcomes are kept by job until the job's block is final, so that every sidecar derives the same weights
/// for a block from that block's own ancestry.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryBook {
    settled: BTreeMap<ProverIndex, History>,
    /// Key: slot at which the phase was closed, then job and phase. This is the order of averaging.
    pending: BTreeMap<(Slot, JobId, Phase), Vec<DutyOutcome>>,
}

impl HistoryBook {
    /// Notes the outcomes of a certified phase that was closed at `closed`. Doing so again changes nothing.
    pub fn record(&mut self, closed: Slot, job: JobId, phase: Phase, mut outcomes: Vec<DutyOutcome>) {
        outcomes.sort_by_key(|outcome| outcome.prover);
        self.pending.insert((closed, job, phase), outcomes);
    }

    /// Histories as they stood at the start of `slot` on a chain: phases closed before it, of jobs whose block
    /// `on_chain` accepts. Provers without an entry are newcomers.
    pub fn at(&self, slot: Slot, shift: u64, mut on_chain: impl FnMut(Slot, &Root) -> bool) -> BTreeMap<ProverIndex, History> {
        let mut histories = self.settled.clone();
        for ((_, job, _), outcomes) in self.pending.range(..(slot, JobId::default(), Phase::T1)) {
            if on_chain(job.slot, &job.block_root) {
                apply(&mut histories, outcomes, shift);
            }
        }
        histories
    }

    /// Folds in what was closed before `slot`, once all blocks with jobs closed by then are final; orphaned
    /// blocks' outcomes are dropped.
    pub fn settle(&mut self, slot: Slot, shift: u64, mut on_chain: impl FnMut(Slot, &Root) -> bool) {
        let rest = self.pending.split_off(&(slot, JobId::default(), Phase::T1));
        for ((_, job, _), outcomes) in std::mem::replace(&mut self.pending, rest) {
            if on_chain(job.slot, &job.block_root) {
                apply(&mut self.settled, &outcomes, shift);
            }
        }
    }
}

fn apply(histories: &mut BTreeMap<ProverIndex, History>, outcomes: &[DutyOutcome], shift: u64) {
    for outcome in outcomes {
        let history = histories.entry(outcome.prover).or_default();
        *history = history.after(outcome.valid, outcome.due, shift);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(prover: u64, valid: u64) -> Vec<DutyOutcome> {
        vec![DutyOutcome { prover: ProverIndex(prover), valid, due: 2 }]
    }

    fn job(slot: u64, root: u8) -> JobId {
        JobId::new(Slot(slot), Root::repeat_byte(root))
    }

    #[test]
    fn newcomers_weigh_one_and_nobody_two() {
        assert_eq!(History::default().weight(), WEIGHT_ONE);
        let mut history = History::default();
        for _ in 0..10_000 {
            let next = history.after(7, 7, 5);
            assert!(next >= history);
            history = next;
        }
        assert!(history.weight() > WEIGHT_ONE * 199 / 100);
        assert!(history.weight() < WEIGHT_ONE * 2);
    }

    #[test]
    fn failing_lowers_the_weight_and_empty_duties_do_not() {
        let good = (0..100).fold(History::default(), |h, _| h.after(1, 1, 5));
        assert_eq!(good.after(0, 0, 5), good);
        assert!(good.after(1, 2, 5) < good);
        assert!(good.after(0, 1, 5) < good.after(1, 2, 5));
        assert_eq!((0..400).fold(good, |h, _| h.after(0, 1, 5)).weight(), WEIGHT_ONE);
    }

    #[test]
    fn outcomes_of_other_forks_and_later_phases_do_not_count() {
        let mut book = HistoryBook::default();
        book.record(Slot(12), job(10, 1), Phase::T1, outcome(1, 2));
        book.record(Slot(12), job(10, 2), Phase::T1, outcome(2, 2));
        book.record(Slot(20), job(18, 1), Phase::T1, outcome(3, 2));
        let seen = book.at(Slot(20), 5, |_, root| *root == Root::repeat_byte(1));
        assert_eq!(seen.keys().copied().collect::<Vec<_>>(), [ProverIndex(1)]);
    }

    #[test]
    fn settling_changes_no_weight_and_order_of_arrival_neither() {
        let on_chain = |_: Slot, root: &Root| *root == Root::repeat_byte(1);
        let events = [(12, job(10, 1), 2), (13, job(11, 1), 0), (13, job(10, 2), 2), (14, job(12, 1), 1)];
        let mut book = HistoryBook::default();
        let mut reversed = HistoryBook::default();
        for (closed, job, valid) in events {
            book.record(Slot(closed), job, Phase::T1, outcome(1, valid));
        }
        for (closed, job, valid) in events.into_iter().rev() {
            reversed.record(Slot(closed), job, Phase::T1, outcome(1, valid));
        }
        let expected = book.at(Slot(99), 5, on_chain);
        reversed.settle(Slot(14), 5, on_chain);
        assert_eq!(reversed.at(Slot(99), 5, on_chain), expected);
    }
}
