//! Eight field elements at a time.

use std::fmt::Debug;

use ff::{PrimeField, WithSmallOrderMulGroup};
use pasta_curves::arithmetic::VartimeField;

use crate::{
    Evals,
    affine::{Degenerate, Pairs},
};

/// Elements in a vector.
pub const LANES: usize = 8;

/// The widest shift of [`Lanes::shift_blocks`].
pub const MAX_SHIFT: u8 = 7;

/// Eight field elements on which arithmetic acts lane by lane.
pub trait Lanes: Kernel<Element = Self::Field, Stored = Self::Block> {
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

    /// `to = a + b`, at rest.
    #[inline(always)]
    fn add_blocks(to: &mut Self::Block, a: &Self::Block, b: &Self::Block) {
        *to = Self::from_block(a).add(Self::from_block(b)).to_block();
    }

    /// `to = a − b`, at rest.
    #[inline(always)]
    fn sub_blocks(to: &mut Self::Block, a: &Self::Block, b: &Self::Block) {
        *to = Self::from_block(a).sub(Self::from_block(b)).to_block();
    }

    /// `to = a·b`, at rest.
    #[inline(always)]
    fn mul_blocks(to: &mut Self::Block, a: &Self::Block, b: &Self::Block) {
        *to = Self::from_block(a).mul(Self::from_block(b)).to_block();
    }

    /// `to = a²`, at rest.
    #[inline(always)]
    fn square_block(to: &mut Self::Block, a: &Self::Block) {
        *to = Self::from_block(a).square().to_block();
    }

    /// `to = a·2^shift + b`, at rest; `shift` is at most [`MAX_SHIFT`].
    #[inline(always)]
    fn shift_blocks(to: &mut Self::Block, a: &Self::Block, shift: u8, b: &Self::Block) {
        let mut sum = Self::from_block(a);
        for _ in 0..shift {
            sum = sum.double();
        }
        *to = sum.add(Self::from_block(b)).to_block();
    }

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

/// A point of Vesta at rest, in the representation of a path. The identity is not among them.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
pub struct PointCell<C> {
    /// Abscissa.
    pub x: C,
    /// Ordinate.
    pub y: C,
}

/// Work in lanes. `run` and what it calls must be `#[inline(always)]`, and no closures that compute: a function that is not inlined is compiled
/// without the vector instructions, and a closure cannot be told to be.
pub trait Work {
    /// What it gives.
    type Output;

    /// Works.
    fn run(self) -> Self::Output;
}

/// Declares [`Work`]: its inputs, its output and what it does.
macro_rules! work {
    ($(#[$doc:meta])* $vis:vis $name:ident<$($life:lifetime,)* $lanes:ident: $field:ty> { $($arg:ident: $type:ty),* $(,)? } -> $out:ty $body:block) => {
        $(#[$doc])*
        $vis struct $name<$($life,)* $lanes: $crate::Lanes<Field = $field>> {
            $($arg: $type,)*
            lanes: std::marker::PhantomData<$lanes>,
        }

        impl<$($life,)* $lanes: $crate::Lanes<Field = $field>> $name<$($life,)* $lanes> {
            #[inline(always)]
            $vis fn new($($arg: $type),*) -> Self {
                Self { $($arg,)* lanes: std::marker::PhantomData }
            }
        }

        impl<$($life,)* $lanes: $crate::Lanes<Field = $field>> $crate::lanes::Work for $name<$($life,)* $lanes> {
            type Output = $out;

            #[inline(always)]
            fn run(self) -> $out {
                let Self { $($arg,)* .. } = self;
                $body
            }
        }
    };
}

/// An array over eight lanes or vectors, in place of a closure.
macro_rules! each {
    ($lane:ident => $value:expr) => {
        [
            $crate::lanes::at!($lane 0 => $value),
            $crate::lanes::at!($lane 1 => $value),
            $crate::lanes::at!($lane 2 => $value),
            $crate::lanes::at!($lane 3 => $value),
            $crate::lanes::at!($lane 4 => $value),
            $crate::lanes::at!($lane 5 => $value),
            $crate::lanes::at!($lane 6 => $value),
            $crate::lanes::at!($lane 7 => $value),
        ]
    };
}
/// An expression with a number for a name.
macro_rules! at {
    ($lane:ident $number:literal => $value:expr) => {{
        let $lane: usize = $number;
        $value
    }};
}
pub(crate) use {at, each, work};

/// What lanes can do inside of this crate.
pub trait Kernel: Copy + Debug + Send + Sync + 'static {
    /// The field.
    type Element: PrimeField + VartimeField + WithSmallOrderMulGroup<3>;
    /// An element at rest.
    type Cell: Copy + Debug + Default + Send + Sync + 'static;
    /// A vector at rest.
    type Stored: Copy + Debug + Send + Sync + 'static;

    /// One element, to be spread over all lanes.
    type Scalar: Copy + Debug + Send + Sync + 'static;

    /// An element to be spread.
    fn scalar(element: Self::Element) -> Self::Scalar;

    /// The element in all lanes, fully reduced.
    fn broadcast(scalar: &Self::Scalar) -> Self;

    /// Lane `j` of vector `i` goes to lane `i` of vector `j`.
    fn transpose(vectors: [Self; LANES]) -> [Self; LANES];

    /// Does work that is compiled for these lanes.
    fn enter<W: Work>(work: W) -> W::Output;

    /// Coordinates of eight points.
    fn gather(points: [&PointCell<Self::Cell>; LANES]) -> (Self, Self);

    /// Writes eight points.
    fn scatter(x: Self, y: Self, points: &mut [PointCell<Self::Cell>; LANES]);

    /// An element as it rests.
    fn to_cell(element: Self::Element) -> Self::Cell;

    /// The element that rests there.
    fn from_cell(cell: Self::Cell) -> Self::Element;

    /// Lanes of `set` where the mask has ones, of `clear` where it has zeros.
    #[must_use]
    fn select(mask: u8, set: Self, clear: Self) -> Self;

    /// All lanes.
    fn to_array(self) -> [Self::Element; LANES];

    /// From all lanes.
    fn from_array(values: [Self::Element; LANES]) -> Self;

    /// `low + twiddle·high` and `low − twiddle·high`, in their places. What it gives may be joined again, up to 28 times; only products are
    /// reduced.
    fn join(low: &mut Self::Stored, high: &mut Self::Stored, twiddle: &Self::Scalar);

    /// Whether lanes are elements one after the other, of which each is as near as any other: then transpositions cost more than they save, and
    /// [`Self::across`] and [`Self::add_pairs`] work on one element at a time.
    const ELEMENTWISE: bool = false;

    /// Multiplies a vector with another and transforms it across its lanes. `roots` are the powers 1, 2, 3 of the eighth root of unity.
    ///
    /// # Panics
    /// If lanes are not [elements](Self::ELEMENTWISE).
    fn across(_vector: &mut Self::Stored, _step: &Self::Stored, _roots: &[Self::Scalar; 3]) {
        unreachable!("lanes are not elements");
    }

    /// Writes the sums of pairs of points that are neither equal nor opposite. Room is for a pair in each of its lanes.
    ///
    /// # Errors
    /// If some are.
    ///
    /// # Panics
    /// If lanes are not [elements](Self::ELEMENTWISE).
    fn add_pairs(
        _pairs: &Pairs<'_, Self::Cell>,
        _out: &mut [PointCell<Self::Cell>],
        _room: &mut [(Self::Stored, Self::Stored)],
    ) -> Result<(), Degenerate> {
        unreachable!("lanes are not elements");
    }

    /// Evaluations from blocks.
    fn evals(blocks: Vec<Self::Stored>) -> Evals;

    /// The blocks of evaluations; none if they were made for other lanes.
    fn into_blocks(evals: Evals) -> Vec<Self::Stored>;
}

/// Runs an expression with a type alias for the lanes of a path.
macro_rules! on {
    ($path:expr, $field:ty, $lanes:ident => $body:expr) => {
        match $path {
            $crate::Path::Portable => {
                type $lanes = $crate::Portable<$field>;
                $body
            }
            #[cfg(target_arch = "x86_64")]
            $crate::Path::Ifma => {
                type $lanes = $crate::raw::x86::Ifma<$field>;
                $body
            }
            #[cfg(target_arch = "x86_64")]
            $crate::Path::Avx2 => {
                type $lanes = $crate::raw::x86::Avx2<$field>;
                $body
            }
            #[cfg(not(target_arch = "x86_64"))]
            path => panic!("this machine has no {path}"),
        }
    };
}
pub(crate) use on;
