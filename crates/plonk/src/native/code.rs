//! Straight-line code for a graph, with registers assigned: what runs over the rows of a coset.

use std::collections::BTreeSet;

use ff::Field;
use quintet_air::{AirSpec, Expr, F};
use quintet_arith::{Evals, Lanes, RowTask};

use super::graph::{Graph, Id, Input, Node, Scalar};

/// Vectors that one operation works on before the next: few, so that all registers stay in the near caches.
const BLOCK: usize = 4;

/// Where an operand is.
#[derive(Clone, Copy, Debug)]
pub enum Arg {
    /// In a register.
    Register(u16),
    /// In a column, by its place in [`Code::columns`].
    Column(u16),
    /// A scalar, by its place in what [`Code::scalars`] gives.
    Scalar(u16),
}

/// What a step does.
#[derive(Clone, Copy, Debug)]
pub enum Op {
    /// a + b.
    Add,
    /// a − b.
    Sub,
    /// a·b.
    Mul,
    /// a², b being a.
    Square,
    /// a·2ⁿ + b; only where it costs less than a product, on the portable path.
    Shift(u8),
}

/// One step of a program.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// What it does.
    pub op: Op,
    /// Register that takes the result.
    pub to: u16,
    /// First operand.
    pub a: Arg,
    /// Second operand.
    pub b: Arg,
}

/// The weighted sum of some constraints, compiled.
#[derive(Debug)]
pub struct Code {
    /// In this order.
    pub steps: Vec<Step>,
    /// Where the sum is at the end.
    pub result: Arg,
    /// Number of registers.
    pub registers: usize,
    /// Columns and rotations that operands read.
    pub columns: Vec<(Input, i32)>,
    scalars: Vec<Scalar>,
}

impl Code {
    /// Compiles `Σ y^weight · constraint`, from an empty graph.
    pub(super) fn new(mut graph: Graph, spec: &AirSpec, constraints: &[(usize, &Expr)]) -> Self {
        let root = graph.combine(spec, constraints);
        Self::emit(graph, root)
    }

    /// Number of multiplications a row, those by constants included.
    pub fn multiplications(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step.op, Op::Mul | Op::Square)).count()
    }

    /// The columns that are read.
    pub fn inputs(&self) -> BTreeSet<Input> {
        self.columns.iter().map(|(input, _)| *input).collect()
    }

    fn emit(graph: Graph, root: Id) -> Self {
        let Graph { nodes, scalars, .. } = graph;
        let mut uses = vec![0u32; nodes.len()];
        let mut order = Vec::new();
        visit(&nodes, root, &mut uses, &mut order);
        let mut code = Self { steps: Vec::new(), result: Arg::Scalar(0), registers: 0, columns: Vec::new(), scalars };
        let mut places: Vec<Option<Arg>> = vec![None; nodes.len()];
        let mut free: Vec<u16> = Vec::new();
        for id in order {
            let (op, a, b) = match nodes[id] {
                Node::Scalar(place) => {
                    places[id] = Some(Arg::Scalar(place as u16));
                    continue;
                }
                Node::Column(input, rotation) => {
                    places[id] = Some(Arg::Column(code.columns.len() as u16));
                    code.columns.push((input, rotation));
                    continue;
                }
                Node::Add(a, b) => (Op::Add, a, Some(b)),
                Node::Shift(a, shift, b) => (Op::Shift(shift), a, Some(b)),
                Node::Sub(a, b) => (Op::Sub, a, Some(b)),
                Node::Mul(a, b) if a == b => (Op::Square, a, Some(b)),
                Node::Mul(a, b) => (Op::Mul, a, Some(b)),
                Node::Scale(a, _) => (Op::Mul, a, None),
            };
            let place = |id: Id| places[id].expect("operands come first");
            let (left, right) = match nodes[id] {
                Node::Scale(a, scalar) => (place(a), Arg::Scalar(scalar as u16)),
                _ => (place(a), b.map_or(Arg::Scalar(0), place)),
            };
            // Before its operands' registers are free: a result is never written over them.
            let to = free.pop().unwrap_or_else(|| {
                code.registers += 1;
                (code.registers - 1) as u16
            });
            for operand in [Some(a), b].into_iter().flatten() {
                uses[operand] -= 1;
                if let (0, Some(Arg::Register(register))) = (uses[operand], places[operand]) {
                    free.push(register);
                }
            }
            places[id] = Some(Arg::Register(to));
            code.steps.push(Step { op, to, a: left, b: right });
        }
        code.result = places[root].expect("the root was visited");
        code
    }

    /// Values of the scalars: `weights[i]` is y^i, times what the result is to be multiplied with.
    pub fn scalars(&self, weights: &[F], challenges: &[F]) -> Vec<F> {
        let value = |scalar: &Scalar| {
            let weight = scalar.weight.map_or(F::ONE, |place| weights[place]);
            scalar.constant * weight * scalar.challenge.map_or(F::ONE, |place| challenges[place])
        };
        self.scalars.iter().map(value).collect()
    }

    /// Of which constraint a scalar holds the weight, counted from the last one, and of which column of challenges it holds the challenge.
    pub fn origin(&self, scalar: u16) -> (Option<usize>, Option<usize>) {
        let scalar = &self.scalars[usize::from(scalar)];
        (scalar.weight, scalar.challenge)
    }

    /// The code over the rows of a coset; `column` gives its inputs there.
    pub(super) fn over<'a>(&'a self, scalars: &'a [F], column: impl Fn(Input) -> &'a Evals) -> Run<'a> {
        let columns = self.columns.iter().map(|&(input, rotation)| (column(input), rotation)).collect();
        Run { code: self, scalars, columns }
    }
}

/// How many registers the operands of each node need if no value were used twice (Sethi and Ullman, 1970).
fn needs(nodes: &[Node]) -> Vec<u32> {
    let mut needs: Vec<u32> = Vec::with_capacity(nodes.len());
    for node in nodes {
        let need = match *node {
            Node::Scalar(_) | Node::Column(..) => 0,
            Node::Scale(a, _) => needs[a].max(1),
            Node::Add(a, b) | Node::Shift(a, _, b) | Node::Sub(a, b) | Node::Mul(a, b) if needs[a] == needs[b] && a != b => {
                needs[a] + 1
            }
            Node::Add(a, b) | Node::Shift(a, _, b) | Node::Sub(a, b) | Node::Mul(a, b) => needs[a].max(needs[b]).max(1),
        };
        needs.push(need);
    }
    needs
}

/// Depth first, operands before what uses them, of two the one that needs more registers first; counts uses. Without recursion: sums can be long.
fn visit(nodes: &[Node], root: Id, uses: &mut [u32], order: &mut Vec<Id>) {
    let needs = needs(nodes);
    let mut seen = vec![false; nodes.len()];
    let mut stack = vec![(root, false)];
    uses[root] += 1;
    while let Some((id, ready)) = stack.pop() {
        if ready {
            order.push(id);
            continue;
        }
        if std::mem::replace(&mut seen[id], true) {
            continue;
        }
        stack.push((id, true));
        let operands = match nodes[id] {
            Node::Scalar(_) | Node::Column(..) => [None, None],
            Node::Scale(a, _) => [Some(a), None],
            Node::Add(a, b) | Node::Shift(a, _, b) | Node::Sub(a, b) | Node::Mul(a, b) if needs[a] < needs[b] => {
                [Some(a), Some(b)]
            }
            Node::Add(a, b) | Node::Shift(a, _, b) | Node::Sub(a, b) | Node::Mul(a, b) => [Some(b), Some(a)],
        };
        for operand in operands.into_iter().flatten() {
            uses[operand] += 1;
            stack.push((operand, false));
        }
    }
}

/// [`Code`] with its inputs on one coset.
#[derive(Debug)]
pub(super) struct Run<'a> {
    code: &'a Code,
    scalars: &'a [F],
    columns: Vec<(&'a Evals, i32)>,
}

impl RowTask for Run<'_> {
    #[inline(always)]
    fn run<L: Lanes<Field = F>>(&self, first: usize, out: &mut [L::Block]) {
        let mut scalars = Vec::with_capacity(self.scalars.len());
        for scalar in self.scalars {
            scalars.push(L::splat(*scalar).to_block());
        }
        let zero = L::zero().to_block();
        let mut registers = vec![vec![zero; BLOCK]; self.code.registers];
        let (mut left, mut right) = (zero, zero);
        let mut start = first;
        for out in out.chunks_mut(BLOCK) {
            for step in &self.code.steps {
                // Operands are in other registers.
                let mut results = std::mem::take(&mut registers[step.to as usize]);
                for (place, to) in results.iter_mut().enumerate().take(out.len()) {
                    let a = self.fetch::<L>(step.a, &registers, &scalars, place, start + place, &mut left);
                    let b = self.fetch::<L>(step.b, &registers, &scalars, place, start + place, &mut right);
                    match step.op {
                        Op::Add => L::add_blocks(to, a, b),
                        Op::Sub => L::sub_blocks(to, a, b),
                        Op::Mul => L::mul_blocks(to, a, b),
                        Op::Square => L::square_block(to, a),
                        Op::Shift(shift) => L::shift_blocks(to, a, shift, b),
                    }
                }
                registers[step.to as usize] = results;
            }
            for (place, to) in out.iter_mut().enumerate() {
                *to = *self.fetch::<L>(self.code.result, &registers, &scalars, place, start + place, &mut left);
            }
            start += out.len();
        }
    }
}

impl Run<'_> {
    /// An operand where it lies; `room` is for one that does not lie anywhere.
    #[inline(always)]
    fn fetch<'a, L: Lanes<Field = F>>(
        &'a self,
        arg: Arg,
        registers: &'a [Vec<L::Block>],
        scalars: &'a [L::Block],
        place: usize,
        vector: usize,
        room: &'a mut L::Block,
    ) -> &'a L::Block {
        match arg {
            Arg::Register(register) => &registers[register as usize][place],
            Arg::Scalar(scalar) => &scalars[scalar as usize],
            Arg::Column(column) => {
                let (evals, rotation) = self.columns[column as usize];
                evals.block::<L>(vector, rotation, room)
            }
        }
    }
}
