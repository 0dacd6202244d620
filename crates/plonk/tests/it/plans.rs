//! What a plan may be: soundness never rests on its being honest.

use quintet_plonk::{InstanceId, PlanShape, Rejection, Round};

use crate::toy::{K, Toy, honest, plan};

fn check(change: impl Fn(&mut PlanShape)) -> Result<(), Rejection> {
    let mut shape = plan(K);
    change(&mut shape);
    shape.check(&Toy::shared().keys, &Toy::shared().program)
}

#[test]
fn the_honest_plan_is_accepted() {
    check(|_| ()).unwrap();
    // Tables that are only looked up may be left out.
    check(|plan| plan.instances.retain(|id| *id != InstanceId { air: 2, index: 0 })).unwrap();
}

#[test]
fn empty_and_endless_plans_are_refused() {
    assert_eq!(check(|plan| plan.instances.clear()), Err(Rejection::PlanLength(0)));
    let endless = |plan: &mut PlanShape| {
        plan.instances = (0..=PlanShape::MAX_INSTANCES as u32).map(|index| InstanceId { air: 1, index }).collect();
    };
    assert_eq!(check(endless), Err(Rejection::PlanLength(PlanShape::MAX_INSTANCES + 1)));
}

#[test]
fn doubled_and_unordered_instances_are_refused() {
    let double = InstanceId { air: 3, index: 0 };
    let at = |plan: &PlanShape| plan.instances.iter().position(|id| *id == double).unwrap();
    assert_eq!(check(|plan| plan.instances.insert(at(plan), double)), Err(Rejection::PlanOrder(double)));
    assert!(matches!(check(|plan| plan.instances.swap(0, 1)), Err(Rejection::PlanOrder(_))));
}

#[test]
fn unknown_airs_and_instances_are_refused() {
    let unknown = InstanceId { air: 9, index: 0 };
    assert_eq!(check(|plan| plan.instances.push(unknown)), Err(Rejection::UnknownAir(9)));
    let beyond = InstanceId { air: 2, index: 7 };
    let at = plan(K).place(InstanceId { air: 3, index: 0 }).unwrap();
    assert_eq!(check(|plan| plan.instances.insert(at, beyond)), Err(Rejection::PlanRange(beyond)));
}

#[test]
fn tables_that_initialise_are_complete() {
    let last = InstanceId { air: 3, index: 1 };
    let refused = check(|plan| plan.instances.retain(|id| *id != last));
    assert_eq!(refused, Err(Rejection::PlanIncomplete { air: 3, expected: 2, got: 1 }));
    let refused = check(|plan| plan.instances.retain(|id| id.air != 3));
    assert_eq!(refused, Err(Rejection::PlanIncomplete { air: 3, expected: 2, got: 0 }));
}

#[test]
fn execution_is_numbered_without_gaps() {
    let first = InstanceId { air: 1, index: 0 };
    let refused = check(|plan| plan.instances.retain(|id| *id != first));
    assert_eq!(refused, Err(Rejection::PlanGap(InstanceId { air: 1, index: 1 })));
}

#[test]
fn plans_of_another_size_are_refused() {
    assert_eq!(check(|plan| plan.k += 1), Err(Rejection::Size { expected: K, got: K + 1 }));
}

#[test]
fn there_is_one_digest_per_instance() {
    let toy = Toy::shared();
    let mut digests = honest().round.digests().to_vec();
    digests.push(digests[0]);
    let round = Round::new(toy.keys.clone(), toy.program.clone(), toy.statement(), plan(K), digests);
    assert!(matches!(round, Err(Rejection::Digests { .. })));
}
