//! One row on its own: the constraints on it, its lookups against the tables, and the message it receives.

use ff::Field;
use quintet_air::{AirSpec, Cell, Evaluator, Expr, F, Interaction, InteractionKind, Trace};

/// What is to be said of a row.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Constraints and lookups that fail.
    pub(crate) failed: Vec<String>,
    /// The message, if the row receives one.
    pub(crate) message: Option<Vec<F>>,
}

impl Verdict {
    /// Whether nothing fails.
    pub(crate) fn holds(&self) -> bool {
        self.failed.is_empty()
    }
}

/// Checks single rows of an AIR.
#[derive(Debug)]
pub(crate) struct RowCheck<'a> {
    spec: &'a AirSpec,
    constraints: Vec<&'a str>,
    /// The lookups, each with the number of its table.
    lookups: Vec<(&'a Interaction, usize)>,
    /// Computes the constraints, then multiplicity and parts of each lookup, then of the message.
    evaluator: Evaluator,
}

impl<'a> RowCheck<'a> {
    pub(crate) fn new(spec: &'a AirSpec) -> Self {
        let constraints = row_constraints(spec);
        let tables = spec.tables.iter().enumerate();
        let lookups: Vec<(&Interaction, usize)> = tables
            .flat_map(|(number, table)| table.lookups.iter().map(move |&place| (&spec.interactions[place], number)))
            .collect();
        let message = spec.interactions.iter().find(|interaction| interaction.kind == InteractionKind::Permute);
        let message = message.expect("an ALU AIR receives one message");
        let interactions = lookups.iter().map(|(lookup, _)| *lookup).chain([message]);
        let parts = interactions.flat_map(|of| std::iter::once(&of.multiplicity).chain(&of.message.parts));
        let evaluator = Evaluator::new(constraints.iter().map(|(_, expr)| *expr).chain(parts));
        Self { spec, constraints: constraints.into_iter().map(|(name, _)| name).collect(), lookups, evaluator }
    }

    /// The phase-1 cells of a row.
    pub(crate) fn cells(&self, trace: &Trace, row: usize) -> Vec<F> {
        (0..self.spec.phase_one).map(|column| trace.get(column, row)).collect()
    }

    pub(crate) fn verdict(&self, cells: &[F]) -> Verdict {
        let (mut scratch, mut values) = (Vec::new(), Vec::new());
        self.evaluator.eval(load(cells), &mut scratch, &mut values);
        let (constraints, mut rest) = values.split_at(self.constraints.len());
        let broken = self.constraints.iter().zip(constraints).filter(|(_, value)| **value != F::ZERO);
        let mut failed: Vec<String> = broken.map(|(name, _)| (*name).to_owned()).collect();
        for (lookup, table) in &self.lookups {
            let (parts, tail) = rest.split_at(1 + lookup.message.parts.len());
            rest = tail;
            if parts[0] != F::ZERO && self.spec.tables[*table].place(&parts[1..]).is_none() {
                failed.push(lookup.name.clone());
            }
        }
        Verdict { failed, message: (rest[0] == -F::ONE).then(|| rest[1..].to_vec()) }
    }
}

/// The constraints that look at one row and at phase-1 columns only.
pub(crate) fn row_constraints(spec: &AirSpec) -> Vec<(&str, &Expr)> {
    let local = |cell: &Cell| match cell {
        Cell::Advice(column, rotation) => *column < spec.phase_one && *rotation == 0,
        Cell::Fixed(..) => true,
        Cell::Public(_) => false,
    };
    let constraints = spec.constraints.iter().filter(|constraint| constraint.expr.cells().iter().all(local));
    constraints.map(|constraint| (constraint.name.as_str(), &constraint.expr)).collect()
}

/// Cells of a trace row that is neither the first nor the last: of the fixed columns that occur here only `active` is 1.
fn load(cells: &[F]) -> impl Fn(Cell) -> F + '_ {
    |cell| match cell {
        Cell::Advice(column, _) => cells[column],
        Cell::Fixed(0, 0) => F::ONE,
        Cell::Fixed(..) | Cell::Public(_) => F::ZERO,
    }
}
