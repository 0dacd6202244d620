//! Lanes in vector registers of x86-64.
//!
//! # Soundness
//! * [`Ifma`] and [`Avx2`] cannot be named outside of this crate, and inside it their arithmetic is only reached through an `enter`, which checks that the
//!   machine has the instructions. So whoever calls a method of theirs runs on such a machine.
//! * Memory is accessed through references to types whose layout is fixed (`repr(C)` or `repr(transparent)`, arrays of `u64` and `f64`), whole vectors
//!   at a time, after the length was checked.

pub(crate) mod avx2;
pub(crate) mod ifma;

pub(crate) use avx2::{Avx2, Doubles};
pub(crate) use ifma::{Ifma, Planar};

#[cfg(test)]
mod tests;
