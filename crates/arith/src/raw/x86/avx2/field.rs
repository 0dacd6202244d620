//! Eight field elements in ten registers.

use std::{arch::x86_64::__m256d, fmt, marker::PhantomData};

use ff::Field;
use pasta_curves::{Fp, Fq};

use super::{
    Doubles,
    layout::{pack, scalar, unpack},
    product::{Four, multiply},
    shape::{difference, from_montgomery_256, from_packed, sum, to_montgomery_256, to_packed},
    words::{and, bits, blend, double, equal, from_bits, load, load_words, store, store_words, sub, transpose, word},
};
use crate::{
    Evals, LANES, Lanes,
    lanes::{Kernel, PointCell, Work},
    raw::layout::{Modulus, Packed, element, limbs},
};

/// Eight elements: lanes 0 to 3, then 4 to 7. Limbs are integers of at most 1.75·2⁵⁰, the top one of at most 2⁴⁹ + 5; the value is below a half of p and 2²⁰⁷.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Avx2<F>(pub(in crate::raw::x86) [Four; 2], PhantomData<F>);

impl<F: Modulus> fmt::Debug for Avx2<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Avx2")
    }
}

impl<F: Modulus> Avx2<F> {
    #[inline(always)]
    fn new(low: Four, high: Four) -> Self {
        Self([low, high], PhantomData)
    }

    /// What is to be written.
    #[inline(always)]
    fn room() -> Self {
        Self::spread(&[0.0; 5])
    }

    #[inline(always)]
    fn spread(limbs: &[f64; 5]) -> Self {
        let four = [double(limbs[0]), double(limbs[1]), double(limbs[2]), double(limbs[3]), double(limbs[4])];
        Self::new(four, four)
    }

    /// The rows of four elements in memory.
    #[inline(always)]
    fn load_four(values: &[F; 4]) -> Four {
        let [a, b, c, d] = values;
        from_montgomery_256::<F>(transpose([
            load_words(limbs(a)),
            load_words(limbs(b)),
            load_words(limbs(c)),
            load_words(limbs(d)),
        ]))
    }

    #[inline(always)]
    fn store_four(four: Four, values: &mut [F; 4]) {
        let rows = transpose(to_montgomery_256::<F>(four));
        for lane in 0..4 {
            let mut words = [0; 4];
            store_words(rows[lane], &mut words);
            values[lane] = element(words);
        }
    }

    #[inline(always)]
    fn load_slice(values: &[F]) -> Self {
        let (low, rest) = values.split_first_chunk().expect("eight elements");
        let high = rest.first_chunk().expect("eight elements");
        Self::new(Self::load_four(low), Self::load_four(high))
    }

    #[inline(always)]
    fn store_slice(self, values: &mut [F]) {
        let (low, rest) = values.split_first_chunk_mut().expect("eight elements");
        let high = rest.first_chunk_mut().expect("eight elements");
        Self::store_four(self.0[0], low);
        Self::store_four(self.0[1], high);
    }
}

/// A block as registers, where it lies: a copy costs as much as a tenth of a product.
#[inline(always)]
fn fours(block: &Doubles) -> &[Four; 2] {
    // SAFETY: the same number of doubles in the same order, which `Doubles` aligns to 64 bytes and registers to 32.
    unsafe { &*std::ptr::from_ref(block).cast() }
}

/// [`fours`] to write.
#[inline(always)]
fn fours_mut(block: &mut Doubles) -> &mut [Four; 2] {
    // SAFETY: as for `fours`; all bits are doubles.
    unsafe { &mut *std::ptr::from_mut(block).cast() }
}

/// Coordinates of four points.
#[inline(always)]
fn gather_four(points: [&PointCell<Packed>; 4]) -> (Four, Four) {
    let [a, b, c, d] = points;
    let x = transpose([load_words(&a.x), load_words(&b.x), load_words(&c.x), load_words(&d.x)]);
    let y = transpose([load_words(&a.y), load_words(&b.y), load_words(&c.y), load_words(&d.y)]);
    (from_packed(x), from_packed(y))
}

/// Writes four points.
#[inline(always)]
fn scatter_four(x: Four, y: Four, points: &mut [PointCell<Packed>]) {
    let (x, y) = (transpose(to_packed(x)), transpose(to_packed(y)));
    for lane in 0..4 {
        store_words(x[lane], &mut points[lane].x);
        store_words(y[lane], &mut points[lane].y);
    }
}

/// A register whose lanes have sign bits where the mask has ones from bit `first`.
#[inline(always)]
fn mask_of(mask: u8, first: u32) -> __m256d {
    let one = 1u64 << first;
    let places = load_words(&[one, one << 1, one << 2, one << 3]);
    from_bits(equal(and(word(u64::from(mask)), places), places))
}

#[inline(always)]
fn select_four(mask: __m256d, set: &Four, clear: &Four) -> Four {
    let mut out = *set;
    for limb in 0..5 {
        out[limb] = blend(mask, set[limb], clear[limb]);
    }
    out
}

macro_rules! lanes {
    ($field:ty, $blocks:expr, $evals:expr, $into:expr) => {
        impl Kernel for Avx2<$field> {
            type Element = $field;
            type Cell = Packed;
            type Stored = Doubles;
            type Scalar = [f64; 5];

            fn scalar(element: $field) -> [f64; 5] {
                scalar(element)
            }

            #[inline(always)]
            fn broadcast(scalar: &[f64; 5]) -> Self {
                Self::spread(scalar)
            }

            #[inline(always)]
            fn transpose(vectors: [Self; LANES]) -> [Self; LANES] {
                let mut out = vectors;
                for limb in 0..5 {
                    for from in 0..2 {
                        for half in 0..2 {
                            let at = 4 * from;
                            let rows = transpose([
                                bits(vectors[at].0[half][limb]),
                                bits(vectors[at + 1].0[half][limb]),
                                bits(vectors[at + 2].0[half][limb]),
                                bits(vectors[at + 3].0[half][limb]),
                            ]);
                            for lane in 0..4 {
                                out[4 * half + lane].0[from][limb] = from_bits(rows[lane]);
                            }
                        }
                    }
                }
                out
            }

            fn enter<W: Work>(work: W) -> W::Output {
                super::enter(work)
            }

            #[inline(always)]
            fn gather(points: [&PointCell<Packed>; LANES]) -> (Self, Self) {
                let [a, b, c, d, e, f, g, h] = points;
                let ((x_low, y_low), (x_high, y_high)) = (gather_four([a, b, c, d]), gather_four([e, f, g, h]));
                (Self::new(x_low, x_high), Self::new(y_low, y_high))
            }

            #[inline(always)]
            fn scatter(x: Self, y: Self, points: &mut [PointCell<Packed>; LANES]) {
                let (low, high) = points.split_at_mut(4);
                scatter_four(x.0[0], y.0[0], low);
                scatter_four(x.0[1], y.0[1], high);
            }

            fn to_cell(element: $field) -> Packed {
                pack(element)
            }

            fn from_cell(cell: Packed) -> $field {
                unpack(cell)
            }

            #[inline(always)]
            fn select(mask: u8, set: Self, clear: Self) -> Self {
                Self::new(
                    select_four(mask_of(mask, 0), &set.0[0], &clear.0[0]),
                    select_four(mask_of(mask, 4), &set.0[1], &clear.0[1]),
                )
            }

            #[inline(always)]
            fn to_array(self) -> [$field; LANES] {
                let mut values = [<$field as Field>::ZERO; LANES];
                self.store_slice(&mut values);
                values
            }

            #[inline(always)]
            fn from_array(values: [$field; LANES]) -> Self {
                Self::load_slice(&values)
            }

            #[inline(always)]
            fn join(low: &mut Doubles, high: &mut Doubles, twiddle: &Self::Scalar) {
                let (low, high) = (fours_mut(low), fours_mut(high));
                let mut turned = Self::room().0;
                let [twiddle, _] = Self::broadcast(twiddle).0;
                multiply::<$field>(high, [&twiddle, &twiddle], &mut turned);
                for half in 0..2 {
                    let even = low[half];
                    low[half] = sum::<$field>(&even, &turned[half]);
                    high[half] = difference::<$field>(&even, &turned[half]);
                }
            }

            fn evals(blocks: Vec<Doubles>) -> Evals {
                $evals(blocks)
            }

            fn into_blocks(evals: Evals) -> Vec<Doubles> {
                $into(evals)
            }
        }

        impl Lanes for Avx2<$field> {
            type Field = $field;
            type Block = Doubles;

            #[inline(always)]
            fn splat(value: $field) -> Self {
                Self::spread(&scalar(value))
            }

            #[inline(always)]
            fn load(values: &[$field]) -> Self {
                Self::load_slice(values)
            }

            #[inline(always)]
            fn store(self, values: &mut [$field]) {
                self.store_slice(values);
            }

            #[inline(always)]
            fn from_block(block: &Doubles) -> Self {
                Self(*fours(block), PhantomData)
            }

            #[inline(always)]
            fn to_block(self) -> Doubles {
                let mut block = Doubles::default();
                *fours_mut(&mut block) = self.0;
                block
            }

            #[inline(always)]
            fn add_blocks(to: &mut Doubles, a: &Doubles, b: &Doubles) {
                for half in 0..2 {
                    fours_mut(to)[half] = sum::<$field>(&fours(a)[half], &fours(b)[half]);
                }
            }

            #[inline(always)]
            fn sub_blocks(to: &mut Doubles, a: &Doubles, b: &Doubles) {
                for half in 0..2 {
                    fours_mut(to)[half] = difference::<$field>(&fours(a)[half], &fours(b)[half]);
                }
            }

            #[inline(always)]
            fn mul_blocks(to: &mut Doubles, a: &Doubles, b: &Doubles) {
                multiply::<$field>(fours(a), fours(b).each_ref(), fours_mut(to));
            }

            #[inline(always)]
            fn square_block(to: &mut Doubles, a: &Doubles) {
                Self::mul_blocks(to, a, a);
            }

            #[inline(always)]
            fn add(self, other: Self) -> Self {
                Self::new(sum::<$field>(&self.0[0], &other.0[0]), sum::<$field>(&self.0[1], &other.0[1]))
            }

            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                Self::new(difference::<$field>(&self.0[0], &other.0[0]), difference::<$field>(&self.0[1], &other.0[1]))
            }

            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                let mut out = Self::room();
                multiply::<$field>(&self.0, other.0.each_ref(), &mut out.0);
                out
            }

            #[inline(always)]
            fn square(self) -> Self {
                self.mul(self)
            }

            #[inline(always)]
            fn neg(self) -> Self {
                let mut out = self;
                for half in 0..2 {
                    for limb in 0..5 {
                        out.0[half][limb] = sub(double(0.0), self.0[half][limb]);
                    }
                }
                out
            }

            #[inline(always)]
            fn rotate(self, by: usize) -> Self {
                let mut out = self;
                for limb in 0..5 {
                    // Twice one after the other, so that every rotation is eight in a row.
                    let mut row = [0.0; 2 * LANES];
                    for part in 0..4 {
                        let room = row[4 * part..].first_chunk_mut().expect("four quarters");
                        store(self.0[part % 2][limb], room);
                    }
                    let start = by % LANES;
                    for half in 0..2 {
                        out.0[half][limb] = load(row[start + 4 * half..].first_chunk().expect("eight in a row"));
                    }
                }
                out
            }

            #[inline(always)]
            fn blocks(evals: &Evals) -> &[Doubles] {
                $blocks(evals)
            }
        }
    };
}

lanes!(Fp, Evals::double_blocks, Evals::from_doubles, Evals::into_doubles);
lanes!(Fq, |_| unreachable!("evaluations are over Fp"), |_| unreachable!("evaluations are over Fp"), |_| unreachable!(
    "evaluations are over Fp"
));
