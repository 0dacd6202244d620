//! Second witnesses: what a few rows of an AIR may say on the bus when what the bus tells them is given, by exhaustive search.
//!
//! A [`System`] is a window of trace rows: the constraints that lie within it, the lookups in local tables, and the bounds of columns. What
//! other instances fix (an instruction, a value read, an operand) is given; [`System::answers`] goes through *all* assignments
//! of the other cells and returns everything that the rows can say. One answer, the honest one, is what soundness needs. With a constraint
//! left out there has to be another, otherwise the constraint is not needed.

mod affine;
mod euclid;
mod solver;

use std::{collections::BTreeSet, ops::Range, rc::Rc};

use ff::Field;
use quintet_air::{AirSpec, Cell, ColumnClass, Expr, F, Interaction, Node, Tag, Trace, public};

use affine::{Equation, Lookup, fits};
pub(in crate::airs) use solver::Stuck;

/// What a single cell may hold: an integer below `below ≤ 2^bits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limit {
    bits: u32,
    below: u128,
}

impl Limit {
    const fn bits(bits: u32) -> Self {
        Self { bits, below: 1 << bits }
    }

    fn admits(self, value: F) -> bool {
        fits(value, self.bits) && (self.below == 1 << self.bits || (0..self.below as u64).any(|small| value == F::from(small)))
    }
}

/// The unknowns of a window of rows, cell by cell in row-major order, and all that is known of them.
#[derive(Clone)]
pub(in crate::airs) struct System<'a> {
    spec: &'a AirSpec,
    rows: Range<usize>,
    index: u32,
    cells: Vec<Option<F>>,
    limits: Vec<Option<Limit>>,
    equations: Vec<Equation>,
    lookups: Vec<Lookup>,
    /// The rows whose messages count.
    about: Range<usize>,
    /// Cells that count as said though they are in no message.
    watched: Vec<usize>,
}

impl<'a> System<'a> {
    /// The constraints and lookups of the given rows of instance `index`.
    pub(in crate::airs) fn new(spec: &'a AirSpec, rows: Range<usize>, index: u32) -> Self {
        let unknowns = spec.phase_one * rows.len();
        let mut system = Self {
            spec,
            index,
            cells: vec![None; unknowns],
            limits: vec![None; unknowns],
            equations: Vec::new(),
            lookups: Vec::new(),
            about: rows.clone(),
            watched: Vec::new(),
            rows,
        };
        system.bounds();
        for (_, expr) in system.constraints() {
            match system.domain(&expr) {
                Some((cell, limit)) => system.limits[cell] = Some(limit),
                None => system.equations.push(Equation::new(expr)),
            }
        }
        system.tables();
        system
    }

    fn cell(&self, row: usize, column: usize) -> usize {
        (row - self.rows.start) * self.spec.phase_one + column
    }

    fn column(&self, name: &str) -> usize {
        self.spec.column(name).unwrap_or_else(|| panic!("{} has no column {name}", self.spec.name))
    }

    /// The constraints on the window, by name, over its unknowns.
    fn constraints(&self) -> Vec<(String, Expr)> {
        let rows = self.rows.clone();
        rows.flat_map(|row| {
            let placed = self.spec.constraints.iter().filter_map(move |constraint| {
                let expr = self.place(&constraint.expr, row)?;
                let trivial = matches!(expr.node(), Node::Const(value) if *value == F::ZERO);
                (!trivial).then(|| (format!("{} at row {row}", constraint.name), expr))
            });
            placed.collect::<Vec<_>>()
        })
        .collect()
    }

    /// An expression at a row over the unknowns of the window; `None` if it looks outside, at a generated column or at a public value
    /// other than the index.
    fn place(&self, expr: &Expr, row: usize) -> Option<Expr> {
        let constant = |expr: &Expr| match expr.node() {
            Node::Const(value) => Some(*value),
            _ => None,
        };
        Some(match expr.node() {
            Node::Const(value) => Expr::constant(*value),
            Node::Cell(Cell::Fixed(column, _)) => Expr::constant(self.spec.fixed[*column].values[row]),
            Node::Cell(Cell::Public(public::INDEX)) => Expr::constant(u64::from(self.index)),
            Node::Cell(Cell::Public(_)) => return None,
            Node::Cell(Cell::Advice(column, rotation)) => {
                let at = row.checked_add_signed(*rotation as isize)?;
                if *column >= self.spec.phase_one || !self.rows.contains(&at) {
                    return None;
                }
                Expr::new(Node::Cell(Cell::Advice(self.cell(at, *column), 0)))
            }
            Node::Neg(a) => -self.place(a, row)?,
            Node::Scale(a, by) => self.place(a, row)?.scale(*by),
            Node::Add(a, b) => {
                let (a, b) = (self.place(a, row)?, self.place(b, row)?);
                match (constant(&a), constant(&b)) {
                    (Some(value), _) if value == F::ZERO => b,
                    (_, Some(value)) if value == F::ZERO => a,
                    _ => a + b,
                }
            }
            // A gate that is not set frees the factor from having to lie in the window.
            Node::Mul(a, b) => match (self.place(a, row), self.place(b, row)) {
                (Some(zero), _) | (_, Some(zero)) if constant(&zero) == Some(F::ZERO) => zero,
                (Some(a), Some(b)) if constant(&b) == Some(F::ONE) => a,
                (Some(a), Some(b)) if constant(&a) == Some(F::ONE) => b,
                (a, b) => a? * b?,
            },
        })
    }

    /// If a constraint is on a single cell and says that it is 0 or 1, or 0, 1 or 2.
    fn domain(&self, expr: &Expr) -> Option<(usize, Limit)> {
        let cells = expr.cells();
        let [Cell::Advice(cell, _)] = cells.as_slice() else { return None };
        let root = |value: u64| expr.eval(&|_| F::from(value)) == F::ZERO;
        match (expr.degree(), root(0) && root(1), root(2)) {
            (2, true, _) => Some((*cell, Limit::bits(1))),
            (3, true, true) => Some((*cell, Limit { bits: 2, below: 3 })),
            _ => None,
        }
    }

    /// Bounds that lookups in the instance's own tables put on single cells.
    fn bounds(&mut self) {
        for lookup in self.spec.tables.iter().flat_map(|table| &table.lookups) {
            for part in &self.spec.interactions[*lookup].message.parts {
                if let Node::Cell(Cell::Advice(column, 0)) = part.node()
                    && let ColumnClass::Uint(bits) = self.spec.columns[*column].class
                {
                    for row in self.rows.clone() {
                        let cell = self.cell(row, *column);
                        self.limits[cell] = Some(Limit::bits(bits));
                    }
                }
            }
        }
    }

    /// Lookups in local tables of tuples. Those in the limb and byte tables are bounds already. Counts are not of interest.
    fn tables(&mut self) {
        let spec = self.spec;
        for table in &spec.tables {
            for row in self.rows.clone() {
                let count = self.cell(row, table.count);
                self.cells[count] = Some(F::ZERO);
            }
            if table.tag == Tag::LIMB || table.tag == Tag::BYTE {
                continue;
            }
            let provider = spec.interactions.iter().find(|interaction| {
                interaction.message.tag == table.tag && interaction.multiplicity.cells() == [Cell::Advice(table.count, 0)]
            });
            let value = |part: &Expr, row: usize| match part.cells().as_slice() {
                [Cell::Fixed(column, 0)] => spec.fixed[*column].values[row],
                other => panic!("a table part of {other:?}"),
            };
            let parts = &provider.expect("every table is provided").message.parts;
            let rows: Vec<Vec<F>> = (0..table.size).map(|row| parts.iter().map(|part| value(part, row)).collect()).collect();
            let rows = Rc::new(rows);
            for &place in &table.lookups {
                self.rows.clone().for_each(|row| self.look_up(row, &spec.interactions[place], &rows));
            }
        }
    }

    fn look_up(&mut self, row: usize, interaction: &Interaction, rows: &Rc<Vec<Vec<F>>>) {
        let part = |part: &Expr| Some(Equation::new(self.place(part, row).expect("messages are about one row")));
        let parts = interaction.message.parts.iter().map(part).collect();
        self.lookups.push(Lookup { parts, rows: Rc::clone(rows) });
    }

    fn interaction(&self, name: &str) -> &'a Interaction {
        let found = self.spec.interactions.iter().find(|interaction| interaction.name == name);
        found.unwrap_or_else(|| panic!("{} has no interaction {name}", self.spec.name))
    }

    /// A cell whose value is given.
    pub(in crate::airs) fn know(&mut self, row: usize, column: &str, value: impl Into<F>) -> &mut Self {
        let cell = self.cell(row, self.column(column));
        self.cells[cell] = Some(value.into());
        self
    }

    /// A whole row but for some columns, as row `from` of a trace has it.
    pub(in crate::airs) fn know_row(&mut self, row: usize, trace: &Trace, from: usize, except: &[&str]) -> &mut Self {
        let counts: Vec<usize> = self.spec.tables.iter().map(|table| table.count).collect();
        for column in (0..self.spec.phase_one).filter(|column| !counts.contains(column)) {
            if !except.contains(&self.spec.columns[column].name.as_str()) {
                let cell = self.cell(row, column);
                self.cells[cell] = Some(trace.get(column, from));
            }
        }
        self
    }

    /// Only the messages of these rows count.
    pub(in crate::airs) fn about(&mut self, rows: Range<usize>) -> &mut Self {
        self.about = rows;
        self
    }

    /// This system as a case whose only answer is what a trace says.
    pub(in crate::airs) fn as_in(&self, trace: &Trace) -> Case<'a> {
        (self.clone(), vec![self.said_by(trace)])
    }

    /// This system as a case that has no answer.
    pub(in crate::airs) fn impossible(&self) -> Case<'a> {
        (self.clone(), Vec::new())
    }

    /// Cells whose values are those of a trace.
    pub(in crate::airs) fn know_of(&mut self, row: usize, columns: &[&str], trace: &Trace) -> &mut Self {
        for column in columns {
            let value = trace.get(self.column(column), row);
            self.know(row, column, value);
        }
        self
    }

    /// An expression whose value at a row is given.
    fn require(&mut self, row: usize, expr: &Expr, value: F) {
        let placed = self.place(expr, row).expect("messages are about one row");
        self.equations.push(Equation::new(placed - value));
    }

    /// What the bus fixes: an interaction counts as often as in `trace` and, if it counts, has these parts of its message.
    pub(in crate::airs) fn take(&mut self, row: usize, name: &str, trace: &Trace, parts: &[usize]) -> &mut Self {
        let interaction = self.interaction(name);
        let times = self.value(&interaction.multiplicity, row, trace);
        let values: Vec<F> = interaction.message.parts.iter().map(|part| self.value(part, row, trace)).collect();
        self.require(row, &interaction.multiplicity, times);
        if times != F::ZERO {
            parts.iter().for_each(|&part| self.require(row, &interaction.message.parts[part], values[part]));
        }
        self
    }

    /// The parts of a message that the bus fixes.
    pub(in crate::airs) fn answer(&mut self, row: usize, name: &str, parts: &[(usize, F)]) -> &mut Self {
        let interaction = self.interaction(name);
        parts.iter().for_each(|(part, value)| self.require(row, &interaction.message.parts[*part], *value));
        self
    }

    /// What the bus fixes if a row takes part: these parts are as in `trace`, where the interaction counts there. Whether it counts is for
    /// the row to say.
    pub(in crate::airs) fn hear(&mut self, row: usize, name: &str, trace: &Trace, parts: &[usize]) -> &mut Self {
        let interaction = self.interaction(name);
        let value = |expr: &Expr| self.value(expr, row, trace);
        if value(&interaction.multiplicity) == F::ZERO {
            return self;
        }
        let parts: Vec<(usize, F)> = parts.iter().map(|&part| (part, value(&interaction.message.parts[part]))).collect();
        self.answer(row, name, &parts)
    }

    fn value(&self, expr: &Expr, row: usize, trace: &Trace) -> F {
        expr.eval(&|cell: Cell| match cell {
            Cell::Advice(column, rotation) => trace.get(column, row.wrapping_add_signed(rotation as isize)),
            Cell::Fixed(column, _) => self.spec.fixed[column].values[row],
            Cell::Public(_) => F::ZERO,
        })
    }

    /// A lookup in another instance's table.
    pub(in crate::airs) fn consult(&mut self, row: usize, name: &str, table: &Rc<Vec<Vec<F>>>) -> &mut Self {
        self.look_up(row, self.interaction(name), table);
        self
    }

    /// Counts a cell as said.
    pub(in crate::airs) fn watch(&mut self, row: usize, column: &str) -> &mut Self {
        self.watched.push(self.cell(row, self.column(column)));
        self
    }

    /// What the rows of a trace say.
    pub(in crate::airs) fn said_by(&self, trace: &Trace) -> Vec<F> {
        let columns = 0..self.spec.phase_one;
        let cells: Vec<F> =
            self.rows.clone().flat_map(|row| columns.clone().map(move |column| trace.get(column, row))).collect();
        self.said(&cells)
    }

    /// Multiplicity and, if it is not 0, the parts of every message to other instances, then what is watched.
    fn said(&self, cells: &[F]) -> Vec<F> {
        let local = |interaction: &Interaction| self.spec.tables.iter().any(|table| table.tag == interaction.message.tag);
        let mut said = Vec::new();
        for row in self.about.clone() {
            let load = |cell: Cell| match cell {
                Cell::Advice(column, _) => cells[self.cell(row, column)],
                Cell::Fixed(column, _) => self.spec.fixed[column].values[row],
                Cell::Public(_) => F::ZERO,
            };
            for interaction in self.spec.interactions.iter().filter(|interaction| !local(interaction)) {
                let times = interaction.multiplicity.eval(&load);
                said.push(times);
                if times != F::ZERO {
                    said.extend(interaction.message.parts.iter().map(|part| part.eval(&load)));
                }
            }
        }
        said.extend(self.watched.iter().map(|&cell| cells[cell]));
        said
    }

    /// Whether no lookup of the window misses its local table.
    fn in_tables(&self, cells: &[F]) -> bool {
        self.rows.clone().all(|row| {
            let load = |cell: Cell| match cell {
                Cell::Advice(column, _) => cells[self.cell(row, column)],
                Cell::Fixed(column, _) => self.spec.fixed[column].values[row],
                Cell::Public(_) => F::ZERO,
            };
            self.spec.tables.iter().all(|table| {
                table.lookups.iter().map(|&place| &self.spec.interactions[place]).all(|lookup| {
                    let parts: Vec<F> = lookup.message.parts.iter().map(|part| part.eval(&load)).collect();
                    lookup.multiplicity.eval(&load) == F::ZERO || table.place(&parts).is_some()
                })
            })
        })
    }

    /// Everything that the rows can say, each once.
    ///
    /// # Errors
    /// If the search does not know how to go on.
    pub(in crate::airs) fn answers(&self) -> Result<Vec<Vec<F>>, Stuck> {
        solver::answers(self, None)
    }
}

/// A system, and all that it should be able to say.
pub(in crate::airs) type Case<'a> = (System<'a>, Vec<Vec<F>>);

/// Makes the cases of an AIR.
pub(in crate::airs) type Cases<'c> = &'c dyn for<'a> Fn(&'a AirSpec) -> Vec<Case<'a>>;

/// No case has an answer that it should not have.
pub(in crate::airs) fn only_honest_answers(spec: &AirSpec, cases: Cases<'_>) {
    for (number, (system, expected)) in cases(spec).into_iter().enumerate() {
        assert_eq!(system.answers(), Ok(expected), "{}, case {number}, rows {:?}", spec.name, system.rows);
    }
}

/// Names of the constraints that could be left out: those that take part in the cases, other than by bounding a single cell, and without
/// which every case still has the answers that it should have and no others.
pub(in crate::airs) fn spare_constraints(spec: &AirSpec, cases: Cases<'_>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (system, _) in cases(spec) {
        for constraint in &spec.constraints {
            let mut placed = system.rows.clone().filter_map(|row| system.place(&constraint.expr, row));
            if placed.any(|expr| !expr.cells().is_empty() && system.domain(&expr).is_none()) {
                names.insert(constraint.name.clone());
            }
        }
    }
    let matters = |name: &String| {
        let mut without = spec.clone();
        without.constraints.retain(|constraint| constraint.name != *name);
        cases(&without).iter().any(|(system, expected)| solver::answers(system, Some(expected)).as_ref() != Ok(expected))
    };
    names.into_iter().filter(|name| !matters(name)).collect()
}
