//! The executor against `qemu-riscv64`: the same instructions, then registers and memory compared bit by bit.

use std::{
    fs::Permissions,
    io::Write,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
    sync::{Arc, OnceLock},
};

use proptest::prelude::*;
use quintet_machine::{
    Execution, Options,
    asm::Assembler,
    decode::Mnemonic::{self, *},
    layout::{A0, A1, A7},
};

use crate::{
    generator::{SPARE, WINDOW, WINDOW_LEN, body},
    semantics::{BRANCH, EDGES, IMMEDIATE, LOAD, REGISTER, SHIFT, STORE},
};

/// Where programs leave what is to be compared; registers come first.
const DUMP: u64 = 0x0030_0000;
const REGISTERS_LEN: u64 = 32 * 8;

/// Whether there is an emulator. Without one the tests say so and pass, except in CI.
pub(crate) fn available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| {
        let found = Command::new("qemu-riscv64").arg("--version").stdout(Stdio::null()).status().is_ok_and(|s| s.success());
        assert!(found || std::env::var("CI").as_deref() != Ok("true"), "qemu-riscv64 (Debian: qemu-user) is missing in CI");
        if !found {
            println!("SKIPPED: qemu-riscv64 (Debian: qemu-user) is not installed");
        }
        found
    })
}

/// Ends a body that works on both: all registers go to the dump, then `len` bytes of it to the outside.
fn epilogue(a: &mut Assembler, len: u64) {
    a.data(DUMP, [], len).li(SPARE, DUMP);
    for register in 0..SPARE {
        a.s(Sd, register, SPARE, 8 * i64::from(register));
    }
}

/// Runs under the emulator: `write(1, DUMP, len)`, then `exit(0)`.
fn emulated(a: &Assembler, len: u64, window: bool) -> Vec<u8> {
    let mut a = a.clone();
    write(&mut a, DUMP, len);
    if window {
        write(&mut a, WINDOW, WINDOW_LEN as u64);
    }
    a.li(A0, 0).li(A7, 93).r(Ecall, 0, 0, 0);
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(&a.elf()).expect("the file takes the program");
    // The emulator takes executable files only.
    file.as_file().set_permissions(Permissions::from_mode(0o755)).expect("the file is ours");
    // A file that is open for writing cannot be run.
    let path = file.into_temp_path();
    let output = Command::new("qemu-riscv64").arg(&path).output().expect("the emulator runs");
    assert!(output.status.success(), "the emulator says {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn write(a: &mut Assembler, addr: u64, len: u64) {
    a.li(A0, 1).li(A1, addr).li(12, len).li(A7, 64).r(Ecall, 0, 0, 0);
}

/// Runs under the executor.
fn executed(a: &Assembler, len: u64, window: bool) -> Vec<u8> {
    let mut a = a.clone();
    a.halt(0);
    let program = Arc::new(a.program().expect("the program loads"));
    let execution = Execution::run(program, Arc::from([]), &Options::default()).expect("the program halts");
    let window = if window { WINDOW..WINDOW + WINDOW_LEN as u64 } else { 0..0 };
    let words = (DUMP..DUMP + len).step_by(8).chain(window.step_by(8));
    words.flat_map(|addr| execution.word(addr / 8).expect("the dump is in RAM").to_le_bytes()).collect()
}

/// Runs a body on both sides and compares `len` bytes of the dump and the window.
fn compare(name: &str, a: &Assembler, len: u64, window: bool) {
    let (ours, theirs) = (executed(a, len, window), emulated(a, len, window));
    assert_eq!(ours.len(), theirs.len(), "{name}: size of the dump");
    for (at, (ours, theirs)) in ours.chunks(8).zip(theirs.chunks(8)).enumerate() {
        assert_eq!(ours, theirs, "{name}: word {at} of the dump");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn random_programs_agree(body in body(250)) {
        if available() {
            let mut a = Assembler::new();
            body.assemble(&mut a);
            epilogue(&mut a, REGISTERS_LEN);
            compare("random program", &a, REGISTERS_LEN, true);
        }
    }
}

/// Stores x7 as the next result.
fn result(a: &mut Assembler) {
    a.s(Sd, 7, SPARE, 0).i(Addi, SPARE, SPARE, 8);
}

/// One program that computes `results` and compares them.
fn edges(name: Mnemonic, results: usize, build: impl FnOnce(&mut Assembler)) {
    let len = (results * 8) as u64;
    let mut a = Assembler::new();
    a.data(DUMP, [], len).li(SPARE, DUMP);
    build(&mut a);
    compare(name.name(), &a, len, false);
}

#[test]
fn every_register_instruction_agrees_at_the_edges() {
    if !available() {
        return;
    }
    for mnemonic in REGISTER {
        edges(mnemonic, EDGES.len() * EDGES.len(), |a| {
            for (x, y) in EDGES.iter().flat_map(|x| EDGES.map(|y| (*x, y))) {
                a.li(5, x).li(6, y).r(mnemonic, 7, 5, 6);
                result(a);
            }
        });
    }
}

#[test]
fn every_immediate_instruction_agrees_at_the_edges() {
    if !available() {
        return;
    }
    for mnemonic in IMMEDIATE.into_iter().chain(SHIFT) {
        let immediates = match mnemonic {
            Slliw | Srliw | Sraiw => [0, 1, 7, 16, 31],
            Slli | Srli | Srai => [0, 1, 31, 32, 63],
            _ => [-2048, -1, 0, 1, 2047],
        };
        edges(mnemonic, EDGES.len() * immediates.len(), |a| {
            for (x, imm) in EDGES.iter().flat_map(|x| immediates.map(|imm| (*x, imm))) {
                a.li(5, x).i(mnemonic, 7, 5, imm);
                result(a);
            }
        });
    }
    for mnemonic in [Lui, Auipc] {
        let immediates = [0, 0x1000, 0x7fff_f000, -0x8000_0000, -0x1000];
        edges(mnemonic, immediates.len(), |a| {
            for imm in immediates {
                a.u(mnemonic, 7, imm);
                result(a);
            }
        });
    }
}

#[test]
fn every_branch_agrees_at_the_edges() {
    if !available() {
        return;
    }
    for mnemonic in BRANCH {
        edges(mnemonic, EDGES.len() * EDGES.len(), |a| {
            for (x, y) in EDGES.iter().flat_map(|x| EDGES.map(|y| (*x, y))) {
                let taken = a.label();
                a.li(5, x).li(6, y).li(7, 1).branch(mnemonic, 5, 6, taken).li(7, 0).bind(taken);
                result(a);
            }
        });
    }
}

#[test]
fn every_load_and_store_agrees_at_every_alignment() {
    if !available() {
        return;
    }
    let bytes: Vec<u8> = (0..32u8).map(|i| i.wrapping_mul(0x3d) ^ 0x80).collect();
    for (mnemonic, _) in LOAD {
        edges(mnemonic, 16, |a| {
            a.data(WINDOW, bytes.clone(), 0).li(5, WINDOW);
            for offset in 0..16 {
                a.i(mnemonic, 7, 5, offset);
                result(a);
            }
        });
    }
    for (mnemonic, _) in STORE {
        edges(mnemonic, 16 * 3, |a| {
            a.data(WINDOW, bytes.clone(), 0).li(5, WINDOW).li(6, 0xf1e2_d3c4_b5a6_9788);
            for offset in 0..16 {
                a.s(mnemonic, 6, 5, offset);
                for word in 0..3 {
                    a.i(Ld, 7, 5, 8 * word);
                    result(a);
                }
            }
        });
    }
}
