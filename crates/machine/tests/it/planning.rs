//! Choice of k, and what the plan says.

use quintet_machine::{
    AirId, PlanError, PlanIds, Planned,
    asm::Assembler,
    choose_k,
    decode::Mnemonic::*,
    plan::{capacity, height, instances, rows_per_operation},
};

use crate::support::execute;

fn looped(rounds: u64) -> Assembler {
    let mut a = Assembler::new();
    a.li(5, rounds);
    let top = a.here();
    a.i(Addi, 5, 5, -1).branch(Bne, 5, 0, top).halt(7);
    a
}

#[test]
fn the_plan_lists_instances_by_air_and_index() {
    let execution = execute(&looped(5000), &[]).expect("the program halts");
    let ids = PlanIds { program_id: [1; 32].into(), machine_id: [2; 32].into(), input_root: [3; 32].into() };
    let planned = Planned::new(execution, 11, ids).expect("k is supported");
    let plan = planned.plan();
    assert_eq!((plan.k, plan.exit_code, plan.cycles), (11, 7, 2 + 10_000 + 3));
    assert_eq!((plan.program_id, plan.machine_id, plan.input_root), (ids.program_id, ids.machine_id, ids.input_root));
    let entries: Vec<_> = plan.entries.iter().map(|entry| (entry.air, entry.index, entry.rows)).collect();
    let last = 10_005 - 4 * 2039;
    let cpu = [(1, 0, 2039), (1, 1, 2039), (1, 2, 2039), (1, 3, 2039), (1, 4, last)];
    let rest = [(2, 0, 7), (3, 0, 0), (4, 0, 5), (7, 0, 2039), (7, 1, 2039), (7, 2, 925)];
    let compare = [(10, 0, 2039), (10, 1, 2039), (10, 2, 5000 - 2 * 2039)];
    assert_eq!(entries, [&cpu[..], &rest[..], &compare[..]].concat());
}

#[test]
fn the_smallest_k_whose_proof_fits_is_taken() {
    let execution = execute(&looped(20_000), &[]).expect("the program halts");
    let bytes = |k| instances(&execution, k).expect("k is supported").len() as u64 * 5000;
    assert_eq!(choose_k(&execution, 11..=14, bytes(11), |_, _| 5000), Ok(11));
    assert_eq!(choose_k(&execution, 11..=14, bytes(11) - 1, |_, _| 5000), Ok(12));
    assert_eq!(choose_k(&execution, 11..=14, bytes(14), |_, _| 5000), Ok(14));
    let too_large = PlanError::PlanTooLarge { k: 14, partials: bytes(14) / 5000, bytes: bytes(14), max_bytes: 10 };
    assert_eq!(choose_k(&execution, 11..=14, 10, |_, _| 5000), Err(too_large));
}

#[test]
fn partial_proofs_may_differ_in_size_by_air_and_k() {
    let execution = execute(&looped(20_000), &[]).expect("the program halts");
    let estimate = |air: AirId, k: u32| if air == AirId::Cpu { 1000 * u64::from(k) } else { 0 };
    let cpu = |k: u32| 40_005u64.div_ceil(height(k)) * 1000 * u64::from(k);
    assert_eq!(choose_k(&execution, 11..=14, cpu(12), estimate), Ok(12));
}

#[test]
fn unsupported_k_is_an_error() {
    let execution = execute(&looped(1), &[]).expect("the program halts");
    let unsupported = |k| PlanError::UnsupportedK { k, min: 10, max: 24 };
    assert_eq!(choose_k(&execution, 9..=14, 0, |_, _| 1), Err(unsupported(9)));
    assert_eq!(instances(&execution, 25), Err(unsupported(25)));
    assert_eq!(Planned::new(execution, 64, PlanIds::default()).err(), Some(unsupported(64)));
}

#[test]
fn operations_of_several_rows_share_an_instance_as_far_as_they_fit() {
    assert_eq!(capacity(AirId::Keccak, 14), (16384 - 9) / rows_per_operation(AirId::Keccak));
    assert_eq!(capacity(AirId::KeccakMemory, 14), (16384 - 9) / 25);
    assert_eq!(capacity(AirId::Cpu, 14), 16384 - 9);
}
