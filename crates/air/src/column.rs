//! Column handles, and what is known of a column's values.

use std::marker::PhantomData;

use crate::{
    Expr, F,
    expr::{Cell, Node},
};

/// Marker of a phase-1 column whose values are bounded by nothing in its own AIR.
#[derive(Clone, Copy, Debug)]
pub enum Free {}

/// Marker of a phase-1 column whose bound is enforced by constraints or local table lookups on *every* trace row.
#[derive(Clone, Copy, Debug)]
pub enum Proven {}

/// Marker of a generated phase-2 column. It has no conversion to [`Expr`], so it cannot occur in a message, a multiplicity
/// or an author's constraint:
///
/// ```compile_fail
/// # use quintet_air::{Column, Expr, PhaseTwo};
/// fn smuggle(sum: Column<PhaseTwo>) -> Expr {
///     Expr::from(sum)
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub enum PhaseTwo {}

/// A named advice column of an AIR.
#[derive(Debug)]
pub struct Column<B> {
    pub(crate) index: usize,
    pub(crate) bits: u32,
    pub(crate) marker: PhantomData<B>,
}

impl<B> Clone for Column<B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B> Copy for Column<B> {}

impl<B> Column<B> {
    pub(crate) fn new(index: usize, bits: u32) -> Self {
        Self { index, bits, marker: PhantomData }
    }

    /// Place among the advice columns of the AIR.
    pub fn index(&self) -> usize {
        self.index
    }
}

impl Column<Proven> {
    /// Every trace row holds an integer below `2^bits`.
    pub fn bits(&self) -> u32 {
        self.bits
    }
}

/// Columns that authors may use: all but [`PhaseTwo`].
pub trait PhaseOne {}
impl PhaseOne for Free {}
impl PhaseOne for Proven {}

impl<B: PhaseOne> Column<B> {
    /// The cell in this row.
    pub fn cur(&self) -> Expr {
        self.at(0)
    }

    /// The cell in the next row.
    pub fn next(&self) -> Expr {
        self.at(1)
    }

    /// The cell `rotation` rows below.
    pub fn at(&self, rotation: i32) -> Expr {
        Expr::new(Node::Cell(Cell::Advice(self.index, rotation)))
    }

    /// The cell times a constant.
    pub fn scale(&self, by: impl Into<F>) -> Expr {
        self.cur().scale(by)
    }
}

impl<B: PhaseOne> From<Column<B>> for Expr {
    fn from(column: Column<B>) -> Self {
        column.cur()
    }
}

impl<B: PhaseOne> From<&Column<B>> for Expr {
    fn from(column: &Column<B>) -> Self {
        column.cur()
    }
}

/// A fixed column: part of the verifying key.
#[derive(Clone, Copy, Debug)]
pub struct Fixed {
    pub(crate) index: usize,
}

impl Fixed {
    /// The cell in this row: halo2 reads fixed columns at no other.
    pub fn cur(&self) -> Expr {
        Expr::new(Node::Cell(Cell::Fixed(self.index, 0)))
    }

    /// Place among the fixed columns of the AIR.
    pub fn index(&self) -> usize {
        self.index
    }
}

impl From<Fixed> for Expr {
    fn from(fixed: Fixed) -> Self {
        fixed.cur()
    }
}

impl From<&Fixed> for Expr {
    fn from(fixed: &Fixed) -> Self {
        fixed.cur()
    }
}

/// How large honest values of a column are: it decides how they are stored and which multi-scalar multiplication commits to them.
/// It is a hint to the prover and proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ColumnClass {
    /// Integers below `2^bits`, `bits ≤ 64`, stored as `u64`.
    Uint(u32),
    /// Any field element.
    Field,
}

/// What is known of an advice column.
#[derive(Clone, Debug)]
pub struct ColumnInfo {
    /// Name, unique in the AIR.
    pub name: String,
    /// Size of honest values.
    pub class: ColumnClass,
    /// Whether the commitment is pinned in `program_id` (and its blind therefore the same in every job).
    pub pinned: bool,
}

/// What is known of a fixed column.
#[derive(Clone, Debug)]
pub struct FixedInfo {
    /// Name, unique in the AIR.
    pub name: String,
    /// Value of each of the `2^k` rows.
    pub values: Vec<F>,
}
