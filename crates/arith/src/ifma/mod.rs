//! Lanes in AVX-512 registers, multiplied with the 52-bit integer multiply-add instructions. The one module with `unsafe` code.
//!
//! # Soundness
//! * [`Ifma`] cannot be named outside of this crate, and inside it is its arithmetic is only reached through [`enter`], which checks that the machine has the
//!   instructions. So whoever calls a method of it runs on such a machine.
//! * Memory is accessed through references to types whose layout is fixed (`repr(C)` or `repr(transparent)`, arrays of `u64`), whole vectors
//!   at a time, after the length was checked.
#![allow(unsafe_code, reason = "vector instructions; see the module's documentation")]

mod field;
mod layout;
mod transpose;

pub(crate) use field::Ifma;
use layout::Modulus;
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
fn enter<W: Work>(work: W) -> W::Output {
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    fn inner<W: Work>(work: W) -> W::Output {
        work.run()
    }
    assert!(available(), "this machine has no AVX-512 IFMA");
    // SAFETY: the features were just found to be there.
    unsafe { inner(work) }
}
