//! The row checker: every constraint at every row, with names and values in what it reports.

use std::fmt;

use ff::Field;

use crate::{AirSpec, Cell, Evaluator, F, PhaseTwoColumns, Publics, Trace};

/// A constraint that does not hold.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The AIR.
    pub air: &'static str,
    /// The constraint.
    pub constraint: String,
    /// The row.
    pub row: usize,
    /// The cells that occur in the constraint, with their values.
    pub cells: Vec<(String, F)>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: \"{}\" does not hold at row {}:", self.air, self.constraint, self.row)?;
        for (name, value) in &self.cells {
            write!(f, " {name} = {value:?}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Violation {}

/// Checks all constraints on all `2^k` rows and returns those that fail, at most one per constraint, in constraint order.
pub fn check_rows(spec: &AirSpec, trace: &Trace, second: &PhaseTwoColumns, publics: &Publics) -> Vec<Violation> {
    let rows = spec.rows();
    let load = |row: usize| {
        move |cell: Cell| match cell {
            Cell::Advice(column, rotation) => {
                let row = (row as i64 + i64::from(rotation)).rem_euclid(rows as i64) as usize;
                match column.checked_sub(spec.phase_one) {
                    None => trace.get(column, row),
                    Some(column) => second.columns[column].get(row).copied().unwrap_or(F::ZERO),
                }
            }
            Cell::Fixed(column, rotation) => {
                spec.fixed[column].values[(row as i64 + i64::from(rotation)).rem_euclid(rows as i64) as usize]
            }
            Cell::Public(place) if row == 0 => publics.0[place],
            Cell::Public(_) => F::ZERO,
        }
    };
    let evaluator = Evaluator::new(spec.constraints.iter().map(|constraint| &constraint.expr));
    let (mut scratch, mut values) = (Vec::new(), Vec::new());
    let mut violations: Vec<Option<Violation>> = vec![None; spec.constraints.len()];
    for row in 0..rows {
        evaluator.eval(load(row), &mut scratch, &mut values);
        for ((constraint, value), violation) in spec.constraints.iter().zip(&values).zip(&mut violations) {
            if *value != F::ZERO && violation.is_none() {
                let cells = constraint.expr.cells().into_iter().map(|cell| (spec.cell_name(cell), load(row)(cell)));
                *violation =
                    Some(Violation { air: spec.name, constraint: constraint.name.clone(), row, cells: cells.collect() });
            }
        }
    }
    violations.into_iter().flatten().collect()
}
