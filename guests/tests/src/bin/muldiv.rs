//! Every instruction of the M extension on edge values, division by zero and overflow among them; one output word an
//! instruction.
#![no_std]
#![no_main]

use quintet_guest_rt::ecall::commit;
use quintet_guest_tests::{binary, sweep};

quintet_guest_rt::entry!(main);

fn main() -> u64 {
    let instructions = [
        binary!("mul"),
        binary!("mulh"),
        binary!("mulhsu"),
        binary!("mulhu"),
        binary!("mulw"),
        binary!("div"),
        binary!("divu"),
        binary!("rem"),
        binary!("remu"),
        binary!("divw"),
        binary!("divuw"),
        binary!("remw"),
        binary!("remuw"),
    ];
    let next = sweep(&instructions, commit, 0);
    // The book's table of special cases, written out: RISC-V unprivileged manual, section 13.2.
    let [.., div, divu, rem, remu, divw, divuw, remw, remuw] = instructions;
    let (min, min32) = (i64::MIN as u64, i32::MIN as i64 as u64);
    let special = [
        div(5, 0) == u64::MAX,
        divu(5, 0) == u64::MAX,
        rem(5, 0) == 5,
        remu(5, 0) == 5,
        div(min, u64::MAX) == min,
        rem(min, u64::MAX) == 0,
        divw(5, 0) == u64::MAX,
        divuw(5, 0) == u64::MAX,
        remw(min32, 0) == min32,
        remuw(0x8000_0000, 0) == min32,
        divw(min32, u64::MAX) == min32,
        remw(min32, u64::MAX) == 0,
    ];
    commit(next, special.iter().filter(|holds| **holds).count() as u64);
    0
}
