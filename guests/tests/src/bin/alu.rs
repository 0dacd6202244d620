//! Every RV64I instruction without memory or branches, on edge values; one output word an instruction.
#![no_std]
#![no_main]

use core::arch::asm;
use quintet_guest_rt::ecall::commit;
use quintet_guest_tests::{Checksum, EDGES, binary, sweep};

quintet_guest_rt::entry!(main);

/// The immediates that are tried: both ends, both signs, single bits.
macro_rules! immediates {
    ($index:ident, $name:literal, [$($immediate:literal)*]) => {{
        let mut sum = Checksum::default();
        for a in EDGES {
            $(
                let result: u64;
                // SAFETY: an arithmetic instruction on registers.
                unsafe {
                    asm!(concat!($name, " {r}, {a}, ", $immediate), r = lateout(reg) result, a = in(reg) a,
                        options(pure, nomem, nostack))
                }
                sum.add(result);
            )*
        }
        commit($index, sum.value());
        $index += 1;
    }};
}

/// `lui` and `auipc`; the second relative to where it stands, so that the result is no address.
fn upper(index: u64) {
    let (a, b, c, d, here, there): (u64, u64, u64, u64, u64, u64);
    // SAFETY: these write their result registers only.
    unsafe {
        asm!(
            "lui {a}, 0",
            "lui {b}, 0x7ffff",
            "lui {c}, 0x80000",
            "lui {d}, 0xfffff",
            "auipc {here}, 0",
            "auipc {there}, 0x80000",
            a = out(reg) a, b = out(reg) b, c = out(reg) c, d = out(reg) d, here = out(reg) here, there = out(reg) there,
            options(pure, nomem, nostack)
        );
    }
    let mut sum = Checksum::default();
    [a, b, c, d, there.wrapping_sub(here)].into_iter().for_each(|word| sum.add(word));
    commit(index, sum.value());
}

/// Results into x0 vanish, and one register may be all operands.
fn register_zero(index: u64) {
    let (zero, doubled, cleared): (u64, u64, u64);
    // SAFETY: these write their result registers only; x0 ignores writes.
    unsafe {
        asm!(
            "li x0, -1",
            "add x0, {a}, {a}",
            "lui x0, 0x12345",
            "mul x0, {a}, {a}",
            "mv {zero}, x0",
            "mv {d}, {a}",
            "add {d}, {d}, {d}",
            "mv {c}, {a}",
            "sub {c}, {c}, {c}",
            a = in(reg) 0x0123_4567_89ab_cdefu64, zero = out(reg) zero, d = out(reg) doubled, c = out(reg) cleared,
            options(pure, nomem, nostack)
        );
    }
    let mut sum = Checksum::default();
    [zero, doubled, cleared].into_iter().for_each(|word| sum.add(word));
    commit(index, sum.value());
}

fn main() -> u64 {
    let register = [
        binary!("add"),
        binary!("sub"),
        binary!("sll"),
        binary!("slt"),
        binary!("sltu"),
        binary!("xor"),
        binary!("srl"),
        binary!("sra"),
        binary!("or"),
        binary!("and"),
        binary!("addw"),
        binary!("subw"),
        binary!("sllw"),
        binary!("srlw"),
        binary!("sraw"),
    ];
    let mut i = sweep(&register, commit, 0);
    immediates!(i, "addi", [-2048 -1 0 1 5 2047]);
    immediates!(i, "slti", [-2048 -1 0 1 5 2047]);
    immediates!(i, "sltiu", [-2048 -1 0 1 5 2047]);
    immediates!(i, "xori", [-2048 -1 0 1 5 2047]);
    immediates!(i, "ori", [-2048 -1 0 1 5 2047]);
    immediates!(i, "andi", [-2048 -1 0 1 5 2047]);
    immediates!(i, "slli", [0 1 31 32 33 63]);
    immediates!(i, "srli", [0 1 31 32 33 63]);
    immediates!(i, "srai", [0 1 31 32 33 63]);
    immediates!(i, "addiw", [-2048 -1 0 1 5 2047]);
    immediates!(i, "slliw", [0 1 15 16 30 31]);
    immediates!(i, "srliw", [0 1 15 16 30 31]);
    immediates!(i, "sraiw", [0 1 15 16 30 31]);
    upper(i);
    register_zero(i + 1);
    0
}
