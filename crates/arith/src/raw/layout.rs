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

// SAFETY: pasta_curves declares `#[repr(transparent)] struct Fp(pub(crate) [u64; 4])`; so does this workspace's test of the representation.
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
pub(crate) fn reduced(mut number: Packed, p: [u64; 4]) -> Packed {
    while number.iter().rev().cmp(p.iter().rev()).is_ge() {
        let mut borrow = false;
        for (limb, modulus) in number.iter_mut().zip(p) {
            let (difference, under) = limb.overflowing_sub(modulus);
            let (difference, under_again) = difference.overflowing_sub(u64::from(borrow));
            (*limb, borrow) = (difference, under || under_again);
        }
    }
    number
}
