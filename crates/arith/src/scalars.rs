//! Scalars of a multi-scalar multiplication, in the form in which their owner has them.

use ff::Field;
use pasta_curves::Fp;

/// Scalars of a multi-scalar multiplication. The smaller they are, the less work: how large they are is found by looking at them.
#[derive(Clone, Copy, Debug)]
pub enum Scalars<'a> {
    /// Integers.
    Uint(&'a [u64]),
    /// Field elements.
    Field(&'a [Fp]),
}

impl<'a> Scalars<'a> {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Self::Uint(values) => values.len(),
            Self::Field(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One of them.
    pub fn get(&self, place: usize) -> Fp {
        match self {
            Self::Uint(values) => Fp::from(values[place]),
            Self::Field(values) => values[place],
        }
    }

    /// Whether all are 0.
    pub fn all_zero(&self) -> bool {
        match self {
            Self::Uint(values) => values.iter().all(|&value| value == 0),
            Self::Field(values) => values.iter().all(|&value| value == Fp::ZERO),
        }
    }
}

impl<'a> From<&'a [u64]> for Scalars<'a> {
    fn from(values: &'a [u64]) -> Self {
        Self::Uint(values)
    }
}

impl<'a> From<&'a [Fp]> for Scalars<'a> {
    fn from(values: &'a [Fp]) -> Self {
        Self::Field(values)
    }
}
