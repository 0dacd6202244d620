//! Which instructions compute, and how a computation is compiled for them.

use pasta_curves::{Fp, Fq};

use crate::{Lanes, Portable};

/// Which instructions compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Path {
    /// What every machine has.
    Portable,
    /// AVX-512 with 52-bit integer multiply-add.
    Ifma,
}

/// A computation in lanes, compiled once for each [`Path`].
///
/// `run` and what it calls in its inner loops must be `#[inline(always)]`, closures included, and must not hand work to other threads: a
/// function that is not inlined is compiled without the vector instructions. So the split into threads comes first, then [`Path::over_fp`].
pub trait Task<F> {
    /// What it gives.
    type Output;

    /// Computes.
    fn run<L: Lanes<Field = F>>(self) -> Self::Output;
}

impl Path {
    /// The fastest path of this machine.
    pub fn best() -> Self {
        Self::Portable
    }

    /// The paths that this machine has.
    pub fn available() -> &'static [Self] {
        &[Self::Portable]
    }

    /// Runs a task over scalars of Vesta.
    ///
    /// # Panics
    /// If this machine does not have the path.
    pub fn over_fp<T: Task<Fp>>(self, task: T) -> T::Output {
        task.run::<Portable<Fp>>()
    }

    /// Runs a task over coordinates of Vesta.
    ///
    /// # Panics
    /// If this machine does not have the path.
    pub fn over_fq<T: Task<Fq>>(self, task: T) -> T::Output {
        task.run::<Portable<Fq>>()
    }
}
