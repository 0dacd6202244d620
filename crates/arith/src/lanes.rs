//! Eight field elements at a time.

use std::fmt::Debug;

use ff::{PrimeField, WithSmallOrderMulGroup};
use pasta_curves::{Fp, Fq, arithmetic::VartimeField};

use crate::Evals;

/// Elements in a vector.
pub const LANES: usize = 8;

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
    ($(#[$doc:meta])* $name:ident<$($life:lifetime,)* $lanes:ident: $field:ty> { $($arg:ident: $type:ty),* $(,)? } -> $out:ty $body:block) => {
        $(#[$doc])*
        struct $name<$($life,)* $lanes: $crate::Lanes<Field = $field>> {
            $($arg: $type,)*
            lanes: std::marker::PhantomData<$lanes>,
        }

        impl<$($life,)* $lanes: $crate::Lanes<Field = $field>> $name<$($life,)* $lanes> {
            #[inline(always)]
            fn new($($arg: $type),*) -> Self {
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
                type $lanes = $crate::x86::Ifma<$field>;
                $body
            }
            #[cfg(target_arch = "x86_64")]
            $crate::Path::Avx2 => {
                type $lanes = $crate::x86::Avx2<$field>;
                $body
            }
            #[cfg(not(target_arch = "x86_64"))]
            path => panic!("this machine has no {path}"),
        }
    };
}
pub(crate) use on;

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
                    let turned = *high * twiddle;
                    *high = *low - turned;
                    *low += turned;
                }
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

            // Element by element, as in `join`.
            #[inline(always)]
            fn add_blocks(to: &mut Self::Block, a: &Self::Block, b: &Self::Block) {
                for lane in 0..LANES {
                    to[lane] = a[lane] + b[lane];
                }
            }

            #[inline(always)]
            fn sub_blocks(to: &mut Self::Block, a: &Self::Block, b: &Self::Block) {
                for lane in 0..LANES {
                    to[lane] = a[lane] - b[lane];
                }
            }

            #[inline(always)]
            fn mul_blocks(to: &mut Self::Block, a: &Self::Block, b: &Self::Block) {
                for lane in 0..LANES {
                    to[lane] = a[lane] * b[lane];
                }
            }

            #[inline(always)]
            fn square_block(to: &mut Self::Block, a: &Self::Block) {
                for lane in 0..LANES {
                    to[lane] = ff::Field::square(&a[lane]);
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
