//! Which partial a full proof takes where there are several, and which uninvited full proofs are let in.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use quintet_types::domain::{DOMAIN_OPEN_RANK, DOMAIN_REUSE};
use quintet_types::{InstanceIndex, Phase, ProverIndex, Root, Spec};

use crate::hash::tagged;

/// Rank of `prover`'s partial of `instance` for reuse: among several valid ones the lowest is taken.
///
/// Nobody is obliged to this order (a full proof of other valid partials is as valid), but whoever keeps to it
/// spreads reuse evenly.
pub fn reuse_rank(assignment_seed: &Root, instance: InstanceIndex, prover: ProverIndex) -> Root {
    tagged(DOMAIN_REUSE, assignment_seed, &[instance.0.into(), prover.0])
}

/// The prover whose partial of `instance` is to be reused, out of those that have a valid one.
pub fn preferred(
    assignment_seed: &Root,
    instance: InstanceIndex,
    provers: impl IntoIterator<Item = ProverIndex>,
) -> Option<ProverIndex> {
    provers.into_iter().min_by_key(|&prover| reuse_rank(assignment_seed, instance, prover))
}

/// Out of the `submitters` of full proofs those that are bundled and paid: all selected ones, and of the others
/// `MAX_OPEN_FULL_PROOFS` by seeded rank. Source, T3: "Any prover may submit a full proof".
pub fn admitted(
    assignment_seed: &Root,
    phase: Phase,
    selected: &[ProverIndex],
    submitters: impl IntoIterator<Item = ProverIndex>,
    spec: &Spec,
) -> BTreeSet<ProverIndex> {
    let selected: BTreeSet<_> = selected.iter().copied().collect();
    let (mut admitted, open): (BTreeSet<_>, BTreeSet<_>) = submitters.into_iter().partition(|prover| selected.contains(prover));
    let mut open: Vec<_> = open.into_iter().collect();
    open.sort_by_cached_key(|prover| Reverse(tagged(DOMAIN_OPEN_RANK, assignment_seed, &[phase.number().into(), prover.0])));
    for _ in 0..spec.max_open_full_proofs {
        admitted.extend(open.pop());
    }
    admitted
}

/// Out of the submitters of `(valid, false)` full proofs those that a leader bundles. False ones are bundled so that they are paid for, but
/// of provers that were not selected only into room that valid ones leave: else eight liars could keep eight honest provers out.
pub fn bundled(
    assignment_seed: &Root,
    phase: Phase,
    selected: &[ProverIndex],
    (valid, false_): (Vec<ProverIndex>, Vec<ProverIndex>),
    spec: &Spec,
) -> BTreeSet<ProverIndex> {
    let mut bundled = admitted(assignment_seed, phase, selected, valid, spec);
    let open = bundled.iter().filter(|prover| !selected.contains(prover)).count() as u64;
    let room = Spec { max_open_full_proofs: spec.max_open_full_proofs.saturating_sub(open), ..spec.clone() };
    bundled.extend(admitted(assignment_seed, phase, selected, false_, &room));
    bundled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_selected_and_eight_others_are_admitted() {
        let spec = Spec::default();
        let selected: Vec<_> = (0..20).map(ProverIndex).collect();
        let all = (0..100).map(ProverIndex);
        let admitted_ = admitted(&Root::ZERO, Phase::T3, &selected, all.clone(), &spec);
        assert_eq!(admitted_.len(), 28);
        assert!(selected.iter().all(|prover| admitted_.contains(prover)));
        assert_eq!(admitted(&Root::ZERO, Phase::T3, &selected, all.clone().rev(), &spec), admitted_);
        assert_ne!(admitted(&Root::ZERO, Phase::T4, &selected, all, &spec), admitted_);
    }

    #[test]
    fn false_full_proofs_take_no_room_from_valid_ones() {
        let spec = Spec::default();
        let selected: Vec<_> = (0..20).map(ProverIndex).collect();
        let provers = |range: std::ops::Range<u64>| range.map(ProverIndex).collect::<Vec<_>>();
        let all = bundled(&Root::ZERO, Phase::T3, &selected, (provers(100..106), provers(10..90)), &spec);
        assert!(provers(100..106).iter().all(|prover| all.contains(prover)), "six valid ones of others");
        assert!(provers(10..20).iter().all(|prover| all.contains(prover)), "false ones of selected provers");
        assert_eq!(all.len(), 6 + 10 + 2, "and two false ones of others fill the room");
    }

    #[test]
    fn preference_does_not_depend_on_the_order_of_offers() {
        let offers: Vec<_> = (0..5).map(ProverIndex).collect();
        for instance in (0..20).map(InstanceIndex) {
            let forward = preferred(&Root::ZERO, instance, offers.iter().copied());
            let backward = preferred(&Root::ZERO, instance, offers.iter().rev().copied());
            assert_eq!(forward, backward);
        }
        assert_eq!(preferred(&Root::ZERO, InstanceIndex(0), []), None);
    }
}
