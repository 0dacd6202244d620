//! Arithmetic modulo p in four words of 64 bits.
//!
//! An element rests as `x·2²⁵⁶ mod p`, fully reduced, as in `pasta_curves`. Both moduli are `p = 2²⁵⁴ + p₁·2⁶⁴ + p₀` with a zero word, a top word of one bit and
//! `p₀ ≡ 1 (mod 2³²)`, so that a step of the reduction takes two products of words instead of four, and `p₀⁻¹ ≡ 2 − p₀ (mod 2⁶⁴)`. The reduction takes multiples of p away
//! instead of adding them: its low words vanish without a carry, and what is left is above −p, so that one sum that depends on a borrow ends it.

use std::hint::select_unpredictable;

use crate::{
    LANES,
    raw::layout::{Modulus, Packed, element, limbs},
};

/// a + b.
#[inline(always)]
pub(super) fn sum<F: Modulus>(a: &F, b: &F) -> F {
    let (a, b) = (limbs(a), limbs(b));
    let (r0, carry) = a[0].overflowing_add(b[0]);
    let (r1, carry) = add(a[1], b[1], carry);
    let (r2, carry) = add(a[2], b[2], carry);
    let (r3, _) = add(a[3], b[3], carry);
    let (s0, borrow) = r0.overflowing_sub(F::P[0]);
    let (s1, borrow) = sub(r1, F::P[1], borrow);
    let (s2, borrow) = sub(r2, F::P[2], borrow);
    let (s3, borrow) = sub(r3, F::P[3], borrow);
    element(either(borrow, &[r0, r1, r2, r3], &[s0, s1, s2, s3]))
}

/// a if the condition holds, or b.
#[inline(always)]
pub(super) fn choose<F: Modulus>(condition: bool, a: &F, b: &F) -> F {
    element(either(condition, limbs(a), limbs(b)))
}

/// a·2^shift + b.
#[inline(always)]
pub(super) fn shifted_sum<F: Modulus>(a: &F, shift: u8, b: &F) -> F {
    let (a, b) = (limbs(a), limbs(b));
    // In two parts, the lower below 2²⁵⁴ and so below p.
    let back = 63 - u32::from(shift);
    let up = |low: u64, high: u64| high << shift | low >> 1 >> back;
    let (r0, carry) = (a[0] << shift).overflowing_add(b[0]);
    let (r1, carry) = add(up(a[0], a[1]), b[1], carry);
    let (r2, carry) = add(up(a[1], a[2]), b[2], carry);
    let (r3, carry) = add(up(a[2], a[3]), b[3], carry);
    let q = (up(a[3], 0) + u64::from(carry)) << 2 | r3 >> 62;
    // 2²⁵⁴ is p less its two lower words.
    let (low, high) = times(q, F::P[0], 0);
    let (middle, high) = times(q, F::P[1], high);
    let (r0, borrow) = r0.overflowing_sub(low);
    let (r1, borrow) = sub(r1, middle, borrow);
    let (r2, borrow) = sub(r2, high, borrow);
    let (r3, borrow) = sub(r3 << 2 >> 2, 0, borrow);
    element(plus_modulus_if::<F>(borrow, [r0, r1, r2, r3]))
}

/// a − b.
#[inline(always)]
pub(super) fn difference<F: Modulus>(a: &F, b: &F) -> F {
    let (a, b) = (limbs(a), limbs(b));
    let (r0, borrow) = a[0].overflowing_sub(b[0]);
    let (r1, borrow) = sub(a[1], b[1], borrow);
    let (r2, borrow) = sub(a[2], b[2], borrow);
    let (r3, borrow) = sub(a[3], b[3], borrow);
    element(plus_modulus_if::<F>(borrow, [r0, r1, r2, r3]))
}

/// a·b.
#[inline(always)]
pub(super) fn product<F: Modulus>(a: &F, b: &F) -> F {
    let (a, b) = (limbs(a), limbs(b));
    // Two rows, two steps of the reduction, and again: few words are kept at a time, and rows fill the time that steps wait for each other.
    let (t0, t) = add_row([0; 4], a[0], b);
    let (t1, t) = add_row(t, a[1], b);
    let (r, borrow) = step::<F>([t0, t1, t[0], t[1]], t[2], false);
    let (r, borrow) = step::<F>(r, t[3], borrow);
    let (t0, t) = add_row(r, a[2], b);
    let (t1, t) = add_row(t, a[3], b);
    let (r, borrow) = step::<F>([t0, t1, t[0], t[1]], t[2], borrow);
    let (r, borrow) = step::<F>(r, t[3], borrow);
    element(plus_modulus_if::<F>(borrow, r))
}

/// a².
#[inline(always)]
pub(super) fn square<F: Modulus>(a: &F) -> F {
    // The compiler takes products of two words once where they come twice.
    product(a, a)
}

/// Multiplies eight elements with others and transforms them, by decimation in frequency. `roots` are the powers 1, 2, 3 of the eighth root of unity.
pub(super) fn across<F: Modulus>(values: &mut [F; LANES], steps: &[F; LANES], roots: &[F; 3]) {
    for (value, step) in values.iter_mut().zip(steps) {
        *value = product(value, step);
    }
    let (low, high) = values.split_at_mut(4);
    join(low, high);
    for (value, root) in high[1..].iter_mut().zip(roots) {
        *value = product(value, root);
    }
    for part in [low, high] {
        let (low, high) = part.split_at_mut(2);
        join(low, high);
        high[1] = product(&high[1], &roots[1]);
        for pair in [low, high] {
            let (low, high) = pair.split_at_mut(1);
            join(low, high);
        }
    }
    let [r0, r4, r2, r6, r1, r5, r3, r7] = *values;
    *values = [r0, r1, r2, r3, r4, r5, r6, r7];
}

/// `low + high` and `low − high`, in their places.
#[inline(always)]
fn join<F: Modulus>(low: &mut [F], high: &mut [F]) {
    for (low, high) in low.iter_mut().zip(high) {
        (*low, *high) = (sum(low, high), difference(low, high));
    }
}

/// One step of the reduction: `(r + top·2²⁵⁶ − borrow·2²⁵⁶ − q·p)/2⁶⁴` with the q that makes it whole, and whether it is negative.
#[inline(always)]
fn step<F: Modulus>(r: Packed, top: u64, borrow: bool) -> (Packed, bool) {
    let q = r[0].wrapping_mul(2u64.wrapping_sub(F::P[0]));
    let (_, high) = times(q, F::P[0], 0);
    let (low, high) = times(q, F::P[1], high);
    let (r0, under) = r[1].overflowing_sub(low);
    let (r1, under) = sub(r[2], high, under);
    let (r2, under) = sub(r[3], q << 62, under);
    let (r3, under) = sub(top, (q >> 2) + u64::from(borrow), under);
    ([r0, r1, r2, r3], under)
}

/// t + a·b, a being a word: its lowest word, and the others.
#[inline(always)]
fn add_row(t: Packed, a: u64, b: &Packed) -> (u64, Packed) {
    let (l0, h0) = times(a, b[0], 0);
    let (l1, h1) = times(a, b[1], 0);
    let (l2, h2) = times(a, b[2], 0);
    let (l3, h3) = times(a, b[3], 0);
    let (l1, carry) = l1.overflowing_add(h0);
    let (l2, carry) = add(l2, h1, carry);
    let (l3, carry) = add(l3, h2, carry);
    let l4 = h3 + u64::from(carry);
    let (t0, carry) = t[0].overflowing_add(l0);
    let (t1, carry) = add(t[1], l1, carry);
    let (t2, carry) = add(t[2], l2, carry);
    let (t3, carry) = add(t[3], l3, carry);
    (t0, [t1, t2, t3, l4 + u64::from(carry)])
}

/// Without a branch, which would be taken half of the time.
#[inline(always)]
fn either(condition: bool, a: &Packed, b: &Packed) -> Packed {
    let word = |place: usize| select_unpredictable(condition, a[place], b[place]);
    [word(0), word(1), word(2), word(3)]
}

#[inline(always)]
fn plus_modulus_if<F: Modulus>(condition: bool, r: Packed) -> Packed {
    let [p0, p1, p2, p3] = either(condition, &F::P, &[0; 4]);
    let (r0, carry) = r[0].overflowing_add(p0);
    let (r1, carry) = add(r[1], p1, carry);
    let (r2, carry) = add(r[2], p2, carry);
    let (r3, _) = add(r[3], p3, carry);
    [r0, r1, r2, r3]
}

/// a·b + c, low and high word.
#[inline(always)]
fn times(a: u64, b: u64, c: u64) -> (u64, u64) {
    let product = u128::from(a) * u128::from(b) + u128::from(c);
    (product as u64, (product >> 64) as u64)
}

#[inline(always)]
fn add(a: u64, b: u64, carry: bool) -> (u64, bool) {
    let (sum, over) = a.overflowing_add(b);
    let (sum, over_again) = sum.overflowing_add(u64::from(carry));
    (sum, over | over_again)
}

#[inline(always)]
fn sub(a: u64, b: u64, borrow: bool) -> (u64, bool) {
    let (difference, under) = a.overflowing_sub(b);
    let (difference, under_again) = difference.overflowing_sub(u64::from(borrow));
    (difference, under | under_again)
}

#[cfg(test)]
mod tests {
    use ff::{Field, PrimeField};
    use pasta_curves::{Fp, Fq};

    use super::*;
    use crate::{
        MAX_SHIFT,
        raw::{edges::values, layout::reduced},
    };

    /// Values whose words are all ones or zeros where they can be, too: there carries run through all words.
    fn all<F: Modulus>() -> Vec<F> {
        let words = |bits: u32, place: u32| if bits >> place & 1 == 1 { u64::MAX } else { 0 };
        let patterns = (0..16).map(|bits| element(reduced([0, 1, 2, 3].map(|place| words(bits, place)), F::P)));
        values().into_iter().chain(patterns).collect()
    }

    fn check<F: Modulus>() {
        let values = all::<F>();
        for a in &values {
            assert_eq!(square(a), a.square(), "{a:?}²");
            // Miri takes its time.
            for b in values.iter().step_by(if cfg!(miri) { 13 } else { 1 }) {
                assert_eq!(product(a, b), *a * b, "{a:?} · {b:?}");
                assert_eq!(sum(a, b), *a + b, "{a:?} + {b:?}");
                assert_eq!(difference(a, b), *a - b, "{a:?} − {b:?}");
                assert_eq!((choose(true, a, b), choose(false, a, b)), (*a, *b));
                for shift in 0..=MAX_SHIFT {
                    assert_eq!(shifted_sum(a, shift, b), *a * F::from(1 << shift) + b, "{a:?} · 2^{shift} + {b:?}");
                }
            }
        }
    }

    #[test]
    fn words_compute_what_pasta_curves_does() {
        check::<Fp>();
        check::<Fq>();
    }

    #[test]
    fn eight_values_are_transformed() {
        let values = all::<Fp>();
        let root = Fp::ROOT_OF_UNITY.pow_vartime([1 << (Fp::S - 3)]);
        let roots = [root, root.square(), root.square() * root];
        for window in values.windows(2 * LANES) {
            let (first, steps) = window.split_at(LANES);
            let mut out: [Fp; LANES] = first.try_into().unwrap();
            across(&mut out, steps.try_into().unwrap(), &roots);
            for (row, value) in out.iter().enumerate() {
                let terms = first.iter().zip(steps).enumerate();
                let expected: Fp = terms.map(|(lane, (a, b))| *a * b * root.pow_vartime([(lane * row) as u64])).sum();
                assert_eq!(*value, expected, "row {row}");
            }
        }
    }
}
