//! Products of four field elements at a time in double-precision arithmetic, which is exact wherever it is used here.
//!
//! That a product of two integers falls into two parts by two fused multiply-adds, the first onto a constant so large that it drops the lower part, is from
//! N. Emmart, F. Zheng, C. Weems, "Faster Modular Exponentiation Using Double Precision Floating Point Arithmetic on the GPU", ARITH 2018. They round
//! towards zero; here numbers are rounded to the nearest, as Rust always does, so parts have signs and limbs are one bit shorter. docs/arithmetic.md has the bounds.

use std::arch::x86_64::{__m256d, __m256i};

use super::{
    layout::{BITS, Digits, HALF, MASK},
    words::{add, and, bits, double, from_bits, fused, left, less, minus, or, plus, right, sub, times32, word},
};

/// Four elements: limb `i` of all of them in register `i`.
pub(super) type Four = [__m256d; 5];

/// 2¹⁰³ and a half of it. To what is added to it no bits below 2⁵¹ are left, and the other bits of the sum count multiples of 2⁵¹.
pub(super) const HIGH: f64 = 3.0 * (1u128 << 102) as f64;
/// 2⁵² and a half of it. The bits of what is added to it count ones.
pub(super) const LOW: f64 = 3.0 * (1u64 << 51) as f64;
/// Both together.
const BOTH: f64 = HIGH + LOW;
/// The exponent of numbers in 2⁵²..2⁵³, whose bits count ones.
const EXPONENT: u64 = ((1u64 << 52) as f64).to_bits();
/// Columns are this many times 2⁵¹ too large when they are carried, and so not negative.
const LIFT: u64 = 64;

/// Integers below 2⁵², as doubles, less a number.
#[inline(always)]
pub(super) fn convert(a: __m256i, below: u64) -> __m256d {
    sub(from_bits(or(a, word(EXPONENT))), double(((1u64 << 52) + below) as f64))
}

/// What columns start with, so that they come out right after the bits of [`HIGH`] and [`LOW`] have been added with each product: lifted where
/// they are carried, and such that their rounding is that of the nearest.
const STARTS: [u64; 11] = {
    let mut t = [0u64; 11];
    let mut column = 0;
    while column < 10 {
        let (mut lows, mut highs) = (0u64, 0u64);
        let mut i = 0;
        while i < 5 {
            // Limbs i and 0 to 4.
            lows += (i <= column && column <= i + 4) as u64;
            highs += (i < column && column <= i + 5) as u64;
            // Multiples of p: the lower part of the lowest product is not added.
            lows += (i + 1 == column || i + 2 == column) as u64;
            highs += (i + 1 == column || i + 2 == column || i + 3 == column) as u64;
            i += 1;
        }
        let start = if column < 5 {
            (LIFT << BITS) + HALF
        } else if column < 9 {
            // Columns from here on are doubled in the end, and 2⁵⁰ less a digit is added.
            (LIFT << (BITS - 1)) + HALF
        } else {
            LOW.to_bits() / 2 + HALF / 2
        };
        let carried = if 1 <= column && column <= 5 { LIFT } else { 0 };
        t[column] = start
            .wrapping_sub(carried)
            .wrapping_sub(lows.wrapping_mul(LOW.to_bits()))
            .wrapping_sub(highs.wrapping_mul(HIGH.to_bits()));
        column += 1;
    }
    t
};

/// Adds `a·b`, which is at most 2¹⁰², to columns `at` and `at + 1`.
#[inline(always)]
fn accumulate(t: &mut [__m256i; 6], at: usize, a: __m256d, b: __m256d) {
    let high = fused(a, b, double(HIGH));
    let low = fused(a, b, sub(double(BOTH), high));
    t[at] = plus(t[at], bits(low));
    t[at + 1] = plus(t[at + 1], bits(high));
}

/// Makes column 0 a multiple of 2⁵¹ by adding `m·p`, but for the top limb of p, and carries it. The digit m has a sign. Gives `2⁵⁰ − m`.
#[inline(always)]
fn clear<D: Digits>(t: &mut [__m256i; 6]) -> __m256i {
    let s = t[0];
    // p is 1 modulo 2³², so its inverse is 1 − 2³²·(p >> 32).
    let digit = and(minus(s, left::<32>(times32(s, word(D::MIDDLE)))), word(MASK));
    let m = sub(double(((1u64 << 52) + HALF) as f64), from_bits(or(digit, word(EXPONENT))));
    // What the lower part of m times the lowest limb adds is what rounding to the nearest multiple adds.
    t[1] = plus(t[1], right::<{ BITS as i32 }>(s));
    t[1] = plus(t[1], bits(fused(m, double(D::DIGITS[0]), double(HIGH))));
    accumulate(t, 1, m, double(D::DIGITS[1]));
    accumulate(t, 2, m, double(D::DIGITS[2]));
    digit
}

/// Half of the upper columns is the upper half of the product and the multiples of p that were added; the top limb of p adds half of each multiple's digit.
#[inline(always)]
fn finish<D: Digits>(t: &[__m256i; 6], digits: &[__m256i; 5]) -> Four {
    let mut s = [word(0); 5];
    for limb in 0..5 {
        s[limb] = minus(plus(t[limb], t[limb]), digits[limb]);
    }
    let over = [
        right::<{ BITS as i32 }>(s[0]),
        right::<{ BITS as i32 }>(s[1]),
        right::<{ BITS as i32 }>(s[2]),
        right::<{ BITS as i32 }>(s[3]),
    ];
    let mask = word(MASK);
    reduce::<D>([
        convert(and(s[0], mask), HALF),
        convert(plus(and(s[1], mask), over[0]), HALF + LIFT),
        convert(plus(and(s[2], mask), over[1]), HALF + LIFT),
        convert(plus(and(s[3], mask), over[2]), HALF + LIFT),
        sub(from_bits(plus(s[4], over[3])), double(LOW + LIFT as f64)),
    ])
}

/// Writes `a·b/2²⁵⁴`. Not inlined: the products in a sum of points are more than a processor's cache of instructions holds.
#[inline(always)]
pub(super) fn multiply<D: Digits>(a: &[Four; 2], b: [&Four; 2], out: &mut [Four; 2]) {
    // SAFETY: see the module `x86`.
    unsafe { product::<D>(a, b, out) }
}

#[target_feature(enable = "avx2,fma")]
#[inline(never)]
fn product<D: Digits>(a: &[Four; 2], b: [&Four; 2], out: &mut [Four; 2]) {
    // Columns i to i + 5.
    let t = [word(STARTS[0]), word(STARTS[1]), word(STARTS[2]), word(STARTS[3]), word(STARTS[4]), word(STARTS[5])];
    let mut t = [t, t];
    let mut digits = [[word(0); 5]; 2];
    for i in 0..5 {
        // One half's sums are done while the other's digit is waited for.
        for half in 0..2 {
            let (t, a, b) = (&mut t[half], a[half][i], b[half]);
            accumulate(t, 0, a, b[0]);
            accumulate(t, 1, a, b[1]);
            accumulate(t, 2, a, b[2]);
            accumulate(t, 3, a, b[3]);
            accumulate(t, 4, a, b[4]);
            digits[half][i] = clear::<D>(t);
            *t = [t[1], t[2], t[3], t[4], t[5], word(STARTS[i + 6])];
        }
    }
    *out = [finish::<D>(&t[0], &digits[0]), finish::<D>(&t[1], &digits[1])];
}

/// Takes the nearest multiple of p off.
#[inline(always)]
pub(super) fn reduce<D: Digits>(t: Four) -> Four {
    // p is 2²⁵⁴ and so little more that the top limb alone tells.
    let times = sub(fused(t[4], double(D::DIGITS[4].recip()), double(LOW)), double(LOW));
    [
        less(times, double(D::DIGITS[0]), t[0]),
        less(times, double(D::DIGITS[1]), t[1]),
        less(times, double(D::DIGITS[2]), t[2]),
        t[3],
        less(times, double(D::DIGITS[4]), t[4]),
    ]
}

/// Makes all limbs but the top one at most 2⁵⁰ and what is carried.
#[inline(always)]
pub(super) fn carry(t: Four) -> Four {
    let unit = double(1.0 / (1u64 << BITS) as f64);
    let mut out = t;
    for limb in 0..4 {
        let over = sub(add(t[limb], double(HIGH)), double(HIGH));
        out[limb] = sub(out[limb], over);
        out[limb + 1] = fused(over, unit, out[limb + 1]);
    }
    out
}
