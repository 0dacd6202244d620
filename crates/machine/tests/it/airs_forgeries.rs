//! Coordinated forgeries: several cells and tables changed together so that all but one defence is satisfied.

use ff::Field;
use quintet_air::{BusBalance, F, Tag};
use quintet_machine::{
    AirId,
    airs::{tag, testing},
    asm::Assembler,
    decode::Mnemonic::*,
    layout::{A0, A1, ecall},
};

use crate::{
    airs_programs::{mixed, tables},
    airs_support::{Instance, Tables},
};

/// Names of the constraints that an instance violates.
fn violated(instance: &Instance) -> Vec<String> {
    let violations = testing::check(&instance.spec, &instance.trace, instance.index);
    violations.into_iter().map(|violation| violation.constraint).collect()
}

/// Tags of the messages that are out of balance.
fn open(tables: &Tables) -> Vec<Tag> {
    let mut tags: Vec<Tag> = tables.imbalances().into_iter().map(|imbalance| imbalance.tag).collect();
    tags.sort();
    tags.dedup();
    tags
}

/// A mark (which has no effect on the proof) with 5 in a0.
fn marked() -> Tables {
    let mut a = Assembler::new();
    a.li(A0, 5).ecall(ecall::MARK).halt(0);
    tables(&a, &[])
}

#[test]
fn a_read_that_consumes_its_own_send_is_out_of_range() {
    let mut tables = marked();
    let cpu = tables.first(AirId::Cpu);
    let mark = cpu.row_with("note");
    // The mark claims to have read 99, from itself; the next access to a0, one instruction later, is told of the one before.
    let (before, after) = (cpu.get("rs2_gap_0", mark), cpu.get("rd_gap_0", mark + 1));
    cpu.set("rs2_gap_0", mark, -F::ONE).set("r2", mark, 99).set("b", mark, 99);
    cpu.set("rd_gap_0", mark + 1, after + before + F::ONE);
    assert_eq!(violated(cpu), [""; 0]);
    assert_eq!(open(&tables), [Tag::LIMB]);
}

#[test]
fn a_read_value_cannot_be_an_alias() {
    let mut tables = marked();
    let cpu = tables.first(AirId::Cpu);
    let mark = cpu.row_with("note");
    let alias = cpu.get("r2", mark) + F::from(2).pow_vartime([64]);
    cpu.set("r2", mark, alias).set("b", mark, alias);
    assert_eq!(violated(cpu), [""; 0]);
    assert_eq!(open(&tables), [tag::MEM]);
}

#[test]
fn decoded_flags_are_bits_not_digits() {
    let mut tables = marked();
    let cpu = tables.first(AirId::Cpu);
    // `addi a0, x0, 5` has r1 and w; r2 twice is worth as much as w.
    assert_eq!([cpu.get("r1", 0), cpu.get("r2_read", 0), cpu.get("w", 0)], [F::ONE, F::ZERO, F::ONE]);
    cpu.set("w", 0, 0).set("r2_read", 0, 2);
    assert!(violated(cpu).contains(&"r2_read is boolean".to_owned()));
    assert!(!open(&tables).contains(&tag::PROGRAM), "the lookup alone does not notice");
}

#[test]
fn an_ecall_is_what_a7_says() {
    let mut a = Assembler::new();
    a.li(A0, 0).li(A1, 7).ecall(ecall::OUTPUT).halt(0);
    let mut tables = tables(&a, &[]);
    assert_eq!(tables.verdict(), Ok(()));
    let cpu = tables.first(AirId::Cpu);
    let row = cpu.row_with("output");
    cpu.set("output", row, 0).set("note", row, 1);
    assert_eq!(violated(cpu), ["note is ecall 3 or 4"]);
    tables.outputs.clear();
    assert_eq!(open(&tables), []);
}

#[test]
fn a_consumer_cannot_give_back() {
    let mut tables = tables(&mixed(), b"");
    let word = tables.first(AirId::Word);
    let padding = (0..).find(|&row| word.get("load", row) + word.get("store", row) == F::ZERO).expect("there is padding");
    word.set("load", padding, -F::ONE);
    assert!(violated(word).contains(&"load is boolean".to_owned()));
}

#[test]
fn a_loaded_value_is_the_stored_one() {
    let mut a = Assembler::new();
    a.li(5, 0x20_0000).s(Sd, 5, 5, 0).i(Ld, 0, 5, 0).halt(0);
    let mut tables = tables(&a, &[]);
    // The value is dropped, so that only cpu and word have to agree on it.
    let cpu = tables.first(AirId::Cpu);
    let row = cpu.row_with("load");
    cpu.set("result", row, 1).set("rd_new", row, 1);
    let word = tables.first(AirId::Word);
    let row = word.row_with("load");
    word.set("old", row, 1).set("value", row, 1);
    assert_eq!(violated(tables.first(AirId::Cpu)), [""; 0]);
    assert_eq!(violated(tables.first(AirId::Word)), [""; 0]);
    assert_eq!(open(&tables), [tag::MEM]);
}

#[test]
fn an_input_word_is_below_two_to_the_64() {
    let mut tables = tables(&mixed(), b"some input");
    let memory = tables.first(AirId::Memory);
    let row = memory.row_with("input");
    // At k = 11 six limbs of ten bits are followed by one of four.
    memory.set("initial_6", row, 16);
    assert_eq!(violated(memory), [""; 0]);
    let open = open(&tables);
    assert!(open.contains(&Tag::LIMB) && open.contains(&tag::MEM));
}

#[test]
fn outputs_are_public_once_and_in_place() {
    let honest = tables(&mixed(), b"abc");
    let mut forged = honest.clone();
    forged.outputs[1] ^= 1;
    assert_eq!(open(&forged), [tag::OUT]);
    let mut forged = honest.clone();
    forged.outputs.push(0);
    assert_eq!(open(&forged), [tag::OUT]);
    let mut forged = honest;
    forged.outputs.swap(0, 1);
    assert_eq!(open(&forged), [tag::OUT]);
}

/// The sum over all instances is 0, so leaving one out or adding it again leaves the bus out of balance by what it puts there.
#[test]
fn no_instance_can_be_left_out_or_doubled() {
    for Instance { air, spec, trace, .. } in tables(&mixed(), b"abc").instances {
        let mut own = BusBalance::default();
        own.add_instance(&spec, &trace);
        assert!(!own.imbalances().is_empty(), "{air}");
    }
}

#[test]
fn two_executions_are_not_one() {
    let honest = tables(&mixed(), b"abc");
    let mut forged = honest.clone();
    forged.instances.extend(honest.instances.clone());
    let open = open(&forged);
    assert!(open.contains(&tag::CPU) && open.contains(&tag::HALT), "{open:?}");
}
