//! All rows that satisfy an ALU AIR for given operands, by exhaustive search.
//!
//! A search node is a partial assignment of the row's cells. Whatever is forced is assigned: an equation that is affine in one
//! unknown gives its value, one in several bounded unknowns with powers of two as coefficients gives all their values as digits
//! of one number. When nothing is forced, the search branches: on a boolean, on the rows of a table, on the factors of a product.
//! Every step keeps all solutions, so that what is found is all there is, except where guesses stand in for a step that the
//! solver does not know.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use ff::{Field, PrimeField};
use quintet_air::{AirSpec, Cell, ColumnClass, Expr, F, InteractionKind, Node, Tag};

use super::row::{RowCheck, row_constraints};

/// Cells by column; `None` is unknown.
pub(crate) type Partial = [Option<F>];

/// Assignments to try where the solver is stuck.
pub(crate) type Guesses<'a> = &'a dyn Fn(&AirSpec, &Partial) -> Vec<Vec<(usize, F)>>;

/// The guesses of an AIR that needs none.
pub(crate) fn no_guesses(_: &AirSpec, _: &Partial) -> Vec<Vec<(usize, F)>> {
    Vec::new()
}

/// The solver does not know how to go on: the unknown columns of the equations that are left.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stuck(pub(crate) Vec<Vec<String>>);

/// Everything that an equation says: `expr = 0`, and the phase-1 columns in it.
#[derive(Clone)]
struct Equation {
    expr: Expr,
    columns: Vec<usize>,
    /// Number of unknown columns when it was last of no use.
    tried: usize,
}

impl Equation {
    fn new(expr: Expr) -> Self {
        let mut columns = Vec::new();
        expr.for_each_cell(&mut |cell| {
            if let Cell::Advice(column, _) = cell
                && !columns.contains(&column)
            {
                columns.push(column);
            }
        });
        Self { expr, columns, tried: usize::MAX }
    }

    fn unknown(&self, cells: &Partial) -> Vec<usize> {
        self.columns.iter().copied().filter(|&column| cells[column].is_none()).collect()
    }

    /// The value where all cells are known.
    fn value(&self, cells: &Partial) -> Option<F> {
        affine(&self.expr, cells).filter(|sum| sum.slopes.is_empty()).map(|sum| sum.constant)
    }
}

/// `constant + Σ slope · unknown`, no slope being 0.
struct Affine {
    constant: F,
    slopes: BTreeMap<usize, F>,
}

impl Affine {
    fn constant(constant: F) -> Self {
        Self { constant, slopes: BTreeMap::new() }
    }

    fn scale(mut self, by: F) -> Self {
        if by == F::ZERO {
            return Self::constant(F::ZERO);
        }
        self.constant *= by;
        self.slopes.values_mut().for_each(|slope| *slope *= by);
        self
    }

    fn add(mut self, other: Self) -> Self {
        self.constant += other.constant;
        for (column, slope) in other.slopes {
            let sum = self.slopes.entry(column).or_insert(F::ZERO);
            *sum += slope;
            if *sum == F::ZERO {
                self.slopes.remove(&column);
            }
        }
        self
    }
}

/// An expression in the unknown cells, if it is affine in them.
fn affine(expr: &Expr, cells: &Partial) -> Option<Affine> {
    Some(match expr.node() {
        Node::Const(value) => Affine::constant(*value),
        Node::Cell(Cell::Advice(column, _)) => match cells[*column] {
            Some(value) => Affine::constant(value),
            None => Affine { constant: F::ZERO, slopes: BTreeMap::from([(*column, F::ONE)]) },
        },
        // Of the fixed columns that occur in the constraints on rows only `active` is 1.
        Node::Cell(Cell::Fixed(column, _)) => Affine::constant(F::from(u64::from(*column == 0))),
        Node::Cell(Cell::Public(_)) => return None,
        Node::Neg(a) => affine(a, cells)?.scale(-F::ONE),
        Node::Add(a, b) => affine(a, cells)?.add(affine(b, cells)?),
        Node::Scale(a, by) => affine(a, cells)?.scale(*by),
        Node::Mul(a, b) => match (affine(a, cells), affine(b, cells)) {
            (Some(a), _) if a.slopes.is_empty() && a.constant == F::ZERO => a,
            (_, Some(b)) if b.slopes.is_empty() && b.constant == F::ZERO => b,
            (Some(a), Some(b)) if a.slopes.is_empty() => b.scale(a.constant),
            (Some(a), Some(b)) if b.slopes.is_empty() => a.scale(b.constant),
            _ => return None,
        },
    })
}

/// A lookup in a table of tuples: its parts, and the rows.
#[derive(Clone)]
struct Lookup {
    /// The parts; `None` once the rows that are left agree with it.
    parts: Vec<Option<Equation>>,
    rows: Rc<Vec<Vec<F>>>,
}

impl Lookup {
    /// What it says if it means this row.
    fn equations(&self, row: &[F]) -> impl Iterator<Item = Equation> {
        let parts = self.parts.iter().zip(row);
        parts.filter_map(|(part, value)| part.as_ref().map(|part| Equation::new(&part.expr - *value)))
    }
}

struct Solver<'a> {
    spec: &'a AirSpec,
    check: RowCheck<'a>,
    bits: Vec<Option<u32>>,
    guesses: Guesses<'a>,
    operands: [F; 3],
    results: Vec<F>,
}

/// The results c that some row receiving `(op, a, b, c)` and satisfying constraints and lookups has.
pub(crate) fn solve(spec: &AirSpec, operands: [F; 3], guesses: Guesses<'_>) -> Result<Vec<F>, Stuck> {
    solve_given(spec, operands, &[], guesses)
}

/// As [`solve`], with the values of some columns: what other messages of the row fix.
pub(crate) fn solve_given(
    spec: &AirSpec,
    operands: [F; 3],
    given: &[(usize, F)],
    guesses: Guesses<'_>,
) -> Result<Vec<F>, Stuck> {
    let mut equations: Vec<Equation> = row_constraints(spec).into_iter().map(|(_, expr)| Equation::new(expr.clone())).collect();
    let receive = spec.interactions.iter().find(|interaction| interaction.kind == InteractionKind::Permute).unwrap();
    equations.push(Equation::new(&receive.multiplicity + 1));
    for (part, value) in receive.message.parts.iter().zip(operands) {
        equations.push(Equation::new(part - value));
    }
    let lookups = spec.tables.iter().filter(|table| table.tag != Tag::LIMB).flat_map(|table| {
        let provider = spec.interactions.iter().find(|interaction| {
            interaction.message.tag == table.tag && interaction.multiplicity.cells() == [Cell::Advice(table.count, 0)]
        });
        let value = |part: &Expr, row: usize| match part.cells().as_slice() {
            [Cell::Fixed(column, 0)] => spec.fixed[*column].values[row],
            other => panic!("a table part of {other:?}"),
        };
        let provided = &provider.unwrap().message.parts;
        let rows: Rc<Vec<Vec<F>>> =
            Rc::new((0..table.size).map(|row| provided.iter().map(|part| value(part, row)).collect()).collect());
        table.lookups.iter().map(move |&place| {
            let parts = &spec.interactions[place].message.parts;
            Lookup { parts: parts.iter().cloned().map(Equation::new).map(Some).collect(), rows: rows.clone() }
        })
    });
    let mut solver = Solver { spec, check: RowCheck::new(spec), bits: bounds(spec), guesses, operands, results: Vec::new() };
    let mut cells = vec![None; spec.phase_one];
    for table in &spec.tables {
        cells[table.count] = Some(F::ZERO);
    }
    for &(column, value) in given {
        cells[column] = Some(value);
    }
    solver.search(cells, equations, lookups.collect())?;
    let distinct: BTreeSet<[u8; 32]> = solver.results.iter().map(PrimeField::to_repr).collect();
    Ok(distinct.into_iter().map(|bytes| F::from_repr(bytes).unwrap()).collect())
}

/// Bits of each column that a lookup or a boolean constraint bounds.
fn bounds(spec: &AirSpec) -> Vec<Option<u32>> {
    let mut bits = vec![None; spec.phase_one];
    let class = |column: usize| match spec.columns[column].class {
        ColumnClass::Uint(bits) => bits,
        ColumnClass::Field => panic!("a bounded column of field elements"),
    };
    for lookup in spec.tables.iter().flat_map(|table| &table.lookups) {
        for part in &spec.interactions[*lookup].message.parts {
            if let Node::Cell(Cell::Advice(column, 0)) = part.node() {
                bits[*column] = Some(class(*column));
            }
        }
    }
    for (column, info) in spec.columns[..spec.phase_one].iter().enumerate() {
        if info.class == ColumnClass::Uint(1) && spec.constraints.iter().any(|c| c.name == format!("{} is boolean", info.name))
        {
            bits[column] = Some(1);
        }
    }
    bits
}

/// The factors of an expression that is a product of two.
fn factors(expr: &Expr) -> Option<[Expr; 2]> {
    match expr.node() {
        Node::Mul(left, right) => Some([left.clone(), right.clone()]),
        _ => None,
    }
}

/// The limbs of a range that hold the low bits of a value, for guesses.
pub(crate) fn limbs(spec: &AirSpec, range: &str, value: F) -> Vec<(usize, F)> {
    let columns = (0..).map_while(|limb| spec.column(&format!("{range}_{limb}")));
    let mut place = 0;
    let limb = |column: usize| {
        let ColumnClass::Uint(bits) = spec.columns[column].class else { panic!("{range} holds field elements") };
        place += bits;
        (column, digit(value, place - bits, bits))
    };
    columns.map(limb).collect()
}

/// Whether the value is an integer below `2^bits`.
fn fits(value: F, bits: u32) -> bool {
    digit(value, 0, bits) == value
}

/// Bits `from .. from + count` of a value, `count ≤ 65`.
fn digit(value: F, from: u32, count: u32) -> F {
    let bytes = value.to_repr();
    let bit = |place: u32| place < 256 && bytes[place as usize / 8] >> (place % 8) & 1 == 1;
    (from..from + count).rev().fold(F::ZERO, |sum, place| sum.double() + F::from(u64::from(bit(place))))
}

/// The exponent, if the value is a power of two.
fn exponent(value: F) -> Option<u32> {
    (0..254).find(|&bits| F::from(2).pow_vartime([u64::from(bits)]) == value)
}

impl Solver<'_> {
    fn search(
        &mut self,
        mut cells: Vec<Option<F>>,
        mut equations: Vec<Equation>,
        mut lookups: Vec<Lookup>,
    ) -> Result<(), Stuck> {
        if !self.propagate(&mut cells, &mut equations, &mut lookups) {
            return Ok(());
        }
        if let Some(column) = (0..cells.len()).find(|&column| cells[column].is_none() && self.bits[column] == Some(1)) {
            for value in [F::ZERO, F::ONE] {
                let mut cells = cells.clone();
                cells[column] = Some(value);
                self.search(cells, equations.clone(), lookups.clone())?;
            }
        } else if let Some(lookup) = lookups.pop() {
            for row in lookup.rows.iter() {
                let mut equations = equations.clone();
                equations.extend(lookup.equations(row));
                self.search(cells.clone(), equations, lookups.clone())?;
            }
        } else if equations.is_empty() {
            // What occurs in no equation any more can be anything that its bound allows.
            let cells: Vec<F> = cells.into_iter().map(Option::unwrap_or_default).collect();
            let verdict = self.check.verdict(&cells);
            let message = verdict.message.as_ref().expect("the row is real");
            assert!(verdict.holds() && message[..3] == self.operands, "{verdict:?}");
            self.results.push(message[3]);
        } else if let Some((place, factors)) =
            equations.iter().enumerate().find_map(|(place, of)| Some((place, factors(&of.expr)?)))
        {
            equations.swap_remove(place);
            for factor in factors {
                let mut equations = equations.clone();
                equations.push(Equation::new(factor));
                self.search(cells.clone(), equations, lookups.clone())?;
            }
        } else {
            let guesses = (self.guesses)(self.spec, &cells);
            if guesses.is_empty() {
                return Err(Stuck(self.names(&equations, &cells)));
            }
            for guess in guesses {
                if guess.iter().any(|&(column, value)| cells[column].is_some_and(|known| known != value)) {
                    continue;
                }
                let mut cells = cells.clone();
                for (column, value) in guess {
                    cells[column] = Some(value);
                }
                self.search(cells, equations.clone(), lookups.clone())?;
            }
        }
        Ok(())
    }

    fn names(&self, equations: &[Equation], cells: &Partial) -> Vec<Vec<String>> {
        let name = |column: usize| self.spec.columns[column].name.clone();
        equations.iter().map(|equation| equation.unknown(cells).into_iter().map(name).collect()).collect()
    }

    /// Assigns all that is forced; false if there is a contradiction.
    fn propagate(&self, cells: &mut Partial, equations: &mut Vec<Equation>, lookups: &mut Vec<Lookup>) -> bool {
        loop {
            let mut progress = false;
            let mut left = Vec::new();
            for mut equation in equations.drain(..) {
                let unknown = equation.unknown(cells);
                if unknown.len() == equation.tried {
                    left.push(equation);
                    continue;
                }
                equation.tried = unknown.len();
                match self.step(cells, &equation) {
                    Step::Contradiction => return false,
                    Step::Done => progress = true,
                    Step::Waiting => left.push(equation),
                }
            }
            *equations = left;
            for lookup in std::mem::take(lookups) {
                match Self::narrow(cells, lookup) {
                    None => return false,
                    Some(lookup) if lookup.rows.len() == 1 => {
                        equations.extend(lookup.equations(&lookup.rows[0]));
                        progress = true;
                    }
                    Some(lookup) => lookups.push(lookup),
                }
            }
            if !progress {
                return true;
            }
        }
    }

    fn step(&self, cells: &mut Partial, equation: &Equation) -> Step {
        let Some(Affine { constant, slopes }) = affine(&equation.expr, cells) else { return Step::Waiting };
        let slopes: Vec<(usize, F)> = slopes.into_iter().collect();
        match slopes.as_slice() {
            [] if constant == F::ZERO => Step::Done,
            [] => Step::Contradiction,
            [(column, slope)] => {
                let value = -constant * slope.invert().expect("zero slopes are left out");
                if self.bits[*column].is_some_and(|bits| !fits(value, bits)) {
                    return Step::Contradiction;
                }
                cells[*column] = Some(value);
                Step::Done
            }
            slopes => self.digits(cells, constant, slopes),
        }
    }

    /// `number = Σ 2^place · digit` has one solution if the digits do not overlap and cannot wrap around the field.
    fn digits(&self, cells: &mut Partial, constant: F, slopes: &[(usize, F)]) -> Step {
        let places = |sign: F| slopes.iter().map(|(_, slope)| exponent(*slope * sign)).collect::<Option<Vec<u32>>>();
        let Some((number, places)) = [F::ONE, -F::ONE].into_iter().find_map(|sign| Some((-constant * sign, places(sign)?)))
        else {
            return Step::Waiting;
        };
        let mut digits: Vec<(u32, u32, usize)> = Vec::new();
        for ((column, _), place) in slopes.iter().zip(places) {
            let Some(bits) = self.bits[*column] else { return Step::Waiting };
            digits.push((place, bits, *column));
        }
        digits.sort_unstable();
        let apart = digits.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0);
        let top = digits.last().map_or(0, |(place, bits, _)| place + bits);
        if !apart || top > 253 {
            return Step::Waiting;
        }
        let mut sum = F::ZERO;
        for (place, bits, column) in digits {
            let value = digit(number, place, bits);
            sum += value * F::from(2).pow_vartime([u64::from(place)]);
            cells[column] = Some(value);
        }
        if sum == number { Step::Done } else { Step::Contradiction }
    }

    /// Leaves the table rows that agree with what is known; `None` if there is none.
    fn narrow(cells: &Partial, mut lookup: Lookup) -> Option<Lookup> {
        for (place, part) in lookup.parts.iter_mut().enumerate() {
            if let Some(value) = part.as_ref().and_then(|part| part.value(cells)) {
                lookup.rows = Rc::new(lookup.rows.iter().filter(|row| row[place] == value).cloned().collect());
                *part = None;
            }
        }
        (!lookup.rows.is_empty()).then_some(lookup)
    }
}

enum Step {
    Done,
    Waiting,
    Contradiction,
}
