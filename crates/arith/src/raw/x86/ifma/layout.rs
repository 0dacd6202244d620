//! Limbs of 52 bits: the constants, and blocks in memory.
//!
//! pasta_curves keeps `x` as `x·2²⁵⁶ mod p`. In lanes it is `x·2²⁶⁰ mod p` in five limbs of 52 bits, and not fully reduced: any number below
//! [`BOUND`]. The factor 16 between the two is four bits of shift on the way in, and four bits of Montgomery reduction on the way out.

/// All 52 bits.
pub(super) const MASK: u64 = (1 << 52) - 1;

/// A bound of all values in lanes, in units of 2²⁰⁸: 2²⁵⁵ + 2²¹⁰, a little above 2p.
#[cfg(test)]
pub(super) const BOUND: u64 = (1 << 47) + 4;

/// Eight elements as five rows of limbs.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Planar(pub(super) [[u64; 8]; 5]);

/// `times · number` in limbs of 52 bits, for results below 2²⁶⁰.
pub(super) const fn split(number: [u64; 4], times: u64) -> [u64; 5] {
    let mut wide = [0u64; 5];
    let mut carry = 0u128;
    let mut place = 0;
    while place < 4 {
        let sum = number[place] as u128 * times as u128 + carry;
        wide[place] = sum as u64;
        carry = sum >> 64;
        place += 1;
    }
    wide[4] = carry as u64;
    let mut out = [0u64; 5];
    let mut limb = 0;
    while limb < 5 {
        let (word, shift) = (limb * 52 / 64, limb * 52 % 64);
        let mut value = wide[word] >> shift;
        if shift > 12 && word < 4 {
            value |= wide[word + 1] << (64 - shift);
        }
        out[limb] = value & MASK;
        limb += 1;
    }
    out
}

/// `−p⁻¹ mod 2⁵²`.
pub(super) const fn negative_inverse(p: u64) -> u64 {
    // Newton's iteration doubles the number of right bits; p is its own inverse modulo 8.
    let mut inverse = p;
    let mut round = 0;
    while round < 5 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(p.wrapping_mul(inverse)));
        round += 1;
    }
    inverse.wrapping_neg() & MASK
}

/// Limb `limb` of `m·p` for `m` of `0..16`.
pub(super) const fn multiples(p: [u64; 4], limb: usize) -> [u64; 16] {
    let mut table = [0; 16];
    let mut m = 0;
    while m < 16 {
        table[m] = split(p, m as u64)[limb];
        m += 1;
    }
    table
}
