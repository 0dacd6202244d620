//! What each instruction does, against a reference written with wide integers, at the edges of every operand.

use quintet_machine::{
    AirId, Execution,
    asm::Assembler,
    decode::Mnemonic::{self, *},
    layout::{INPUT_START, ecall},
};

use crate::support::{DATA, execute};

/// Values at which instructions change their minds.
pub(crate) const EDGES: [u64; 14] = [
    0,
    1,
    2,
    0x7f,
    0x80,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0xffff_ffff_8000_0000,
    0xffff_ffff_ffff_ffff,
    0x9e37_79b9_7f4a_7c15,
];

/// Results by the book, in integers wide enough that nothing wraps before the end.
fn reference(mnemonic: Mnemonic, a: u64, b: u64) -> u64 {
    let (ua, ub) = (i128::from(a), i128::from(b));
    let (sa, sb) = (i128::from(a as i64), i128::from(b as i64));
    let (wa, wb) = (i128::from(a as i32), i128::from(b as i32));
    let (uwa, uwb) = (i128::from(a as u32), i128::from(b as u32));
    let word = |value: i128| value as i32 as u64;
    let divided = |a: i128, b: i128| if b == 0 { -1 } else { a / b };
    let remainder = |a: i128, b: i128| if b == 0 { a } else { a % b };
    let (shift, word_shift) = (1i128 << (b % 64), 1i128 << (b % 32));
    match mnemonic {
        Add | Addi => (ua + ub) as u64,
        Sub => (ua - ub) as u64,
        Addw | Addiw => word(wa + wb),
        Subw => word(wa - wb),
        And | Andi => a & b,
        Or | Ori => a | b,
        Xor | Xori => a ^ b,
        Sll | Slli => ((ua as u128) << (b % 64)) as u64,
        Srl | Srli => (ua / shift) as u64,
        Sra | Srai => sa.div_euclid(shift) as u64,
        Sllw | Slliw => word(uwa * word_shift),
        Srlw | Srliw => word(uwa / word_shift),
        Sraw | Sraiw => word(wa.div_euclid(word_shift)),
        Slt | Slti | Blt => u64::from(sa < sb),
        Sltu | Sltiu | Bltu => u64::from(ua < ub),
        Bge => u64::from(sa >= sb),
        Bgeu => u64::from(ua >= ub),
        Beq => u64::from(ua == ub),
        Bne => u64::from(ua != ub),
        Mul => (a as u128 * b as u128) as u64,
        Mulh => ((sa * sb) >> 64) as u64,
        Mulhu => ((a as u128 * b as u128) >> 64) as u64,
        Mulhsu => ((sa * ub) >> 64) as u64,
        Mulw => word(wa * wb),
        Div => divided(sa, sb) as u64,
        Divu => divided(ua, ub) as u64,
        Rem => remainder(sa, sb) as u64,
        Remu => remainder(ua, ub) as u64,
        Divw => word(divided(wa, wb)),
        Divuw => word(divided(uwa, uwb)),
        Remw => word(remainder(wa, wb)),
        Remuw => word(remainder(uwa, uwb)),
        other => unreachable!("{other} has no result"),
    }
}

/// Register-register instructions with a result.
pub(crate) const REGISTER: [Mnemonic; 28] = [
    Add, Sub, Sll, Slt, Sltu, Xor, Srl, Sra, Or, And, Addw, Subw, Sllw, Srlw, Sraw, Mul, Mulh, Mulhsu, Mulhu, Div, Divu, Rem,
    Remu, Mulw, Divw, Divuw, Remw, Remuw,
];
/// Register-immediate instructions that are no shifts.
pub(crate) const IMMEDIATE: [Mnemonic; 7] = [Addi, Slti, Sltiu, Xori, Ori, Andi, Addiw];
/// Shifts by an immediate.
pub(crate) const SHIFT: [Mnemonic; 6] = [Slli, Srli, Srai, Slliw, Srliw, Sraiw];
/// Branches.
pub(crate) const BRANCH: [Mnemonic; 6] = [Beq, Bne, Blt, Bge, Bltu, Bgeu];
/// Loads with their sizes.
pub(crate) const LOAD: [(Mnemonic, u64); 7] = [(Lb, 1), (Lh, 2), (Lw, 4), (Ld, 8), (Lbu, 1), (Lhu, 2), (Lwu, 4)];
/// Stores with their sizes.
pub(crate) const STORE: [(Mnemonic, u64); 4] = [(Sb, 1), (Sh, 2), (Sw, 4), (Sd, 8)];

fn word(execution: &Execution, addr: u64) -> u64 {
    execution.word(addr / 8).expect("results lie in RAM")
}

#[test]
fn register_instructions_at_the_edges() {
    for mnemonic in REGISTER {
        let mut a = Assembler::new();
        a.li(31, DATA);
        for x in EDGES {
            a.li(5, x);
            for y in EDGES {
                a.li(6, y).r(mnemonic, 7, 5, 6).s(Sd, 7, 31, 0).i(Addi, 31, 31, 8);
            }
        }
        a.halt(0);
        let execution = execute(&a, &[]).expect("the program halts");
        let pairs = EDGES.iter().flat_map(|x| EDGES.map(|y| (*x, y)));
        for ((x, y), at) in pairs.zip((DATA..).step_by(8)) {
            assert_eq!(word(&execution, at), reference(mnemonic, x, y), "{mnemonic} {x:#x}, {y:#x}");
        }
    }
}

#[test]
fn immediate_instructions_at_the_edges() {
    let immediates = |mnemonic| -> &[i64] {
        match mnemonic {
            Slliw | Srliw | Sraiw => &[0, 1, 7, 16, 31],
            Slli | Srli | Srai => &[0, 1, 31, 32, 33, 63],
            _ => &[-2048, -1, 0, 1, 2047],
        }
    };
    for mnemonic in IMMEDIATE.into_iter().chain(SHIFT) {
        for imm in immediates(mnemonic) {
            let mut a = Assembler::new();
            a.li(31, DATA);
            for x in EDGES {
                a.li(5, x).i(mnemonic, 5, 5, *imm).s(Sd, 5, 31, 0).i(Addi, 31, 31, 8);
            }
            a.halt(0);
            let execution = execute(&a, &[]).expect("the program halts");
            for (x, at) in EDGES.into_iter().zip((DATA..).step_by(8)) {
                assert_eq!(word(&execution, at), reference(mnemonic, x, *imm as u64), "{mnemonic} {x:#x}, {imm}");
            }
        }
    }
}

#[test]
fn branches_at_the_edges() {
    for mnemonic in BRANCH {
        let mut a = Assembler::new();
        a.li(31, DATA);
        for (x, y) in EDGES.iter().flat_map(|x| EDGES.map(|y| (*x, y))) {
            let taken = a.label();
            a.li(5, x).li(6, y).li(7, 1).branch(mnemonic, 5, 6, taken).li(7, 0).bind(taken);
            a.s(Sd, 7, 31, 0).i(Addi, 31, 31, 8);
        }
        a.halt(0);
        let execution = execute(&a, &[]).expect("the program halts");
        let pairs = EDGES.iter().flat_map(|x| EDGES.map(|y| (*x, y)));
        for ((x, y), at) in pairs.zip((DATA..).step_by(8)) {
            assert_eq!(word(&execution, at), reference(mnemonic, x, y), "{mnemonic} {x:#x}, {y:#x}");
        }
    }
}

#[test]
fn loads_of_every_width_at_every_alignment() {
    let bytes: Vec<u8> = (0..32u8).map(|i| i.wrapping_mul(0x3d) ^ 0x80).collect();
    for (mnemonic, size) in LOAD {
        let mut a = Assembler::new();
        a.data(DATA, bytes.clone(), 0).li(30, DATA).li(31, DATA + 0x100);
        for offset in 0..16 {
            a.i(mnemonic, 5, 30, offset).s(Sd, 5, 31, 8 * offset);
        }
        a.halt(0);
        let execution = execute(&a, &[]).expect("the program halts");
        for offset in 0..16usize {
            let mut raw = [0; 8];
            raw[..size as usize].copy_from_slice(&bytes[offset..offset + size as usize]);
            let value = u64::from_le_bytes(raw);
            let extended = match mnemonic {
                Lb => value as i8 as u64,
                Lh => value as i16 as u64,
                Lw => value as i32 as u64,
                _ => value,
            };
            assert_eq!(word(&execution, DATA + 0x100 + 8 * offset as u64), extended, "{mnemonic} at {offset}");
        }
    }
}

#[test]
fn stores_of_every_width_at_every_alignment_leave_other_bytes_alone() {
    let before: Vec<u8> = (0..32).collect();
    let value = 0xf1e2_d3c4_b5a6_9788u64;
    for (mnemonic, size) in STORE {
        for offset in 0..16usize {
            let mut a = Assembler::new();
            a.data(DATA, before.clone(), 0).li(30, DATA).li(5, value).s(mnemonic, 5, 30, offset as i64).halt(0);
            let execution = execute(&a, &[]).expect("the program halts");
            let mut after = before.clone();
            after[offset..offset + size as usize].copy_from_slice(&value.to_le_bytes()[..size as usize]);
            let words = (DATA..DATA + 32).step_by(8).flat_map(|addr| word(&execution, addr).to_le_bytes());
            assert_eq!(words.collect::<Vec<_>>(), after, "{mnemonic} at {offset}");
        }
    }
}

#[test]
fn x0_stays_zero() {
    let mut a = Assembler::new();
    a.data(DATA, [1; 8], 0).li(5, DATA).r(Add, 0, 5, 5).u(Lui, 0, 0x1000).u(Auipc, 0, 0x1000).i(Ld, 0, 5, 0);
    let next = a.label();
    a.jal(0, next).bind(next).r(Add, 6, 0, 0).halt(0);
    let execution = execute(&a, &[]).expect("the program halts");
    assert_eq!((execution.registers()[0], execution.registers()[6]), (0, 0));
}

#[test]
fn jumps_link_the_next_instruction() {
    let mut a = Assembler::new();
    let over = a.label();
    let jal = a.pc();
    a.jal(1, over).halt(1).bind(over);
    a.u(Auipc, 2, 0).i(Addi, 2, 2, 9);
    let jalr = a.pc();
    // Base and destination may be the same register; the lowest bit of the sum is dropped.
    a.i(Jalr, 2, 2, 4).halt(2);
    let execution = execute(&a, &[]).expect("the program halts");
    assert_eq!(execution.registers()[1], jal + 4);
    assert_eq!(execution.registers()[2], jalr + 4);
    assert_eq!(execution.exit_code(), 2);
}

#[test]
fn input_begins_with_its_length_and_is_zero_padded() {
    let mut a = Assembler::new();
    a.li(5, INPUT_START).i(Ld, 11, 5, 0).li(10, 0).ecall(ecall::OUTPUT);
    a.i(Ld, 11, 5, 8).li(10, 1).ecall(ecall::OUTPUT).i(Ld, 11, 5, 16).li(10, 2).ecall(ecall::OUTPUT);
    a.i(Ld, 11, 5, 24).li(10, 3).ecall(ecall::OUTPUT).halt(0);
    let execution = execute(&a, b"0123456789").expect("the program halts");
    let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
    assert_eq!(execution.outputs(), [10, word(b"01234567"), word(b"89\0\0\0\0\0\0"), 0]);
}

#[test]
fn keccak_of_the_zero_state_is_the_published_one() {
    let mut a = Assembler::new();
    a.li(10, DATA).ecall(ecall::KECCAK).ecall(ecall::KECCAK).halt(0);
    let execution = execute(&a, &[]).expect("the program halts");
    // KeccakF-1600-IntermediateValues.txt of the Keccak team: first lanes after the second permutation.
    assert_eq!(word(&execution, DATA), 0x2d5c_954d_f96e_cb3c);
    assert_eq!(word(&execution, DATA + 8), 0x6a33_2cd0_7057_b56d);
}

#[test]
fn log_and_marks_leave_no_trace_in_memory() {
    let mut a = Assembler::new();
    a.data(DATA, *b"hello, world", 0);
    a.li(10, DATA + 1).li(11, 4).ecall(ecall::LOG).li(10, 77).ecall(ecall::MARK);
    // Nothing to read there: the log ends.
    a.li(10, u64::MAX).li(11, u64::MAX).ecall(ecall::LOG).halt(0);
    let execution = execute(&a, &[]).expect("the program halts");
    assert_eq!(execution.log(), b"ello");
    assert_eq!(execution.marks().iter().map(|mark| mark.id).collect::<Vec<_>>(), [77]);
    // Only x0, a0, a1 and a7.
    assert_eq!(execution.operations(AirId::Memory), 4);
}

#[test]
fn a_non_zero_exit_code_is_an_outcome() {
    let mut a = Assembler::new();
    a.halt(42);
    assert_eq!(execute(&a, &[]).expect("the program halts").exit_code(), 42);
}
