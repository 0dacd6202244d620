//! Lanes in AVX-512 registers, multiplied with the 52-bit integer multiply-add instructions.

mod field;
mod layout;
mod transpose;

pub(crate) use field::Ifma;
pub(crate) use layout::Planar;

use crate::lanes::Work;

/// Whether this machine has the instructions.
pub(crate) fn available() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512ifma")
}

/// Does work in a function for which the instructions are enabled.
///
/// # Panics
/// If this machine does not have them.
pub(super) fn enter<W: Work>(work: W) -> W::Output {
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    fn inner<W: Work>(work: W) -> W::Output {
        work.run()
    }
    assert!(available(), "this machine has no AVX-512 IFMA");
    // SAFETY: the features were just found to be there.
    unsafe { inner(work) }
}

/// Lanes, if they are within their bounds.
#[cfg(test)]
pub(super) fn bounded<F: crate::raw::layout::Modulus>(lanes: Ifma<F>) -> Ifma<F> {
    let block: [[u64; 8]; 5] = lanes.0.map(|limb| {
        let mut row = [0; 8];
        // SAFETY: the caller has entered; eight words.
        unsafe { std::arch::x86_64::_mm512_storeu_si512(row.as_mut_ptr().cast(), limb) };
        row
    });
    let top = block[4].iter().all(|&top| top < layout::BOUND);
    assert!(top && block.iter().flatten().all(|&limb| limb <= layout::MASK), "{block:x?}");
    lanes
}
