//! Values of a polynomial on a coset, laid out for lanes.

use ff::Field;
use pasta_curves::Fp;
use rayon::prelude::*;

#[cfg(target_arch = "x86_64")]
use crate::raw::x86::{Doubles, Planar};
use crate::{
    LANES, Lanes, Path,
    lanes::{Kernel, Work, each, on, work},
};

/// Vectors per unit of parallel work.
const CHUNK: usize = 64;

/// `n` values on a coset of the domain of size `n ≥ 8`, in vectors: lane `l` of vector `j` is row `l · n/8 + j`. So the vectors of neighbouring
/// rows are neighbours, and a rotation needs no unaligned access.
#[derive(Clone, Debug)]
pub struct Evals(Store);

#[derive(Clone, Debug)]
enum Store {
    Portable(Vec<[Fp; LANES]>),
    #[cfg(target_arch = "x86_64")]
    Avx2(Vec<Doubles>),
    #[cfg(target_arch = "x86_64")]
    Ifma(Vec<Planar>),
}

/// A function of the columns, row by row. As with [`Task`](crate::Task), `run` and what it calls must be `#[inline(always)]`.
pub trait RowTask: Sync {
    /// Writes vectors `first .. first + out.len()` of the result; inputs are read with [`Evals::lanes`].
    fn run<L: Lanes<Field = Fp>>(&self, first: usize, out: &mut [L::Block]);
}

impl Evals {
    /// From values in natural order.
    ///
    /// # Panics
    /// If their number is not a multiple of 8.
    pub fn from_rows(path: Path, rows: &[Fp]) -> Self {
        assert!(rows.len().is_multiple_of(LANES), "the domain has at least 8 rows");
        on!(path, Fp, L => L::evals(L::enter(FromRows::<L>::new(rows))))
    }

    /// Values in natural order.
    pub fn to_rows(&self) -> Vec<Fp> {
        let mut rows = vec![Fp::ZERO; self.len()];
        on!(self.path(), Fp, L => L::enter(ToRows::<L>::new(L::blocks(self), &mut rows)));
        rows
    }

    /// Computes a column of `n` rows in parallel.
    ///
    /// # Panics
    /// If `n` is not a multiple of 8.
    pub fn compute<T: RowTask>(path: Path, n: usize, task: &T) -> Self {
        assert!(n.is_multiple_of(LANES), "the domain has at least 8 rows");
        on!(path, Fp, L => L::evals(compute::<L, T>(n, task)))
    }

    /// The path that these values are laid out for.
    pub fn path(&self) -> Path {
        match &self.0 {
            Store::Portable(_) => Path::Portable,
            #[cfg(target_arch = "x86_64")]
            Store::Avx2(_) => Path::Avx2,
            #[cfg(target_arch = "x86_64")]
            Store::Ifma(_) => Path::Ifma,
        }
    }

    /// Number of rows.
    #[allow(clippy::len_without_is_empty, reason = "a domain is never empty")]
    pub fn len(&self) -> usize {
        self.vectors() * LANES
    }

    /// Number of vectors.
    pub fn vectors(&self) -> usize {
        match &self.0 {
            Store::Portable(blocks) => blocks.len(),
            #[cfg(target_arch = "x86_64")]
            Store::Avx2(blocks) => blocks.len(),
            #[cfg(target_arch = "x86_64")]
            Store::Ifma(blocks) => blocks.len(),
        }
    }

    /// Vector `j` of the column rotated by `rotation` rows: lane `l` is row `(l · n/8 + j + rotation) mod n`.
    #[inline(always)]
    pub fn lanes<L: Lanes<Field = Fp>>(&self, j: usize, rotation: i32) -> L {
        let blocks = L::blocks(self);
        let place = j.wrapping_add_signed(rotation as isize);
        if place < blocks.len() {
            return L::from_block(&blocks[place]);
        }
        let rows = blocks.len() * LANES;
        let place = (j as isize + rotation as isize).rem_euclid(rows as isize) as usize;
        L::from_block(&blocks[place % blocks.len()]).rotate(place / blocks.len())
    }

    /// [`Self::lanes`] where they lie, or in `room` if lanes have to change their places.
    #[inline(always)]
    pub fn block<'a, L: Lanes<Field = Fp>>(&'a self, j: usize, rotation: i32, room: &'a mut L::Block) -> &'a L::Block {
        let blocks = L::blocks(self);
        match blocks.get(j.wrapping_add_signed(rotation as isize)) {
            Some(block) => block,
            None => {
                *room = self.lanes::<L>(j, rotation).to_block();
                room
            }
        }
    }

    /// Value of a row.
    pub fn row(&self, row: usize) -> Fp {
        let vectors = self.vectors();
        on!(self.path(), Fp, L => L::enter(Spread::<L>::new(&L::blocks(self)[row % vectors]))[row / vectors])
    }
}

/// Access to the values of one path.
macro_rules! stored {
    ($path:ident, $block:ty, $blocks:ident, $from:ident, $into:ident) => {
        impl Evals {
            #[inline(always)]
            pub(crate) fn $blocks(&self) -> &[$block] {
                match &self.0 {
                    Store::$path(blocks) => blocks,
                    #[allow(unreachable_patterns, reason = "a machine may have one path")]
                    _ => panic!("these evaluations are laid out for the path {}", self.path()),
                }
            }

            pub(crate) fn $from(blocks: Vec<$block>) -> Self {
                Self(Store::$path(blocks))
            }

            pub(crate) fn $into(self) -> Vec<$block> {
                match self.0 {
                    Store::$path(blocks) => blocks,
                    #[allow(unreachable_patterns, reason = "a machine may have one path")]
                    _ => Vec::new(),
                }
            }
        }
    };
}

stored!(Portable, [Fp; LANES], portable_blocks, from_portable, into_portable);
#[cfg(target_arch = "x86_64")]
stored!(Avx2, Doubles, double_blocks, from_doubles, into_doubles);
#[cfg(target_arch = "x86_64")]
stored!(Ifma, Planar, planar_blocks, from_planar, into_planar);

work!(FromRows<'a, L: Fp> { rows: &'a [Fp] } -> Vec<L::Block> {
    let vectors = rows.len() / LANES;
    let mut blocks = Vec::with_capacity(vectors);
    for j in 0..vectors {
        blocks.push(L::from_array(each!(lane => rows[lane * vectors + j])).to_block());
    }
    blocks
});

work!(pub(crate) ToRows<'a, L: Fp> { blocks: &'a [L::Block], rows: &'a mut [Fp] } -> () {
    for (j, block) in blocks.iter().enumerate() {
        let values = L::from_block(block).to_array();
        for lane in 0..LANES {
            rows[lane * blocks.len() + j] = values[lane];
        }
    }
});

work!(Spread<'a, L: Fp> { block: &'a L::Block } -> [Fp; LANES] { L::from_block(block).to_array() });

work!(
    /// A vector of zeros.
    Zero<L: Fp> {} -> L::Block { L::zero().to_block() }
);

/// A part of the rows of a task.
struct Part<'a, T, L: Lanes> {
    task: &'a T,
    first: usize,
    out: &'a mut [L::Block],
}

impl<T: RowTask, L: Lanes<Field = Fp>> Work for Part<'_, T, L> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.task.run::<L>(self.first, self.out);
    }
}

fn compute<L: Lanes<Field = Fp>, T: RowTask>(n: usize, task: &T) -> Vec<L::Block> {
    let mut blocks = vec![L::enter(Zero::<L>::new()); n / LANES];
    blocks
        .par_chunks_mut(CHUNK)
        .enumerate()
        .for_each(|(number, out)| L::enter(Part::<T, L> { task, first: number * CHUNK, out }));
    blocks
}
