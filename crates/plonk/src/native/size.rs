//! What all AIRs of one size share: generators, domain, cosets, and the envelope of challenge columns.

use std::sync::OnceLock;

use ff::Field;
use halo2_proofs::pasta::Eq;
use quintet_air::{F, height};
use quintet_arith::{Bases, Cosets, Domain, Evals, Path, Scalars};

use crate::{Params, suite::Point};

/// Log₂ of the number of cosets on which constraints of degree 5 are evaluated.
pub const MAX_LOG: u32 = 2;
/// That number.
pub(super) const COSETS: usize = 1 << MAX_LOG;

/// Bytes that tables of multiples of generators may take, twice: at k = 16 all windows share their buckets with them.
const TABLES: usize = 96 << 20;

/// Generators, domain and cosets of size `2^k`.
#[derive(Debug)]
pub(super) struct Size {
    pub path: Path,
    pub domain: Domain,
    pub cosets: Cosets,
    pub g: Bases,
    pub g_lagrange: Bases,
    pub w: Point,
    pub u: Point,
    /// Coefficients of the envelope: 1 on rows `0 ..= height`, 0 on those after.
    pub envelope: Vec<F>,
    /// Commitment to the envelope without blind.
    pub envelope_point: Eq,
    envelope_evals: [OnceLock<Evals>; COSETS],
}

impl Size {
    pub(super) fn new(path: Path, params: &Params) -> Self {
        let k = params.k();
        let domain = Domain::new(path, k);
        let cosets = Cosets::new(&domain, MAX_LOG);
        let g = Bases::new(path, params.g()).with_tables(TABLES);
        let g_lagrange = Bases::new(path, params.g_lagrange()).with_tables(TABLES).with_subsets();
        let ones = vec![1u64; height(k) + 1];
        let envelope_point = g_lagrange.msm(Scalars::Uint(&ones));
        let mut envelope: Vec<F> = ones.iter().map(|&one| F::from(one)).collect();
        envelope.resize(1 << k, F::ZERO);
        domain.ifft(&mut envelope);
        let envelope_evals = std::array::from_fn(|_| OnceLock::new());
        let (w, u) = (params.w(), params.u());
        Self { path, domain, cosets, g, g_lagrange, w, u, envelope, envelope_point, envelope_evals }
    }

    /// Number of rows.
    pub(super) fn rows(&self) -> usize {
        self.domain.size()
    }

    /// The envelope on a coset.
    pub(super) fn envelope_on(&self, coset: usize) -> &Evals {
        // Computed before the lock is taken: transforms use threads, and a thread that waits may be given work that needs the same lock.
        if let Some(evals) = self.envelope_evals[coset].get() {
            return evals;
        }
        let evals = self.cosets.evaluate(coset, &self.envelope);
        self.envelope_evals[coset].get_or_init(|| evals)
    }

    /// The point `x·ω^rotation`.
    pub(super) fn rotate(&self, x: F, rotation: i32) -> F {
        let root = if rotation < 0 { self.domain.omega_inv() } else { self.domain.omega() };
        x * root.pow_vartime([u64::from(rotation.unsigned_abs())])
    }

    /// Commits to coefficients.
    pub(super) fn commit(&self, coefficients: &[F], blind: F) -> Eq {
        self.g.msm(Scalars::Field(coefficients)) + self.w * blind
    }
}
