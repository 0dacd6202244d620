//! The finished description of an AIR at one size, as circuits, checkers and provers read it.

use crate::{ColumnInfo, Error, Expr, F, FixedInfo, Interaction, LocalTable, expr::Cell};

/// Rows at the end of a table that hold no trace: the end row of the running sum, and room for up to seven blinding factors
/// and one more, which is what halo2 reserves for a column queried at five rotations.
pub const RESERVED_ROWS: usize = 9;

/// Number of trace rows of a table with `2^k` rows.
pub const fn height(k: u32) -> usize {
    (1 << k) - RESERVED_ROWS
}

/// Places in the instance column. They are the same in every AIR.
pub mod public {
    /// Challenge α.
    pub const ALPHA: usize = 0;
    /// Challenge β.
    pub const BETA: usize = 1;
    /// AIR id.
    pub const AIR: usize = 2;
    /// Index of the instance among those of its AIR.
    pub const INDEX: usize = 3;
    /// First of the boundary values.
    pub const BOUNDARY: usize = 4;
    /// Number of boundary values.
    pub const BOUNDARIES: usize = 4;
    /// Sum of the instance's interactions.
    pub const SUM: usize = 8;
    /// Prover key, job and instance, hashed to one element.
    pub const BINDING: usize = 9;
    /// Number of public values.
    pub const COUNT: usize = 10;
}

/// The public values of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publics(pub [F; public::COUNT]);

/// A polynomial that is 0 on every one of the `2^k` rows; gates are part of it.
#[derive(Clone, Debug)]
pub struct Constraint {
    /// Name, unique in the AIR.
    pub name: String,
    /// The polynomial.
    pub expr: Expr,
}

/// One LogUp helper column: `h = Σ mⱼ / fⱼ` over one or two interactions.
#[derive(Clone, Debug)]
pub struct Helper {
    /// Places in [`AirSpec::interactions`].
    pub interactions: Vec<usize>,
}

/// One AIR at one k.
#[derive(Clone, Debug)]
pub struct AirSpec {
    /// Number of the AIR in the machine.
    pub id: u16,
    /// Name of the AIR.
    pub name: &'static str,
    /// Log₂ of the number of rows.
    pub k: u32,
    /// Advice columns, phase 1 first.
    pub columns: Vec<ColumnInfo>,
    /// How many of [`Self::columns`] belong to phase 1.
    pub phase_one: usize,
    /// Fixed columns.
    pub fixed: Vec<FixedInfo>,
    /// All constraints, generated ones included.
    pub constraints: Vec<Constraint>,
    /// Bus interactions.
    pub interactions: Vec<Interaction>,
    /// How interactions share helper columns, in column order.
    pub helpers: Vec<Helper>,
    /// Number of powers of β that have a column.
    pub powers: usize,
    /// Local tables: which column counts and which interactions look up.
    pub tables: Vec<LocalTable>,
}

impl AirSpec {
    /// Highest degree of a constraint, gate included.
    pub const MAX_DEGREE: usize = 5;

    /// Number of rows of the table.
    pub fn rows(&self) -> usize {
        1 << self.k
    }

    /// Number of trace rows.
    pub fn height(&self) -> usize {
        height(self.k)
    }

    /// Column of α; β and its powers follow.
    pub fn alpha_column(&self) -> usize {
        self.phase_one
    }

    /// Column of `β^power`, `power ≥ 1`.
    pub fn beta_column(&self, power: usize) -> usize {
        self.phase_one + power
    }

    /// First helper column; the others follow.
    pub fn helper_column(&self, helper: usize) -> usize {
        self.phase_one + 1 + self.powers + helper
    }

    /// Column of the running sum, the last.
    pub fn sum_column(&self) -> usize {
        self.columns.len() - 1
    }

    /// Place of a column by name, for tests and error messages.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// Readable name of a cell.
    pub fn cell_name(&self, cell: Cell) -> String {
        let (name, rotation) = match cell {
            Cell::Advice(column, rotation) => (self.columns[column].name.clone(), rotation),
            Cell::Fixed(column, rotation) => (self.fixed[column].name.clone(), rotation),
            Cell::Public(place) => (format!("public[{place}]"), 0),
        };
        if rotation == 0 { name } else { format!("{name}[{rotation:+}]") }
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        let mut rotations = vec![Vec::new(); self.columns.len()];
        for constraint in &self.constraints {
            let degree = constraint.expr.degree();
            if degree > Self::MAX_DEGREE {
                let name = constraint.name.clone();
                return Err(Error::Degree { air: self.name, name, degree, limit: Self::MAX_DEGREE });
            }
            constraint.expr.for_each_cell(&mut |cell| {
                if let Cell::Advice(column, rotation) = cell
                    && !rotations[column].contains(&rotation)
                {
                    rotations[column].push(rotation);
                }
            });
        }
        for (column, seen) in self.columns.iter().zip(&rotations) {
            if seen.is_empty() {
                return Err(Error::Unused { air: self.name, column: column.name.clone() });
            }
            if seen.len() > 5 {
                let (column, queries) = (column.name.clone(), seen.len());
                return Err(Error::Queries { air: self.name, column, queries });
            }
        }
        Ok(())
    }
}
