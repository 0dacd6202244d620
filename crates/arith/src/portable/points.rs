//! Sums of affine points, one after the other.

use super::words::{choose, difference, product, square};
use crate::{
    LANES,
    affine::{Degenerate, Pairs, invert, negative},
    lanes::PointCell,
    raw::layout::Modulus,
};

/// Writes the sum of each pair. As in lanes there are eight chains of products, so that no product waits for the one before.
pub(super) fn add_pairs<F: Modulus>(
    pairs: &Pairs<'_, F>,
    out: &mut [PointCell<F>],
    room: &mut [([F; LANES], [F; LANES])],
) -> Result<(), Degenerate> {
    let mut chains = [F::ONE; LANES];
    for (vector, (differences, before)) in room.iter_mut().enumerate() {
        *before = chains;
        for lane in 0..LANES {
            let (a, b) = pairs.pair(vector, lane);
            differences[lane] = difference(&pairs.at(b).x, &pairs.at(a).x);
            chains[lane] = product(&before[lane], &differences[lane]);
        }
    }
    chains = invert(chains)?;
    for (vector, (differences, before)) in room.iter().enumerate().rev() {
        for lane in 0..LANES {
            let (a, b) = pairs.pair(vector, lane);
            let inverse = product(&chains[lane], &before[lane]);
            chains[lane] = product(&chains[lane], &differences[lane]);
            let signs = (negative(a), negative(b));
            let (a, b) = (pairs.at(a), pairs.at(b));
            let (y1, y2) = (signed(&a.y, signs.0), signed(&b.y, signs.1));
            let slope = product(&difference(&y2, &y1), &inverse);
            let x = difference(&difference(&square(&slope), &a.x), &b.x);
            let y = difference(&product(&slope, &difference(&a.x, &x)), &y1);
            out[vector * LANES + lane] = PointCell { x, y };
        }
    }
    Ok(())
}

#[inline(always)]
fn signed<F: Modulus>(value: &F, negative: bool) -> F {
    choose(negative, &difference(&F::ZERO, value), value)
}
