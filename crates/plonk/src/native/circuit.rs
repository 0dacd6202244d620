//! What is known of an AIR before any witness: queries, compiled constraints, coefficients of fixed columns.

use std::collections::BTreeSet;

use quintet_air::{AirSpec, F};

use super::{graph::Input, groups::Part, queries::Queries, size::Size};

/// One AIR at one size, ready to be proven.
#[derive(Debug)]
pub(super) struct Circuit {
    pub queries: Queries,
    pub parts: Vec<Part>,
    /// Coefficients of the fixed columns.
    pub fixed: Vec<Vec<F>>,
    /// Number of constraints.
    pub constraints: usize,
}

impl Circuit {
    pub(super) fn new(size: &Size, spec: &AirSpec) -> Self {
        let parts = Part::all(spec, size.path);
        let mut fixed: Vec<Vec<F>> = spec.fixed.iter().map(|column| column.values.clone()).collect();
        size.domain.ifft_many(&mut fixed);
        for part in &parts {
            tracing::debug!(
                air = spec.name,
                cosets = part.cosets,
                multiplications = part.code.multiplications(),
                registers = part.code.registers,
                columns = part.code.inputs().len(),
                "constraints compiled"
            );
        }
        Self { queries: Queries::new(spec), parts, fixed, constraints: spec.constraints.len() }
    }

    /// The columns that are read on a coset.
    pub(super) fn inputs(&self, coset: usize) -> BTreeSet<Input> {
        self.parts.iter().filter(|part| coset < part.cosets).flat_map(|part| part.code.inputs()).collect()
    }
}
