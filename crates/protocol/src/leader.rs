//! Who closes a phase: the proposer of the deadline slot if it takes part, then validators drawn by RANDAO.

use quintet_types::domain::DOMAIN_LEADER;
use quintet_types::{Epoch, Phase, Root, Slot, Spec, ValidatorIndex};

use crate::hash::tagged;
use crate::shuffle::Shuffle;

/// The leaders of a phase in order of rank, at most `ranks` of them, as they are drawn. [`first_leader`] says who has rank 0
/// in place of the first of them.
///
/// `enrolled` are the validators that run a sidecar. The job's `selection_seed` stands for RANDAO; phase and deadline slot
/// make every phase, and every extension of one, a new draw.
pub fn leaders(
    selection_seed: &Root,
    phase: Phase,
    deadline: Slot,
    enrolled: &[ValidatorIndex],
    ranks: usize,
    spec: &Spec,
) -> Vec<ValidatorIndex> {
    let mut enrolled = enrolled.to_vec();
    enrolled.sort_unstable();
    enrolled.dedup();
    let seed = tagged(DOMAIN_LEADER, selection_seed, &[phase.number().into(), deadline.0]);
    let count = enrolled.len() as u64;
    let shuffle = Shuffle::new(seed, count, spec.shuffle_round_count.min(255) as u8);
    (0..count).map(|rank| enrolled[shuffle.at(rank) as usize]).take(ranks).collect()
}

/// Who has rank 0: the beacon proposer of the deadline slot if it is enrolled, otherwise the first that was drawn.
///
/// All further ranks are as drawn whoever this is, so that a sidecar which has not heard of the proposer has the right
/// leaders for all rounds but the first. A proposer may lead twice by that, once for each.
pub fn first_leader(
    proposer: Option<ValidatorIndex>,
    drawn: &[ValidatorIndex],
    enrolled: &[ValidatorIndex],
) -> Option<ValidatorIndex> {
    proposer.filter(|proposer| enrolled.contains(proposer)).or_else(|| drawn.first().copied())
}

/// Whether the state after a block at `block` fixes the proposer at `deadline`, whatever comes after that block.
///
/// From the fork to Fulu on (`fixed_from`; EIP-7917) a state holds the proposers of its own epoch and of the next one.
pub fn proposer_is_fixed(block: Slot, deadline: Slot, fixed_from: Option<Epoch>, spec: &Spec) -> bool {
    let (epoch, of_deadline) = (block.epoch(spec.slots_per_epoch), deadline.epoch(spec.slots_per_epoch));
    fixed_from.is_some_and(|fork| fork <= epoch) && epoch <= of_deadline && of_deadline <= epoch.plus(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranks(enrolled: &[u64], phase: Phase, deadline: u64) -> Vec<u64> {
        let enrolled: Vec<_> = enrolled.iter().copied().map(ValidatorIndex).collect();
        let drawn = leaders(&Root::repeat_byte(9), phase, Slot(deadline), &enrolled, 4, &Spec::default());
        drawn.into_iter().map(ValidatorIndex::as_int).collect()
    }

    #[test]
    fn the_proposer_leads_if_enrolled() {
        let all: Vec<_> = (0..10).map(ValidatorIndex).collect();
        let drawn = [ValidatorIndex(4), ValidatorIndex(2)];
        assert_eq!(first_leader(Some(ValidatorIndex(7)), &drawn, &all), Some(ValidatorIndex(7)));
        assert_eq!(first_leader(Some(ValidatorIndex(77)), &drawn, &all), Some(ValidatorIndex(4)));
        assert_eq!(first_leader(None, &drawn, &all), Some(ValidatorIndex(4)));
        assert_eq!(first_leader(None, &[], &[]), None);
    }

    #[test]
    fn a_lone_sidecar_is_its_own_leader() {
        assert_eq!(ranks(&[3], Phase::T2, 5), [3]);
        assert_eq!(ranks(&[], Phase::T2, 5), [0u64; 0]);
    }

    #[test]
    fn order_of_enrolment_does_not_matter_and_deadlines_do() {
        let (all, reversed): (Vec<u64>, Vec<u64>) = ((0..50).collect(), (0..50).rev().collect());
        assert_eq!(ranks(&all, Phase::T1, 5), ranks(&reversed, Phase::T1, 5));
        assert_ne!(ranks(&all, Phase::T1, 5), ranks(&all, Phase::T1, 6));
        assert_ne!(ranks(&all, Phase::T1, 5), ranks(&all, Phase::T2, 5));
    }

    #[test]
    fn a_block_fixes_the_proposers_of_its_epoch_and_the_next_one_from_fulu_on() {
        let spec = Spec { slots_per_epoch: 8, ..Spec::default() };
        let fixed = |block, deadline, fork| proposer_is_fixed(Slot(block), Slot(deadline), fork, &spec);
        let fulu = Some(Epoch(3));
        assert!(fixed(24, 25, fulu) && fixed(24, 39, fulu) && fixed(31, 39, fulu));
        assert!(!fixed(31, 40, fulu), "two epochs on");
        assert!(!fixed(23, 24, fulu), "the block is older than Fulu");
        assert!(!fixed(24, 25, None), "Fulu is not scheduled");
    }
}
