//! Every branch on all pairs of edge values, forward and backward jumps, links, and the cleared lowest bit of `jalr`.
#![no_std]
#![no_main]

use core::arch::asm;
use quintet_guest_rt::ecall::commit;
use quintet_guest_tests::{Checksum, EDGES};

quintet_guest_rt::entry!(main);

/// A checksum over whether the branch is taken for each pair.
macro_rules! branch {
    ($index:literal, $name:literal) => {{
        let mut sum = Checksum::default();
        for a in EDGES {
            for b in EDGES {
                let taken: u64;
                // SAFETY: the branch goes to a label of this block.
                unsafe {
                    asm!("li {t}, 1", concat!($name, " {a}, {b}, 2f"), "li {t}, 0", "2:",
                        t = out(reg) taken, a = in(reg) a, b = in(reg) b, options(pure, nomem, nostack))
                }
                sum.add(taken);
            }
        }
        commit($index, sum.value());
    }};
}

/// Counts down with a backward branch; calls over `jal` and `jalr`; what the links are relative to the jumps.
fn jumps() -> u64 {
    let (count, link, odd): (u64, u64, u64);
    // SAFETY: all jumps stay in this block, and the registers are declared.
    unsafe {
        asm!(
            "li {count}, 0",
            "li {i}, 1000",
            "2:",
            "addi {count}, {count}, 3",
            "addi {i}, {i}, -1",
            "bnez {i}, 2b",
            "auipc {i}, 0",
            "jal {link}, 3f", // 4 bytes after the auipc, so the link is 8 after it
            "3:",
            "sub {link}, {link}, {i}",
            "auipc {i}, 0",
            "addi {i}, {i}, 17", // the instruction 16 bytes on, and an odd bit
            "jalr {odd}, 0({i})",
            "li {count}, 0", // skipped
            "sub {odd}, {i}, {odd}",
            count = out(reg) count, link = out(reg) link, odd = out(reg) odd, i = out(reg) _,
            options(pure, nomem, nostack)
        );
    }
    let mut sum = Checksum::default();
    [count, link, odd].into_iter().for_each(|word| sum.add(word));
    sum.value()
}

fn main() -> u64 {
    branch!(0, "beq");
    branch!(1, "bne");
    branch!(2, "blt");
    branch!(3, "bge");
    branch!(4, "bltu");
    branch!(5, "bgeu");
    commit(6, jumps());
    0
}
