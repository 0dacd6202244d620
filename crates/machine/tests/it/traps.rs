//! Everything a program can do wrong ends in a trap that names pc and instruction.

use quintet_machine::{
    ExecutorError, Options, TrapKind,
    asm::{Assembler, TEXT_BASE},
    decode::Mnemonic::*,
    layout::{INPUT_END, INPUT_START, RAM_END, ecall},
};

use crate::support::{DATA, execute, execute_with, trap};

/// A program whose only instruction after loading x5 is made by `last`.
fn after_li(x5: u64, last: impl FnOnce(&mut Assembler)) -> (Assembler, u64) {
    let mut a = Assembler::new();
    a.li(5, x5);
    let pc = a.pc();
    last(&mut a);
    a.halt(0);
    (a, pc)
}

fn expect(x5: u64, last: impl FnOnce(&mut Assembler), kind: TrapKind) {
    let (a, pc) = after_li(x5, last);
    let trap = trap(&a);
    assert_eq!((trap.pc, &trap.kind), (pc, &kind));
    assert_eq!(trap.instruction, Some(a.code()[((pc - TEXT_BASE) / 4) as usize]));
    assert!(trap.to_string().starts_with(&format!("pc {pc:#x} (")), "{trap}");
}

#[test]
fn unknown_instruction() {
    expect(
        0,
        |a| {
            a.word(0);
        },
        TrapKind::UnknownInstruction,
    );
    expect(
        0,
        |a| {
            a.word(0xc000_2573);
        },
        TrapKind::UnknownInstruction,
    );
}

#[test]
fn breakpoint() {
    expect(
        0,
        |a| {
            a.r(Ebreak, 0, 0, 0);
        },
        TrapKind::Breakpoint,
    );
}

#[test]
fn jumps_to_misaligned_addresses() {
    expect(
        TEXT_BASE + 2,
        |a| {
            a.i(Jalr, 1, 5, 0);
        },
        TrapKind::MisalignedPc { target: TEXT_BASE + 2 },
    );
    // The lowest bit is dropped, the next is not.
    expect(
        TEXT_BASE + 3,
        |a| {
            a.i(Jalr, 1, 5, 0);
        },
        TrapKind::MisalignedPc { target: TEXT_BASE + 2 },
    );
    let (a, pc) = after_li(0, |a| {
        a.inst(Jal, 0, 0, 0, 6);
    });
    assert_eq!(trap(&a).kind, TrapKind::MisalignedPc { target: pc + 6 });
    let (a, pc) = after_li(0, |a| {
        a.inst(Beq, 0, 0, 0, -2);
    });
    assert_eq!(trap(&a).kind, TrapKind::MisalignedPc { target: pc - 2 });
}

#[test]
fn a_branch_to_a_misaligned_address_is_harmless_when_not_taken() {
    let (a, _) = after_li(0, |a| {
        a.inst(Bne, 0, 0, 0, 6);
    });
    assert_eq!(execute(&a, &[]).expect("the program halts").exit_code(), 0);
}

#[test]
fn jumps_out_of_text() {
    expect(
        0,
        |a| {
            a.i(Jalr, 1, 5, 0);
        },
        TrapKind::OutsideText { target: 0 },
    );
    expect(
        DATA,
        |a| {
            a.i(Jalr, 1, 5, 0);
        },
        TrapKind::OutsideText { target: DATA },
    );
    expect(
        u64::MAX,
        |a| {
            a.i(Jalr, 1, 5, 5);
        },
        TrapKind::OutsideText { target: 4 },
    );
    expect(
        TEXT_BASE,
        |a| {
            a.i(Jalr, 1, 5, -4);
        },
        TrapKind::OutsideText { target: TEXT_BASE - 4 },
    );
    let (a, pc) = after_li(0, |a| {
        a.inst(Jal, 0, 0, 0, -0x8000);
    });
    assert_eq!(trap(&a).kind, TrapKind::OutsideText { target: pc - 0x8000 });
}

#[test]
fn the_first_address_after_the_text_is_no_target() {
    let mut a = Assembler::new();
    a.inst(Jal, 0, 0, 0, 4);
    assert_eq!(trap(&a).kind, TrapKind::OutsideText { target: TEXT_BASE + 4 });
}

#[test]
fn running_off_the_end_of_text() {
    let mut a = Assembler::new();
    a.i(Addi, 1, 0, 1);
    let trap = trap(&a);
    assert_eq!((trap.pc, trap.instruction), (TEXT_BASE + 4, None));
    assert_eq!(trap.kind, TrapKind::OutsideText { target: TEXT_BASE + 4 });
    assert_eq!(trap.to_string(), "pc 0x10004 (no instruction), clock 2: jump out of text to 0x10004");
}

#[test]
fn accesses_outside_memory() {
    let outside = |addr, bytes| TrapKind::OutsideMemory { addr, bytes };
    expect(
        0,
        |a| {
            a.i(Ld, 1, 5, 0);
        },
        outside(0, 8),
    );
    expect(
        8,
        |a| {
            a.s(Sd, 1, 5, 0);
        },
        outside(8, 8),
    );
    expect(
        RAM_END,
        |a| {
            a.i(Lb, 1, 5, 0);
        },
        outside(RAM_END, 1),
    );
    expect(
        RAM_END,
        |a| {
            a.s(Sb, 1, 5, 0);
        },
        outside(RAM_END, 1),
    );
    expect(
        TEXT_BASE,
        |a| {
            a.i(Lbu, 1, 5, -1);
        },
        outside(TEXT_BASE - 1, 1),
    );
    expect(
        INPUT_START,
        |a| {
            a.i(Lbu, 1, 5, -1);
        },
        outside(INPUT_START - 1, 1),
    );
    expect(
        INPUT_END,
        |a| {
            a.i(Lw, 1, 5, 0);
        },
        outside(INPUT_END, 4),
    );
    expect(
        u64::MAX,
        |a| {
            a.i(Lbu, 1, 5, 0);
        },
        outside(u64::MAX, 1),
    );
}

#[test]
fn accesses_that_leave_a_region_in_their_second_word() {
    for end in [RAM_END, INPUT_END] {
        let kind = |addr, bytes| TrapKind::OutsideMemory { addr, bytes };
        expect(
            end - 1,
            |a| {
                a.i(Lh, 1, 5, 0);
            },
            kind(end - 1, 2),
        );
        expect(
            end - 3,
            |a| {
                a.s(Sw, 1, 5, 0);
            },
            kind(end - 3, 4),
        );
        expect(
            end - 7,
            |a| {
                a.i(Ld, 1, 5, 0);
            },
            kind(end - 7, 8),
        );
        let (a, _) = after_li(end - 8, |a| {
            a.i(Ld, 1, 5, 0);
        });
        execute(&a, &[]).expect("the last word is memory");
    }
}

#[test]
fn addresses_do_not_wrap_around() {
    // −16 + 0x10010 would be the first byte of RAM, if the sum wrapped; no offset reaches that far.
    for (x5, imm) in [(u64::MAX - 15, 2047), (0, -2048), (16, -17)] {
        let addr = x5.wrapping_add_signed(imm);
        expect(
            x5,
            |a| {
                a.i(Lbu, 1, 5, imm);
            },
            TrapKind::OutsideMemory { addr, bytes: 1 },
        );
        expect(
            x5,
            |a| {
                a.s(Sb, 1, 5, imm);
            },
            TrapKind::OutsideMemory { addr, bytes: 1 },
        );
    }
}

#[test]
fn text_is_neither_read_nor_written() {
    let text = |addr, bytes| TrapKind::TextAccess { addr, bytes };
    expect(
        TEXT_BASE,
        |a| {
            a.i(Lw, 1, 5, 0);
        },
        text(TEXT_BASE, 4),
    );
    expect(
        TEXT_BASE,
        |a| {
            a.s(Sw, 1, 5, 4);
        },
        text(TEXT_BASE + 4, 4),
    );
}

#[test]
fn the_word_in_which_text_ends_is_text_and_the_next_is_memory() {
    // Even numbers end at a word boundary, odd ones inside a word.
    for instructions in 32..36 {
        let padded = |addr: u64| {
            let mut a = Assembler::new();
            a.li(5, addr).s(Sd, 5, 5, 0).i(Ld, 6, 5, 0).halt(0);
            while a.code().len() < instructions {
                a.i(Addi, 0, 0, 0);
            }
            a
        };
        let last = (TEXT_BASE + 4 * instructions as u64 - 1) / 8 * 8;
        assert_eq!(trap(&padded(last)).kind, TrapKind::TextAccess { addr: last, bytes: 8 });
        assert_eq!(trap(&padded(last + 1)).kind, TrapKind::TextAccess { addr: last + 1, bytes: 8 });
        let execution = execute(&padded(last + 8), &[]).expect("the words after the text are memory");
        assert_eq!(execution.registers()[6], last + 8);
    }
}

#[test]
fn unknown_ecalls() {
    for number in [5, 64, 93, u64::MAX] {
        let mut a = Assembler::new();
        a.ecall(number);
        assert_eq!(trap(&a).kind, TrapKind::UnknownEcall { number });
    }
}

#[test]
fn keccak_pointers() {
    let keccak = |addr: u64| {
        let mut a = Assembler::new();
        a.li(10, addr).ecall(ecall::KECCAK).halt(0);
        a
    };
    let outside = |addr| TrapKind::OutsideMemory { addr, bytes: 200 };
    assert_eq!(trap(&keccak(DATA + 4)).kind, TrapKind::MisalignedKeccak { addr: DATA + 4 });
    assert_eq!(trap(&keccak(0)).kind, outside(0));
    assert_eq!(trap(&keccak(RAM_END - 192)).kind, outside(RAM_END - 192));
    assert_eq!(trap(&keccak(u64::MAX - 7)).kind, outside(u64::MAX - 7));
    assert_eq!(trap(&keccak(TEXT_BASE)).kind, TrapKind::TextAccess { addr: TEXT_BASE, bytes: 200 });
    execute(&keccak(RAM_END - 200), &[]).expect("the last 25 words are memory");
    execute(&keccak(INPUT_START), &[]).expect("input may be permuted");
}

fn outputs(indices: &[u64]) -> Assembler {
    let mut a = Assembler::new();
    for index in indices {
        a.li(10, *index).li(11, index.wrapping_add(100)).ecall(ecall::OUTPUT);
    }
    a.halt(0);
    a
}

#[test]
fn outputs_are_written_once_each_without_gaps() {
    assert_eq!(execute(&outputs(&[2, 0, 1]), &[]).expect("in any order").outputs(), [100, 101, 102]);
    assert_eq!(trap(&outputs(&[0, 1, 0])).kind, TrapKind::DuplicateOutput { index: 0 });
    assert_eq!(trap(&outputs(&[0, 2])).kind, TrapKind::OutputGap { index: 1 });
    assert_eq!(trap(&outputs(&[4096])).kind, TrapKind::OutputIndex { index: 4096, max: 4096 });
    assert_eq!(trap(&outputs(&[u64::MAX])).kind, TrapKind::OutputIndex { index: u64::MAX, max: 4096 });
}

#[test]
fn an_endless_loop_meets_the_cycle_limit() {
    let mut a = Assembler::new();
    let top = a.here();
    a.jal(0, top);
    let options = Options { max_cycles: 100_000, ..Options::default() };
    let Err(ExecutorError::Trap(trap)) = execute_with(&a, &[], &options) else { panic!("it cannot halt") };
    assert_eq!((trap.kind, trap.clock), (TrapKind::CycleLimit { limit: 100_000 }, 100_000));
}

#[test]
fn a_halt_in_the_last_allowed_cycle_counts() {
    let mut a = Assembler::new();
    a.halt(3);
    let run = |max_cycles| execute_with(&a, &[], &Options { max_cycles, ..Options::default() });
    assert_eq!(run(3).expect("it halts in time").exit_code(), 3);
    assert!(run(2).is_err());
}
