//! What stands where in an upstream proof: its exact length and the number of scalars that upstream draws while making it.

use std::collections::BTreeSet;

use quintet_air::{AirSpec, Cell};

use crate::suite::ELEMENT_BYTES;

/// Sizes of a proof of one AIR, computed from its description as upstream computes them from the circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProofLayout {
    /// Log₂ of the number of rows.
    pub k: u32,
    /// First-phase columns; their commitments are the first points of a proof.
    pub phase_one: usize,
    /// Advice columns.
    pub advice: usize,
    /// Pieces of the quotient: degree − 1.
    pub pieces: usize,
    /// Evaluations of instance, advice and fixed columns.
    pub queries: usize,
    /// Different sets of rotations at which polynomials are opened.
    pub point_sets: usize,
    /// Rows at the end of an advice column that upstream fills from its random number generator, blinding factors and one more.
    pub tail_rows: usize,
}

impl ProofLayout {
    /// Degree below which upstream does not go: that of its permutation argument.
    const MIN_DEGREE: usize = 3;

    /// Reads the sizes off a description.
    pub fn new(spec: &AirSpec) -> Self {
        let mut advice = vec![BTreeSet::new(); spec.columns.len()];
        let mut fixed = vec![BTreeSet::new(); spec.fixed.len()];
        let mut instance = BTreeSet::new();
        for constraint in &spec.constraints {
            constraint.expr.for_each_cell(&mut |cell| {
                match cell {
                    Cell::Advice(column, rotation) => advice[column].insert(rotation),
                    Cell::Fixed(column, rotation) => fixed[column].insert(rotation),
                    Cell::Public(place) => instance.insert(place as i32),
                };
            });
        }
        let degree = spec.constraints.iter().map(|constraint| constraint.expr.degree()).max().unwrap_or(0);
        let most = advice.iter().map(BTreeSet::len).max().unwrap_or(0);
        let columns = || advice.iter().chain(&fixed).chain([&instance]);
        // The quotient and the random polynomial are opened at x alone.
        let sets: BTreeSet<_> = columns().filter(|set| !set.is_empty()).cloned().chain([BTreeSet::from([0])]).collect();
        Self {
            k: spec.k,
            phase_one: spec.phase_one,
            advice: spec.columns.len(),
            pieces: degree.max(Self::MIN_DEGREE) - 1,
            queries: columns().map(BTreeSet::len).sum(),
            point_sets: sets.len(),
            tail_rows: most.max(3) + 3,
        }
    }

    /// Exact length of a proof: advice; random polynomial, q′ and S; quotient; rounds; evaluations, one of them the random polynomial's; one
    /// per point set; c and f.
    pub fn proof_bytes(&self) -> usize {
        let points = self.advice + 3 + self.pieces + 2 * self.k as usize;
        let scalars = self.queries + 1 + self.point_sets + 2;
        ELEMENT_BYTES * (points + scalars)
    }

    /// Length of the first-phase commitments at the start of a proof.
    pub fn phase_one_bytes(&self) -> usize {
        ELEMENT_BYTES * self.phase_one
    }
}
