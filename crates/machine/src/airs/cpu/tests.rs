//! The rows of a program with every kind of instruction, and every cell of them against changes.

use std::{rc::Rc, sync::Arc};

use ff::Field;
use quintet_air::{AirSpec, F, Trace, build};

use super::Cpu;
use crate::{
    AirId, CpuEvent, Execution, InstanceEvents, Options, PlanIds, Planned,
    airs::{
        boundaries,
        search::{Case, System, only_honest_answers, spare_constraints},
        signed,
        testing::{Mutant, check, idle, mutate_every_cell},
    },
    asm::Assembler,
    decode::Mnemonic::*,
    isa::flag,
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

/// The rows of the program as the lookup names them.
fn table() -> Rc<Vec<Vec<F>>> {
    let program = program().program().unwrap();
    let row = |row: &crate::Lowered| {
        let small = [row.pc, row.flags.into(), row.op.into(), row.rd.into(), row.rs1.into(), row.rs2.into()].map(F::from);
        small.into_iter().chain([signed(row.imm)]).collect()
    };
    Rc::new(program.rows().iter().map(row).collect())
}

/// What a row is given: where it stands, the instruction there, the values that it finds, and what the AIRs answer that it asks.
fn given<'a>(spec: &'a AirSpec, trace: &Trace, row: usize, table: &Rc<Vec<Vec<F>>>) -> System<'a> {
    let mut system = System::new(spec, row..row + 1, 0);
    system.know_of(row, &["real", "last", "pc", "clock"], trace).consult(row, "instruction", table);
    for name in ["rs1 before", "rs2 before", "rd before"] {
        system.hear(row, name, trace, &[1, 2]);
    }
    system.hear(row, "alu", trace, &[3]);
    if trace.get(spec.column("load").unwrap(), row) == F::ONE {
        system.hear(row, "load or store", trace, &[3]);
    }
    system.watch(row, "next_pc");
    system
}

/// Every instruction of the program, silence of padding, and the order of rows.
fn cases(spec: &AirSpec) -> Vec<Case<'_>> {
    let (_, trace, events) = traced();
    let table = table();
    let is = |column: &str, row: usize| trace.get(spec.column(column).unwrap(), row) == F::ONE;
    let mut cases: Vec<Case<'_>> = Vec::new();
    for row in 1..events.len() {
        let mut system = given(spec, &trace, row, &table);
        if is("jalr", row) {
            system.know_of(row, &["odd"], &trace);
        }
        cases.push(system.as_in(&trace));
    }
    let (real, padding, halt) = (3, events.len(), events.len() - 1);
    // Each of them at the end of a segment.
    let mut cut = trace.clone();
    (1..events.len()).for_each(|row| cut.columns[spec.column("last").unwrap()].set(row, F::ONE));
    for row in 1..events.len() {
        cases.push(given(spec, &cut, row, &table).know_of(row, &["odd"], &cut).as_in(&cut));
    }
    cases.extend(flags_that_lowering_does_not_make(spec));
    let mut silent = System::new(spec, padding..padding + 1, 0);
    cases.push(silent.know_of(padding, &["real", "last"], &trace).as_in(&trace));

    let pair = |spec| System::new(spec, real..real + 2, 0);
    let mut next = pair(spec);
    next.know_row(real, &trace, real, &[]).know_row(
        real + 1,
        &trace,
        real + 1,
        &["pc", "clock", "next_pc", "result", "rd_new"],
    );
    cases.push(next.about(0..0).watch(real + 1, "pc").watch(real + 1, "clock").as_in(&trace));
    let mut goes_on = pair(spec);
    goes_on.know_row(real, &trace, real, &["last"]).know_row(real + 1, &trace, real + 1, &[]);
    cases.push(goes_on.watch(real, "last").as_in(&trace));
    cases.push(pair(spec).know_row(real, &trace, padding, &[]).know_row(real + 1, &trace, real, &[]).impossible());
    cases.push(System::new(spec, 0..1, 0).know_row(0, &trace, padding, &[]).impossible());
    let mut end = System::new(spec, spec.height() - 1..spec.height(), 0);
    end.know_row(spec.height() - 1, &trace, real, &["last"]).about(0..0).watch(spec.height() - 1, "last");
    cases.push((end, vec![vec![F::ONE]]));
    let mut halting = System::new(spec, halt..halt + 1, 0);
    cases.push(halting.know_row(halt, &trace, halt, &["last"]).watch(halt, "last").as_in(&trace));
    cases
}

/// What is not read is 0, also where no instruction of RV64IM needs that: ALU operations without rs1, and without rs2 and immediate.
fn flags_that_lowering_does_not_make(spec: &AirSpec) -> Vec<Case<'_>> {
    let (air, _) = build::<Cpu>(K).unwrap();
    let row = |pc, flags| crate::Lowered { pc, flags, op: 1, rd: 0, rs1: 0, rs2: 0, imm: 9 };
    let rows = [row(0x1_0000, flag::ALU | flag::B_IMM), row(0x1_0004, flag::ALU)];
    let event = |row: usize, c| CpuEvent {
        clock: 5,
        pc: rows[row].pc,
        next_pc: rows[row].pc + 4,
        row,
        alu: Some(c),
        ..CpuEvent::default()
    };
    let trace = air.trace_rows(spec, &rows, &[event(0, 9), event(0, 9), event(1, 0)]);
    let tuple = |row: &crate::Lowered| [row.pc, row.flags.into(), 1, 0, 0, 0, 9].map(F::from).to_vec();
    let table = Rc::new(rows.iter().map(tuple).collect());
    [1, 2].map(|row| given(spec, &trace, row, &table).as_in(&trace)).into()
}

#[test]
fn instruction_values_and_answers_leave_one_row() {
    only_honest_answers(&build::<Cpu>(K).unwrap().1, &cases);
}

#[test]
fn every_constraint_is_needed() {
    let (_, spec) = build::<Cpu>(K).unwrap();
    // Multiplicities have to be boolean by a constraint of their own. That these are follows from the rows that the program has, and of an
    // ecall from what is known of each of the four.
    let spare =
        ["an ecall is one of four", "load or store", "rd is accessed once", "rs1 is accessed once", "rs2 is accessed once"];
    assert_eq!(spare_constraints(&spec, &cases), spare.map(str::to_owned).into());
}

/// Of the two targets that a row with `jalr` alone allows, one is odd: no row of any program.
#[test]
fn the_bit_that_jalr_drops_is_forced_by_the_next_lookup() {
    let (_, spec) = build::<Cpu>(K).unwrap();
    let (_, trace, events) = traced();
    let rows = program().program().unwrap();
    let jalr: Vec<usize> = (0..events.len()).filter(|&row| rows.rows()[events[row].row].has(flag::JALR)).collect();
    assert!(!jalr.is_empty());
    for row in jalr {
        let answers = given(&spec, &trace, row, &table()).answers().unwrap();
        let targets: Vec<&F> = answers.iter().filter_map(|said| said.last()).collect();
        assert_eq!(targets.len(), 2);
        let known: Vec<&&F> = targets.iter().filter(|target| table().iter().any(|row| row[0] == ***target)).collect();
        assert_eq!(known, [&&F::from(events[row].next_pc)]);
    }
}
