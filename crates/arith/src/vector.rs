//! Operations on vectors of scalars, in parallel.

use ff::Field;
use pasta_curves::{Fp, arithmetic::VartimeBatchInvert};
use rayon::prelude::*;

use crate::{
    LANES, Lanes, Path,
    lanes::{Kernel, each, on, work},
};

/// Elements per unit of parallel work.
const CHUNK: usize = 1 << 10;

/// Lanes from the first elements, zeros if there are fewer than eight.
#[inline(always)]
fn load<L: Lanes<Field = Fp>>(values: &[Fp]) -> L {
    if values.len() >= LANES {
        return L::load(values);
    }
    L::from_array(each!(lane => values.get(lane).copied().unwrap_or(Fp::ZERO)))
}

/// Writes as many lanes as there are places.
#[inline(always)]
fn store<L: Lanes<Field = Fp>>(lanes: L, values: &mut [Fp]) {
    if values.len() >= LANES {
        return lanes.store(values);
    }
    let count = values.len();
    values.copy_from_slice(&lanes.to_array()[..count]);
}

/// `Σ aᵢ·bᵢ`.
///
/// # Panics
/// If the lengths differ.
pub fn inner_product(path: Path, a: &[Fp], b: &[Fp]) -> Fp {
    assert_eq!(a.len(), b.len(), "as many of one as of the other");
    on!(path, Fp, L => a.par_chunks(CHUNK).zip(b.par_chunks(CHUNK)).map(|(a, b)| L::enter(Product::<L>::new(a, b))).sum())
}

work!(Product<'a, L: Fp> { a: &'a [Fp], b: &'a [Fp] } -> Fp {
    let mut sum = L::zero();
    for (a, b) in a.chunks(LANES).zip(b.chunks(LANES)) {
        sum = sum.add(load::<L>(a).mul(load::<L>(b)));
    }
    sum.to_array().iter().sum()
});

/// `aᵢ += s·bᵢ` for the places that `b` has.
///
/// # Panics
/// If `b` is longer.
pub fn axpy(path: Path, a: &mut [Fp], s: Fp, b: &[Fp]) {
    assert!(b.len() <= a.len(), "b is not longer");
    let add = |a: &mut [Fp], b: &[Fp]| on!(path, Fp, L => L::enter(Axpy::<L>::new(a, s, b)));
    a[..b.len()].par_chunks_mut(CHUNK).zip(b.par_chunks(CHUNK)).for_each(|(a, b)| add(a, b));
}

work!(Axpy<'a, L: Fp> { a: &'a mut [Fp], s: Fp, b: &'a [Fp] } -> () {
    let s = L::splat(s);
    for (a, b) in a.chunks_mut(LANES).zip(b.chunks(LANES)) {
        store(load::<L>(a).add(load::<L>(b).mul(s)), a);
    }
});

/// `aᵢ = aᵢ·s + bᵢ`: one step of Horner's rule on vectors. Past the end of `b`, `aᵢ = aᵢ·s`.
///
/// # Panics
/// If `b` is longer.
pub fn scale_add(path: Path, a: &mut [Fp], s: Fp, b: &[Fp]) {
    assert!(b.len() <= a.len(), "b is not longer");
    let step = |number: usize, a: &mut [Fp]| {
        let b = &b[(number * CHUNK).min(b.len())..];
        on!(path, Fp, L => L::enter(ScaleAdd::<L>::new(a, s, b)));
    };
    a.par_chunks_mut(CHUNK).enumerate().for_each(|(number, a)| step(number, a));
}

work!(ScaleAdd<'a, L: Fp> { a: &'a mut [Fp], s: Fp, b: &'a [Fp] } -> () {
    let s = L::splat(s);
    for (vector, a) in a.chunks_mut(LANES).enumerate() {
        let b = load::<L>(&b[(vector * LANES).min(b.len())..]);
        store(load::<L>(a).mul(s).add(b), a);
    }
});

/// `Σⱼ weightsⱼ · columnsⱼ`, `n` places; shorter columns count as padded with zeros.
///
/// # Panics
/// If there is not one weight per column, or a column is longer than `n`.
pub fn linear_combination(path: Path, n: usize, weights: &[Fp], columns: &[&[Fp]]) -> Vec<Fp> {
    assert_eq!(weights.len(), columns.len(), "one weight per column");
    assert!(columns.iter().all(|column| column.len() <= n), "no column is longer than the result");
    let mut sum = vec![Fp::ZERO; n];
    sum.par_chunks_mut(CHUNK).enumerate().for_each(|(number, sum)| {
        on!(path, Fp, L => L::enter(Combine::<L>::new(sum, number * CHUNK, weights, columns)));
    });
    sum
}

work!(Combine<'a, L: Fp> { sum: &'a mut [Fp], start: usize, weights: &'a [Fp], columns: &'a [&'a [Fp]] } -> () {
    let mut blocks = [L::zero().to_block(); CHUNK / LANES];
    let blocks = &mut blocks[..sum.len().div_ceil(LANES)];
    for (weight, column) in weights.iter().zip(columns) {
        let weight = L::splat(*weight);
        let part = &column[start.min(column.len())..(start + sum.len()).min(column.len())];
        for (block, values) in blocks.iter_mut().zip(part.chunks(LANES)) {
            *block = L::from_block(block).add(load::<L>(values).mul(weight)).to_block();
        }
    }
    for (block, sum) in blocks.iter().zip(sum.chunks_mut(LANES)) {
        store(L::from_block(block), sum);
    }
});

/// Values at a point of polynomials given by their coefficients.
pub fn evaluate_many(path: Path, polynomials: &[&[Fp]], point: Fp) -> Vec<Fp> {
    on!(path, Fp, L => {
        let powers: Vec<_> = L::enter(PowerBlocks::<L>::new(point));
        // The last power, times the point.
        let step = point.pow_vartime([CHUNK as u64]);
        let evaluate = |polynomial: &&[Fp]| {
            let parts: Vec<_> = polynomial.par_chunks(CHUNK).with_min_len(4).map(|part| L::enter(Weigh::<L>::new(&powers, part))).collect();
            let total = L::enter(Horner::<L>::new(&parts, step));
            total.iter().sum()
        };
        polynomials.par_iter().map(evaluate).collect()
    })
}

work!(PowerBlocks<L: Fp> { point: Fp } -> Vec<L::Block> {
    let mut power = L::from_array(each!(lane => point.pow_vartime([lane as u64])));
    let step = L::splat(point.pow_vartime([LANES as u64]));
    let mut blocks = Vec::with_capacity(CHUNK / LANES);
    for _ in 0..CHUNK / LANES {
        blocks.push(power.to_block());
        power = power.mul(step);
    }
    blocks
});

work!(Weigh<'a, L: Fp> { powers: &'a [L::Block], part: &'a [Fp] } -> L::Block {
    let mut sum = L::zero();
    for (power, values) in powers.iter().zip(part.chunks(LANES)) {
        sum = sum.add(load::<L>(values).mul(L::from_block(power)));
    }
    sum.to_block()
});

work!(Horner<'a, L: Fp> { parts: &'a [L::Block], step: Fp } -> [Fp; LANES] {
    let step = L::splat(step);
    let mut sum = L::zero();
    for part in parts.iter().rev() {
        sum = sum.mul(step).add(L::from_block(part));
    }
    sum.to_array()
});

/// Coefficients of `(p(X) − p(b)) / (X − b)`: one fewer than `p` has.
///
/// # Panics
/// If `p` has no coefficients.
pub fn divide(_path: Path, p: &[Fp], b: Fp) -> Vec<Fp> {
    // Each coefficient needs the one above; a proof divides a few polynomials only.
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
    let mut powers = vec![Fp::ZERO; n];
    powers.par_chunks_mut(CHUNK).enumerate().for_each(|(number, powers)| {
        let first = x.pow_vartime([(number * CHUNK) as u64]);
        on!(path, Fp, L => L::enter(Powers::<L>::new(first, x, powers)));
    });
    powers
}

work!(Powers<'a, L: Fp> { first: Fp, x: Fp, powers: &'a mut [Fp] } -> () {
    let mut power = L::from_array(each!(lane => first * x.pow_vartime([lane as u64])));
    let step = L::splat(x.pow_vartime([LANES as u64]));
    for chunk in powers.chunks_mut(LANES) {
        store(power, chunk);
        power = power.mul(step);
    }
});

/// Inverts each element; zeros stay.
pub fn invert(_path: Path, values: &mut [Fp]) {
    values.par_chunks_mut(CHUNK).for_each(|chunk| {
        chunk.iter_mut().batch_invert_vartime();
    });
}
