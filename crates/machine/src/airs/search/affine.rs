//! Expressions in what is known of a row: affine sums, digits of a number, rows of a table.

use std::{
    collections::{BTreeMap, HashMap},
    rc::Rc,
    sync::OnceLock,
};

use ff::{Field, PrimeField};
use quintet_air::{Cell, Expr, F, Node};

/// `expr = 0`, and the unknowns in it.
#[derive(Clone)]
pub(super) struct Equation {
    pub(super) expr: Expr,
    pub(super) columns: Vec<usize>,
    /// Number of unknowns when it was last of no use.
    pub(super) tried: usize,
}

impl Equation {
    pub(super) fn new(expr: Expr) -> Self {
        let mut columns = Vec::new();
        expr.for_each_cell(&mut |cell| {
            if let Cell::Advice(column, _) = cell {
                columns.push(column);
            }
        });
        columns.sort_unstable();
        columns.dedup();
        Self { expr, columns, tried: usize::MAX }
    }

    pub(super) fn unknown(&self, cells: &[Option<F>]) -> usize {
        self.columns.iter().filter(|&&column| cells[column].is_none()).count()
    }

    /// The value where all cells are known.
    pub(super) fn value(&self, cells: &[Option<F>]) -> Option<F> {
        affine(&self.expr, cells).filter(|sum| sum.slopes.is_empty()).map(|sum| sum.constant)
    }

    /// The factors of a product of two.
    pub(super) fn factors(&self) -> Option<[Expr; 2]> {
        match self.expr.node() {
            Node::Mul(left, right) => Some([left.clone(), right.clone()]),
            _ => None,
        }
    }
}

/// `constant + Σ slope · unknown`, no slope being 0.
#[derive(Clone, Debug)]
pub(super) struct Affine {
    pub(super) constant: F,
    pub(super) slopes: BTreeMap<usize, F>,
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

    fn add(mut self, mut other: Self) -> Self {
        if other.slopes.len() > self.slopes.len() {
            std::mem::swap(&mut self, &mut other);
        }
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
pub(super) fn affine(expr: &Expr, cells: &[Option<F>]) -> Option<Affine> {
    Some(match expr.node() {
        Node::Const(value) => Affine::constant(*value),
        Node::Cell(Cell::Advice(column, _)) => match cells[*column] {
            Some(value) => Affine::constant(value),
            None => Affine { constant: F::ZERO, slopes: BTreeMap::from([(*column, F::ONE)]) },
        },
        Node::Cell(_) => return None,
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
pub(super) struct Lookup {
    /// The parts; `None` once the rows that are left agree with it.
    pub(super) parts: Vec<Option<Equation>>,
    pub(super) rows: Rc<Vec<Vec<F>>>,
}

impl Lookup {
    /// What it says if it means this row.
    pub(super) fn equations(&self, row: &[F]) -> impl Iterator<Item = Equation> {
        let parts = self.parts.iter().zip(row);
        parts.filter_map(|(part, value)| part.as_ref().map(|part| Equation::new(&part.expr - *value)))
    }

    /// Leaves the rows that agree with what is known; `None` if there is none.
    pub(super) fn narrow(mut self, cells: &[Option<F>]) -> Option<Self> {
        for (place, part) in self.parts.iter_mut().enumerate() {
            if let Some(value) = part.as_ref().and_then(|part| part.value(cells)) {
                self.rows = Rc::new(self.rows.iter().filter(|row| row[place] == value).cloned().collect());
                *part = None;
            }
        }
        (!self.rows.is_empty()).then_some(self)
    }
}

/// Whether the value is an integer below `2^bits`.
pub(super) fn fits(value: F, bits: u32) -> bool {
    digit(value, 0, bits) == value
}

/// Bits `from .. from + count` of a value.
pub(super) fn digit(value: F, from: u32, count: u32) -> F {
    let bytes = value.to_repr();
    let bit = |place: u32| place < 256 && bytes[place as usize / 8] >> (place % 8) & 1 == 1;
    (from..from + count).rev().fold(F::ZERO, |sum, place| sum.double() + F::from(u64::from(bit(place))))
}

/// The value as an integer below 2^128.
pub(super) fn small(value: F) -> Option<u128> {
    let bytes = value.to_repr();
    let (low, high) = bytes.split_at(16);
    let low = low.iter().rev().fold(0, |sum, byte| sum << 8 | u128::from(*byte));
    high.iter().all(|byte| *byte == 0).then_some(low)
}

/// The exponent, if the value is a power of two.
pub(super) fn exponent(value: F) -> Option<u32> {
    static EXPONENTS: OnceLock<HashMap<[u8; 32], u32>> = OnceLock::new();
    let powers = || std::iter::successors(Some(F::ONE), |power| Some(power.double())).map(|power| power.to_repr());
    EXPONENTS.get_or_init(|| powers().zip(0..254).collect()).get(&value.to_repr()).copied()
}

/// The exponents of `slopes / unit`, if all are powers of two.
pub(super) fn places(slopes: &[(usize, F)], unit: F) -> Option<Vec<u32>> {
    let inverse = Option::<F>::from(unit.invert())?;
    slopes.iter().map(|(_, slope)| exponent(*slope * inverse)).collect()
}
