//! What the test programs share: checksums, edge values, pseudo-random numbers.
//!
//! Each program is built twice from the same source: for the machine, where it commits output words, and for Linux,
//! where it writes the same words to standard output as eight little-endian bytes each. A differential test runs the
//! first on the machine and the second under `qemu-riscv64` and compares the words.
#![no_std]

/// A checksum over words in which order and every bit count.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checksum(u64);

impl Checksum {
    /// Takes in a word.
    #[inline(always)]
    pub fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
    }

    /// The checksum so far.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }
}

/// Operands where instructions go wrong: signs, widths, carries, the ends of both ranges.
pub const EDGES: [u64; 18] = [
    0,
    1,
    2,
    7,
    63,
    64,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x0123_4567_89ab_cdef,
    0x5555_5555_aaaa_aaaa,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0x8000_0000_0000_0001,
    0xffff_ffff_0000_0000,
    0xffff_ffff_8000_0000,
    0xffff_ffff_ffff_ffff,
];

/// xorshift64* (Vigna 2016): numbers without structure, the same everywhere.
#[derive(Clone, Copy, Debug)]
pub struct Random(u64);

impl Random {
    /// Starts from a seed other than zero.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

/// A function that runs one register-register instruction.
#[macro_export]
macro_rules! binary {
    ($name:literal) => {{
        fn run(a: u64, b: u64) -> u64 {
            let result: u64;
            // SAFETY: an arithmetic instruction on registers.
            unsafe {
                core::arch::asm!(concat!($name, " {r}, {a}, {b}"), r = lateout(reg) result, a = in(reg) a, b = in(reg) b,
                    options(pure, nomem, nostack))
            }
            result
        }
        run as fn(u64, u64) -> u64
    }};
}

/// Commits, for each instruction, a checksum over all pairs of edge values and some random ones; returns the next
/// free word index.
pub fn sweep(instructions: &[fn(u64, u64) -> u64], commit: fn(u64, u64), first: u64) -> u64 {
    let mut index = first;
    for instruction in instructions {
        let mut sum = Checksum::default();
        for a in EDGES {
            for b in EDGES {
                sum.add(instruction(a, b));
            }
        }
        let mut random = Random::new(0xfeed);
        for _ in 0..64 {
            let (a, b) = (random.next(), random.next());
            sum.add(instruction(a, b));
            sum.add(instruction(a, b >> (a % 64)));
        }
        commit(index, sum.value());
        index += 1;
    }
    index
}
