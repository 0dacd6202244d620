//! Expressions over the cells of a row and its neighbours: what constraints, messages and multiplicities are made of.

use std::{
    ops::{Add, Mul, Neg, Sub},
    sync::Arc,
};

use ff::Field;

use crate::F;

/// One cell, seen from the row at which an expression is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cell {
    /// Advice column and rotation.
    Advice(usize, i32),
    /// Fixed column and rotation, which is always 0.
    Fixed(usize, i32),
    /// Public value by its place in the instance column; only meaningful at row 0.
    Public(usize),
}

/// A node of an expression.
#[derive(Clone, Debug)]
pub enum Node {
    /// A constant.
    Const(F),
    /// The value of a cell.
    Cell(Cell),
    /// Additive inverse.
    Neg(Expr),
    /// Sum.
    Add(Expr, Expr),
    /// Product.
    Mul(Expr, Expr),
    /// Product with a constant.
    Scale(Expr, F),
}

/// A polynomial in cells. Cheap to clone: nodes are shared.
#[derive(Clone, Debug)]
pub struct Expr(Arc<Node>);

impl Expr {
    /// Wraps a node.
    pub fn new(node: Node) -> Self {
        Self(Arc::new(node))
    }

    /// The root of the expression.
    pub fn node(&self) -> &Node {
        &self.0
    }

    /// An address that is equal for shared nodes and lives as long as the expression.
    pub fn address(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }

    /// The constant `value`.
    pub fn constant(value: impl Into<F>) -> Self {
        Self::new(Node::Const(value.into()))
    }

    /// The constant 0.
    pub fn zero() -> Self {
        Self::constant(F::ZERO)
    }

    /// The constant 1.
    pub fn one() -> Self {
        Self::constant(F::ONE)
    }

    /// The constant `2^bits`.
    pub fn pow2(bits: u32) -> Self {
        Self::constant(F::from(2).pow_vartime([u64::from(bits)]))
    }

    /// This expression times a constant.
    pub fn scale(&self, by: impl Into<F>) -> Self {
        Self::new(Node::Scale(self.clone(), by.into()))
    }

    /// Total degree in the cells; fixed cells count as 1, as they do in halo2.
    pub fn degree(&self) -> usize {
        match self.node() {
            Node::Const(_) => 0,
            Node::Cell(_) => 1,
            Node::Neg(a) | Node::Scale(a, _) => a.degree(),
            Node::Add(a, b) => a.degree().max(b.degree()),
            Node::Mul(a, b) => a.degree() + b.degree(),
        }
    }

    /// Value with each cell taken from `load`.
    pub fn eval(&self, load: &impl Fn(Cell) -> F) -> F {
        match self.node() {
            Node::Const(c) => *c,
            Node::Cell(cell) => load(*cell),
            Node::Neg(a) => -a.eval(load),
            Node::Add(a, b) => a.eval(load) + b.eval(load),
            Node::Mul(a, b) => a.eval(load) * b.eval(load),
            Node::Scale(a, c) => a.eval(load) * c,
        }
    }

    /// Calls `visit` on every cell, in order of appearance, repetitions included.
    pub fn for_each_cell(&self, visit: &mut impl FnMut(Cell)) {
        match self.node() {
            Node::Const(_) => {}
            Node::Cell(cell) => visit(*cell),
            Node::Neg(a) | Node::Scale(a, _) => a.for_each_cell(visit),
            Node::Add(a, b) | Node::Mul(a, b) => {
                a.for_each_cell(visit);
                b.for_each_cell(visit);
            }
        }
    }

    /// The cells that occur, each once, in order of first appearance.
    pub fn cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        self.for_each_cell(&mut |cell| {
            if !cells.contains(&cell) {
                cells.push(cell);
            }
        });
        cells
    }

    /// Sum of expressions; 0 for none.
    pub fn sum(terms: impl IntoIterator<Item = Expr>) -> Self {
        terms.into_iter().reduce(|a, b| a + b).unwrap_or_else(Self::zero)
    }
}

impl From<u64> for Expr {
    fn from(value: u64) -> Self {
        Self::constant(F::from(value))
    }
}

impl From<F> for Expr {
    fn from(value: F) -> Self {
        Self::constant(value)
    }
}

impl From<&Expr> for Expr {
    fn from(value: &Expr) -> Self {
        value.clone()
    }
}

macro_rules! operators {
    ($($left:ty),*) => {$(
        impl<R: Into<Expr>> Add<R> for $left {
            type Output = Expr;
            fn add(self, right: R) -> Expr {
                Expr::new(Node::Add(Expr::from(self), right.into()))
            }
        }

        impl<R: Into<Expr>> Sub<R> for $left {
            type Output = Expr;
            fn sub(self, right: R) -> Expr {
                Expr::new(Node::Add(Expr::from(self), Expr::new(Node::Neg(right.into()))))
            }
        }

        impl<R: Into<Expr>> Mul<R> for $left {
            type Output = Expr;
            fn mul(self, right: R) -> Expr {
                Expr::new(Node::Mul(Expr::from(self), right.into()))
            }
        }

        impl Neg for $left {
            type Output = Expr;
            fn neg(self) -> Expr {
                Expr::new(Node::Neg(Expr::from(self)))
            }
        }
    )*};
}

operators!(Expr, &Expr, crate::Column<crate::Free>, crate::Column<crate::Proven>, crate::Fixed);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degree_and_value_follow_the_tree() {
        let x = Expr::new(Node::Cell(Cell::Advice(0, 0)));
        let y = Expr::new(Node::Cell(Cell::Advice(1, 1)));
        let e = (&x * &x - 3) * &y + 7;
        assert_eq!(e.degree(), 3);
        let value = e.eval(&|cell| match cell {
            Cell::Advice(0, 0) => F::from(5),
            Cell::Advice(1, 1) => F::from(2),
            other => panic!("unexpected {other:?}"),
        });
        assert_eq!(value, F::from(51));
        assert_eq!(e.cells(), [Cell::Advice(0, 0), Cell::Advice(1, 1)]);
    }
}
