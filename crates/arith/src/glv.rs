//! Scalars as `a + b·λ` with halves of 128 bits: `λ·(x, y) = (ζ·x, y)` costs one multiplication.

use ff::PrimeField;
#[cfg(test)]
use ff::WithSmallOrderMulGroup;
use pasta_curves::Fp;

use crate::{
    digits::{MODULUS, signed},
    raw::layout::minus,
};

/// A magnitude and whether it is negative.
pub(crate) type Half = (u128, bool);

/// A reduced basis of the lattice of `(a, b)` with `a + b·λ = 0`: `(V[0], −V[1])` and `(V[1], V[2])`, λ the cube root of unity `Fp::ZETA`.
/// The first two numbers follow from `p = a² + ab + b²`; a test holds them against λ.
const V: [u128; 3] = [
    0x49e6_9d16_40f0_4915_7fca_e1c7_0000_0000,
    0x49e6_9d16_40a8_9953_8cb1_2793_0000_0001,
    0x93cd_3a2c_8198_e269_0c7c_095a_0000_0001,
];

/// `round(k · v / p)`, for the product below 2³⁸³.
fn quotient(k: &[u64; 4], v: u128) -> u128 {
    let mut product = [0u64; 6];
    for (place, k) in k.iter().enumerate() {
        let mut carry = 0u128;
        for (offset, v) in [v as u64, (v >> 64) as u64, 0].into_iter().enumerate() {
            if place + offset < 6 {
                let sum = u128::from(product[place + offset]) + u128::from(*k) * u128::from(v) + carry;
                product[place + offset] = sum as u64;
                carry = sum >> 64;
            }
        }
    }
    // Long division, bit by bit: this is done for a handful of scalars.
    let (mut quotient, mut rest) = (0u128, [0u64; 4]);
    for bit in (0..384).rev() {
        let mut incoming = product[bit / 64] >> (bit % 64) & 1;
        for limb in &mut rest {
            (*limb, incoming) = (*limb << 1 | incoming, *limb >> 63);
        }
        quotient <<= 1;
        if rest.iter().rev().cmp(MODULUS.iter().rev()).is_ge() {
            rest = minus(rest, MODULUS);
            quotient |= 1;
        }
    }
    quotient
}

/// The halves of a scalar.
pub(crate) fn split(scalar: &Fp) -> [Half; 2] {
    let (magnitude, negative) = signed(scalar);
    let (c1, c2) = (Fp::from_u128(quotient(&magnitude, V[2])), Fp::from_u128(quotient(&magnitude, V[1])));
    let v = V.map(Fp::from_u128);
    let k = if negative { -*scalar } else { *scalar };
    let half = |value: Fp| {
        let (limbs, flip) = signed(&value);
        debug_assert!(limbs[2] | limbs[3] == 0, "halves have 128 bits");
        (u128::from(limbs[0]) | u128::from(limbs[1]) << 64, flip != negative)
    };
    [half(k - c1 * v[0] - c2 * v[1]), half(c1 * v[1] - c2 * v[2])]
}

/// Digits of the width-w non-adjacent form, lowest first: 0, or odd and below `2^(w−1)` in magnitude.
pub(crate) fn sparse_digits((magnitude, negative): Half, width: u32) -> Vec<i8> {
    let mut digits = Vec::new();
    let (mut value, mut carry) = (magnitude, false);
    while value != 0 || carry {
        // The value to write is `value + carry`.
        if (value & 1 == 1) == carry {
            digits.push(0);
            carry &= value & 1 == 1;
            value >>= 1;
            continue;
        }
        let low = (value & ((1 << width) - 1)) as i16 + i16::from(carry);
        let digit = if low >= 1 << (width - 1) { low - (1 << width) } else { low };
        carry = digit < 0;
        digits.push(if negative { -digit } else { digit } as i8);
        digits.extend(std::iter::repeat_n(0, width as usize - 1));
        value >>= width;
    }
    digits
}

#[cfg(test)]
mod tests {
    use ff::Field;

    use super::*;

    fn value((magnitude, negative): Half) -> Fp {
        let value = Fp::from_u128(magnitude);
        if negative { -value } else { value }
    }

    #[test]
    fn halves_and_digits_make_the_scalar() {
        let v = V.map(Fp::from_u128);
        assert_eq!(v[0] - v[1] * Fp::ZETA, Fp::ZERO);
        assert_eq!(v[1] + v[2] * Fp::ZETA, Fp::ZERO);
        let mut scalars = vec![Fp::ZERO, Fp::ONE, -Fp::ONE, Fp::ZETA, -Fp::ZETA, Fp::TWO_INV, -Fp::TWO_INV, v[0], v[1], v[2]];
        for _ in 0..200 {
            scalars.push(scalars[scalars.len() - 1].square() + Fp::from(77));
        }
        for scalar in scalars {
            let halves = split(&scalar);
            assert_eq!(value(halves[0]) + value(halves[1]) * Fp::ZETA, scalar);
            for (half, width) in halves.into_iter().flat_map(|half| [2, 4, 5].map(|width| (half, width))) {
                let digits = sparse_digits(half, width);
                let horner = |sum: Fp, digit: &i8| {
                    let digit = Fp::from(u64::from(digit.unsigned_abs())) * if *digit < 0 { -Fp::ONE } else { Fp::ONE };
                    sum.double() + digit
                };
                assert_eq!(digits.iter().rev().fold(Fp::ZERO, horner), value(half));
                assert!(digits.iter().all(|&digit| digit == 0 || digit % 2 != 0 && digit.unsigned_abs() < 1 << (width - 1)));
                assert!(digits.len() <= 128 + width as usize);
            }
        }
    }
}
