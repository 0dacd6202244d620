//! Transforms between the values of polynomials on the roots of unity and their coefficients.

use std::{fmt, sync::Arc};

use ff::{Field, PrimeField};
use pasta_curves::Fp;
use rayon::prelude::*;

use crate::{
    Path,
    ntt::{self, Plan},
};

/// The `2^k`-th roots of unity, upstream's `ω` as generator. Cheap to clone.
#[derive(Clone)]
pub struct Domain(Arc<Inner>);

struct Inner {
    path: Path,
    k: u32,
    omega: Fp,
    omega_inv: Fp,
    forward: Plan,
    inverse: Plan,
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Domain").field("path", &self.0.path).field("k", &self.0.k).finish_non_exhaustive()
    }
}

impl Domain {
    /// The domain of size `2^k`.
    ///
    /// # Panics
    /// If `k` is above 32: the field has no more roots of unity.
    pub fn new(path: Path, k: u32) -> Self {
        assert!(k <= Fp::S, "no roots of unity of order 2^{k}");
        let (omega, omega_inv) = ntt::roots(k);
        let forward = Plan::new(path, k, omega, Fp::ONE, Fp::ONE);
        let inverse = Plan::new(path, k, omega_inv, Fp::ONE, Fp::TWO_INV.pow_vartime([u64::from(k)]));
        Self(Arc::new(Inner { path, k, omega, omega_inv, forward, inverse }))
    }

    /// The path of all transforms.
    pub fn path(&self) -> Path {
        self.0.path
    }

    /// Logarithm of the size.
    pub fn k(&self) -> u32 {
        self.0.k
    }

    /// Number of rows.
    pub fn size(&self) -> usize {
        1 << self.0.k
    }

    /// The generator.
    pub fn omega(&self) -> Fp {
        self.0.omega
    }

    /// Its inverse.
    pub fn omega_inv(&self) -> Fp {
        self.0.omega_inv
    }

    /// Coefficients to values, in place; both in natural order.
    ///
    /// # Panics
    /// If the length is not the size of the domain.
    pub fn fft(&self, column: &mut [Fp]) {
        assert_eq!(column.len(), self.size(), "one value a row");
        self.0.forward.rows(column);
    }

    /// Values to coefficients, in place.
    ///
    /// # Panics
    /// If the length is not the size of the domain.
    pub fn ifft(&self, column: &mut [Fp]) {
        assert_eq!(column.len(), self.size(), "one value a row");
        self.0.inverse.rows(column);
    }

    /// [`Self::fft`] of several columns, in parallel.
    ///
    /// # Panics
    /// As [`Self::fft`].
    pub fn fft_many(&self, columns: &mut [Vec<Fp>]) {
        columns.par_iter_mut().for_each(|column| self.fft(column));
    }

    /// [`Self::ifft`] of several columns, in parallel.
    ///
    /// # Panics
    /// As [`Self::ifft`].
    pub fn ifft_many(&self, columns: &mut [Vec<Fp>]) {
        columns.par_iter_mut().for_each(|column| self.ifft(column));
    }
}
