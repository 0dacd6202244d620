//! Any instance can be built alone, and all of them together are the execution.

use std::sync::Arc;

use proptest::prelude::*;
use quintet_machine::{
    AirId, Execution, InstanceEvents, Options, PlanError, PlanIds, Planned,
    asm::Assembler,
    decode::Mnemonic::*,
    layout::{INPUT_START, ecall},
};

use crate::{
    audit::audit,
    generator::{Body, WINDOW, body},
    support::DATA,
};

/// Options under which checkpoints are many, then merged, even in short executions.
const TIGHT: Options = Options { max_cycles: 1 << 24, max_checkpoints: 8, checkpoint_bytes: 1 << 16, first_interval: 16 };

/// A random body within a loop, with what it leaves out: outputs, keccak-f, input.
fn program(body: &Body, rounds: u64) -> Assembler {
    let mut a = Assembler::new();
    a.data(DATA + 0x1000, [], 512);
    a.li(5, INPUT_START).i(Ld, 6, 5, 0).i(Ld, 7, 5, 5).s(Sd, 7, 5, 32);
    // The counter lives in memory, as the body uses the registers.
    a.li(5, DATA + 0x1000).li(6, rounds).s(Sd, 6, 5, 0);
    let top = a.here();
    body.assemble(&mut a);
    a.li(10, DATA + 0x1008).ecall(ecall::KECCAK).li(10, WINDOW + 64).ecall(ecall::KECCAK);
    let end = a.label();
    a.li(5, DATA + 0x1000).i(Ld, 6, 5, 0).i(Addi, 6, 6, -1).s(Sd, 6, 5, 0).r(Mul, 7, 6, 6).r(Remu, 7, 7, 5);
    a.i(Addi, 10, 6, 0).ecall(ecall::OUTPUT);
    // The loop is longer than a branch reaches.
    a.branch(Beq, 6, 0, end).jal(0, top).bind(end);
    a.halt(0);
    a
}

fn run(a: &Assembler, options: &Options) -> Execution {
    let program = Arc::new(a.program().expect("the program loads"));
    Execution::run(program, Arc::from(&b"some input"[..]), options).expect("the program halts")
}

/// The records of all instances of an AIR, one after the other.
fn union(planned: &Planned, air: AirId) -> Vec<InstanceEvents> {
    let entries = planned.plan().entries.iter().filter(|entry| entry.air == air.number());
    entries.map(|entry| planned.instance_events(air, entry.index).expect("planned instances can be built")).collect()
}

/// Flattens records so that instances of different sizes can be compared.
fn flatten(instances: Vec<InstanceEvents>) -> Vec<String> {
    let mut all = Vec::new();
    for instance in instances {
        match instance {
            InstanceEvents::Cpu(events) => all.extend(events.iter().map(|e| format!("{e:?}"))),
            InstanceEvents::Program(counts) => all.extend(counts.iter().map(|e| format!("{e:?}"))),
            InstanceEvents::Image(words) | InstanceEvents::Memory { words, .. } => {
                all.extend(words.iter().map(|e| format!("{e:?}")));
            }
            InstanceEvents::LoadStore(events) => all.extend(events.iter().map(|e| format!("{e:?}"))),
            InstanceEvents::Alu(events) => all.extend(events.iter().map(|e| format!("{e:?}"))),
            InstanceEvents::Keccak(events) => all.extend(events.iter().map(|e| format!("{e:?}"))),
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 50, ..ProptestConfig::default() })]

    #[test]
    fn instances_together_are_a_straight_recording(body in body(60), rounds in 1u64..24) {
        let a = program(&body, rounds);
        let cut = Planned::new(run(&a, &TIGHT), 10, PlanIds::default()).expect("k is supported");
        // One instance an AIR, recorded from the first instruction on.
        let straight = Planned::new(run(&a, &Options { first_interval: u64::MAX, ..TIGHT }), 24, PlanIds::default());
        let straight = straight.expect("k is supported");
        prop_assert_eq!(straight.execution().checkpoint_size().0, 1);
        for air in AirId::ALL {
            prop_assert_eq!(flatten(union(&cut, air)), flatten(union(&straight, air)), "{}", air);
        }
        audit(&cut);
        audit(&straight);
    }

    #[test]
    fn the_plan_is_deterministic(body in body(60), rounds in 1u64..8, k in 10u32..16) {
        let a = program(&body, rounds);
        let first = Planned::new(run(&a, &TIGHT), k, PlanIds::default()).expect("k is supported");
        let second = Planned::new(run(&a, &Options::default()), k, PlanIds::default()).expect("k is supported");
        prop_assert_eq!(first.plan(), second.plan());
        prop_assert_eq!(first.plan().root(), second.plan().root());
    }
}

#[test]
fn every_air_occurs_and_the_bus_balances() {
    let items = crate::semantics::REGISTER.iter().map(|m| crate::generator::Item::Register(*m, 9, 7, 8)).collect();
    let a = program(&Body { window: vec![7; 512], items }, 40);
    let planned = Planned::new(run(&a, &TIGHT), 10, PlanIds::default()).expect("k is supported");
    for air in AirId::ALL {
        assert!(planned.plan().entries.iter().any(|entry| entry.air == air.number()), "{air}");
    }
    assert!(planned.execution().checkpoint_size().0 <= 9);
    assert!(audit(&planned) > 10_000);
}

#[test]
fn parts_of_the_program_that_never_run_have_no_instance() {
    let mut a = Assembler::new();
    let far = a.label();
    a.jal(0, far);
    for _ in 0..5000 {
        a.i(Addi, 1, 1, 1);
    }
    a.bind(far).halt(0);
    let planned = Planned::new(run(&a, &TIGHT), 11, PlanIds::default()).expect("k is supported");
    let parts = planned.plan().entries.iter().filter(|entry| entry.air == AirId::Program.number());
    assert_eq!(parts.map(|entry| (entry.index, entry.rows)).collect::<Vec<_>>(), [(0, 2039), (2, 5004 - 2 * 2039)]);
    assert_eq!(planned.instance_events(AirId::Program, 1), Err(PlanError::NoInstance { air: AirId::Program, index: 1 }));
    audit(&planned);
}

#[test]
fn image_words_are_all_there_whether_touched_or_not() {
    let mut a = Assembler::new();
    // Two segments that share a word; the second is partly zero fill.
    a.data(DATA, [1; 12], 0).data(DATA + 12, [2; 9], 4096);
    a.li(5, DATA).i(Ld, 6, 5, 16).s(Sd, 6, 5, 24).s(Sd, 6, 5, 2040).halt(0);
    let planned = Planned::new(run(&a, &TIGHT), 10, PlanIds::default()).expect("k is supported");
    let Ok(InstanceEvents::Image(words)) = planned.instance_events(AirId::Image, 0) else { panic!("no image") };
    let initial: Vec<_> = words.iter().map(|word| (word.addr * 8 - DATA, word.initial, word.last_ts > 0)).collect();
    let one = 0x0101_0101_0101_0101;
    assert_eq!(initial, [(0, one, false), (8, 0x0202_0202_0101_0101, false), (16, 0x02_0202_0202, true)]);
    let Ok(InstanceEvents::Memory { words, .. }) = planned.instance_events(AirId::Memory, 0) else { panic!("no memory") };
    let addrs: Vec<_> = words.iter().filter(|word| word.addr >= 32).map(|word| word.addr * 8 - DATA).collect();
    assert_eq!(addrs, [24, 2040]);
    audit(&planned);
}
