//! Properties of the assignment.

use std::collections::BTreeSet;

use proptest::prelude::*;
use quintet_protocol::{Assignment, Selection};
use quintet_types::{InstanceIndex, ProverIndex, Root, Spec};

fn assign(provers: u64, instances: u64, seed: u8, spec: &Spec) -> Assignment {
    let selection = Selection {
        seed: Root::repeat_byte(seed),
        provers: (0..provers).map(|p| ProverIndex(p * 7 + 3)).collect(),
        reserves: Vec::new(),
    };
    Assignment::new(&selection, instances, spec).unwrap()
}

fn spread(loads: &[u64]) -> u64 {
    loads.iter().max().unwrap() - loads.iter().min().unwrap()
}

fn holds(assignment: &Assignment, n: u64, instances: u64, spec: &Spec) -> Result<(), TestCaseError> {
    let proving = n.min(spec.redundancy_factor) as usize;
    let committing = n.min(spec.t1_redundancy) as usize;
    for instance in (0..instances as u32).map(InstanceIndex) {
        let provers = assignment.proving_seats(instance);
        let committers = assignment.committing_seats(instance);
        prop_assert_eq!(provers.len(), proving, "redundancy exactly met");
        prop_assert_eq!(committers.len(), committing, "redundancy of commitments exactly met");
        let distinct: BTreeSet<_> = committers.iter().collect();
        prop_assert_eq!(distinct.len(), committing, "no prover twice on an instance");
        prop_assert!(provers.iter().all(|seat| committers.contains(seat)), "who proves also commits");
    }
    prop_assert!(spread(&assignment.proving_loads()) <= 1, "{:?}", assignment.proving_loads());
    prop_assert!(spread(&assignment.committing_loads()) <= 1, "{:?}", assignment.committing_loads());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn loads_are_balanced_and_redundancy_is_exact(
        n in 2u64..60, instances in 1u64..120, r in 1u64..9, more in 0u64..9, seed in any::<u8>(),
    ) {
        let spec = Spec { redundancy_factor: r, t1_redundancy: r + more, ..Spec::default() };
        let assignment = assign(n, instances, seed, &spec);
        holds(&assignment, n, instances, &spec)?;
        prop_assert_eq!(&assignment, &assign(n, instances, seed, &spec), "determinism");
    }
}

/// Small cases leave the least room for balancing; all of them.
#[test]
fn loads_are_balanced_in_every_small_case() {
    for n in 2..=7 {
        for r in 1..=n {
            for c in r..=n {
                let spec = Spec { redundancy_factor: r, t1_redundancy: c, ..Spec::default() };
                for instances in 1..=12 {
                    for seed in 0..3 {
                        let assignment = assign(n, instances, seed, &spec);
                        let result = holds(&assignment, n, instances, &spec);
                        assert!(result.is_ok(), "n {n} r {r} c {c} instances {instances} seed {seed}: {result:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn mainnet_sized_jobs_give_everybody_the_same() {
    let spec = Spec::default();
    let assignment = assign(200, 400, 1, &spec);
    holds(&assignment, 200, 400, &spec).unwrap();
    assert!(assignment.proving_loads().iter().all(|&load| load == 6));
    assert!(assignment.committing_loads().iter().all(|&load| load == 16));
}

/// Provers share instances with many others, so that a few silent ones do not lose the same instances.
#[test]
fn co_assignments_are_spread() {
    let assignment = assign(200, 400, 1, &Spec::default());
    let me = assignment.provers()[0];
    let others: BTreeSet<_> =
        assignment.to_prove(me).into_iter().flat_map(|instance| assignment.proving_seats(instance).to_vec()).collect();
    assert!(others.len() >= 9, "{} provers on the instances of one", others.len());
}

#[test]
fn duties_and_seats_agree() {
    let assignment = assign(10, 25, 4, &Spec::default());
    for (seat, &prover) in assignment.provers().iter().enumerate() {
        let proving = assignment.to_prove(prover);
        assert_eq!(proving.len() as u64, assignment.proving_loads()[seat]);
        assert_eq!(assignment.to_commit(prover).len() as u64, assignment.committing_loads()[seat]);
        for instance in (0..25).map(InstanceIndex) {
            assert_eq!(assignment.must_prove(prover, instance), proving.contains(&instance));
        }
    }
    assert!(assignment.to_prove(ProverIndex(9999)).is_empty());
    assert!(assignment.proving_seats(InstanceIndex(25)).is_empty());
}

#[test]
fn empty_and_oversized_plans_are_refused() {
    let spec = Spec::default();
    let selection = Selection { seed: Root::ZERO, provers: vec![ProverIndex(1)], reserves: vec![] };
    for instances in [0, spec.max_instances + 1] {
        Assignment::new(&selection, instances, &spec).unwrap_err();
    }
}
