//! Which instructions compute, and how a computation is compiled for them.

use std::{marker::PhantomData, sync::OnceLock};

use pasta_curves::{Fp, Fq};

use crate::{
    Lanes,
    lanes::{Kernel, Work, on},
};

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
/// `run` and what it calls in its inner loops must be `#[inline(always)]`; arithmetic in closures is not compiled for the vector
/// instructions unless they happen to be inlined, and neither is what other threads are given. So the split into threads comes first, then [`Path::over_fp`].
pub trait Task<F> {
    /// What it gives.
    type Output;

    /// Computes.
    fn run<L: Lanes<Field = F>>(self) -> Self::Output;
}

/// A task in lanes.
struct In<L, T>(T, PhantomData<L>);

impl<L: Lanes, T: Task<L::Field>> Work for In<L, T> {
    type Output = T::Output;

    #[inline(always)]
    fn run(self) -> T::Output {
        self.0.run::<L>()
    }
}

/// If this environment variable is `portable`, [`Path::best`] is [`Path::Portable`].
const VARIABLE: &str = "QUINTET_ARITH";

impl Path {
    /// The fastest path of this machine, or the portable one if the environment variable `QUINTET_ARITH` is `portable`.
    pub fn best() -> Self {
        static BEST: OnceLock<Path> = OnceLock::new();
        *BEST.get_or_init(|| {
            let portable = std::env::var_os(VARIABLE).is_some_and(|value| value == "portable");
            if portable { Self::Portable } else { Self::available().last().copied().unwrap_or(Self::Portable) }
        })
    }

    /// The paths that this machine has, the fastest last.
    pub fn available() -> &'static [Self] {
        #[cfg(target_arch = "x86_64")]
        if crate::ifma::available() {
            return &[Self::Portable, Self::Ifma];
        }
        &[Self::Portable]
    }

    /// Runs a task over scalars of Vesta.
    ///
    /// # Panics
    /// If this machine does not have the path.
    pub fn over_fp<T: Task<Fp>>(self, task: T) -> T::Output {
        on!(self, Fp, L => L::enter(In::<L, T>(task, PhantomData)))
    }

    /// Runs a task over coordinates of Vesta.
    ///
    /// # Panics
    /// If this machine does not have the path.
    pub fn over_fq<T: Task<Fq>>(self, task: T) -> T::Output {
        on!(self, Fq, L => L::enter(In::<L, T>(task, PhantomData)))
    }
}
