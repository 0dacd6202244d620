//! The quotient: all constraints, weighted by powers of y, divided by what vanishes on the rows.

use ff::Field;
use quintet_air::F;
use quintet_arith::{Evals, vector};

use super::{circuit::Circuit, polynomials::Polynomials, size::Size};

/// The quotient's pieces of `n` coefficients. A witness that breaks a constraint gives pieces of nothing in particular.
///
/// Constraints are evaluated by degree, each on as many cosets as its quotient has pieces, and coset by coset, so that only one coset of
/// the columns is in memory.
pub(super) fn quotient(size: &Size, circuit: &Circuit, polynomials: &Polynomials<'_>, y: F, pieces: usize) -> Vec<Vec<F>> {
    let weights = vector::powers(size.path, y, circuit.constraints);
    let mut values: Vec<Vec<Evals>> = circuit.parts.iter().map(|_| Vec::new()).collect();
    let mut last = None;
    let cosets = circuit.parts.iter().map(|part| part.cosets).max().unwrap_or_default();
    for coset in 0..cosets {
        let columns = polynomials.on_coset(coset, last.take());
        let inverse = size.cosets.vanishing_inv(coset);
        let weights: Vec<F> = weights.iter().map(|weight| *weight * inverse).collect();
        for (part, values) in circuit.parts.iter().zip(&mut values).filter(|(part, _)| coset < part.cosets) {
            let scalars = part.code.scalars(&weights, &polynomials.challenges);
            let run = part.code.over(&scalars, |input| columns.get(input));
            values.push(Evals::compute(size.path, size.rows(), &run));
        }
        last = Some(columns);
    }
    let mut sum = vec![vec![F::ZERO; size.rows()]; pieces];
    for values in values {
        let coefficients = size.cosets.interpolate(&values);
        for (sum, piece) in sum.iter_mut().zip(coefficients.chunks(size.rows())) {
            vector::axpy(size.path, sum, F::ONE, piece);
        }
    }
    sum
}
