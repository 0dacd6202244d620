//! How field elements of pasta_curves lie in memory: `x·2²⁵⁶ mod p` in four 64-bit limbs.

use ff::PrimeField;
use pasta_curves::{Fp, Fq, arithmetic::VartimeField};

/// One element at rest, as a path keeps it: a number below 2²⁵⁶.
pub(crate) type Packed = [u64; 4];

/// A field that is `repr(transparent)` over four Montgomery limbs, with a modulus of 2²⁵⁴ plus less than 2¹²⁷ that is 1 mod 2³².
///
/// # Safety
/// The type must have the layout of `[u64; 4]`, and every value below the modulus must be valid.
pub(crate) unsafe trait Modulus: PrimeField + VartimeField {
    /// The modulus.
    const P: [u64; 4];
}

// SAFETY: pasta_curves declares `#[repr(transparent)] struct Fp(pub(crate) [u64; 4])`; the test below holds its moduli, zero and one against that.
unsafe impl Modulus for Fp {
    const P: [u64; 4] = [0x992d_30ed_0000_0001, 0x2246_98fc_094c_f91b, 0, 0x4000_0000_0000_0000];
}

// SAFETY: as for Fp.
unsafe impl Modulus for Fq {
    const P: [u64; 4] = [0x8c46_eb21_0000_0001, 0x2246_98fc_0994_a8dd, 0, 0x4000_0000_0000_0000];
}

/// The limbs of an element, as they lie in memory.
#[inline(always)]
pub(crate) fn limbs<F: Modulus>(element: &F) -> &[u64; 4] {
    const { assert!(size_of::<F>() == 32 && align_of::<F>() == 8) };
    // SAFETY: the trait promises the layout.
    unsafe { &*std::ptr::from_ref(element).cast() }
}

/// The element with these limbs, which must be below the modulus.
#[inline(always)]
pub(crate) fn element<F: Modulus>(limbs: [u64; 4]) -> F {
    const { assert!(size_of::<F>() == 32 && align_of::<F>() == 8) };
    // SAFETY: the trait promises the layout.
    unsafe { std::mem::transmute_copy(&limbs) }
}

/// A number below 2²⁵⁶ modulo p.
#[cfg(any(test, target_arch = "x86_64"))]
pub(crate) fn reduced(mut number: Packed, p: [u64; 4]) -> Packed {
    while number.iter().rev().cmp(p.iter().rev()).is_ge() {
        number = minus(number, p);
    }
    number
}

/// a − b, b being at most a.
pub(crate) fn minus(mut a: Packed, b: Packed) -> Packed {
    let mut borrow = false;
    for (a, b) in a.iter_mut().zip(b) {
        let (difference, under) = a.overflowing_sub(b);
        let (difference, under_again) = difference.overflowing_sub(u64::from(borrow));
        (*a, borrow) = (difference, under || under_again);
    }
    a
}

#[cfg(test)]
mod tests {
    use ff::Field;

    use super::*;

    #[test]
    fn moduli_and_representation_are_those_of_pasta_curves() {
        assert_eq!(*limbs(&(-Fp::ONE + Fp::ONE)), [0; 4]);
        let check = |p: [u64; 4], modulus: &str| {
            assert_eq!(format!("0x{:016x}{:016x}{:016x}{:016x}", p[3], p[2], p[1], p[0]), modulus);
        };
        check(Fp::P, Fp::MODULUS);
        check(Fq::P, Fq::MODULUS);
        // One is 2²⁵⁶ mod p.
        assert_eq!(*limbs(&Fp::ONE), [0x3478_6d38_ffff_fffd, 0x992c_350b_e419_14ad, u64::MAX, 0x3fff_ffff_ffff_ffff]);
        assert_eq!(element::<Fq>(*limbs(&Fq::from(12345))), Fq::from(12345));
    }
}
