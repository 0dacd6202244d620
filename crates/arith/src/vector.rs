//! Operations on vectors of scalars, in parallel.

use ff::Field;
use pasta_curves::{Fp, arithmetic::VartimeBatchInvert};

use crate::Path;

/// `Σ aᵢ·bᵢ`.
///
/// # Panics
/// If the lengths differ.
pub fn inner_product(path: Path, a: &[Fp], b: &[Fp]) -> Fp {
    let _ = path;
    assert_eq!(a.len(), b.len(), "as many of one as of the other");
    a.iter().zip(b).map(|(a, b)| *a * b).sum()
}

/// `aᵢ += s·bᵢ` for the places that `b` has.
///
/// # Panics
/// If `b` is longer.
pub fn axpy(path: Path, a: &mut [Fp], s: Fp, b: &[Fp]) {
    let _ = path;
    assert!(b.len() <= a.len(), "b is not longer");
    a.iter_mut().zip(b).for_each(|(a, b)| *a += s * b);
}

/// `aᵢ = aᵢ·s + bᵢ`: one step of Horner's rule on vectors. Past the end of `b`, `aᵢ = aᵢ·s`.
///
/// # Panics
/// If `b` is longer.
pub fn scale_add(path: Path, a: &mut [Fp], s: Fp, b: &[Fp]) {
    let _ = path;
    assert!(b.len() <= a.len(), "b is not longer");
    a.iter_mut().for_each(|a| *a *= s);
    a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
}

/// `Σⱼ weightsⱼ · columnsⱼ`, `n` places; shorter columns count as padded with zeros.
///
/// # Panics
/// If there is not one weight per column, or a column is longer than `n`.
pub fn linear_combination(path: Path, n: usize, weights: &[Fp], columns: &[&[Fp]]) -> Vec<Fp> {
    assert_eq!(weights.len(), columns.len(), "one weight per column");
    let mut sum = vec![Fp::ZERO; n];
    for (weight, column) in weights.iter().zip(columns) {
        axpy(path, &mut sum, *weight, column);
    }
    sum
}

/// Values at a point of polynomials given by their coefficients.
pub fn evaluate_many(path: Path, polynomials: &[&[Fp]], point: Fp) -> Vec<Fp> {
    let _ = path;
    polynomials.iter().map(|polynomial| polynomial.iter().rev().fold(Fp::ZERO, |sum, value| sum * point + value)).collect()
}

/// Coefficients of `(p(X) − p(b)) / (X − b)`: one fewer than `p` has.
///
/// # Panics
/// If `p` has no coefficients.
pub fn divide(path: Path, p: &[Fp], b: Fp) -> Vec<Fp> {
    let _ = path;
    let mut quotient = vec![Fp::ZERO; p.len() - 1];
    let mut carry = Fp::ZERO;
    for (q, value) in quotient.iter_mut().rev().zip(p.iter().rev()) {
        carry = carry * b + value;
        *q = carry;
    }
    quotient
}

/// `1, x, x², …`: `n` powers.
pub fn powers(path: Path, x: Fp, n: usize) -> Vec<Fp> {
    let _ = path;
    std::iter::successors(Some(Fp::ONE), |power| Some(power * x)).take(n).collect()
}

/// Inverts each element; zeros stay.
pub fn invert(path: Path, values: &mut [Fp]) {
    let _ = path;
    values.iter_mut().batch_invert_vartime();
}
