//! From words in memory to limbs of four elements, and back.

use std::arch::x86_64::{__m256d, __m256i};

use super::{
    layout::{BITS, Digits, HALF, MASK},
    product::{Four, LOW, carry, convert, reduce},
    words::{add, and, bits, blend, double, equal, from_bits, fused, left, less, minus, or, plus, right, sub, word},
};

/// Limbs without signs of a number below 2²⁵⁵.
#[inline(always)]
fn cut(w: [__m256i; 4]) -> [__m256i; 5] {
    let mask = word(MASK);
    [
        and(w[0], mask),
        and(or(right::<51>(w[0]), left::<13>(w[1])), mask),
        and(or(right::<38>(w[1]), left::<26>(w[2])), mask),
        and(or(right::<25>(w[2]), left::<39>(w[3])), mask),
        right::<12>(w[3]),
    ]
}

/// The number with these limbs, which have no more than 51 bits.
#[inline(always)]
fn join(t: [__m256i; 5]) -> [__m256i; 4] {
    [
        or(t[0], left::<51>(t[1])),
        or(right::<13>(t[1]), left::<38>(t[2])),
        or(right::<26>(t[2]), left::<25>(t[3])),
        or(right::<39>(t[3]), left::<12>(t[4])),
    ]
}

/// Integers of at most ±2⁵¹ as words.
#[inline(always)]
fn integers(t: &Four) -> [__m256i; 5] {
    let mut out = [word(0); 5];
    for limb in 0..5 {
        out[limb] = minus(bits(add(t[limb], double(LOW))), word(LOW.to_bits()));
    }
    out
}

/// Makes limbs without signs, of 51 bits, out of integers of at most ±2⁵². The top limb keeps what does not fit.
#[inline(always)]
fn settle(mut t: [__m256i; 5]) -> [__m256i; 5] {
    // Two more in the next limb's units, so that what is shifted is not negative.
    let lift = word(2 << BITS);
    for limb in 0..4 {
        let lifted = plus(t[limb], lift);
        t[limb] = and(lifted, word(MASK));
        t[limb + 1] = minus(plus(t[limb + 1], right::<{ BITS as i32 }>(lifted)), word(2));
    }
    t
}

/// Rows of words of numbers at rest to lanes.
#[inline(always)]
pub(super) fn from_packed(w: [__m256i; 4]) -> Four {
    let t = cut(w);
    [convert(t[0], HALF), convert(t[1], HALF), convert(t[2], HALF), convert(t[3], HALF), convert(t[4], HALF)]
}

/// Lanes to rows of words of numbers at rest.
#[inline(always)]
pub(super) fn to_packed(t: Four) -> [__m256i; 4] {
    let mut limbs = integers(&t);
    for limb in &mut limbs {
        *limb = plus(*limb, word(HALF));
    }
    join(settle(limbs))
}

/// Rows of words below p, as pasta_curves has them, to lanes: a quarter of them modulo p.
#[inline(always)]
pub(super) fn from_montgomery_256<D: Digits>(w: [__m256i; 4]) -> Four {
    let mask = word(MASK);
    // The number less its last two bits is a quarter already. What multiple of p the last two bits make divisible by 4: 0, −1, −2 or 1, p being 1 modulo 4.
    let last = and(plus(w[0], word(1)), word(3));
    let times = sub(double(1.0), convert(last, 0));
    // 3 + p is one more than 4 times the quarter of p.
    let first = minus(and(right::<2>(w[0]), mask), equal(last, word(0)));
    let limbs = [
        first,
        and(or(right::<53>(w[0]), left::<11>(w[1])), mask),
        and(or(right::<40>(w[1]), left::<24>(w[2])), mask),
        and(or(right::<27>(w[2]), left::<37>(w[3])), mask),
        right::<14>(w[3]),
    ];
    let quarter = D::QUARTER;
    carry([
        fused(times, double(quarter[0]), convert(limbs[0], 0)),
        fused(times, double(quarter[1]), convert(limbs[1], 0)),
        fused(times, double(quarter[2]), convert(limbs[2], 0)),
        convert(limbs[3], 0),
        fused(times, double(quarter[4]), convert(limbs[4], 0)),
    ])
}

/// Lanes to rows of words below p, as pasta_curves has them.
#[inline(always)]
pub(super) fn to_montgomery_256<D: Digits>(t: Four) -> [__m256i; 4] {
    let t = carry(t);
    let t: Four = [times4(t[0]), times4(t[1]), times4(t[2]), times4(t[3]), times4(t[4])];
    // Rounded down, and a little less, so that what is left is not negative, and below p and a little more.
    let quotient = fused(t[4], double(D::DIGITS[4].recip()), double(-0.5 - 1.0 / (1u64 << 40) as f64));
    let times = sub(add(quotient, double(LOW)), double(LOW));
    let rest = [
        less(times, double(D::DIGITS[0]), t[0]),
        less(times, double(D::DIGITS[1]), t[1]),
        less(times, double(D::DIGITS[2]), t[2]),
        t[3],
        less(times, double(D::DIGITS[4]), t[4]),
    ];
    let rest = integers(&carry(rest));
    let mut smaller = rest;
    for limb in 0..5 {
        smaller[limb] = minus(rest[limb], word(D::DIGITS[limb] as i64 as u64));
    }
    let (rest, smaller) = (settle(rest), settle(smaller));
    let mut out = rest;
    for limb in 0..5 {
        out[limb] = bits(blend(from_bits(smaller[4]), from_bits(rest[limb]), from_bits(smaller[limb])));
    }
    join(out)
}

#[inline(always)]
fn times4(a: __m256d) -> __m256d {
    let twice = add(a, a);
    add(twice, twice)
}

/// Sum.
#[inline(always)]
pub(super) fn sum<D: Digits>(a: &Four, b: &Four) -> Four {
    carry(reduce::<D>([add(a[0], b[0]), add(a[1], b[1]), add(a[2], b[2]), add(a[3], b[3]), add(a[4], b[4])]))
}

/// Difference.
#[inline(always)]
pub(super) fn difference<D: Digits>(a: &Four, b: &Four) -> Four {
    carry(reduce::<D>([sub(a[0], b[0]), sub(a[1], b[1]), sub(a[2], b[2]), sub(a[3], b[3]), sub(a[4], b[4])]))
}
