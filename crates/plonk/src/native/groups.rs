//! Constraints by degree: each is evaluated on as many cosets as its quotient has pieces.

use std::collections::BTreeMap;

use quintet_air::{AirSpec, Expr};
use quintet_arith::Path;

use super::{
    code::Code,
    graph::Graph,
    size::{COSETS, MAX_LOG},
};

/// Constraints whose quotient has less than `n · 2^log` coefficients, so that as many cosets determine it. Their code has no [shifts](super::code::Op::Shift).
#[derive(Debug)]
pub struct Group {
    /// Log₂ of the number of cosets.
    pub log: u32,
    /// Their weighted sum, compiled.
    pub code: Code,
}

impl Group {
    /// The constraints of an AIR.
    pub fn all(spec: &AirSpec) -> Vec<Self> {
        let mut by_log: BTreeMap<u32, Vec<_>> = BTreeMap::new();
        for (cosets, constraints) in by_cosets(spec) {
            by_log.entry(cosets.next_power_of_two().trailing_zeros()).or_default().extend(constraints);
        }
        by_log
            .into_iter()
            .map(|(log, constraints)| Self { log, code: Code::new(Graph::default(), spec, &constraints) })
            .collect()
    }

    /// Whether the group is evaluated on a coset of the finest set.
    pub fn covers(&self, coset: usize) -> bool {
        coset.is_multiple_of(1 << (MAX_LOG - self.log))
    }
}

/// Constraints of one degree, whose quotient has less than `n · cosets` coefficients.
#[derive(Debug)]
pub(super) struct Part {
    /// On how many cosets they are evaluated, from the first on.
    pub cosets: usize,
    /// Their weighted sum, compiled.
    pub code: Code,
}

impl Part {
    /// The constraints of an AIR.
    pub(super) fn all(spec: &AirSpec, path: Path) -> Vec<Self> {
        let graph = || if path == Path::Portable { Graph::with_shifts() } else { Graph::default() };
        let compile = |(cosets, constraints): (usize, Vec<_>)| Self { cosets, code: Code::new(graph(), spec, &constraints) };
        by_cosets(spec).into_iter().map(compile).collect()
    }
}

/// The constraints of an AIR with their exponents of y, by the number of cosets that their quotients need.
fn by_cosets(spec: &AirSpec) -> BTreeMap<usize, Vec<(usize, &Expr)>> {
    let count = spec.constraints.len();
    let mut by_cosets: BTreeMap<usize, Vec<_>> = BTreeMap::new();
    for (place, constraint) in spec.constraints.iter().enumerate() {
        // Upstream folds constraints by Horner's rule: the first has the highest power of y. A constraint of degree 1 that holds on all rows is 0.
        let (weight, degree) = (count - 1 - place, constraint.expr.degree());
        if degree > 1 {
            by_cosets.entry((degree - 1).min(COSETS)).or_default().push((weight, &constraint.expr));
        }
    }
    by_cosets
}
