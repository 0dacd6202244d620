//! Who closes a phase: the proposer of the deadline slot if it takes part, then validators drawn by RANDAO.

use quintet_types::domain::DOMAIN_LEADER;
use quintet_types::{Phase, Root, Slot, Spec, ValidatorIndex};

use crate::hash::tagged;
use crate::shuffle::Shuffle;

/// The leaders of a phase in order of rank, at most `ranks` of them.
///
/// `enrolled` are the validators that run a sidecar, `proposer` is the beacon proposer of the deadline slot. The job's
/// `selection_seed` stands for RANDAO; phase and deadline slot make every phase, and every extension of one, a new draw.
pub fn leaders(
    selection_seed: &Root,
    phase: Phase,
    deadline: Slot,
    proposer: Option<ValidatorIndex>,
    enrolled: &[ValidatorIndex],
    ranks: usize,
    spec: &Spec,
) -> Vec<ValidatorIndex> {
    let mut enrolled = enrolled.to_vec();
    enrolled.sort_unstable();
    enrolled.dedup();
    let first = proposer.filter(|proposer| enrolled.binary_search(proposer).is_ok());
    let seed = tagged(DOMAIN_LEADER, selection_seed, &[phase.number().into(), deadline.0]);
    let count = enrolled.len() as u64;
    let shuffle = Shuffle::new(seed, count, spec.shuffle_round_count.min(255) as u8);
    let drawn = (0..count).map(|rank| enrolled[shuffle.at(rank) as usize]);
    first.into_iter().chain(drawn.filter(|&validator| Some(validator) != first)).take(ranks).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranks(proposer: Option<u64>, enrolled: &[u64], phase: Phase, deadline: u64) -> Vec<u64> {
        let enrolled: Vec<_> = enrolled.iter().copied().map(ValidatorIndex).collect();
        let proposer = proposer.map(ValidatorIndex);
        let seed = Root::repeat_byte(9);
        leaders(&seed, phase, Slot(deadline), proposer, &enrolled, 4, &Spec::default())
            .into_iter()
            .map(ValidatorIndex::as_int)
            .collect()
    }

    #[test]
    fn the_proposer_leads_if_enrolled_and_nobody_twice() {
        let all: Vec<u64> = (0..10).collect();
        let with = ranks(Some(7), &all, Phase::T1, 5);
        assert_eq!((with[0], with.len()), (7, 4));
        assert_eq!(with.iter().filter(|&&v| v == 7).count(), 1);
        let without = ranks(Some(77), &all, Phase::T1, 5);
        assert!(!without.contains(&77));
        assert_eq!(with[1..], without.iter().copied().filter(|&v| v != 7).collect::<Vec<_>>()[..3]);
    }

    #[test]
    fn a_lone_sidecar_is_its_own_leader() {
        assert_eq!(ranks(None, &[3], Phase::T2, 5), [3]);
        assert_eq!(ranks(Some(1), &[], Phase::T2, 5), [0u64; 0]);
    }

    #[test]
    fn order_of_enrolment_does_not_matter_and_deadlines_do() {
        let (all, reversed): (Vec<u64>, Vec<u64>) = ((0..50).collect(), (0..50).rev().collect());
        assert_eq!(ranks(None, &all, Phase::T1, 5), ranks(None, &reversed, Phase::T1, 5));
        assert_ne!(ranks(None, &all, Phase::T1, 5), ranks(None, &all, Phase::T1, 6));
        assert_ne!(ranks(None, &all, Phase::T1, 5), ranks(None, &all, Phase::T2, 5));
    }
}
