//! The clock of a job: deadlines in slots, and slots in milliseconds.
//!
//! Phase Ti of a block at slot S ends at the start of slot `S + T1_DELAY_SLOTS + i·PHASE_SLOTS`. Slots count whether
//! or not they have a block. Time comes in as an argument; nothing here reads a clock.

use quintet_types::{Slot, Spec};

/// The slot at whose start a block's T1 opens.
pub const fn t1_opens(block: Slot, spec: &Spec) -> Slot {
    block.plus(spec.t1_delay_slots)
}

/// Start of `slot` in Unix milliseconds, for a chain that started at `genesis_time` (seconds).
pub const fn slot_start_ms(slot: Slot, genesis_time: u64, spec: &Spec) -> u64 {
    genesis_time.saturating_mul(1000).saturating_add(slot.0.saturating_mul(spec.slot_duration_ms))
}

/// Whether what arrived at `arrival_ms` was in time for a phase that ends at the start of `deadline`.
pub const fn is_in_time(arrival_ms: u64, deadline: Slot, genesis_time: u64, spec: &Spec) -> bool {
    arrival_ms <= slot_start_ms(deadline, genesis_time, spec).saturating_add(spec.arrival_tolerance_ms)
}

/// When the holes in D are announced: at `HOLES_ANNOUNCED_BPS` (two thirds) of a T1 that ends at `deadline`.
pub const fn holes_announced_ms(deadline: Slot, genesis_time: u64, spec: &Spec) -> u64 {
    let phase_ms = spec.phase_slots.saturating_mul(spec.slot_duration_ms);
    // Parameters are bounded (1,024 slots of 10 minutes), so this does not overflow.
    let left = phase_ms - phase_ms * spec.holes_announced_bps / 10_000;
    slot_start_ms(deadline, genesis_time, spec).saturating_sub(left)
}

/// Whether the block at `slot`, child of a block at `parent`, gets a job.
///
/// It does if it is the first block at or after a multiple of `JOB_INTERVAL_SLOTS`, so that a missed slot does not
/// cost an interval its job. With interval 0 jobs run one at a time: no job while one is open on an ancestor
/// ([`BusyBook::has_open_job`](crate::BusyBook::has_open_job)).
pub const fn job_is_due(slot: Slot, parent: Slot, open_on_ancestor: bool, spec: &Spec) -> bool {
    match (slot.0.checked_div(spec.job_interval_slots), parent.0.checked_div(spec.job_interval_slots)) {
        (Some(own), Some(parents)) => own > parents,
        _ => !open_on_ancestor,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tolerance_is_half_a_second() {
        let spec = Spec::default();
        let deadline = slot_start_ms(Slot(5), 100, &spec);
        assert_eq!(deadline, 160_000);
        assert!(is_in_time(160_500, Slot(5), 100, &spec));
        assert!(!is_in_time(160_501, Slot(5), 100, &spec));
    }

    #[test]
    fn holes_are_announced_at_two_thirds_of_t1() {
        let spec = Spec::default();
        let start = slot_start_ms(Slot(4), 0, &spec);
        let announced = holes_announced_ms(Slot(5), 0, &spec) - start;
        assert!((8000..=8001).contains(&announced), "{announced} of 12000");
    }

    #[test]
    fn jobs_follow_the_interval_across_missed_slots() {
        let spec = Spec { job_interval_slots: 4, ..Spec::default() };
        let blocks = [0, 1, 2, 3, 5, 6, 8, 15, 16];
        let due: Vec<_> = blocks
            .windows(2)
            .filter(|pair| job_is_due(Slot(pair[1]), Slot(pair[0]), false, &spec))
            .map(|pair| pair[1])
            .collect();
        assert_eq!(due, [5, 8, 15, 16]);
        let every = Spec::default();
        assert!(job_is_due(Slot(9), Slot(8), true, &every), "mainnet: a job for each block");
    }

    #[test]
    fn one_at_a_time_means_none_while_one_is_open() {
        let spec = Spec { job_interval_slots: 0, ..Spec::default() };
        assert!(job_is_due(Slot(9), Slot(8), false, &spec));
        assert!(!job_is_due(Slot(9), Slot(8), true, &spec));
    }
}
