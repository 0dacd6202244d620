//! The rounds of the inner product argument.

use std::fmt;

use group::Curve;
use pasta_curves::{Eq, EqAffine, Fp};

use crate::{Bases, Path, Scalars, vector};

/// What the prover of an inner product argument sends, but for blinds and the term for the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoldingRound {
    /// `⟨p_high, g_low⟩`.
    pub left: Eq,
    /// `⟨p_low, g_high⟩`.
    pub right: Eq,
    /// `⟨p_high, b_low⟩`.
    pub value_left: Fp,
    /// `⟨p_low, b_high⟩`.
    pub value_right: Fp,
}

/// The prover's state in an inner product argument: coefficients p, powers b of the point, generators g. Each round halves them:
/// `p ← p_low + u⁻¹·p_high`, `b ← b_low + u·b_high`, `g ← g_low + u·g_high`.
pub struct Folding<'a> {
    path: Path,
    p: Vec<Fp>,
    b: Vec<Fp>,
    g: Vec<EqAffine>,
    bases: &'a Bases,
}

impl fmt::Debug for Folding<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Folding").field("left", &self.p.len()).finish_non_exhaustive()
    }
}

impl<'a> Folding<'a> {
    /// Starts with coefficients and the point at which they are evaluated.
    ///
    /// # Panics
    /// If there are not as many coefficients as bases, or not a power of two.
    pub fn new(bases: &'a Bases, p: Vec<Fp>, point: Fp) -> Self {
        assert!(p.len() == bases.len() && p.len().is_power_of_two(), "a power of two of coefficients, one per base");
        let path = bases.path();
        Self { path, b: vector::powers(path, point, p.len()), p, g: bases.points().to_vec(), bases }
    }

    /// What to send in this round.
    ///
    /// # Panics
    /// If one coefficient is left.
    pub fn round(&self) -> FoldingRound {
        let half = self.p.len() / 2;
        assert!(half > 0, "a coefficient is left over for the end");
        let bases = Bases::new(self.path, &self.g);
        FoldingRound {
            left: bases.msm_range(0, Scalars::Field(&self.p[half..])),
            right: bases.msm_range(half, Scalars::Field(&self.p[..half])),
            value_left: vector::inner_product(self.path, &self.p[half..], &self.b[..half]),
            value_right: vector::inner_product(self.path, &self.p[..half], &self.b[half..]),
        }
    }

    /// Ends the round with the verifier's challenge and its inverse.
    pub fn fold(&mut self, u: Fp, u_inv: Fp) {
        let half = self.p.len() / 2;
        let (low, high) = self.p.split_at_mut(half);
        vector::axpy(self.path, low, u_inv, high);
        let (low, high) = self.b.split_at_mut(half);
        vector::axpy(self.path, low, u, high);
        self.p.truncate(half);
        self.b.truncate(half);
        self.g = fold_bases(self.path, &self.g, &[u]);
        let _ = self.bases;
    }

    /// The coefficient that is left.
    ///
    /// # Panics
    /// If rounds are left.
    pub fn finish(self) -> Fp {
        assert_eq!(self.p.len(), 1, "all rounds are done");
        self.p[0]
    }
}

/// Collapses generators once per challenge: `g ← g_low + u·g_high`.
///
/// # Panics
/// If the generators cannot be halved that often.
pub fn fold_bases(path: Path, g: &[EqAffine], challenges: &[Fp]) -> Vec<EqAffine> {
    let _ = path;
    let mut g = g.to_vec();
    for u in challenges {
        assert!(g.len() >= 2 && g.len().is_multiple_of(2), "an even number of generators");
        let half = g.len() / 2;
        let sums: Vec<Eq> = (0..half).map(|place| g[place + half] * *u + g[place]).collect();
        g.truncate(half);
        Eq::batch_normalize(&sums, &mut g);
    }
    g
}
