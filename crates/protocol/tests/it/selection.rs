//! Properties of drawing provers.

use std::collections::BTreeSet;

use proptest::prelude::*;
use quintet_protocol::{History, available, num_provers, select, selection_seed};
use quintet_types::{JobId, ProverIndex, Root, Slot, Spec};

use crate::support::{MIX, MUCH_GAS, candidates, nobody};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_selection_is_deterministic_distinct_and_available(
        count in 4u64..400, gas in 0u64..80_000_000, mix in any::<[u8; 32]>(), busy in proptest::collection::btree_set(0u64..400, 0..50),
    ) {
        let spec = Spec::default();
        let table = candidates(count);
        let busy: BTreeSet<_> = busy.into_iter().map(ProverIndex).collect();
        let id = JobId::new(Slot(7), Root::ZERO);
        let drawn = select(&id, &mix.into(), gas, &table, &busy, &spec);
        prop_assert_eq!(&drawn, &select(&id, &mix.into(), gas, &table, &busy, &spec));
        let n = num_provers(gas, available(&table, &busy), &spec);
        match drawn {
            None => prop_assert_eq!(n, 0),
            Some(drawn) => {
                prop_assert_eq!(drawn.provers.len() as u64, n);
                let all: BTreeSet<_> = drawn.provers.iter().chain(&drawn.reserves).copied().collect();
                prop_assert_eq!(all.len(), drawn.provers.len() + drawn.reserves.len());
                prop_assert!(all.is_disjoint(&busy));
                prop_assert!(all.iter().all(|&prover| table.contains(prover)));
            }
        }
    }

    #[test]
    fn weights_stay_bounded(duties in proptest::collection::vec((0u64..100, 0u64..100), 0..300), shift in 0u64..17) {
        let history = duties.into_iter().fold(History::default(), |h, (valid, due)| h.after(valid, due, shift));
        prop_assert!((65_536..131_072).contains(&history.weight()));
    }
}

#[test]
fn slot_sub_block_and_attempt_enter_the_seed() {
    let seeds: BTreeSet<_> = [(7, 0, 0), (8, 0, 0), (7, 1, 0), (7, 0, 1)]
        .into_iter()
        .map(|(slot, sub_block, attempt)| selection_seed(&MIX, Slot(slot), sub_block, attempt))
        .collect();
    assert_eq!(seeds.len(), 4);
}

/// The proposer can try as many block roots as it likes; none of them changes the draw.
#[test]
fn the_block_root_does_not_enter_the_draw() {
    let draw = |root| {
        let id = JobId::new(Slot(7), Root::repeat_byte(root));
        select(&id, &MIX, MUCH_GAS, &candidates(100), &nobody(), &Spec::default())
    };
    assert_eq!(draw(1), draw(2));
}

#[test]
fn too_few_provers_are_none() {
    let spec = Spec::default();
    let id = JobId::new(Slot(7), Root::ZERO);
    for (count, drawn) in [(0, None), (1, None), (3, None), (4, Some(2)), (5, Some(2)), (6, Some(3))] {
        let selection = select(&id, &MIX, MUCH_GAS, &candidates(count), &nobody(), &spec);
        assert_eq!(selection.map(|selection| selection.provers.len()), drawn, "of {count}");
    }
}

/// The seed's layout, fixed: H(0x51000100 ‖ mix ‖ slot ‖ sub_block ‖ attempt), integers of 8 bytes, little-endian.
/// Value by Python's hashlib.
#[test]
fn the_selection_seed_is_pinned() {
    let seed = selection_seed(&Root::repeat_byte(1), Slot(2), 3, 4);
    assert_eq!(seed.to_string(), include_str!("../data/selection_seed.txt").trim());
}
