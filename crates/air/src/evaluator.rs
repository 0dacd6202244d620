//! Expressions compiled to straight-line code with common subexpressions shared: for evaluation at many rows.

use std::collections::HashMap;

use ff::PrimeField;

use crate::{Cell, Expr, F, Node};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Op {
    Const(usize),
    Cell(Cell),
    Neg(usize),
    Add(usize, usize),
    Sub(usize, usize),
    Mul(usize, usize),
    Scale(usize, usize),
}

/// Straight-line code that computes several expressions at once.
#[derive(Clone, Debug)]
pub struct Evaluator {
    ops: Vec<Op>,
    constants: Vec<F>,
    outputs: Vec<usize>,
}

#[derive(Default)]
struct Compiler {
    ops: Vec<Op>,
    constants: Vec<F>,
    by_op: HashMap<Op, usize>,
    by_constant: HashMap<[u8; 32], usize>,
    by_address: HashMap<usize, usize>,
}

impl Compiler {
    fn constant(&mut self, value: F) -> usize {
        let next = self.constants.len();
        let place = *self.by_constant.entry(value.to_repr()).or_insert(next);
        if place == next {
            self.constants.push(value);
        }
        place
    }

    fn push(&mut self, op: Op) -> usize {
        let op = match op {
            Op::Add(a, b) if b < a => Op::Add(b, a),
            Op::Mul(a, b) if b < a => Op::Mul(b, a),
            op => op,
        };
        let next = self.ops.len();
        let place = *self.by_op.entry(op).or_insert(next);
        if place == next {
            self.ops.push(op);
        }
        place
    }

    fn expr(&mut self, expr: &Expr) -> usize {
        if let Some(&place) = self.by_address.get(&expr.address()) {
            return place;
        }
        let op = match expr.node() {
            Node::Const(value) => Op::Const(self.constant(*value)),
            Node::Cell(cell) => Op::Cell(*cell),
            Node::Neg(a) => Op::Neg(self.expr(a)),
            Node::Add(a, b) => match b.node() {
                Node::Neg(c) => Op::Sub(self.expr(a), self.expr(c)),
                _ => Op::Add(self.expr(a), self.expr(b)),
            },
            Node::Mul(a, b) => Op::Mul(self.expr(a), self.expr(b)),
            Node::Scale(a, c) => {
                let a = self.expr(a);
                Op::Scale(a, self.constant(*c))
            }
        };
        let place = self.push(op);
        self.by_address.insert(expr.address(), place);
        place
    }
}

impl Evaluator {
    /// Compiles `exprs`; [`Self::eval`] gives their values in the same order.
    pub fn new<'a>(exprs: impl IntoIterator<Item = &'a Expr>) -> Self {
        let mut compiler = Compiler::default();
        let outputs = exprs.into_iter().map(|expr| compiler.expr(expr)).collect();
        Self { ops: compiler.ops, constants: compiler.constants, outputs }
    }

    /// Number of operations.
    pub fn len(&self) -> usize {
        self.ops.len()
    }

    /// Whether there is nothing to compute.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// Computes all expressions into `values`. `scratch` only saves allocations.
    pub fn eval(&self, load: impl Fn(Cell) -> F, scratch: &mut Vec<F>, values: &mut Vec<F>) {
        scratch.clear();
        for op in &self.ops {
            let value = match *op {
                Op::Const(place) => self.constants[place],
                Op::Cell(cell) => load(cell),
                Op::Neg(a) => -scratch[a],
                Op::Add(a, b) => scratch[a] + scratch[b],
                Op::Sub(a, b) => scratch[a] - scratch[b],
                Op::Mul(a, b) => scratch[a] * scratch[b],
                Op::Scale(a, c) => scratch[a] * self.constants[c],
            };
            scratch.push(value);
        }
        values.clear();
        values.extend(self.outputs.iter().map(|&place| scratch[place]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compiled_and_interpreted_values_agree_and_shared_parts_are_computed_once() {
        let x = Expr::new(Node::Cell(Cell::Advice(0, 0)));
        let y = Expr::new(Node::Cell(Cell::Advice(1, 0)));
        let square = &x * &x;
        let exprs = [&square - &y, &y * &(&x * &x), square.scale(F::from(5)) + 1];
        let load = |cell| if cell == Cell::Advice(0, 0) { F::from(6) } else { F::from(11) };
        let evaluator = Evaluator::new(&exprs);
        let (mut scratch, mut values) = (Vec::new(), Vec::new());
        evaluator.eval(load, &mut scratch, &mut values);
        assert_eq!(values, exprs.iter().map(|e| e.eval(&load)).collect::<Vec<_>>());
        let squares = evaluator.ops.iter().filter(|op| matches!(op, Op::Mul(a, b) if a == b)).count();
        assert_eq!(squares, 1);
    }
}
