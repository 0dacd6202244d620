//! Values above 2^64 get in nowhere: each way a value comes to be, with an alias of it on both sides of the message that carries it.

use ff::Field;
use quintet_air::{F, Tag};
use quintet_machine::{
    AirId,
    airs::tag,
    asm::Assembler,
    decode::Mnemonic::{self, *},
    layout::{A0, ecall},
};

use crate::{
    airs_programs::tables,
    airs_support::{Tables, open, violated},
};

fn two_64() -> F {
    F::from(2).pow_vartime([64])
}

/// Adds 2^64 to cells of an instance that belong together.
fn lift(tables: &mut Tables, air: AirId, row: usize, columns: &[&str]) {
    let instance = tables.first(air);
    for column in columns {
        let value = instance.get(column, row) + two_64();
        instance.set(column, row, value);
    }
}

/// An operation whose result is dropped, so that cpu and the AIR that computes it have to agree on it and nobody else.
fn dropped(mnemonic: Mnemonic) -> Tables {
    let mut a = Assembler::new();
    a.li(5, 77).li(6, 9).r(mnemonic, 0, 5, 6).halt(0);
    tables(&a, &[])
}

#[test]
fn results_of_operations_are_below_two_to_the_64() {
    for (mnemonic, air, constraint) in [
        (Addw, AirId::Add, Some("result")),
        (Sll, AirId::Shift, Some("result")),
        (Mul, AirId::Mul, Some("result")),
        (Mulhu, AirId::Mul, Some("result")),
        (Div, AirId::Div, Some("result")),
        (Slt, AirId::Compare, Some("c is boolean")),
        // The result is the sum of table digits: there is no cell to put an alias into.
        (Xor, AirId::Bitwise, None),
    ] {
        let mut forged = dropped(mnemonic);
        let cpu = forged.first(AirId::Cpu);
        let row = (0..).find(|&row| cpu.get("alu", row) == F::ONE && cpu.get("w", row) == F::ZERO).expect("it is there");
        lift(&mut forged, AirId::Cpu, row, &["result", "rd_new"]);
        assert_eq!(violated(forged.first(AirId::Cpu)), [""; 0]);
        match constraint {
            None => assert_eq!(open(&forged), [tag::ALU]),
            Some(name) => {
                let operations = forged.first(air);
                let same = |row: &usize| operations.get("a", *row) == F::from(77) && operations.get("b", *row) == F::from(9);
                let row = (0..).find(same).expect("there is one");
                lift(&mut forged, air, row, &["c"]);
                assert_eq!(open(&forged), [], "{mnemonic}");
                assert!(violated(forged.first(air)).contains(&name.to_owned()), "{mnemonic}");
            }
        }
    }
}

/// A load whose value is dropped.
fn loaded(mnemonic: Mnemonic) -> (Tables, usize) {
    let mut a = Assembler::new();
    a.data(0x20_0000, [1, 2, 3, 4, 5, 6, 7, 8], 0);
    a.li(5, 0x20_0000).i(mnemonic, 0, 5, 0).halt(0);
    let mut tables = tables(&a, &[]);
    let row = tables.first(AirId::Cpu).row_with("load");
    lift(&mut tables, AirId::Cpu, row, &["result", "rd_new"]);
    assert_eq!(violated(tables.first(AirId::Cpu)), [""; 0]);
    (tables, row)
}

#[test]
fn loaded_words_are_below_two_to_the_64() {
    let (mut forged, _) = loaded(Ld);
    let row = forged.first(AirId::Word).row_with("load");
    lift(&mut forged, AirId::Word, row, &["old", "value"]);
    assert_eq!(violated(forged.first(AirId::Word)), [""; 0]);
    assert_eq!(open(&forged), [tag::MEM]);
}

#[test]
fn loaded_bytes_are_below_two_to_the_8() {
    let (mut forged, _) = loaded(Lw);
    let subword = forged.first(AirId::Subword);
    let row = subword.row_with("wide_4");
    let top = subword.get("v_7", row) + F::from(256);
    subword.set("v_7", row, top);
    assert_eq!(violated(subword), ["loaded byte 7"]);
    assert_eq!(open(&forged), [Tag::BYTE]);
}

#[test]
fn stored_bytes_are_below_two_to_the_8() {
    let mut a = Assembler::new();
    a.li(5, 0x20_0000).li(6, 0x1234).s(Sh, 6, 5, 0).halt(0);
    let mut forged = tables(&a, &[]);
    // Another cut of the register: the second byte a whole 256 less, the first one more than a byte.
    let subword = forged.first(AirId::Subword);
    let row = subword.row_with("store");
    let [first, second, word] = ["v_0", "v_1", "first_new"].map(|column| subword.get(column, row));
    let moved = F::from(256);
    subword.set("v_0", row, first + moved).set("v_1", row, second - F::ONE).set("first_new", row, word);
    assert_eq!(violated(subword), [""; 0], "the word is the same sum of bytes");
    assert_eq!(open(&forged), [Tag::BYTE]);
}

#[test]
fn constants_and_links_are_what_the_program_says() {
    let mut a = Assembler::new();
    let next = a.label();
    a.u(Lui, 5, 0x7000).jal(1, next).bind(next).halt(0);
    let honest = tables(&a, &[]);
    let mut forged = honest.clone();
    lift(&mut forged, AirId::Cpu, 0, &["result", "rd_new", "imm"]);
    assert_eq!(violated(forged.first(AirId::Cpu)), [""; 0]);
    assert!(open(&forged).contains(&tag::PROGRAM));
    let mut forged = honest;
    lift(&mut forged, AirId::Cpu, 1, &["result", "rd_new"]);
    assert_eq!(violated(forged.first(AirId::Cpu)), ["jal links"]);
}

#[test]
fn final_values_are_those_of_the_last_access() {
    let mut a = Assembler::new();
    a.li(5, 77).halt(0);
    let mut forged = tables(&a, &[]);
    lift(&mut forged, AirId::Memory, 0, &["last"]);
    assert_eq!(violated(forged.first(AirId::Memory)), [""; 0]);
    assert_eq!(open(&forged), [tag::MEM]);
}

#[test]
fn permuted_lanes_are_below_two_to_the_64() {
    let mut a = Assembler::new();
    a.li(A0, 0x20_0000).ecall(ecall::KECCAK).halt(0);
    let mut forged = tables(&a, &[]);
    let row = 3;
    lift(&mut forged, AirId::KeccakMemory, row, &["new"]);
    let addr = F::from(0x20_0000 / 8 + 3);
    let memory = forged.first(AirId::Memory);
    let word = (0..).find(|&row| memory.get("addr", row) == addr).expect("the word is touched");
    lift(&mut forged, AirId::Memory, word, &["last"]);
    for air in [AirId::KeccakMemory, AirId::Memory] {
        assert_eq!(violated(forged.first(air)), [""; 0]);
    }
    assert_eq!(open(&forged), [tag::KSTATE]);
}
