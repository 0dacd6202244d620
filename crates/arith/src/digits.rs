//! Scalars as signed digits.

use ff::PrimeField;
use pasta_curves::Fp;

use crate::{
    Scalars,
    raw::layout::{Modulus, minus},
};

/// Scalars as magnitude and sign.
#[derive(Debug)]
pub(crate) enum Integers<'a> {
    /// All below 2⁶⁴ and not negative.
    Small(&'a [u64]),
    /// All below 2⁶⁴.
    Signed(Vec<(u64, bool)>),
    /// Any.
    Large(Vec<([u64; 4], bool)>),
}

/// Half of the modulus, rounded down, in limbs.
const HALF: [u64; 4] = [0xcc96_9876_8000_0000, 0x1123_4c7e_04a6_7c8d, 0, 0x2000_0000_0000_0000];
/// The modulus, in limbs.
pub(crate) const MODULUS: [u64; 4] = <Fp as Modulus>::P;

/// The integer of a scalar that is smaller in magnitude, and whether it is negative.
pub(crate) fn signed(scalar: &Fp) -> ([u64; 4], bool) {
    let bytes = scalar.to_repr();
    let mut limbs = [0u64; 4];
    for (limb, chunk) in limbs.iter_mut().zip(bytes.chunks_exact(8)) {
        // The chunks have eight bytes.
        *limb = u64::from_le_bytes(chunk.try_into().unwrap_or_default());
    }
    let larger = limbs.iter().rev().cmp(HALF.iter().rev()).is_gt();
    if !larger {
        return (limbs, false);
    }
    (minus(MODULUS, limbs), true)
}

impl<'a> Integers<'a> {
    pub(crate) fn new(scalars: Scalars<'a>) -> Self {
        match scalars {
            Scalars::Uint(values) => Self::Small(values),
            Scalars::Field(values) => {
                let integers: Vec<([u64; 4], bool)> = values.iter().map(signed).collect();
                if integers.iter().all(|(limbs, _)| limbs[1] | limbs[2] | limbs[3] == 0) {
                    return Self::Signed(integers.into_iter().map(|(limbs, negative)| (limbs[0], negative)).collect());
                }
                Self::Large(integers)
            }
        }
    }

    /// Bits of the largest magnitude.
    pub(crate) fn bits(&self) -> u32 {
        match self {
            Self::Small(values) => u64::BITS - values.iter().fold(0, |all, value| all | value).leading_zeros(),
            Self::Signed(values) => u64::BITS - values.iter().fold(0, |all, (value, _)| all | value).leading_zeros(),
            Self::Large(values) => {
                let all = values.iter().fold([0; 4], |all, (limbs, _)| std::array::from_fn(|i| all[i] | limbs[i]));
                let top = (0..4).rev().find(|&limb| all[limb] != 0);
                top.map_or(0, |limb| 64 * limb as u32 + (u64::BITS - all[limb].leading_zeros()))
            }
        }
    }

    /// How many are not 0.
    pub(crate) fn nonzero(&self) -> usize {
        match self {
            Self::Small(values) => values.iter().filter(|&&value| value != 0).count(),
            Self::Signed(values) => values.iter().filter(|(value, _)| *value != 0).count(),
            Self::Large(values) => values.iter().filter(|(limbs, _)| *limbs != [0; 4]).count(),
        }
    }

    /// Calls `each` with the place, magnitude and sign of the digits of a window of `width` bits that are not 0.
    ///
    /// The digit of window w is the `width` bits from `width · w` on, plus the bit below, minus `2^width` times the top bit: between
    /// `−2^(width−1)` and `2^(width−1)`. If `only` is set, there is one window and the digits are the scalars themselves.
    pub(crate) fn digits(&self, width: u32, window: u32, only: bool, mut each: impl FnMut(usize, u32, bool)) {
        let mut digit = |place: usize, bits: u64, flip: bool| {
            if only {
                if bits != 0 {
                    each(place, bits as u32, flip);
                }
                return;
            }
            let (below, bits) = (bits & 1, bits >> 1);
            let negative = bits >> (width - 1) != 0;
            let magnitude = if negative { (1 << width) - bits - below } else { bits + below };
            if magnitude != 0 {
                each(place, magnitude as u32, negative != flip);
            }
        };
        // `width` bits and the one below.
        let mask = if only { u64::MAX } else { (2 << width) - 1 };
        let first = width * window;
        let small = |value: u64| match first {
            0 if only => value,
            0 => value << 1 & mask,
            64.. => value.checked_shr(first - 1).unwrap_or(0),
            _ => value >> (first - 1) & mask,
        };
        match self {
            Self::Small(values) => values.iter().enumerate().for_each(|(place, &value)| digit(place, small(value), false)),
            Self::Signed(values) => {
                values.iter().enumerate().for_each(|(place, &(value, negative))| digit(place, small(value), negative));
            }
            Self::Large(values) => {
                for (place, (limbs, negative)) in values.iter().enumerate() {
                    let bits = if first == 0 {
                        limbs[0] << 1
                    } else {
                        let (limb, shift) = ((first - 1) as usize / 64, (first - 1) % 64);
                        let low = limbs.get(limb).map_or(0, |value| value >> shift);
                        let high = if shift == 0 { 0 } else { limbs.get(limb + 1).map_or(0, |value| value << (64 - shift)) };
                        low | high
                    };
                    digit(place, bits & mask, *negative);
                }
            }
        }
    }
}
