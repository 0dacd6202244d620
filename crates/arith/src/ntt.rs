//! Number-theoretic transforms in lanes.
//!
//! The polynomial `Σ cᵢ·Xⁱ` is cut into eight, one per lane: lane l holds the coefficients `c_{8i+l}` at places i, in bit-reversed order.
//! A decimation in time over the m = n/8 places, with the same twiddles in all lanes, gives `S_l(j)`, and row `j + m·r` is
//! `Σ_l ω₈^{rl}·(s·ωʲ)^l·S_l(j)`: one product with a vector and a transform of eight across the lanes, done on eight vectors at a time after a
//! transposition. The shift s of a coset is part of the twiddles and costs nothing.

use std::sync::Arc;

use ff::{Field, PrimeField};
use pasta_curves::Fp;

use crate::{
    LANES, Lanes, Path,
    evals::ToRows,
    lanes::{each, on, work},
};

/// Below this size there are not eight vectors to transpose, and the plain transform is used.
const SMALLEST: usize = LANES * LANES;
/// Vectors of a part that is transformed layer by layer; larger ones are halved first, so that parts stay in the cache.
const PART: usize = 64;

/// Constants of the transform onto `s·<ω>`, each value multiplied with a constant.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    k: u32,
    root: Fp,
    shift: Fp,
    scale: Fp,
    tables: Tables,
}

#[derive(Clone, Debug)]
enum Tables {
    Small,
    Portable(Arc<Table<crate::Portable<Fp>>>),
    #[cfg(target_arch = "x86_64")]
    Avx2(Arc<Table<crate::raw::x86::Avx2<Fp>>>),
    #[cfg(target_arch = "x86_64")]
    Ifma(Arc<Table<crate::raw::x86::Ifma<Fp>>>),
}

/// Twiddles of a transform in lanes.
#[derive(Debug)]
pub(crate) struct Table<L: Lanes<Field = Fp>> {
    /// For the layer that joins halves of h places: entries `h − 1 .. 2h − 1`.
    layers: Vec<L::Scalar>,
    /// `scale · (s·ωʲ)^l` in lane l of vector j.
    lanes: Vec<L::Block>,
    /// Powers 1, 2, 3 of the eighth root of unity.
    eighth: [L::Scalar; 3],
}

impl Plan {
    pub(crate) fn new(path: Path, k: u32, root: Fp, shift: Fp, scale: Fp) -> Self {
        let tables = if 1 << k < SMALLEST {
            Tables::Small
        } else {
            match path {
                Path::Portable => Tables::Portable(Arc::new(Table::new(k, root, shift, scale))),
                #[cfg(target_arch = "x86_64")]
                Path::Avx2 => Tables::Avx2(Arc::new(Table::new(k, root, shift, scale))),
                #[cfg(target_arch = "x86_64")]
                Path::Ifma => Tables::Ifma(Arc::new(Table::new(k, root, shift, scale))),
                #[cfg(not(target_arch = "x86_64"))]
                path => panic!("this machine has no {path}"),
            }
        };
        Self { k, root, shift, scale, tables }
    }

    /// Transforms coefficients to rows in natural order, in place.
    pub(crate) fn rows(&self, values: &mut [Fp]) {
        match &self.tables {
            Tables::Small => self.small(values),
            Tables::Portable(table) => table.rows(values),
            #[cfg(target_arch = "x86_64")]
            Tables::Avx2(table) => table.rows(values),
            #[cfg(target_arch = "x86_64")]
            Tables::Ifma(table) => table.rows(values),
        }
    }

    /// Transforms coefficients, of which the last ones may be missing, to evaluations, in the memory of others.
    pub(crate) fn evals(&self, path: Path, coefficients: &[Fp], spare: Option<crate::Evals>) -> crate::Evals {
        match &self.tables {
            Tables::Small => {
                let mut rows = coefficients.to_vec();
                rows.resize(1 << self.k, Fp::ZERO);
                self.small(&mut rows);
                crate::Evals::from_rows(path, &rows)
            }
            Tables::Portable(table) => table.evals(coefficients, spare),
            #[cfg(target_arch = "x86_64")]
            Tables::Avx2(table) => table.evals(coefficients, spare),
            #[cfg(target_arch = "x86_64")]
            Tables::Ifma(table) => table.evals(coefficients, spare),
        }
    }

    fn small(&self, values: &mut [Fp]) {
        let mut power = self.scale;
        for value in values.iter_mut() {
            *value *= power;
            power *= self.shift;
        }
        plain(values, self.root);
    }
}

/// `1, x, x², …`
fn powers(x: Fp) -> impl Iterator<Item = Fp> {
    std::iter::successors(Some(Fp::ONE), move |power| Some(power * x))
}

/// `x` to the power `2^log`.
fn square_often(x: Fp, log: u32) -> Fp {
    (0..log).fold(x, |x, _| x.square())
}

impl<L: Lanes<Field = Fp>> Table<L> {
    fn new(k: u32, root: Fp, shift: Fp, scale: Fp) -> Self {
        let m = (1usize << k) / LANES;
        let mut layers = Vec::with_capacity(m);
        for layer in 0..k - 3 {
            // Joining halves of 2^layer places: x runs over s^(n/2^(layer+1)) times roots of order 2^(layer+1).
            let raise = k - layer - 1;
            let (root, shift) = (square_often(root, raise), square_often(shift, raise));
            layers.extend(powers(root).take(1 << layer).map(|power| L::scalar(power * shift)));
        }
        let steps: [Fp; LANES] = std::array::from_fn(|lane| root.pow_vartime([lane as u64]));
        let first: [Fp; LANES] = std::array::from_fn(|lane| shift.pow_vartime([lane as u64]) * scale);
        let lanes = L::enter(Steps::<L>::new(first, steps, m));
        let eighth = square_often(root, k - 3);
        Self { layers, lanes, eighth: [eighth, eighth.square(), eighth.square() * eighth].map(L::scalar) }
    }

    /// From coefficients to rows in natural order.
    fn rows(&self, values: &mut [Fp]) {
        let mut blocks = self.within(values, Vec::new());
        if L::ELEMENTWISE {
            L::enter(Across::<L>::new(self, &mut blocks));
            L::enter(ToRows::<L>::new(&blocks, values));
        } else {
            L::enter(Rows::<L>::new(self, &blocks, values));
        }
    }

    /// From coefficients to the order of [`Evals`](crate::Evals).
    fn evals(&self, coefficients: &[Fp], spare: Option<crate::Evals>) -> crate::Evals {
        let mut blocks = self.within(coefficients, spare.map(L::into_blocks).unwrap_or_default());
        L::enter(Across::<L>::new(self, &mut blocks));
        L::evals(blocks)
    }

    /// What the transform does within lanes.
    fn within(&self, coefficients: &[Fp], spare: Vec<L::Block>) -> Vec<L::Block> {
        let mut blocks = L::enter(Reversed::<L>::new(coefficients, self.lanes.len(), spare));
        self.places(&mut blocks);
        blocks
    }

    /// The transform over the places.
    fn places(&self, blocks: &mut [L::Block]) {
        if blocks.len() > PART {
            let (low, high) = blocks.split_at_mut(blocks.len() / 2);
            self.places(low);
            self.places(high);
            L::enter(Join::<L>::new(low, high, &self.layers[low.len() - 1..]));
        } else {
            L::enter(Layers::<L>::new(blocks, &self.layers));
        }
    }
}

/// Vectors times others, transposed and transformed: lane j of vector r of the result is value r of the transform of eight across the lanes of vector j.
#[inline(always)]
fn eight<L: Lanes<Field = Fp>>(vectors: &[L::Block], steps: &[L::Block], roots: &[L::Scalar; 3]) -> [L; LANES] {
    let v = each!(j => L::from_block(&vectors[j]).mul(L::from_block(&steps[j])));
    let v = L::transpose(v);
    // Decimation in frequency.
    let even = [v[0].add(v[4]), v[1].add(v[5]), v[2].add(v[6]), v[3].add(v[7])];
    let odd = [
        v[0].sub(v[4]),
        v[1].sub(v[5]).mul(L::broadcast(&roots[0])),
        v[2].sub(v[6]).mul(L::broadcast(&roots[1])),
        v[3].sub(v[7]).mul(L::broadcast(&roots[2])),
    ];
    let [r0, r2, r4, r6] = quarter(even, &roots[1]);
    let [r1, r3, r5, r7] = quarter(odd, &roots[1]);
    [r0, r1, r2, r3, r4, r5, r6, r7]
}

/// A transform of four.
#[inline(always)]
fn quarter<L: Lanes<Field = Fp>>(v: [L; 4], root: &L::Scalar) -> [L; 4] {
    let (a, b) = (v[0].add(v[2]), v[1].add(v[3]));
    let (c, d) = (v[0].sub(v[2]), v[1].sub(v[3]).mul(L::broadcast(root)));
    [a.add(b), c.add(d), a.sub(b), c.sub(d)]
}

work!(Rows<'a, L: Fp> { table: &'a Table<L>, blocks: &'a [L::Block], rows: &'a mut [Fp] } -> () {
    let m = blocks.len();
    for j in (0..m).step_by(LANES) {
        let v = eight::<L>(&blocks[j..], &table.lanes[j..], &table.eighth);
        for r in 0..LANES {
            v[r].store(&mut rows[r * m + j..]);
        }
    }
});

work!(Across<'a, L: Fp> { table: &'a Table<L>, blocks: &'a mut [L::Block] } -> () {
    for (vectors, steps) in blocks.chunks_exact_mut(LANES).zip(table.lanes.chunks_exact(LANES)) {
        if L::ELEMENTWISE {
            for (vector, step) in vectors.iter_mut().zip(steps) {
                L::across(vector, step, &table.eighth);
            }
        } else {
            let v = L::transpose(eight::<L>(vectors, steps, &table.eighth));
            for offset in 0..LANES {
                vectors[offset] = v[offset].to_block();
            }
        }
    }
});

work!(
    /// `m` vectors: `first` times powers of `steps`.
    Steps<L: Fp> { first: [Fp; LANES], steps: [Fp; LANES], m: usize } -> Vec<L::Block> {
        let (step, mut at) = (L::from_array(steps), L::from_array(first));
        let mut lanes = Vec::with_capacity(m);
        for _ in 0..m {
            lanes.push(at.to_block());
            at = at.mul(step);
        }
        lanes
    }
);

work!(
    /// Coefficients, eight to a vector, in bit-reversed order.
    Reversed<'a, L: Fp> { coefficients: &'a [Fp], m: usize, blocks: Vec<L::Block> } -> Vec<L::Block> {
        let mut blocks = blocks;
        if coefficients.len() < m * LANES {
            blocks.clear();
        }
        blocks.resize(m, L::zero().to_block());
        let shift = usize::BITS - m.trailing_zeros();
        let chunks = coefficients.chunks_exact(LANES);
        let (whole, rest) = (chunks.len(), chunks.remainder());
        for (place, chunk) in chunks.enumerate() {
            blocks[place.reverse_bits() >> shift] = L::load(chunk).to_block();
        }
        if !rest.is_empty() {
            let mut last = [Fp::ZERO; LANES];
            last[..rest.len()].copy_from_slice(rest);
            blocks[whole.reverse_bits() >> shift] = L::load(&last).to_block();
        }
        blocks
    }
);

work!(
    /// All layers of a small transform.
    Layers<'a, L: Fp> { blocks: &'a mut [L::Block], layers: &'a [L::Scalar] } -> () {
        let mut half = 1;
        while half < blocks.len() {
            for part in blocks.chunks_exact_mut(2 * half) {
                let (low, high) = part.split_at_mut(half);
                join::<L>(low, high, &layers[half - 1..]);
            }
            half *= 2;
        }
    }
);

work!(Join<'a, L: Fp> { low: &'a mut [L::Block], high: &'a mut [L::Block], twiddles: &'a [L::Scalar] } -> () {
    join::<L>(low, high, twiddles);
});

/// One layer: values of the even and of the odd half to values of the whole.
#[inline(always)]
fn join<L: Lanes<Field = Fp>>(low: &mut [L::Block], high: &mut [L::Block], twiddles: &[L::Scalar]) {
    for ((low, high), twiddle) in low.iter_mut().zip(high).zip(twiddles) {
        L::join(low, high, twiddle);
    }
}

/// Radix 2, decimation in time, one element at a time.
fn plain(values: &mut [Fp], root: Fp) {
    let n = values.len();
    if n < 2 {
        return;
    }
    let k = n.trailing_zeros();
    for place in 0..n {
        let other = place.reverse_bits() >> (usize::BITS - k);
        if place < other {
            values.swap(place, other);
        }
    }
    for layer in 0..k {
        let half = 1usize << layer;
        let step = square_often(root, k - layer - 1);
        for chunk in values.chunks_mut(2 * half) {
            let (low, high) = chunk.split_at_mut(half);
            for ((low, high), twiddle) in low.iter_mut().zip(high).zip(powers(step)) {
                let turned = *high * twiddle;
                *high = *low - turned;
                *low += turned;
            }
        }
    }
}

/// The root of unity of order `2^k` that upstream uses, and its inverse.
pub(crate) fn roots(k: u32) -> (Fp, Fp) {
    (square_often(Fp::ROOT_OF_UNITY, Fp::S - k), square_often(Fp::ROOT_OF_UNITY_INV, Fp::S - k))
}

/// Multiplies the element at place i by `by^i`.
pub(crate) fn scale_by_powers(path: Path, values: &mut [Fp], by: Fp) {
    on!(path, Fp, L => scale::<L>(values, by));
}

fn scale<L: Lanes<Field = Fp>>(values: &mut [Fp], by: Fp) {
    let first: [Fp; LANES] = std::array::from_fn(|lane| by.pow_vartime([lane as u64]));
    let mut at = square_often(by, 3).pow_vartime([(values.len() / LANES) as u64]);
    L::enter(Scale::<L>::new(values, first, square_often(by, 3)));
    for value in values.chunks_exact_mut(LANES).into_remainder() {
        *value *= at;
        at *= by;
    }
}

work!(Scale<'a, L: Fp> { values: &'a mut [Fp], first: [Fp; LANES], step: Fp } -> () {
    let (mut power, step) = (L::from_array(first), L::splat(step));
    for chunk in values.chunks_exact_mut(LANES) {
        L::load(chunk).mul(power).store(chunk);
        power = power.mul(step);
    }
});
