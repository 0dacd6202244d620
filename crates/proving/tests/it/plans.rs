//! Plans that a dishonest prover would like: the verifier never trusts a plan.

use quintet_machine::AirId;
use quintet_plonk::{InstanceId, PlanShape, Rejection, Round};

use crate::fixture::{Proven, proven, refused};

const fn instance(air: AirId, index: u32) -> InstanceId {
    InstanceId { air: air.number(), index }
}

/// Why a round with another plan cannot be made; it has as many digests as the plan has entries.
fn refused_plan(change: impl FnOnce(&mut Vec<InstanceId>)) -> Rejection {
    let Proven { round, .. } = proven();
    let mut instances = round.plan().instances.clone();
    change(&mut instances);
    let digests = vec![round.digests()[0]; instances.len()];
    let plan = PlanShape { instances, ..*round.plan() };
    let (keys, program) = (round.keys().clone(), round.program().clone());
    Round::new(keys, program, round.statement().clone(), plan, digests).expect_err("the plan is admitted")
}

/// Puts an instance where it belongs in the order of the plan.
fn add(instances: &mut Vec<InstanceId>, id: InstanceId) {
    instances.push(id);
    instances.sort();
}

pub(crate) fn an_empty_plan_is_refused() {
    assert_eq!(refused_plan(Vec::clear), Rejection::PlanLength(0));
    let count = proven().partials.len();
    assert_eq!(refused(|proof| proof.partials.clear()), Rejection::Count { expected: count, got: 0 });
}

pub(crate) fn a_doubled_or_missing_image_is_refused() {
    let image = instance(AirId::Image, 0);
    assert_eq!(refused_plan(|instances| add(instances, image)), Rejection::PlanOrder(image));
    let second = instance(AirId::Image, 1);
    assert_eq!(refused_plan(|instances| add(instances, second)), Rejection::PlanRange(second));
    let missing = Rejection::PlanIncomplete { air: AirId::Image.number(), expected: 1, got: 0 };
    assert_eq!(refused_plan(|instances| instances.retain(|id| *id != image)), missing);
}

pub(crate) fn a_doubled_or_invented_program_is_refused() {
    let program = instance(AirId::Program, 0);
    assert_eq!(refused_plan(|instances| add(instances, program)), Rejection::PlanOrder(program));
    let invented = instance(AirId::Program, 1);
    assert_eq!(refused_plan(|instances| add(instances, invented)), Rejection::PlanRange(invented));
}

pub(crate) fn gaps_and_unknown_airs_are_refused() {
    let memory = instance(AirId::Memory, 0);
    assert_eq!(refused_plan(|instances| add(instances, memory)), Rejection::PlanOrder(memory));
    let beyond = instance(AirId::Memory, 2);
    assert_eq!(refused_plan(|instances| add(instances, beyond)), Rejection::PlanGap(beyond));
    let unknown = InstanceId { air: 99, index: 0 };
    assert_eq!(refused_plan(|instances| add(instances, unknown)), Rejection::UnknownAir(99));
}
