//! The loader takes what it should, and says why not otherwise.

use proptest::prelude::*;
use quintet_machine::{
    ElfError, Program,
    asm::{Assembler, TEXT_BASE},
    decode::Mnemonic::*,
    isa::{flag, op},
    layout::RAM_END,
};

use crate::support::DATA;

fn sample() -> Assembler {
    let mut a = Assembler::new();
    a.i(Addi, 1, 2, -3).halt(0).data(DATA, [9; 20], 64);
    a
}

/// Offset of field `at` of program header `index`.
const fn header(index: usize, at: usize) -> usize {
    64 + 56 * index + at
}

fn patched(at: usize, bytes: &[u8]) -> Result<Program, ElfError> {
    let mut file = sample().elf();
    file[at..at + bytes.len()].copy_from_slice(bytes);
    Program::from_elf(&file)
}

#[test]
fn a_program_loads() {
    let program = sample().program().expect("it is in order");
    assert_eq!((program.entry(), program.text_base()), (TEXT_BASE, TEXT_BASE));
    assert_eq!(program.rows().len(), 4);
    assert_eq!(program.text_words(), TEXT_BASE / 8..TEXT_BASE / 8 + 2);
    let addrs: Vec<_> = program.image().iter().map(|word| word.0).collect();
    assert_eq!(addrs, [DATA / 8, DATA / 8 + 1, DATA / 8 + 2]);
    assert_eq!(program.image_word(DATA / 8 + 2), Some(0x0909_0909));
    assert_eq!(program.image_word(DATA / 8 + 3), None);
}

#[test]
fn header_fields_that_do_not_fit_are_named() {
    let field = |at: usize, bytes: &[u8]| match patched(at, bytes) {
        Err(ElfError::Header { field, .. }) => field,
        other => panic!("expected a header error, got {other:?}"),
    };
    assert_eq!(field(0, b"\x7fELG"), "e_ident[EI_MAG]");
    assert_eq!(field(4, &[1]), "e_ident[EI_CLASS]");
    assert_eq!(field(5, &[2]), "e_ident[EI_DATA]");
    assert_eq!(field(16, &[3]), "e_type");
    assert_eq!(field(18, &[62]), "e_machine");
    assert_eq!(field(48, &[1]), "e_flags");
    assert_eq!(field(48, &[4]), "e_flags");
    assert_eq!(field(54, &[32]), "e_phentsize");
    assert_eq!(field(56, &[65, 0]), "e_phnum");
    assert_eq!(field(header(1, 0), &[2]), "p_type");
    assert_eq!(field(header(1, 0), &[3]), "p_type");
    assert_eq!(field(header(1, 40), &[1]), "p_filesz");
}

#[test]
fn segments_stay_inside_ram_and_apart() {
    let start = |addr: u64| patched(header(1, 16), &addr.to_le_bytes());
    assert!(matches!(start(RAM_END - 63), Err(ElfError::OutsideRam { .. })));
    assert!(matches!(start(0), Err(ElfError::OutsideRam { .. })));
    assert!(matches!(start(u64::MAX - 3), Err(ElfError::OutsideRam { .. })));
    assert!(start(RAM_END - 64).is_ok());
    // The text is two words.
    assert!(start(TEXT_BASE + 16).is_ok());
    assert_eq!(start(TEXT_BASE + 15), Err(ElfError::Overlap { start: TEXT_BASE + 15, other: TEXT_BASE }));
}

#[test]
fn segments_may_share_a_word_of_data_but_not_of_text() {
    let mut a = Assembler::new();
    a.halt(0).data(DATA, [1; 3], 0).data(DATA + 3, [2; 2], 0);
    assert_eq!(a.program().expect("bytes are apart").image(), [(DATA / 8, 0x02_0201_0101)]);
    a.data(DATA + 4, [3; 1], 0);
    assert!(matches!(a.program(), Err(ElfError::Overlap { .. })));

    let mut a = Assembler::new();
    // Three instructions end in the middle of a word.
    a.halt(0).data(TEXT_BASE + 12, [1; 4], 0);
    assert!(matches!(a.program(), Err(ElfError::Overlap { .. })));
}

#[test]
fn exactly_one_segment_is_executable_and_not_writable() {
    assert_eq!(patched(header(1, 4), &[5]), Err(ElfError::ExecutableSegments(2)));
    assert_eq!(patched(header(0, 4), &[4]), Err(ElfError::ExecutableSegments(0)));
    assert_eq!(patched(header(0, 4), &[7]), Err(ElfError::WritableText(TEXT_BASE)));
}

#[test]
fn text_is_whole_instructions() {
    for (at, value) in [(40, 17u64), (40, 20), (16, TEXT_BASE + 2)] {
        assert!(matches!(patched(header(0, at), &value.to_le_bytes()), Err(ElfError::Text { .. })));
    }
}

#[test]
fn the_entry_is_an_instruction() {
    for entry in [0, TEXT_BASE + 2, TEXT_BASE + 16, DATA] {
        assert_eq!(patched(24, &entry.to_le_bytes()), Err(ElfError::Entry(entry)));
    }
    assert!(patched(24, &(TEXT_BASE + 4).to_le_bytes()).is_ok());
}

#[test]
fn every_prefix_of_a_file_is_refused() {
    let file = sample().elf();
    for len in 0..file.len() {
        assert!(Program::from_elf(&file[..len]).is_err(), "{len} bytes");
    }
}

proptest! {
    #[test]
    fn damaged_headers_never_panic(damage in prop::collection::vec((0usize..176, any::<u8>()), 1..12)) {
        let mut file = sample().elf();
        for (at, byte) in damage {
            file[at] = byte;
        }
        let _ = Program::from_elf(&file);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Program::from_elf(&bytes);
    }
}

#[test]
fn lowering_is_as_documented() {
    let mut a = Assembler::new();
    a.i(Addi, 1, 2, -3).i(Sraiw, 0, 4, 9).r(Sub, 3, 4, 5).u(Lui, 6, -0x1000).u(Auipc, 7, 0x2000).u(Lui, 0, 0x1000);
    a.inst(Beq, 0, 8, 9, -8).inst(Jal, 1, 0, 0, 16).inst(Jal, 0, 0, 0, 16).i(Jalr, 0, 1, -4);
    a.i(Lw, 10, 11, -8).i(Ld, 0, 11, 8).s(Sb, 12, 13, -1).r(Fence, 0, 0, 0).r(Ebreak, 0, 0, 0).word(0).r(Ecall, 0, 0, 0);
    let program = a.program().expect("the program loads");
    let pc = |index: u64| TEXT_BASE + 4 * index;
    let rows: Vec<_> = program.rows().iter().map(|r| (r.pc, r.flags, r.op, [r.rd, r.rs1, r.rs2], r.imm)).collect();
    use flag::*;
    let expected = [
        (pc(0), R1 | W | B_IMM | ALU, op::ADD, [1, 2, 0], (1i128 << 64) - 3),
        (pc(1), R1 | B_IMM | ALU, op::SRAW, [0, 4, 0], 9),
        (pc(2), R1 | R2 | W | ALU, op::SUB, [3, 4, 5], 0),
        (pc(3), W | CONST, 0, [6, 0, 0], (1i128 << 64) - 0x1000),
        (pc(4), W | CONST, 0, [7, 0, 0], i128::from(pc(4) + 0x2000)),
        (pc(5), CONST, 0, [0, 0, 0], 0x1000),
        (pc(6), R1 | R2 | ALU | BRANCH, op::EQ, [0, 8, 9], i128::from(pc(4))),
        (pc(7), W | JAL, 0, [1, 0, 0], i128::from(pc(11))),
        (pc(8), JAL, 0, [0, 0, 0], i128::from(pc(12))),
        (pc(9), R1 | B_IMM | ALU | JALR, op::ADD, [0, 1, 0], (1i128 << 64) - 4),
        (pc(10), R1 | W | LOAD, op::LW, [10, 11, 0], -8),
        (pc(11), R1 | LOAD, op::LD, [0, 11, 0], 8),
        (pc(12), R1 | R2 | STORE, op::SB, [0, 13, 12], -1),
        (pc(13), 0, 0, [0, 0, 0], 0),
        (pc(16), ECALL, 0, [11, 17, 10], 0),
    ];
    assert_eq!(rows, expected);
    assert_eq!(program.row_at(pc(16)), Some(14));
    assert_eq!(program.row_at(pc(15)), None);
}
