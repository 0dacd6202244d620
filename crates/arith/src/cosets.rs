//! The extended domain, one coset at a time.

use ff::{Field, PrimeField, WithSmallOrderMulGroup};
use pasta_curves::Fp;
use rayon::prelude::*;

use crate::{
    Domain, Evals,
    ntt::{Plan, roots, scale_by_powers},
    vector::linear_combination,
};

/// Cosets `ζ·ω_extⁱ·H`, `i < 2^log`, of a domain `H`. Together they are upstream's extended domain of size `2^(k + log)`: row `r` of
/// coset `i` is upstream's row `r·2^log + i`.
#[derive(Clone, Debug)]
pub struct Cosets {
    domain: Domain,
    plans: Vec<Plan>,
    shifts: Vec<Fp>,
    vanishing_inv: Vec<Fp>,
}

impl Cosets {
    /// The `2^log` cosets.
    ///
    /// # Panics
    /// If the field has no domain of that size, or the domain has fewer than 8 rows.
    pub fn new(domain: &Domain, log: u32) -> Self {
        assert!(domain.size() >= crate::LANES, "the domain has at least 8 rows");
        assert!(domain.k() + log <= Fp::S, "no roots of unity of that order");
        let (root, _) = roots(domain.k() + log);
        let shifts: Vec<Fp> = std::iter::successors(Some(Fp::ZETA), |shift| Some(shift * root)).take(1 << log).collect();
        let invert = |shift: &Fp| {
            let vanishing = shift.pow_vartime([domain.size() as u64]) - Fp::ONE;
            // ζ has order 3 and ω_ext a power of 2, so the shift's n-th power is not 1.
            vanishing.invert().into_option().unwrap_or(Fp::ZERO)
        };
        let vanishing_inv = shifts.iter().map(invert).collect();
        let plan = |shift: &Fp| Plan::new(domain.path(), domain.k(), domain.omega(), *shift, Fp::ONE);
        let plans = shifts.iter().map(plan).collect();
        Self { domain: domain.clone(), plans, shifts, vanishing_inv }
    }

    /// How many cosets.
    pub fn count(&self) -> usize {
        self.shifts.len()
    }

    /// The first element `ζ·ω_extⁱ` of a coset.
    pub fn shift(&self, coset: usize) -> Fp {
        self.shifts[coset]
    }

    /// `1 / (Xⁿ − 1)` on a coset, where it is constant.
    pub fn vanishing_inv(&self, coset: usize) -> Fp {
        self.vanishing_inv[coset]
    }

    /// Values on a coset of the polynomial with these coefficients.
    ///
    /// # Panics
    /// If there are more than `n`.
    pub fn evaluate(&self, coset: usize, coefficients: &[Fp]) -> Evals {
        self.into(coset, coefficients, None)
    }

    /// [`Self::evaluate`] of several polynomials, in parallel, in the memory of values that are no longer needed, if there are any: fresh memory costs
    /// a page fault for each 4 KiB.
    ///
    /// # Panics
    /// As [`Self::evaluate`].
    pub fn evaluate_many(&self, coset: usize, columns: &[&[Fp]], spare: Vec<Evals>) -> Vec<Evals> {
        let mut spare: Vec<Option<Evals>> = spare.into_iter().map(Some).collect();
        spare.resize_with(columns.len(), || None);
        spare.into_par_iter().zip(columns).map(|(spare, column)| self.into(coset, column, spare)).collect()
    }

    fn into(&self, coset: usize, coefficients: &[Fp], spare: Option<Evals>) -> Evals {
        assert!(coefficients.len() <= self.domain.size(), "one coefficient a row");
        self.plans[coset].evals(self.domain.path(), coefficients, spare)
    }

    /// The `n · m` coefficients of the polynomial that has these values on the first `m` cosets.
    ///
    /// # Panics
    /// If there are more columns than cosets.
    pub fn interpolate(&self, cosets: &[Evals]) -> Vec<Fp> {
        assert!(cosets.len() <= self.count(), "at most one column per coset");
        let n = self.domain.size();
        // dᵢ[r] = Σ_t h[r + t·n] · (sᵢⁿ)ᵗ
        let reduced: Vec<Vec<Fp>> = cosets
            .par_iter()
            .zip(&self.shifts)
            .map(|(evals, shift)| {
                let mut values = evals.to_rows();
                self.domain.ifft(&mut values);
                // A root of unity times ζ.
                scale_by_powers(self.domain.path(), &mut values, shift.invert().into_option().unwrap_or(Fp::ZERO));
                values
            })
            .collect();
        let points: Vec<Fp> = self.shifts[..cosets.len()].iter().map(|shift| shift.pow_vartime([n as u64])).collect();
        let bases: Vec<Vec<Fp>> = (0..points.len()).map(|place| lagrange(&points, place)).collect();
        let columns: Vec<&[Fp]> = reduced.iter().map(Vec::as_slice).collect();
        let piece = |t: usize| {
            let weights: Vec<Fp> = bases.iter().map(|basis| basis[t]).collect();
            linear_combination(self.domain.path(), n, &weights, &columns)
        };
        (0..points.len()).flat_map(piece).collect()
    }
}

/// Coefficients of the polynomial that is 1 at one of the points and 0 at the others.
fn lagrange(points: &[Fp], place: usize) -> Vec<Fp> {
    let mut product = vec![Fp::ONE];
    let mut scale = Fp::ONE;
    for (_, other) in points.iter().enumerate().filter(|(at, _)| *at != place) {
        // Times X − other.
        product.push(Fp::ZERO);
        for power in (0..product.len()).rev() {
            let below = if power > 0 { product[power - 1] } else { Fp::ZERO };
            product[power] = below - *other * product[power];
        }
        scale *= points[place] - other;
    }
    // The cosets differ, and with them the n-th powers of their shifts.
    let scale = scale.invert().into_option().unwrap_or(Fp::ZERO);
    product.into_iter().map(|coefficient| coefficient * scale).collect()
}
