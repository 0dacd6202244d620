//! Eight field elements at a time.

use std::fmt::Debug;

use ff::{PrimeField, WithSmallOrderMulGroup};
use pasta_curves::{Fp, Fq, arithmetic::VartimeField};

use crate::Evals;

/// Elements in a vector.
pub const LANES: usize = 8;

/// Eight field elements on which arithmetic acts lane by lane.
pub trait Lanes: Copy + Debug + Send + Sync + 'static + sealed::Sealed {
    /// The field.
    type Field: PrimeField + VartimeField + WithSmallOrderMulGroup<3>;
    /// A vector at rest in memory.
    type Block: Copy + Debug + Send + Sync + 'static;

    /// The same element in all lanes.
    fn splat(value: Self::Field) -> Self;

    /// Zeros.
    #[inline(always)]
    fn zero() -> Self {
        Self::splat(<Self::Field as ff::Field>::ZERO)
    }

    /// The first eight elements of a slice.
    ///
    /// # Panics
    /// If there are fewer.
    fn load(values: &[Self::Field]) -> Self;

    /// Writes the lanes to the first eight places of a slice.
    ///
    /// # Panics
    /// If there are fewer.
    fn store(self, values: &mut [Self::Field]);

    /// From memory.
    fn from_block(block: &Self::Block) -> Self;

    /// To memory.
    fn to_block(self) -> Self::Block;

    /// Sum.
    #[must_use]
    fn add(self, other: Self) -> Self;

    /// Difference.
    #[must_use]
    fn sub(self, other: Self) -> Self;

    /// Product.
    #[must_use]
    fn mul(self, other: Self) -> Self;

    /// Square.
    #[must_use]
    fn square(self) -> Self;

    /// Sum with itself.
    #[inline(always)]
    #[must_use]
    fn double(self) -> Self {
        self.add(self)
    }

    /// Negative.
    #[inline(always)]
    #[must_use]
    fn neg(self) -> Self {
        Self::zero().sub(self)
    }

    /// Lane `l` of the result is lane `(l + by) % 8`.
    #[must_use]
    fn rotate(self, by: usize) -> Self;

    /// The blocks of evaluations that were made for this kind of lanes.
    ///
    /// # Panics
    /// If they were made for another [`Path`](crate::Path).
    fn blocks(evals: &Evals) -> &[Self::Block];
}

/// Lanes that every machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portable<F>(pub(crate) [F; LANES]);

macro_rules! portable {
    ($field:ty, $blocks:expr) => {
        impl sealed::Sealed for Portable<$field> {}

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
                Self(std::array::from_fn(|lane| self.0[lane] + other.0[lane]))
            }

            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                Self(std::array::from_fn(|lane| self.0[lane] - other.0[lane]))
            }

            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                Self(std::array::from_fn(|lane| self.0[lane] * other.0[lane]))
            }

            #[inline(always)]
            fn square(self) -> Self {
                Self(std::array::from_fn(|lane| ff::Field::square(&self.0[lane])))
            }

            #[inline(always)]
            fn rotate(self, by: usize) -> Self {
                Self(std::array::from_fn(|lane| self.0[(lane + by) % LANES]))
            }

            fn blocks(evals: &Evals) -> &[Self::Block] {
                $blocks(evals)
            }
        }
    };
}

portable!(Fp, Evals::portable_blocks);
portable!(Fq, |_| unreachable!("evaluations are over Fp"));

pub(crate) mod sealed {
    /// Only this crate has lanes.
    pub trait Sealed {}
}
