//! What is known of an AIR before any witness: queries, compiled constraints, coefficients of fixed columns.

use std::collections::BTreeSet;

use quintet_air::{AirSpec, Expr, F};

use super::{
    code::Code,
    graph::Input,
    queries::Queries,
    size::{MAX_LOG, Size},
};

/// Constraints whose quotient has less than `n · 2^log` coefficients, so that as many cosets determine it.
#[derive(Debug)]
pub struct Group {
    /// Log₂ of the number of cosets.
    pub log: u32,
    /// Their weighted sum, compiled.
    pub code: Code,
}

impl Group {
    /// The constraints of an AIR in groups by degree.
    pub fn all(spec: &AirSpec) -> Vec<Self> {
        let count = spec.constraints.len();
        let mut by_log: [Vec<(usize, &Expr)>; MAX_LOG as usize + 1] = Default::default();
        for (place, constraint) in spec.constraints.iter().enumerate() {
            // Upstream folds constraints by Horner's rule: the first has the highest power of y. A constraint of degree 1 that holds on all rows is 0.
            let weight = count - 1 - place;
            match constraint.expr.degree() {
                0 | 1 => {}
                2 => by_log[0].push((weight, &constraint.expr)),
                3 => by_log[1].push((weight, &constraint.expr)),
                _ => by_log[2].push((weight, &constraint.expr)),
            }
        }
        let groups = (0u32..).zip(&by_log).filter(|(_, constraints)| !constraints.is_empty());
        groups.map(|(log, constraints)| Self { log, code: Code::new(spec, constraints) }).collect()
    }

    /// Whether the group is evaluated on a coset of the finest set.
    pub fn covers(&self, coset: usize) -> bool {
        coset.is_multiple_of(1 << (MAX_LOG - self.log))
    }
}

/// One AIR at one size, ready to be proven.
#[derive(Debug)]
pub(super) struct Circuit {
    pub queries: Queries,
    pub groups: Vec<Group>,
    /// Coefficients of the fixed columns.
    pub fixed: Vec<Vec<F>>,
    /// Number of constraints.
    pub constraints: usize,
}

impl Circuit {
    pub(super) fn new(size: &Size, spec: &AirSpec) -> Self {
        let groups = Group::all(spec);
        let mut fixed: Vec<Vec<F>> = spec.fixed.iter().map(|column| column.values.clone()).collect();
        size.domain.ifft_many(&mut fixed);
        for group in &groups {
            tracing::debug!(
                air = spec.name,
                cosets = 1 << group.log,
                multiplications = group.code.multiplications(),
                columns = group.code.inputs().len(),
                "constraints compiled"
            );
        }
        Self { queries: Queries::new(spec), groups, fixed, constraints: spec.constraints.len() }
    }

    /// The columns that are read on a coset.
    pub(super) fn inputs(&self, coset: usize) -> BTreeSet<Input> {
        self.groups.iter().filter(|group| group.covers(coset)).flat_map(|group| group.code.inputs()).collect()
    }
}
