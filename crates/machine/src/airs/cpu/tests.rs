//! The rows of a program with every kind of instruction, and every cell of them against changes.

use std::sync::Arc;

use ff::Field;
use quintet_air::{AirSpec, F, Trace, build};

use super::Cpu;
use crate::{
    AirId, CpuEvent, Execution, InstanceEvents, Options, PlanIds, Planned,
    airs::{
        boundaries,
        testing::{Mutant, check, idle, mutate_every_cell},
    },
    asm::Assembler,
    decode::Mnemonic::*,
    layout::{A0, A1, ecall},
};

const K: u32 = 11;

/// Each class of instruction, with and without a destination, jumps to odd addresses, all ecalls.
fn program() -> Assembler {
    let mut a = Assembler::new();
    let (end, skip) = (a.label(), a.label());
    a.li(5, 0x20_0000).li(6, 0xffff_ffff_8765_4321).r(Add, 7, 5, 6).r(Add, 0, 5, 6).u(Lui, 8, -4096).u(Auipc, 9, 0x7000);
    a.r(Fence, 0, 0, 0);
    a.s(Sd, 6, 5, 0).i(Ld, 10, 5, 0).i(Lb, 11, 5, 3).i(Ld, 0, 5, 0).s(Sw, 7, 5, -2).i(Lw, 12, 5, -2);
    a.branch(Beq, 5, 6, skip).branch(Bne, 5, 6, skip).word(0x0010_0073).bind(skip);
    a.jal(1, end).r(Mul, 13, 5, 6).jal(0, end).bind(end);
    let target = a.pc() + 16;
    a.li(14, target - 8).i(Jalr, 1, 14, 9);
    while a.pc() < target {
        a.word(0x0010_0073);
    }
    a.li(A0, 1).li(A1, 0xabcd).ecall(ecall::OUTPUT).li(A0, 0).ecall(ecall::OUTPUT);
    a.li(A0, 0x21_0000).ecall(ecall::KECCAK).li(A1, 0).ecall(ecall::LOG).ecall(ecall::MARK).halt(0);
    a
}

fn traced() -> (AirSpec, Trace, Vec<CpuEvent>) {
    let program = Arc::new(program().program().unwrap());
    let execution = Execution::run(program.clone(), Arc::from([]), &Options::default()).unwrap();
    let planned = Planned::new(execution, K, PlanIds::default()).unwrap();
    let InstanceEvents::Cpu(events) = planned.instance_events(AirId::Cpu, 0).unwrap() else { panic!("cpu records") };
    let (air, spec) = build::<Cpu>(K).unwrap();
    let trace = air.trace(&spec, &program, &events);
    (spec, trace, events)
}

#[test]
fn every_kind_of_instruction_is_provable() {
    let (spec, trace, _) = traced();
    let violations = check(&spec, &trace, 0);
    assert!(violations.is_empty(), "{}", violations[0]);
}

/// What a row does not use: the bit that only `jalr` drops, the value found in an rd that is not accessed, the gaps of registers
/// that are not accessed, and in padding all that stands in no constraint without a flag.
fn harmless(spec: &AirSpec, trace: &Trace, mutant: &Mutant) -> bool {
    let cell = |column: &str| trace.get(spec.column(column).unwrap(), mutant.row) == F::ONE;
    match mutant.column.as_str() {
        "odd" => !cell("jalr"),
        "rd_old" => !cell("w") && !cell("ecall"),
        name if name.starts_with("rs1_gap") => !cell("r1") && !cell("ecall"),
        name if name.starts_with("rs2_gap") => !cell("r2_read") && !cell("ecall"),
        name if name.starts_with("rd_gap") => !cell("w") && !cell("ecall"),
        "clock" | "op" | "rd" | "rs1" | "rs2" | "imm" => !cell("real"),
        _ => false,
    }
}

#[test]
fn every_changed_cell_is_noticed() {
    let (spec, trace, events) = traced();
    let mutants = mutate_every_cell(&spec, &trace, 0, &(0..events.len() + 2).collect::<Vec<_>>());
    for mutant in mutants.iter().filter(|mutant| mutant.caught.is_none()) {
        assert!(harmless(&spec, &trace, mutant), "{mutant:?}");
    }
    // An empty and a full instance have tests of their own.
    let expected = ["a full instance ends at its last row", "the first row is real"];
    assert_eq!(idle(&spec, &mutants), expected.into());
}

/// A loop that fills one instance and goes on in the next.
#[test]
fn a_full_instance_is_continued_by_the_next() {
    let mut a = Assembler::new();
    a.li(5, 400);
    let again = a.here();
    let program = a.i(Addi, 5, 5, -1).r(Fence, 0, 0, 0).branch(Bne, 5, 0, again).halt(0).program().unwrap();
    let execution = Execution::run(Arc::new(program), Arc::from([]), &Options::default()).unwrap();
    let planned = Planned::new(execution, 10, PlanIds::default()).unwrap();
    let (air, spec) = build::<Cpu>(10).unwrap();
    let [first, second] = [0, 1].map(|index| {
        let InstanceEvents::Cpu(events) = planned.instance_events(AirId::Cpu, index).unwrap() else { panic!("cpu records") };
        assert_eq!(events.len() == spec.height(), index == 0);
        let trace = air.trace(&spec, planned.execution().program(), &events);
        assert!(check(&spec, &trace, index).is_empty());
        (boundaries(&spec, &trace), events)
    });
    let clock = F::from(spec.height() as u64 + 1);
    assert_eq!(second.0[..2], [F::from(first.1.last().unwrap().next_pc), clock]);

    let trace = air.trace(&spec, planned.execution().program(), &first.1);
    let mutants = mutate_every_cell(&spec, &trace, 0, &[spec.height() - 2, spec.height() - 1]);
    for mutant in mutants.iter().filter(|mutant| mutant.caught.is_none()) {
        assert!(harmless(&spec, &trace, mutant), "{mutant:?}");
    }
    assert!(!idle(&spec, &mutants).contains("a full instance ends at its last row"));
}

/// Traces of the same rows with a mistake that only the order of rows shows.
#[test]
fn rows_cannot_be_left_out_or_follow_a_halt() {
    let (spec, _, events) = traced();
    let (air, _) = build::<Cpu>(K).unwrap();
    let program = program().program().unwrap();
    let violated = |events: &[CpuEvent]| !check(&spec, &air.trace(&spec, &program, events), 0).is_empty();
    assert!(!violated(&events));
    assert!(violated(&[]), "an instance without a row");
    let mut without = events.clone();
    without.remove(3);
    assert!(violated(&without), "an instruction left out");
    let halt = events.last().copied().unwrap();
    let again = CpuEvent { clock: halt.clock + 1, pc: halt.pc + 4, ..halt };
    assert!(violated(&[events.clone(), vec![again]].concat()), "an instruction after halt");
}
