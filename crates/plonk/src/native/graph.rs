//! Constraints as one graph without repetitions, and sums of products rewritten so that common factors are multiplied once.

use std::{cmp::Reverse, collections::HashMap};

use ff::{Field, PrimeField};
use quintet_air::{AirSpec, Cell, Expr, F, Node as ExprNode};
use quintet_arith::MAX_SHIFT;

/// A column that the quotient reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Input {
    /// An advice column.
    Advice(usize),
    /// A fixed column.
    Fixed(usize),
    /// The instance column.
    Instance,
    /// 1 down to the end row, 0 below: every challenge column is a multiple of it.
    Envelope,
}

/// A constant of one proof: a number, times a power of y, times a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scalar {
    pub constant: F,
    /// Exponent of y, for the weight of a constraint.
    pub weight: Option<usize>,
    /// Place of the challenge among the challenge columns.
    pub challenge: Option<usize>,
}

impl Scalar {
    const ONE: Self = Self { constant: F::ONE, weight: None, challenge: None };

    fn of(constant: F) -> Self {
        Self { constant, ..Self::ONE }
    }

    fn is(&self, constant: F) -> bool {
        *self == Self::of(constant)
    }

    /// The product, if it is of this form.
    fn times(&self, other: &Self) -> Option<Self> {
        let one_of = |a: Option<usize>, b: Option<usize>| match (a, b) {
            (Some(_), Some(_)) => None,
            (a, b) => Some(a.or(b)),
        };
        let (weight, challenge) = (one_of(self.weight, other.weight)?, one_of(self.challenge, other.challenge)?);
        Some(Self { constant: self.constant * other.constant, weight, challenge })
    }

    fn key(&self) -> ScalarKey {
        (self.constant.to_repr(), self.weight, self.challenge)
    }
}

/// Place of a node.
pub(super) type Id = usize;

/// One operation on columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Node {
    /// A scalar, by its place, in every row.
    Scalar(usize),
    /// A column, rotated.
    Column(Input, i32),
    Add(Id, Id),
    Sub(Id, Id),
    Mul(Id, Id),
    /// Product with a scalar, by its place.
    Scale(Id, usize),
    /// `2^shift` times the first, plus the second.
    Shift(Id, u8, Id),
}

/// What makes two scalars the same.
type ScalarKey = ([u8; 32], Option<usize>, Option<usize>);

/// Operations without repetitions; operands come before what uses them.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub nodes: Vec<Node>,
    pub scalars: Vec<Scalar>,
    by_node: HashMap<Node, Id>,
    by_scalar: HashMap<ScalarKey, usize>,
    by_expr: HashMap<usize, Id>,
    /// Known if multiples by powers of two are made by shifts.
    powers: Option<Powers>,
}

/// A product with a scalar in front.
#[derive(Clone, Debug)]
struct Term {
    scalar: Scalar,
    factors: Vec<Id>,
}

impl Graph {
    /// Multiples by powers of two are made by shifts, where those cost less than products.
    pub(super) fn with_shifts() -> Self {
        Self { powers: Some(Powers::new()), ..Self::default() }
    }

    fn push(&mut self, node: Node) -> Id {
        let node = match node {
            Node::Add(a, b) if b < a => Node::Add(b, a),
            Node::Mul(a, b) if b < a => Node::Mul(b, a),
            node => node,
        };
        let next = self.nodes.len();
        let id = *self.by_node.entry(node).or_insert(next);
        if id == next {
            self.nodes.push(node);
        }
        id
    }

    fn scalar(&mut self, scalar: Scalar) -> usize {
        let next = self.scalars.len();
        let place = *self.by_scalar.entry(scalar.key()).or_insert(next);
        if place == next {
            self.scalars.push(scalar);
        }
        place
    }

    fn scale(&mut self, id: Id, by: Scalar) -> Id {
        if by.is(F::ONE) {
            return id;
        }
        if by.is(F::from(2)) {
            return self.push(Node::Add(id, id));
        }
        let combined = match self.nodes[id] {
            Node::Scalar(place) => self.scalars[place].times(&by).map(|scalar| (None, scalar)),
            Node::Scale(inner, place) => self.scalars[place].times(&by).map(|scalar| (Some(inner), scalar)),
            _ => None,
        };
        match combined {
            Some((None, scalar)) => {
                let place = self.scalar(scalar);
                self.push(Node::Scalar(place))
            }
            Some((Some(inner), scalar)) if scalar.is(F::ONE) => inner,
            Some((Some(inner), scalar)) => {
                let place = self.scalar(scalar);
                self.push(Node::Scale(inner, place))
            }
            None => {
                let place = self.scalar(by);
                self.push(Node::Scale(id, place))
            }
        }
    }

    fn constant(&mut self, value: F) -> Id {
        let place = self.scalar(Scalar::of(value));
        self.push(Node::Scalar(place))
    }

    fn product(&mut self, factors: &[Id]) -> Id {
        match factors {
            [] => self.constant(F::ONE),
            [one] => *one,
            [first, rest @ ..] => rest.iter().fold(*first, |product, factor| self.push(Node::Mul(product, *factor))),
        }
    }

    /// An expression's node. Challenge columns become multiples of the envelope.
    fn expr(&mut self, spec: &AirSpec, expr: &Expr) -> Id {
        if let Some(&id) = self.by_expr.get(&expr.address()) {
            return id;
        }
        let id = match expr.node() {
            ExprNode::Const(value) => self.constant(*value),
            ExprNode::Cell(cell) => self.cell(spec, *cell),
            ExprNode::Scale(..) | ExprNode::Neg(_) | ExprNode::Add(..) => {
                let mut terms = Vec::new();
                self.flatten(spec, expr, F::ONE, &mut terms);
                self.sum(terms)
            }
            ExprNode::Mul(..) => {
                let mut factors = Vec::new();
                let scalar = self.factors(spec, expr, &mut factors);
                let product = self.product(&factors);
                self.scale(product, scalar)
            }
        };
        self.by_expr.insert(expr.address(), id);
        id
    }

    fn cell(&mut self, spec: &AirSpec, cell: Cell) -> Id {
        match cell {
            Cell::Advice(column, rotation) => match challenge_of(spec, column) {
                None => self.push(Node::Column(Input::Advice(column), rotation)),
                Some(challenge) => {
                    let envelope = self.push(Node::Column(Input::Envelope, rotation));
                    self.scale(envelope, Scalar { challenge: Some(challenge), ..Scalar::ONE })
                }
            },
            Cell::Fixed(column, rotation) => self.push(Node::Column(Input::Fixed(column), rotation)),
            Cell::Public(place) => self.push(Node::Column(Input::Instance, place as i32)),
        }
    }

    /// The terms of a sum, through all additions, negations and constant multiples.
    fn flatten(&mut self, spec: &AirSpec, expr: &Expr, constant: F, terms: &mut Vec<Term>) {
        match expr.node() {
            ExprNode::Neg(a) => self.flatten(spec, a, -constant, terms),
            ExprNode::Scale(a, by) => self.flatten(spec, a, constant * by, terms),
            ExprNode::Add(a, b) => {
                self.flatten(spec, a, constant, terms);
                self.flatten(spec, b, constant, terms);
            }
            ExprNode::Const(value) => terms.push(Term { scalar: Scalar::of(constant * value), factors: Vec::new() }),
            ExprNode::Cell(_) | ExprNode::Mul(..) => {
                let mut factors = Vec::new();
                let scalar = self.factors(spec, expr, &mut factors);
                terms.push(Term { scalar: Scalar { constant: scalar.constant * constant, ..scalar }, factors });
            }
        }
    }

    /// The factors of a product, through all multiplications; the scalar is what stands before them.
    fn factors(&mut self, spec: &AirSpec, expr: &Expr, factors: &mut Vec<Id>) -> Scalar {
        match expr.node() {
            ExprNode::Mul(a, b) => {
                let a = self.factors(spec, a, factors);
                let b = self.factors(spec, b, factors);
                a.times(&b).unwrap_or_else(|| {
                    // Two challenges: the second becomes a factor.
                    let place = self.scalar(b);
                    factors.push(self.push(Node::Scalar(place)));
                    a
                })
            }
            _ => {
                let id = self.expr(spec, expr);
                match self.nodes[id] {
                    Node::Scalar(place) => self.scalars[place],
                    // A multiple of the envelope stays one, so that it is computed once a row.
                    Node::Scale(inner, place) if self.scalars[place].challenge.is_none() => {
                        factors.push(inner);
                        self.scalars[place]
                    }
                    _ => {
                        factors.push(id);
                        Scalar::ONE
                    }
                }
            }
        }
    }

    /// A sum of products: the factor that most terms share is taken out, then the next.
    fn sum(&mut self, mut terms: Vec<Term>) -> Id {
        terms.retain(|term| !bool::from(term.scalar.constant.is_zero()));
        let mut done = Vec::new();
        while let Some(factor) = shared_factor(&terms) {
            let (with, rest): (Vec<_>, Vec<_>) = terms.into_iter().partition(|term| term.factors.contains(&factor));
            terms = rest;
            let mut inner: Vec<Term> = with
                .into_iter()
                .map(|mut term| {
                    let place = term.factors.iter().position(|known| *known == factor).unwrap_or_default();
                    term.factors.remove(place);
                    term
                })
                .collect();
            let scalar = Scalar::of(self.take_power(&mut inner));
            let inner = self.sum(inner);
            done.push(Term { scalar, factors: vec![factor, inner] });
        }
        done.extend(terms);
        self.add_up(done)
    }

    /// Divides terms by the largest power of two that is in all of their constants, if they are all powers of two.
    fn take_power(&self, terms: &mut [Term]) -> F {
        let Some(powers) = &self.powers else {
            return F::ONE;
        };
        let exponents: Option<Vec<u32>> =
            terms.iter().map(|term| powers.of(&term.scalar.constant).map(|(exponent, _)| exponent)).collect();
        let least = exponents.and_then(|exponents| exponents.into_iter().min()).unwrap_or_default();
        let by = F::TWO_INV.pow_vartime([u64::from(least)]);
        terms.iter_mut().for_each(|term| term.scalar.constant *= by);
        F::from(2).pow_vartime([u64::from(least)])
    }

    fn add_up(&mut self, terms: Vec<Term>) -> Id {
        let mut plus: Option<Id> = None;
        let mut minus = Vec::new();
        let mut multiples = [Vec::new(), Vec::new()];
        let mut constant = F::ZERO;
        for term in terms {
            if term.factors.is_empty() && term.scalar.weight.is_none() && term.scalar.challenge.is_none() {
                constant += term.scalar.constant;
                continue;
            }
            if term.factors.is_empty() {
                let place = self.scalar(term.scalar);
                let id = self.push(Node::Scalar(place));
                plus = Some(plus.map_or(id, |sum| self.push(Node::Add(sum, id))));
                continue;
            }
            let product = self.product(&term.factors);
            let alone = term.scalar.weight.is_none() && term.scalar.challenge.is_none();
            if let (true, Some(powers)) = (alone, &self.powers)
                && let Some((exponent, negative)) = powers.of(&term.scalar.constant)
            {
                multiples[usize::from(negative)].push((exponent, product));
                continue;
            }
            if term.scalar.is(-F::ONE) {
                minus.push(product);
                continue;
            }
            let id = self.scale(product, term.scalar);
            plus = Some(plus.map_or(id, |sum| self.push(Node::Add(sum, id))));
        }
        let [positive, negative] = multiples;
        if let Some(id) = self.horner(positive) {
            plus = Some(plus.map_or(id, |sum| self.push(Node::Add(sum, id))));
        }
        minus.extend(self.horner(negative));
        if plus.is_none() || !bool::from(constant.is_zero()) {
            let id = self.constant(constant);
            plus = Some(plus.map_or(id, |sum| self.push(Node::Add(sum, id))));
        }
        let plus = plus.unwrap_or_default();
        minus.into_iter().fold(plus, |sum, id| self.push(Node::Sub(sum, id)))
    }

    /// `Σ 2^exponent · term`, by Horner's rule.
    fn horner(&mut self, mut terms: Vec<(u32, Id)>) -> Option<Id> {
        terms.sort_by_key(|(exponent, _)| Reverse(*exponent));
        let mut sum: Option<(u32, Id)> = None;
        for (exponent, id) in terms {
            let next = match sum {
                None => id,
                Some((above, sum)) if above == exponent => self.push(Node::Add(sum, id)),
                Some((above, sum)) => match u8::try_from(above - exponent) {
                    Ok(shift) if shift <= MAX_SHIFT => self.push(Node::Shift(sum, shift, id)),
                    _ => {
                        let sum = self.times_power(sum, above - exponent);
                        self.push(Node::Add(sum, id))
                    }
                },
            };
            sum = Some((exponent, next));
        }
        sum.map(|(exponent, sum)| self.times_power(sum, exponent))
    }

    fn times_power(&mut self, id: Id, exponent: u32) -> Id {
        self.scale(id, Scalar::of(F::from(2).pow_vartime([u64::from(exponent)])))
    }

    /// `Σ y^weight · constraint`.
    pub(super) fn combine(&mut self, spec: &AirSpec, constraints: &[(usize, &Expr)]) -> Id {
        let mut terms = Vec::with_capacity(constraints.len());
        for (weight, expr) in constraints {
            let mut factors = Vec::new();
            let scalar = self.factors(spec, expr, &mut factors);
            terms.push(Term { scalar: Scalar { weight: Some(*weight), ..scalar }, factors });
        }
        self.sum(terms)
    }
}

/// The factor to take out of a sum of products: the one that shortens most of them.
fn shared_factor(terms: &[Term]) -> Option<Id> {
    let mut counts: HashMap<Id, usize> = HashMap::new();
    for term in terms {
        let mut factors = term.factors.clone();
        factors.sort_unstable();
        factors.dedup();
        factors.into_iter().for_each(|factor| *counts.entry(factor).or_default() += 1);
    }
    // A product of one factor is not shortened by taking it out, unless another term gains from it.
    let gains = |factor: Id| terms.iter().filter(|term| term.factors.contains(&factor) && term.factors.len() > 1).count();
    let shared = counts.iter().filter(|(_, count)| **count >= 2).map(|(&factor, &count)| (gains(factor), count, factor));
    let best =
        shared.filter(|(gains, ..)| *gains >= 1).max_by_key(|&(gains, count, factor)| (gains, count, usize::MAX - factor));
    best.map(|(_, _, factor)| factor)
}

/// Powers of two and their negatives by what represents them.
#[derive(Debug)]
struct Powers(HashMap<[u8; 32], (u32, bool)>);

impl Powers {
    fn new() -> Self {
        let powers = std::iter::successors(Some(F::ONE), |power| Some(power.double()));
        let both =
            (0..F::CAPACITY).zip(powers).flat_map(|(exponent, power)| [(power, (exponent, false)), (-power, (exponent, true))]);
        Self(both.map(|(value, power)| (value.to_repr(), power)).collect())
    }

    /// The exponent, and whether the power is meant negatively.
    fn of(&self, value: &F) -> Option<(u32, bool)> {
        self.0.get(&value.to_repr()).copied()
    }
}

/// Place of a column among the challenge columns.
pub fn challenge_of(spec: &AirSpec, column: usize) -> Option<usize> {
    column.checked_sub(spec.alpha_column()).filter(|place| *place <= spec.powers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(graph: &Graph, id: Id) -> F {
        match graph.nodes[id] {
            Node::Scalar(place) => graph.scalars[place].constant,
            Node::Column(Input::Advice(column), _) => F::from(column as u64 + 5).square(),
            Node::Column(..) => unreachable!("no other columns here"),
            Node::Add(a, b) => value(graph, a) + value(graph, b),
            Node::Sub(a, b) => value(graph, a) - value(graph, b),
            Node::Mul(a, b) => value(graph, a) * value(graph, b),
            Node::Scale(a, place) => value(graph, a) * graph.scalars[place].constant,
            Node::Shift(a, shift, b) => value(graph, a) * F::from(1 << shift) + value(graph, b),
        }
    }

    /// `Σ ±2^exponent · column`, and how many products and shifts it takes.
    fn sum(terms: &[(u64, bool)]) -> (usize, usize) {
        let mut graph = Graph::with_shifts();
        let mut all = Vec::new();
        for (column, &(exponent, negative)) in terms.iter().enumerate() {
            let power = F::from(2).pow_vartime([exponent]);
            let factors = vec![graph.push(Node::Column(Input::Advice(column), 0))];
            all.push(Term { scalar: Scalar::of(if negative { -power } else { power }), factors });
        }
        let expected: F = all.iter().map(|term| term.scalar.constant * value(&graph, term.factors[0])).sum();
        let root = graph.sum(all);
        assert_eq!(value(&graph, root), expected, "{terms:?}");
        let count = |kind: fn(&Node) -> bool| graph.nodes.iter().filter(|node| kind(node)).count();
        (count(|node| matches!(node, Node::Scale(..))), count(|node| matches!(node, Node::Shift(..))))
    }

    #[test]
    fn multiples_by_powers_of_two_are_shifted_together() {
        let sparse: Vec<(u64, bool)> = (0..64).map(|z| (3 * z, false)).collect();
        assert_eq!(sum(&sparse), (0, 63));
        assert_eq!(sum(&[(3, false), (3, false), (0, true), (4, true), (1, false)]), (0, 2));
        // Far apart, and nothing at the end to shift to.
        assert_eq!(sum(&[(0, false), (200, false), (201, true)]), (2, 0));
        assert_eq!(sum(&[(253, true), (252, true)]), (1, 1));
    }

    #[test]
    fn powers_of_two_are_taken_out_with_a_factor() {
        // 8ab + 16ac + 2ad + 4b, of which a is taken out with 2.
        let mut graph = Graph::with_shifts();
        let [a, b, c, d] = [0, 1, 2, 3].map(|column| graph.push(Node::Column(Input::Advice(column), 0)));
        let term = |by: u64, factors: &[Id]| Term { scalar: Scalar::of(F::from(by)), factors: factors.to_vec() };
        let root = graph.sum(vec![term(8, &[a, b]), term(16, &[a, c]), term(2, &[a, d]), term(4, &[b])]);
        let [a, b, c, d] = [a, b, c, d].map(|id| value(&graph, id));
        let expected = a * (F::from(8) * b + F::from(16) * c + d.double()) + F::from(4) * b;
        assert_eq!(value(&graph, root), expected);
        assert_eq!(graph.nodes.iter().filter(|node| matches!(node, Node::Mul(..))).count(), 1);
        assert_eq!(graph.nodes.iter().filter(|node| matches!(node, Node::Scale(..))).count(), 0);
    }
}
