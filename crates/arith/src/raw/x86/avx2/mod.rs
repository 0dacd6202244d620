//! Lanes in AVX registers of four doubles, multiplied with fused multiply-add.

mod field;
mod layout;
mod product;
mod shape;
mod words;

pub(crate) use field::Avx2;
pub(crate) use layout::Doubles;

use crate::lanes::Work;

/// Whether this machine has the instructions.
pub(crate) fn available() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

/// Does work in a function for which the instructions are enabled.
///
/// # Panics
/// If this machine does not have them.
pub(super) fn enter<W: Work>(work: W) -> W::Output {
    #[target_feature(enable = "avx2,fma")]
    fn inner<W: Work>(work: W) -> W::Output {
        work.run()
    }
    assert!(available(), "this machine has no AVX2 and FMA");
    // SAFETY: the features were just found to be there.
    unsafe { inner(work) }
}

/// Lanes, if they are within their bounds.
#[cfg(test)]
pub(super) fn bounded<F: crate::raw::layout::Modulus>(lanes: Avx2<F>) -> Avx2<F> {
    for limbs in lanes.0 {
        for (place, limb) in limbs.into_iter().enumerate() {
            let mut row = [0.0; 4];
            words::store(limb, &mut row);
            let bound = if place == 4 { layout::TOP_BOUND } else { layout::BOUND };
            assert!(row.iter().all(|limb| limb.fract() == 0.0 && limb.abs() <= bound), "limb {place}: {row:?}");
        }
    }
    lanes
}

#[cfg(test)]
mod tests;
