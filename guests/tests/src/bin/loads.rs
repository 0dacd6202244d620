//! Every load and store at every offset in three words, so that each crosses a word's end somewhere; one output word an
//! instruction.
#![no_std]
#![no_main]

use core::arch::asm;
use quintet_guest_rt::ecall::commit;
use quintet_guest_tests::{Checksum, Random};

quintet_guest_rt::entry!(main);

/// Three words; an access of eight bytes at any offset up to 16 stays inside.
#[repr(align(8))]
struct Area([u8; 24]);

/// A checksum over what a load gives at each offset, with immediates of both signs.
macro_rules! load {
    ($index:literal, $name:literal) => {{
        let mut sum = Checksum::default();
        let mut random = Random::new(77);
        let mut area = Area([0; 24]);
        for _ in 0..8 {
            area.0.fill_with(|| random.next() as u8);
            for offset in 0..=16 {
                let at = area.0.as_ptr().wrapping_add(offset);
                let (near, far, farther): (u64, u64, u64);
                // SAFETY: all three read the same bytes of the area.
                unsafe {
                    asm!(concat!($name, " {near}, 0({at})"), "addi {base}, {at}, 2047", concat!($name, " {far}, -2047({base})"),
                        "addi {base}, {at}, -2047", concat!($name, " {farther}, 2047({base})"),
                        near = out(reg) near, far = out(reg) far, farther = out(reg) farther, base = out(reg) _,
                        at = in(reg) at, options(readonly, nostack));
                }
                [near, far, farther].into_iter().for_each(|word| sum.add(word));
            }
        }
        commit($index, sum.value());
    }};
}

/// A checksum over the area after a store at each offset.
macro_rules! store {
    ($index:literal, $name:literal) => {{
        let mut sum = Checksum::default();
        let mut random = Random::new(99);
        let mut area = Area([0xa5; 24]);
        for offset in (0..=16).chain([3, 9, 1, 16, 0]) {
            let at = area.0.as_mut_ptr().wrapping_add(offset);
            // SAFETY: the store stays inside the area.
            unsafe {
                asm!(concat!($name, " {word}, 0({at})"), at = in(reg) at, word = in(reg) random.next(), options(nostack));
            }
            for word in area.0.chunks_exact(8) {
                sum.add(word.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)));
            }
        }
        commit($index, sum.value());
    }};
}

fn main() -> u64 {
    load!(0, "lb");
    load!(1, "lbu");
    load!(2, "lh");
    load!(3, "lhu");
    load!(4, "lw");
    load!(5, "lwu");
    load!(6, "ld");
    store!(7, "sb");
    store!(8, "sh");
    store!(9, "sw");
    store!(10, "sd");
    0
}
