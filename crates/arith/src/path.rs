//! Which instructions compute, and how a computation is compiled for them.

use std::{ffi::OsStr, fmt, marker::PhantomData, sync::OnceLock};

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
    /// AVX2 with fused multiply-add.
    Avx2,
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

/// The environment variable that names the path to use.
const VARIABLE: &str = "QUINTET_ARITH";

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Portable => "portable",
            Self::Avx2 => "AVX2",
            Self::Ifma => "AVX-512 IFMA",
        })
    }
}

impl Path {
    /// The fastest path of this machine, or the one that the environment variable `QUINTET_ARITH` names (`portable`, `avx2` or `ifma`) if the machine has it.
    pub fn best() -> Self {
        static BEST: OnceLock<Path> = OnceLock::new();
        *BEST.get_or_init(|| Self::choose(Self::available(), std::env::var_os(VARIABLE).as_deref()))
    }

    /// The path of that name among those that there are, or the last.
    fn choose(available: &[Self], name: Option<&OsStr>) -> Self {
        let named = available.iter().find(|path| name.is_some_and(|name| name == path.name()));
        named.or(available.last()).copied().unwrap_or(Self::Portable)
    }

    /// Its name in the environment variable.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Ifma => "ifma",
        }
    }

    /// The paths that this machine has, the fastest last.
    pub fn available() -> &'static [Self] {
        #[cfg(target_arch = "x86_64")]
        match (crate::raw::x86::avx2::available(), crate::raw::x86::ifma::available()) {
            (true, true) => return &[Self::Portable, Self::Avx2, Self::Ifma],
            (true, false) => return &[Self::Portable, Self::Avx2],
            (false, true) => return &[Self::Portable, Self::Ifma],
            (false, false) => {}
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_is_the_one_that_is_named_if_the_machine_has_it() {
        let all = [Path::Portable, Path::Avx2, Path::Ifma];
        let choose = |available: &[Path], name: &str| Path::choose(available, Some(OsStr::new(name)));
        assert_eq!(Path::choose(&all, None), Path::Ifma);
        assert_eq!(all.map(|path| choose(&all, path.name())), all);
        assert_eq!(choose(&all[..2], "ifma"), Path::Avx2);
        assert_eq!(choose(&all, "fastest"), Path::Ifma);
        assert_eq!(choose(&all[..1], "avx2"), Path::Portable);
    }
}
