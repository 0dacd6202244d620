//! The payload guest on a real block, as tables: every instance of its plan against all constraints, and the bus over all of them.

use ff::Field;
use quintet_air::{F, Tag, fingerprint};
use quintet_beacon::decode_block_file;
use quintet_machine::{
    AirId, Execution, Options, PlanIds, Planned,
    airs::{self, tag, testing},
};
use quintet_proving::{Guest, payload_input};

use crate::fixture::K;

#[test]
fn the_tables_of_a_real_block_satisfy_every_constraint_and_the_bus_balances() {
    let block = decode_block_file(include_bytes!("../../../../integration-tests/tests/data/block-fulu-26.json")).unwrap();
    let input = payload_input(block.payload().unwrap()).unwrap().encode().unwrap();
    let program = Guest::payload().unwrap().program;
    let execution = Execution::run(program, input.into(), &Options::default()).unwrap();
    assert_eq!(execution.exit_code(), 0);
    let planned = Planned::new(execution, K, PlanIds::default()).unwrap();
    let (program, execution) = (planned.execution().program(), planned.execution());

    let [alpha, beta] = testing::challenges();
    let term = |tag: Tag, parts: &[u64]| {
        let parts: Vec<F> = parts.iter().copied().map(F::from).collect();
        fingerprint(alpha, beta, tag, &parts).invert().unwrap()
    };
    let mut sum = term(tag::CPU, &[program.entry(), 1]) - term(tag::HALT, &[0]);
    for (index, word) in (0..).zip(execution.outputs()) {
        sum -= term(tag::OUT, &[index, *word]);
    }
    for entry in &planned.plan().entries {
        let air = AirId::try_from(entry.air).unwrap();
        let events = planned.instance_events(air, entry.index).unwrap();
        let trace = airs::trace(program, air, entry.index, K, &events).unwrap();
        let (violations, own) = testing::check_and_sum(&airs::spec(air, K), &trace, entry.index);
        assert!(violations.is_empty(), "{air} {}: {}", entry.index, violations[0]);
        sum += own;
    }
    assert_eq!(sum, F::ZERO, "the bus does not balance over {} instances", planned.plan().entries.len());
    println!("{} cycles, {} instances", execution.cycles(), planned.plan().entries.len());
}
