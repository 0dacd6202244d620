//! Lanes that every machine has: eight elements one after the other, in words of 64 bits.

mod points;
mod words;

use pasta_curves::{Fp, Fq};

use crate::{
    Evals, LANES, Lanes,
    affine::{Degenerate, Pairs},
    lanes::{Kernel, PointCell, Work},
};

/// Lanes that every machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portable<F>(pub(crate) [F; LANES]);

macro_rules! portable {
    ($field:ty, $blocks:expr, $evals:expr, $into:expr) => {
        impl Kernel for Portable<$field> {
            type Element = $field;
            type Cell = $field;
            type Stored = [$field; LANES];
            type Scalar = $field;

            fn scalar(element: $field) -> $field {
                element
            }

            #[inline(always)]
            fn broadcast(scalar: &$field) -> Self {
                Self([*scalar; LANES])
            }

            #[inline(always)]
            fn transpose(vectors: [Self; LANES]) -> [Self; LANES] {
                std::array::from_fn(|j| Self(std::array::from_fn(|i| vectors[i].0[j])))
            }

            #[inline(always)]
            fn enter<W: Work>(work: W) -> W::Output {
                work.run()
            }

            #[inline(always)]
            fn gather(points: [&PointCell<$field>; LANES]) -> (Self, Self) {
                (Self(points.map(|point| point.x)), Self(points.map(|point| point.y)))
            }

            #[inline(always)]
            fn scatter(x: Self, y: Self, points: &mut [PointCell<$field>; LANES]) {
                for (point, (x, y)) in points.iter_mut().zip(x.0.into_iter().zip(y.0)) {
                    *point = PointCell { x, y };
                }
            }

            fn to_cell(element: $field) -> $field {
                element
            }

            fn from_cell(cell: $field) -> $field {
                cell
            }

            #[inline(always)]
            fn select(mask: u8, set: Self, clear: Self) -> Self {
                Self(std::array::from_fn(|lane| if mask >> lane & 1 == 1 { set.0[lane] } else { clear.0[lane] }))
            }

            #[inline(always)]
            fn to_array(self) -> [$field; LANES] {
                self.0
            }

            #[inline(always)]
            fn from_array(values: [$field; LANES]) -> Self {
                Self(values)
            }

            #[inline(always)]
            fn join(low: &mut Self::Stored, high: &mut Self::Stored, twiddle: &$field) {
                // Element by element: copies of whole vectors would cost more than the additions.
                for (low, high) in low.iter_mut().zip(high) {
                    let turned = words::product(high, twiddle);
                    *high = words::difference(low, &turned);
                    *low = words::sum(low, &turned);
                }
            }

            const ELEMENTWISE: bool = true;

            fn across(vector: &mut Self::Stored, step: &Self::Stored, roots: &[$field; 3]) {
                words::across(vector, step, roots);
            }

            fn add_pairs(
                pairs: &Pairs<'_, $field>,
                out: &mut [PointCell<$field>],
                room: &mut [(Self::Stored, Self::Stored)],
            ) -> Result<(), Degenerate> {
                points::add_pairs(pairs, out, room)
            }

            fn evals(blocks: Vec<[$field; LANES]>) -> Evals {
                $evals(blocks)
            }

            fn into_blocks(evals: Evals) -> Vec<[$field; LANES]> {
                $into(evals)
            }
        }

        impl Lanes for Portable<$field> {
            type Field = $field;
            type Block = [$field; LANES];

            #[inline(always)]
            fn splat(value: $field) -> Self {
                Self([value; LANES])
            }

            #[inline(always)]
            fn load(values: &[$field]) -> Self {
                Self(std::array::from_fn(|lane| values[lane]))
            }

            #[inline(always)]
            fn store(self, values: &mut [$field]) {
                values[..LANES].copy_from_slice(&self.0);
            }

            #[inline(always)]
            fn from_block(block: &Self::Block) -> Self {
                Self(*block)
            }

            #[inline(always)]
            fn to_block(self) -> Self::Block {
                self.0
            }

            #[inline(always)]
            fn add(self, other: Self) -> Self {
                Self(std::array::from_fn(|lane| words::sum(&self.0[lane], &other.0[lane])))
            }

            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                Self(std::array::from_fn(|lane| words::difference(&self.0[lane], &other.0[lane])))
            }

            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                Self(std::array::from_fn(|lane| words::product(&self.0[lane], &other.0[lane])))
            }

            #[inline(always)]
            fn square(self) -> Self {
                Self(std::array::from_fn(|lane| words::square(&self.0[lane])))
            }

            // Element by element, as in `join`.
            #[inline(always)]
            fn add_blocks(to: &mut Self::Block, a: &Self::Block, b: &Self::Block) {
                for lane in 0..LANES {
                    to[lane] = words::sum(&a[lane], &b[lane]);
                }
            }

            #[inline(always)]
            fn sub_blocks(to: &mut Self::Block, a: &Self::Block, b: &Self::Block) {
                for lane in 0..LANES {
                    to[lane] = words::difference(&a[lane], &b[lane]);
                }
            }

            #[inline(always)]
            fn mul_blocks(to: &mut Self::Block, a: &Self::Block, b: &Self::Block) {
                for lane in 0..LANES {
                    to[lane] = words::product(&a[lane], &b[lane]);
                }
            }

            #[inline(always)]
            fn shift_blocks(to: &mut Self::Block, a: &Self::Block, shift: u8, b: &Self::Block) {
                for lane in 0..LANES {
                    to[lane] = words::shifted_sum(&a[lane], shift, &b[lane]);
                }
            }

            #[inline(always)]
            fn square_block(to: &mut Self::Block, a: &Self::Block) {
                for lane in 0..LANES {
                    to[lane] = words::square(&a[lane]);
                }
            }

            #[inline(always)]
            fn rotate(self, by: usize) -> Self {
                Self(std::array::from_fn(|lane| self.0[(lane + by) % LANES]))
            }

            #[inline(always)]
            fn blocks(evals: &Evals) -> &[Self::Block] {
                $blocks(evals)
            }
        }
    };
}

portable!(Fp, Evals::portable_blocks, Evals::from_portable, Evals::into_portable);
portable!(Fq, |_| unreachable!("evaluations are over Fp"), |_| unreachable!("evaluations are over Fp"), |_| unreachable!(
    "evaluations are over Fp"
));
