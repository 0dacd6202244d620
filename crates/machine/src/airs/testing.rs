//! For tests and forgers: checks a whole instance, and changes its cells one by one to see what notices.

use std::collections::BTreeSet;

use ff::{Field, PrimeField};
use quintet_air::{AirSpec, BusBalance, Cell, Expr, F, Trace, Violation, check_rows, phase_two};

use super::registry::publics;

/// Challenges for tests. They are of full size and come from nowhere else.
pub fn challenges() -> [F; 2] {
    let base = F::from(0x5bd1_e995_9e37_79b9);
    [base.pow_vartime([1_000_003]), base.pow_vartime([2_000_029])]
}

/// All constraints of an instance, generated ones included, at every row.
pub fn check(spec: &AirSpec, trace: &Trace, index: u32) -> Vec<Violation> {
    check_and_sum(spec, trace, index).0
}

/// As [`check`], and what the instance adds to the bus under the tests' [`challenges`].
pub fn check_and_sum(spec: &AirSpec, trace: &Trace, index: u32) -> (Vec<Violation>, F) {
    let [alpha, beta] = challenges();
    let second = phase_two(spec, trace, alpha, beta);
    let publics = publics(spec, trace, index, [alpha, beta], second.sum, F::ZERO);
    (check_rows(spec, trace, &second, &publics), second.sum)
}

/// What notices a changed cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caught {
    /// The constraint of this name fails.
    Constraint(String),
    /// The message of this interaction changes, so that a bus that was in balance is no more, or is in no table.
    Bus(String),
    /// The column's commitment is pinned in `program_id`.
    Pinned,
}

/// One cell with another value.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// Name of the column.
    pub column: String,
    /// Row.
    pub row: usize,
    /// The value that was there.
    pub old: F,
    /// The value that is there instead.
    pub new: F,
    /// What notices; `None` if nothing does.
    pub caught: Option<Caught>,
}

/// The values that a cell is changed to: small ones, neighbours, aliases beyond 64 bits, and one of full size.
fn candidates(old: F) -> Vec<F> {
    let two_64 = F::from_u128(1 << 64);
    let all = [F::ZERO, F::ONE, F::from(2), old + F::ONE, old - F::ONE, old + two_64, -old, challenges()[0]];
    let mut values: Vec<F> = Vec::new();
    for value in all {
        if value != old && !values.contains(&value) {
            values.push(value);
        }
    }
    values
}

/// Changes each cell of the given rows to several values, one at a time.
///
/// The trace is expected to satisfy its constraints and to be part of a bus in balance, so that any change of what it sends or
/// receives is noticed. What a forger would bring in line counts as following the change, not as noticing it: boundary values,
/// and how often a row of a local table is looked up.
pub fn mutate_every_cell(spec: &AirSpec, trace: &Trace, index: u32, rows: &[usize]) -> Vec<Mutant> {
    let mut mutants = Vec::new();
    for column in 0..spec.phase_one {
        let watch = Watch::new(spec, column);
        for &row in rows {
            let old = trace.get(column, row);
            for new in candidates(old) {
                let caught = watch.caught(spec, trace, index, row, new);
                mutants.push(Mutant { column: spec.columns[column].name.clone(), row, old, new, caught });
            }
        }
    }
    mutants
}

/// The AIR's own constraints that were not the first to notice any of the changes; that a column is boolean is left out.
pub fn idle<'a>(spec: &'a AirSpec, mutants: &[Mutant]) -> BTreeSet<&'a str> {
    let noticed: BTreeSet<&str> = mutants
        .iter()
        .filter_map(|mutant| match &mutant.caught {
            Some(Caught::Constraint(name)) => Some(name.as_str()),
            _ => None,
        })
        .collect();
    let own = spec.constraints.iter().filter(|constraint| {
        first_phase(spec, &constraint.expr) && !is_public(&constraint.name) && !constraint.name.ends_with("is boolean")
    });
    own.map(|constraint| constraint.name.as_str()).filter(|name| !noticed.contains(name)).collect()
}

/// Whether an expression reads no generated column.
fn first_phase(spec: &AirSpec, expr: &Expr) -> bool {
    expr.cells().iter().all(|cell| !matches!(cell, Cell::Advice(column, _) if *column >= spec.phase_one))
}

/// Whether a constraint only copies a value to where the verifier sees it.
fn is_public(name: &str) -> bool {
    name.starts_with("boundary value") || name == "AIR id"
}

/// The constraints and interactions that a column occurs in.
struct Watch {
    column: usize,
    /// Place of a constraint and the rotation at which it reads the column.
    constraints: Vec<(usize, i32)>,
    /// Place of a lookup in a local table, and of the table.
    lookups: Vec<(usize, usize)>,
    /// Places of the other interactions.
    interactions: Vec<usize>,
}

impl Watch {
    fn new(spec: &AirSpec, column: usize) -> Self {
        let mut constraints = Vec::new();
        for (place, constraint) in spec.constraints.iter().enumerate() {
            let cells = constraint.expr.cells();
            if first_phase(spec, &constraint.expr) && !is_public(&constraint.name) {
                constraints.extend(cells.iter().filter_map(|cell| match cell {
                    Cell::Advice(at, rotation) if *at == column => Some((place, *rotation)),
                    _ => None,
                }));
            }
        }
        let reads = |expr: &Expr| expr.cells().iter().any(|cell| matches!(cell, Cell::Advice(at, _) if *at == column));
        let (mut lookups, mut interactions) = (Vec::new(), Vec::new());
        for (place, interaction) in spec.interactions.iter().enumerate() {
            if reads(&interaction.multiplicity) || interaction.message.parts.iter().any(reads) {
                match spec.tables.iter().position(|table| table.lookups.contains(&place)) {
                    Some(table) => lookups.push((place, table)),
                    None => interactions.push(place),
                }
            }
        }
        Self { column, constraints, lookups, interactions }
    }

    fn caught(&self, spec: &AirSpec, trace: &Trace, index: u32, row: usize, new: F) -> Option<Caught> {
        let rows = spec.rows() as i64;
        let load = |at: usize, changed: bool| {
            move |cell: Cell| match cell {
                Cell::Advice(column, rotation) => {
                    let place = (at as i64 + i64::from(rotation)).rem_euclid(rows) as usize;
                    if changed && column == self.column && place == row { new } else { trace.get(column, place) }
                }
                Cell::Fixed(column, _) => spec.fixed[column].values[at],
                Cell::Public(place) if place == quintet_air::public::INDEX => F::from(u64::from(index)),
                Cell::Public(place) if place == quintet_air::public::AIR => F::from(u64::from(spec.id)),
                Cell::Public(_) => F::ZERO,
            }
        };
        for &(place, rotation) in &self.constraints {
            let at = (row as i64 - i64::from(rotation)).rem_euclid(rows) as usize;
            if spec.constraints[place].expr.eval(&load(at, true)) != F::ZERO {
                return Some(Caught::Constraint(spec.constraints[place].name.clone()));
            }
        }
        if row < spec.height() {
            for &(place, table) in &self.lookups {
                let interaction = &spec.interactions[place];
                let load = load(row, true);
                let parts: Vec<F> = interaction.message.parts.iter().map(|part| part.eval(&load)).collect();
                if interaction.multiplicity.eval(&load) != F::ZERO && spec.tables[table].place(&parts).is_none() {
                    return Some(Caught::Bus(interaction.name.clone()));
                }
            }
            let mut balance = BusBalance::default();
            for &place in &self.interactions {
                let interaction = &spec.interactions[place];
                for (changed, sign) in [(true, F::ONE), (false, -F::ONE)] {
                    let load = load(row, changed);
                    let parts: Vec<F> = interaction.message.parts.iter().map(|part| part.eval(&load)).collect();
                    let times = sign * interaction.multiplicity.eval(&load);
                    balance.add(interaction.message.tag, &parts, times, &interaction.name);
                }
            }
            if let Some(imbalance) = balance.imbalances().first() {
                return Some(Caught::Bus(imbalance.by.join(", ")));
            }
        }
        spec.columns[self.column].pinned.then_some(Caught::Pinned)
    }
}
