//! Division with remainder: two equations that together determine two unknown numbers.

use ff::{Field, PrimeField};
use quintet_air::F;

use super::affine::{Affine, Equation, affine, places, small};

/// What the two equations say.
pub(super) enum Division {
    /// Quotient and remainder are these sums of unknowns.
    Unique([(Vec<(usize, F)>, F); 2]),
    /// No numbers satisfy them.
    Impossible,
}

/// Looks for `m · Q + R = a` beside `R + S = b` with `b < m`, where Q, R and S are sums of bounded unknowns times powers of two. As integers
/// below the field's order `0 ≤ R ≤ b < m`, so Q and R are quotient and remainder of a by m.
pub(super) fn divide(equations: &[Equation], cells: &[Option<F>], bits: &dyn Fn(usize) -> Option<u32>) -> Option<Division> {
    let sums: Vec<Affine> = equations
        .iter()
        .filter_map(|equation| affine(&equation.expr, cells))
        .filter(|sum| sum.slopes.len() > 1 && sum.slopes.keys().all(|cell| bits(*cell).is_some()))
        .collect();
    let pairs = sums.iter().flat_map(|whole| sums.iter().map(move |bound| (whole, bound)));
    pairs.into_iter().find_map(|(whole, bound)| division(whole, bound, bits))
}

fn division(whole: &Affine, bound: &Affine, bits: &dyn Fn(usize) -> Option<u32>) -> Option<Division> {
    // The bound's unit is a slope that makes all others powers of two: R + S = b, times the unit.
    let all: Vec<(usize, F)> = bound.slopes.iter().map(|(cell, slope)| (*cell, *slope)).collect();
    let (unit, _) = all.iter().find_map(|(_, unit)| Some((*unit, places(&all, *unit)?)))?;
    let limit = small(-bound.constant * invert(unit)?)?;

    let (rest, quotient): (Vec<_>, Vec<_>) =
        whole.slopes.iter().map(|(cell, slope)| (*cell, *slope)).partition(|(cell, _)| bound.slopes.contains_key(cell));
    let (first, slope) = rest.first()?;
    // The remainder has to be the same number in both equations, up to a factor.
    let factor = *slope * invert(bound.slopes[first])?;
    if quotient.is_empty() || rest.iter().any(|(cell, slope)| *slope != bound.slopes[cell] * factor) {
        return None;
    }
    let scale = invert(factor * unit)?;
    let multiple = quotient.iter().find_map(|(_, slope)| places(&quotient, *slope).map(|_| *slope))?;
    let (divisor, dividend) = (small(multiple * scale)?, -whole.constant * scale);
    // Nothing wraps around the field: m · Q + R stays below 2^253.
    let width = |unknowns: &[(usize, F)], unit: F| -> Option<u32> {
        let ends = unknowns.iter().zip(places(unknowns, unit)?).map(|((cell, _), place)| Some(place + bits(*cell)?));
        ends.collect::<Option<Vec<u32>>>()?.into_iter().max()
    };
    let bits_of_divisor = 128 - divisor.leading_zeros();
    let wide = width(&quotient, multiple)? + bits_of_divisor + 8;
    if limit >= divisor || wide > 253 || width(&rest, factor * unit)? > 240 {
        return None;
    }
    let Some(dividend) = small(dividend) else { return Some(Division::Impossible) };
    let sum =
        |unknowns: Vec<(usize, F)>, unit: F| Some(unknowns.into_iter().map(|(cell, slope)| (cell, slope * unit)).collect());
    Some(Division::Unique([
        (sum(quotient, invert(multiple)?)?, F::from_u128(dividend / divisor)),
        (sum(rest, scale)?, F::from_u128(dividend % divisor)),
    ]))
}

fn invert(value: F) -> Option<F> {
    value.invert().into()
}
