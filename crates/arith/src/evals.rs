//! Values of a polynomial on a coset, laid out for lanes.

use ff::Field;
use pasta_curves::Fp;
use rayon::prelude::*;

use crate::{LANES, Lanes, Path, Portable};

/// Vectors per unit of parallel work.
const CHUNK: usize = 64;

/// `n` values on a coset of the domain of size `n ≥ 8`, in vectors: lane `l` of vector `j` is row `l · n/8 + j`. So the vectors of neighbouring
/// rows are neighbours, and a rotation needs no unaligned access.
#[derive(Clone, Debug)]
pub struct Evals(Store);

#[derive(Clone, Debug)]
enum Store {
    Portable(Vec<[Fp; LANES]>),
}

/// A function of the columns, row by row. As with [`Task`](crate::Task), `run` and what it calls must be `#[inline(always)]`.
pub trait RowTask: Sync {
    /// Writes vectors `first .. first + out.len()` of the result; inputs are read with [`Evals::lanes`].
    fn run<L: Lanes<Field = Fp>>(&self, first: usize, out: &mut [L::Block]);
}

struct Chunk<'a, T> {
    task: &'a T,
    first: usize,
    out: &'a mut [[Fp; LANES]],
}

impl Evals {
    /// From values in natural order.
    ///
    /// # Panics
    /// If their number is not a multiple of 8.
    pub fn from_rows(path: Path, rows: &[Fp]) -> Self {
        assert!(rows.len().is_multiple_of(LANES), "the domain has at least 8 rows");
        let _ = path;
        let vectors = rows.len() / LANES;
        let block = |j: usize| std::array::from_fn(|lane| rows[lane * vectors + j]);
        Self(Store::Portable((0..vectors).map(block).collect()))
    }

    /// Values in natural order.
    pub fn to_rows(&self) -> Vec<Fp> {
        let Store::Portable(blocks) = &self.0;
        let mut rows = vec![Fp::ZERO; self.len()];
        for (j, block) in blocks.iter().enumerate() {
            for (lane, value) in block.iter().enumerate() {
                rows[lane * blocks.len() + j] = *value;
            }
        }
        rows
    }

    /// Computes a column of `n` rows in parallel.
    ///
    /// # Panics
    /// If `n` is not a multiple of 8.
    pub fn compute<T: RowTask>(path: Path, n: usize, task: &T) -> Self {
        assert!(n.is_multiple_of(LANES), "the domain has at least 8 rows");
        let mut blocks = vec![[Fp::ZERO; LANES]; n / LANES];
        let _ = path;
        blocks.par_chunks_mut(CHUNK).enumerate().for_each(|(number, out)| {
            Chunk { task, first: number * CHUNK, out }.run_portable();
        });
        Self(Store::Portable(blocks))
    }

    /// Number of rows.
    #[allow(clippy::len_without_is_empty, reason = "a domain is never empty")]
    pub fn len(&self) -> usize {
        let Store::Portable(blocks) = &self.0;
        blocks.len() * LANES
    }

    /// Number of vectors.
    pub fn vectors(&self) -> usize {
        self.len() / LANES
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

    /// Value of a row.
    pub fn row(&self, row: usize) -> Fp {
        let Store::Portable(blocks) = &self.0;
        blocks[row % blocks.len()][row / blocks.len()]
    }

    pub(crate) fn portable_blocks(&self) -> &[[Fp; LANES]] {
        let Store::Portable(blocks) = &self.0;
        blocks
    }
}

impl<T: RowTask> Chunk<'_, T> {
    fn run_portable(self) {
        self.task.run::<Portable<Fp>>(self.first, self.out);
    }
}
