//! The rounds of the inner product argument.

use std::{borrow::Cow, fmt};

use ff::Field;
use group::{Curve, Group};
use pasta_curves::{Eq, EqAffine, Fp, Fq};
use rayon::prelude::*;

use crate::{
    Bases, Path, Scalars,
    collapse::{combine, weights},
    lanes::on,
    vector,
};

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
///
/// The generators are collapsed after every third round only, eight to one: the doublings of such a combination are shared. Until then a
/// round's sums run over the old generators, with the scalars multiplied out.
pub struct Folding<'a> {
    p: Vec<Fp>,
    b: Vec<Fp>,
    bases: Cow<'a, Bases>,
    /// Challenges since the generators were collapsed.
    pending: Vec<Fp>,
}

/// Rounds between collapses.
const FUSED: usize = 3;
/// Fewer generators than these are not collapsed: sums over them cost next to nothing.
const FEW: usize = 256;

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
        Self { b: vector::powers(bases.path(), point, p.len()), p, bases: Cow::Borrowed(bases), pending: Vec::new() }
    }

    /// What to send in this round.
    ///
    /// # Panics
    /// If one coefficient is left.
    pub fn round(&self) -> FoldingRound {
        let half = self.p.len() / 2;
        assert!(half > 0, "a coefficient is left over for the end");
        let path = self.bases.path();
        let weights = weights(&self.pending);
        // The generator of a coefficient is a combination of one from each part: its scalar goes to all of them, weighted.
        let spread = |coefficients: &[Fp], at: usize| {
            let mut scalars = vec![Fp::ZERO; self.bases.len()];
            for (part, weight) in scalars.chunks_exact_mut(self.p.len()).zip(&weights) {
                vector::axpy(path, &mut part[at..at + half], *weight, coefficients);
            }
            self.bases.msm(Scalars::Field(&scalars))
        };
        let (low, high) = self.p.split_at(half);
        let (left, right) = rayon::join(|| spread(high, 0), || spread(low, half));
        FoldingRound {
            left,
            right,
            value_left: vector::inner_product(path, high, &self.b[..half]),
            value_right: vector::inner_product(path, low, &self.b[half..]),
        }
    }

    /// Ends the round with the verifier's challenge and its inverse.
    pub fn fold(&mut self, u: Fp, u_inv: Fp) {
        let path = self.bases.path();
        let half = self.p.len() / 2;
        let (low, high) = self.p.split_at_mut(half);
        vector::axpy(path, low, u_inv, high);
        let (low, high) = self.b.split_at_mut(half);
        vector::axpy(path, low, u, high);
        self.p.truncate(half);
        self.b.truncate(half);
        self.pending.push(u);
        if self.pending.len() == FUSED && self.bases.len() >= FEW {
            let collapsed = fold_bases(path, self.bases.points(), &self.pending);
            self.bases = Cow::Owned(Bases::new(path, &collapsed));
            self.pending.clear();
        }
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
    assert!(g.len().is_multiple_of(1 << challenges.len()), "generators can be halved once per challenge");
    let mut collapsed = g.to_vec();
    for challenges in challenges.chunks(FUSED) {
        let weights = weights(challenges);
        let combined = on!(path, Fq, L => combine::<L>(&collapsed, &weights));
        collapsed = combined.unwrap_or_else(|_| projective(&collapsed, &weights));
    }
    collapsed
}

/// As [`combine`], in projective coordinates, whose formulas know all cases.
fn projective(g: &[EqAffine], weights: &[Fp]) -> Vec<EqAffine> {
    let m = g.len() / weights.len();
    let place = |place: usize| {
        weights.iter().enumerate().fold(Eq::identity(), |sum, (part, weight)| sum + g[place + part * m] * *weight)
    };
    let sums: Vec<Eq> = (0..m).into_par_iter().map(place).collect();
    let mut affine = vec![EqAffine::default(); m];
    Eq::batch_normalize(&sums, &mut affine);
    affine
}
