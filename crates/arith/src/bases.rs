//! Fixed points and sums of their multiples.

use std::fmt;

use ff::PrimeField;
use group::{CurveAffine as _, Group};
use pasta_curves::{Eq, EqAffine, Fq};
use rayon::prelude::*;

#[cfg(target_arch = "x86_64")]
use crate::raw::x86::{Avx2, Ifma};
use crate::{
    Lanes, Path, Portable, Scalars,
    affine::cell,
    digits::Integers,
    lanes::{Kernel, PointCell},
    msm::{Table, msm},
    rows::widen,
    subsets::add_subsets,
};

/// Fixed points, prepared for multi-scalar multiplications.
#[derive(Clone)]
pub struct Bases {
    points: Vec<EqAffine>,
    store: Store,
}

/// Points as a path wants them.
#[derive(Clone)]
enum Store {
    Portable(Table<<Portable<Fq> as Kernel>::Cell>),
    #[cfg(target_arch = "x86_64")]
    Avx2(Table<<Avx2<Fq> as Kernel>::Cell>),
    #[cfg(target_arch = "x86_64")]
    Ifma(Table<<Ifma<Fq> as Kernel>::Cell>),
}

impl fmt::Debug for Bases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bases").field("path", &self.path()).field("len", &self.len()).finish_non_exhaustive()
    }
}

fn prepare<L: Lanes<Field = Fq>>(points: &[EqAffine]) -> Table<L::Cell> {
    let cells: Vec<PointCell<L::Cell>> = points.par_iter().map(|point| cell::<L>(point).unwrap_or_default()).collect();
    let identities = (0..points.len()).filter(|&place| bool::from(points[place].is_identity())).collect();
    Table { points: cells, len: points.len(), spacing: 0, width: 0, identities, subsets: None }
}

impl Bases {
    /// Prepares points.
    pub fn new(path: Path, points: &[EqAffine]) -> Self {
        let store = match path {
            Path::Portable => Store::Portable(prepare::<Portable<Fq>>(points)),
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => Store::Avx2(prepare::<Avx2<Fq>>(points)),
            #[cfg(target_arch = "x86_64")]
            Path::Ifma => Store::Ifma(prepare::<Ifma<Fq>>(points)),
            #[cfg(not(target_arch = "x86_64"))]
            path => panic!("this machine has no {path}"),
        };
        Self { points: points.to_vec(), store }
    }

    /// Adds tables of multiples of the points, as many as fit into so many bytes. They make multiplications with large scalars cheaper.
    #[must_use]
    pub fn with_tables(mut self, bytes: usize) -> Self {
        match &mut self.store {
            Store::Portable(table) => widen::<Portable<Fq>>(table, bytes),
            #[cfg(target_arch = "x86_64")]
            Store::Avx2(table) => widen::<Avx2<Fq>>(table, bytes),
            #[cfg(target_arch = "x86_64")]
            Store::Ifma(table) => widen::<Ifma<Fq>>(table, bytes),
        }
        self
    }

    /// Adds the sums of the subsets of every four points, 240 bytes a point. They make multiplications with bits cheaper.
    #[must_use]
    pub fn with_subsets(mut self) -> Self {
        match &mut self.store {
            Store::Portable(table) => add_subsets::<Portable<Fq>>(table),
            #[cfg(target_arch = "x86_64")]
            Store::Avx2(table) => add_subsets::<Avx2<Fq>>(table),
            #[cfg(target_arch = "x86_64")]
            Store::Ifma(table) => add_subsets::<Ifma<Fq>>(table),
        }
        self
    }

    /// How many points.
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// The points.
    pub fn points(&self) -> &[EqAffine] {
        &self.points
    }

    /// The path of all computations with these points.
    pub fn path(&self) -> Path {
        match &self.store {
            Store::Portable(_) => Path::Portable,
            #[cfg(target_arch = "x86_64")]
            Store::Avx2(_) => Path::Avx2,
            #[cfg(target_arch = "x86_64")]
            Store::Ifma(_) => Path::Ifma,
        }
    }

    /// `Σ sᵢ·gᵢ` over as many points as there are scalars.
    ///
    /// # Panics
    /// If there are more scalars than points.
    pub fn msm(&self, scalars: Scalars<'_>) -> Eq {
        self.msm_range(0, scalars)
    }

    /// [`Self::msm`] of each of several columns, in parallel.
    ///
    /// # Panics
    /// If a column has more scalars than there are points.
    pub fn msm_many(&self, columns: &[Scalars<'_>]) -> Vec<Eq> {
        columns.par_iter().map(|column| self.msm(*column)).collect()
    }

    /// `Σ sᵢ·g_{first+i}`.
    ///
    /// # Panics
    /// If it would run past the last point.
    pub fn msm_range(&self, first: usize, scalars: Scalars<'_>) -> Eq {
        assert!(first + scalars.len() <= self.len(), "as many points as scalars");
        let integers = Integers::new(scalars);
        let sum = match &self.store {
            Store::Portable(table) => msm::<Portable<Fq>>(table, first, &integers),
            #[cfg(target_arch = "x86_64")]
            Store::Avx2(table) => msm::<Avx2<Fq>>(table, first, &integers),
            #[cfg(target_arch = "x86_64")]
            Store::Ifma(table) => msm::<Ifma<Fq>>(table, first, &integers),
        };
        sum.unwrap_or_else(|_| projective(&self.points[first..], scalars))
    }
}

/// The sum in projective coordinates, whose formulas know all cases.
fn projective(points: &[EqAffine], scalars: Scalars<'_>) -> Eq {
    const WIDTH: usize = 8;
    let bytes: Vec<_> = (0..scalars.len()).map(|place| scalars.get(place).to_repr()).collect();
    (0..32).rev().fold(Eq::identity(), |total, byte| {
        let mut buckets = [Eq::identity(); 1 << WIDTH];
        for (point, scalar) in points.iter().zip(&bytes) {
            buckets[usize::from(scalar[byte])] += *point;
        }
        let (mut sum, mut running) = (Eq::identity(), Eq::identity());
        for bucket in buckets[1..].iter().rev() {
            running += *bucket;
            sum += running;
        }
        (0..WIDTH).fold(total, |total, _| total.double()) + sum
    })
}
