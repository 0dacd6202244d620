//! Whole programs as tables: all constraints hold, the bus balances, instances are chained.

use std::sync::Arc;

use proptest::prelude::*;
use quintet_machine::{AirId, Execution, Options, asm::Assembler, decode::Mnemonic::*, layout::*};

use crate::{
    airs_support::{Tables, check_one_by_one},
    generator, guests,
    support::execute,
};

/// Tables of a program at k = 11.
pub(crate) fn tables(a: &Assembler, input: &[u8]) -> Tables {
    Tables::new(execute(a, input).expect("the program halts"), 11)
}

/// Reads its input, touches the image and zero memory with every width, permutes a state, writes outputs.
pub(crate) fn mixed() -> Assembler {
    let mut a = Assembler::new();
    let (data, zero) = (0x0020_0000u64, 0x0100_0000u64);
    a.data(data, (1..=100).collect::<Vec<u8>>(), 100);
    a.li(5, data).li(6, zero).li(7, INPUT_START);
    a.i(Ld, 8, 7, 0).i(Ld, 9, 7, 8).i(Lbu, 10, 7, 17);
    for (offset, (load, store)) in [(Lb, Sb), (Lhu, Sh), (Lw, Sw), (Ld, Sd)].into_iter().enumerate() {
        a.i(load, 12, 5, 13 + offset as i64).s(store, 12, 6, 5 + 9 * offset as i64);
    }
    a.i(Lwu, 13, 6, 6).s(Sd, 13, 7, 8).r(Div, 14, 9, 13).r(Mulhu, 15, 9, 9).r(Sra, 16, 9, 13).r(Xor, 18, 14, 15);
    a.r(Sltu, 19, 9, 15).r(Subw, 20, 18, 9);
    a.i(Addi, A0, 6, 0).ecall(ecall::KECCAK).i(Ld, 21, 6, 16);
    for (index, register) in [8, 20, 21].into_iter().enumerate() {
        a.i(Addi, A1, register, 0).li(A0, index as u64).ecall(ecall::OUTPUT);
    }
    a.halt(0);
    a
}

#[test]
fn a_program_with_everything_is_provable() {
    let tables = tables(&mixed(), b"an input of 25 bytes size");
    assert_eq!(tables.verdict(), Ok(()));
    assert_eq!(tables.outputs[0], 25);
    for air in AirId::ALL {
        assert!(tables.instances.iter().any(|instance| instance.air == air), "no instance of {air}");
    }
}

#[test]
fn a_program_without_image_is_provable() {
    let mut a = Assembler::new();
    a.halt(0);
    assert_eq!(tables(&a, &[]).verdict(), Ok(()));
}

#[test]
fn a_non_zero_exit_code_never_balances() {
    let mut a = Assembler::new();
    a.halt(3);
    let mut tables = tables(&a, &[]);
    assert_eq!(tables.verdict(), Ok(()));
    tables.exit_code = 0;
    assert!(tables.verdict().is_err());
}

#[test]
fn long_programs_and_much_memory_are_provable_in_many_instances() {
    let mut a = Assembler::new();
    let image: Vec<u8> = (0..12_000u32).map(|i| i as u8).collect();
    a.data(0x0020_0000, image, 0);
    a.li(5, 0x0100_0000).li(6, 1200).li(7, 0x0020_0003);
    let again = a.here();
    a.i(Ld, 8, 7, 0).s(Sd, 6, 5, 0).i(Addi, 5, 5, 8).i(Addi, 7, 7, 8).i(Addi, 6, 6, -1).branch(Bne, 6, 0, again);
    a.halt(0);
    let execution = execute(&a, &[]).expect("the program halts");
    let tables = Tables::new(execution, 10);
    assert_eq!(tables.verdict(), Ok(()));
    for air in [AirId::Cpu, AirId::Image, AirId::Memory, AirId::Word, AirId::Subword] {
        assert!(tables.instances.iter().filter(|instance| instance.air == air).count() > 1, "one instance of {air}");
    }
}

/// Compiled programs of so many cycles.
fn compiled_programs_are_provable(cycles: std::ops::Range<u64>, k: u32) {
    for (machine, _) in guests::programs() {
        let execution = guests::run(&machine);
        let count = execution.cycles();
        if cycles.contains(&count) {
            let instances = check_one_by_one(execution, k);
            println!("{}: {count} cycles, {instances} instances", machine.display());
        }
    }
}

#[test]
fn short_compiled_programs_are_provable() {
    compiled_programs_are_provable(0..3_000, 11);
}

#[test]
#[ignore = "long: minutes of row checking"]
fn all_compiled_programs_are_provable() {
    compiled_programs_are_provable(3_000..u64::MAX, 16);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, ..ProptestConfig::default() })]

    #[test]
    fn random_programs_are_provable(body in generator::body(60)) {
        let mut a = Assembler::new();
        body.assemble(&mut a);
        a.halt(0);
        let program = Arc::new(a.program().expect("the program loads"));
        let execution = Execution::run(program, Arc::from([]), &Options::default()).expect("random programs halt");
        prop_assert_eq!(Tables::new(execution, 11).verdict(), Ok(()));
    }
}
