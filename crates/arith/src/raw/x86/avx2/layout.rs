//! Limbs of 51 bits with signs, as doubles: the constants, and how elements lie in memory.
//!
//! pasta_curves keeps `x` as `x·2²⁵⁶ mod p`, in lanes it is `x·2²⁵⁴`, and the number nearest to 0.

use crate::raw::layout::{Modulus, Packed, element, limbs, reduced};

/// Bits of a limb.
pub(super) const BITS: u32 = 51;
/// All of them.
pub(super) const MASK: u64 = (1 << BITS) - 1;
/// Half of what they count: the largest limb with a sign.
pub(super) const HALF: u64 = 1 << (BITS - 1);

/// A bound of all limbs in lanes but the top one: 1.75·2⁵⁰. A product of two is at most 2¹⁰².
#[cfg(test)]
pub(super) const BOUND: f64 = (7u64 << 48) as f64;
/// A bound of the top limb: what sums and products leave is at most 2⁴⁹ + 4, and a point at rest adds one carry.
#[cfg(test)]
pub(super) const TOP_BOUND: f64 = ((1u64 << 49) + 5) as f64;

/// Eight elements: four, then four, as five rows of limbs.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Doubles(pub(super) [[[f64; 4]; 5]; 2]);

/// Constants of a field.
pub(super) trait Digits: Modulus {
    /// The modulus.
    const DIGITS: [f64; 5] = digits(<Self as Modulus>::P);
    /// A quarter of it, rounded down.
    const QUARTER: [f64; 5] = digits(quarter(<Self as Modulus>::P));
    /// Bits 32 to 63 of it.
    const MIDDLE: u64 = <Self as Modulus>::P[0] >> 32;
}

impl<F: Modulus> Digits for F {}

/// What is added to a number of lanes so that at rest its limbs have no signs: half of what each could hold.
pub(super) const OFFSET: Packed = join([HALF; 5]);

/// Limbs without signs of a number below 2²⁵⁵.
pub(super) const fn cut(number: Packed) -> [u64; 5] {
    let [a, b, c, d] = number;
    [a & MASK, (a >> 51 | b << 13) & MASK, (b >> 38 | c << 26) & MASK, (c >> 25 | d << 39) & MASK, d >> 12]
}

/// The number with these limbs, which have no more than 51 bits.
pub(super) const fn join(limbs: [u64; 5]) -> Packed {
    let [a, b, c, d, e] = limbs;
    [a | b << 51, b >> 13 | c << 38, c >> 26 | d << 25, d >> 39 | e << 12]
}

/// Limbs of at most 2⁵⁰ with signs.
const fn digits(number: Packed) -> [f64; 5] {
    let limbs = cut(number);
    let mut out = [0.0; 5];
    let mut carry = 0;
    let mut place = 0;
    while place < 5 {
        let limb = limbs[place] + carry;
        carry = (place < 4 && limb > HALF) as u64;
        out[place] = (limb as i64 - ((carry << BITS) as i64)) as f64;
        place += 1;
    }
    out
}

const fn quarter(p: Packed) -> Packed {
    [p[0] >> 2 | p[1] << 62, p[1] >> 2 | p[2] << 62, p[2] >> 2 | p[3] << 62, p[3] >> 2]
}

fn plus_mod_2_256(mut a: Packed, b: Packed) -> Packed {
    let mut carry = false;
    for (a, b) in a.iter_mut().zip(b) {
        let (sum, over) = a.overflowing_add(b);
        let (sum, again) = sum.overflowing_add(u64::from(carry));
        (*a, carry) = (sum, over || again);
    }
    a
}

fn minus_mod_2_256(a: Packed, b: Packed) -> Packed {
    plus_mod_2_256(plus_mod_2_256(a, b.map(|word| !word)), [1, 0, 0, 0])
}

/// An element at rest: its number in lanes and [`OFFSET`].
pub(super) fn pack<F: Modulus>(value: F) -> Packed {
    let number = *limbs(&(value * F::TWO_INV.square()));
    let lifted = plus_mod_2_256(number, OFFSET);
    // More than half of p is a negative number.
    if number[3] >> 61 > 0 { minus_mod_2_256(lifted, F::P) } else { lifted }
}

/// The element that rests there.
pub(super) fn unpack<F: Modulus>(cell: Packed) -> F {
    let number = minus_mod_2_256(plus_mod_2_256(cell, F::P), OFFSET);
    element::<F>(reduced(number, F::P)).double().double()
}

/// The limbs of an element, as lanes have them.
pub(super) fn scalar<F: Modulus>(value: F) -> [f64; 5] {
    cut(pack(value)).map(|limb| limb as f64 - HALF as f64)
}
