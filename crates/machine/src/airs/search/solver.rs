//! The search: assigns what is forced, branches on what is not, and completes what does not matter in several ways.
//!
//! A node is a partial assignment of the cells. An equation that is affine in one unknown gives its value; one in several
//! bounded unknowns with powers of two as coefficients gives all their values as digits of one number; two may give a quotient and a remainder.
//! When nothing is forced, the search branches: on a boolean, on the rows of a table, on the factors of a product. Every step keeps all solutions,
//! so that what is found is all there is.

use std::collections::{BTreeSet, VecDeque};

use ff::{Field, FromUniformBytes, PrimeField};
use quintet_air::{Cell, Expr, F, Node};

use super::{
    Limit, System,
    affine::{Affine, Equation, Lookup, affine, digit, fits, places},
    euclid::{Division, divide},
};

/// The search does not know how to go on: the unknowns of the equations that are left.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::airs) struct Stuck(pub(in crate::airs) Vec<Vec<String>>);

/// A partial assignment, and what is left to be satisfied.
#[derive(Clone)]
struct State {
    cells: Vec<Option<F>>,
    equations: Vec<Equation>,
    lookups: Vec<Lookup>,
    /// Equations that an unbounded cell of their own satisfies whatever the others are: they say nothing about those.
    deferred: Vec<(usize, Equation)>,
}

enum Step {
    Done,
    Waiting,
    Contradiction,
}

struct Search<'a> {
    system: &'a System<'a>,
    constraints: Vec<(String, Expr)>,
    /// If something else is found, the search is over.
    expected: Option<&'a [Vec<F>]>,
    nodes: usize,
    found: BTreeSet<Vec<[u8; 32]>>,
}

/// Nodes, times unknowns of each, after which a search counts as stuck. Honest rows take some hundred nodes at most.
const MAX_WORK: usize = 1 << 20;

/// Everything that the rows of a system can say; with `expected`, only until something else is found.
pub(super) fn answers(system: &System<'_>, expected: Option<&[Vec<F>]>) -> Result<Vec<Vec<F>>, Stuck> {
    let mut search = Search { system, constraints: system.constraints(), expected, nodes: 0, found: BTreeSet::new() };
    let (equations, lookups) = (system.equations.clone(), system.lookups.clone());
    search.go(State { cells: system.cells.clone(), equations, lookups, deferred: Vec::new() })?;
    let element = |bytes: &[u8; 32]| F::from_repr(*bytes).expect("made from an element");
    Ok(search.found.iter().map(|said| said.iter().map(element).collect()).collect())
}

impl Search<'_> {
    fn limit(&self, cell: usize) -> Option<Limit> {
        self.system.limits[cell]
    }

    fn go(&mut self, mut state: State) -> Result<(), Stuck> {
        self.nodes += 1;
        if self.nodes * state.cells.len() > MAX_WORK {
            return Err(Stuck(self.names(&state)));
        }
        loop {
            if !self.propagate(&mut state) {
                return Ok(());
            }
            if !self.defer(&mut state) {
                break;
            }
        }
        if state.equations.is_empty() && state.lookups.is_empty() {
            return self.complete(&state);
        }
        if let Some(cell) = self.boolean(&state) {
            for value in [F::ZERO, F::ONE] {
                let mut next = state.clone();
                next.cells[cell] = Some(value);
                self.go(next)?;
            }
        } else if let Some(lookup) = state.lookups.pop() {
            for row in lookup.rows.iter() {
                let mut next = state.clone();
                next.equations.extend(lookup.equations(row));
                self.go(next)?;
            }
        } else if let Some((place, factors)) =
            state.equations.iter().enumerate().find_map(|(place, of)| Some((place, of.factors()?)))
        {
            state.equations.swap_remove(place);
            for factor in factors {
                let mut next = state.clone();
                next.equations.push(Equation::new(factor));
                self.go(next)?;
            }
        } else {
            match divide(&state.equations, &state.cells, &|cell| self.limit(cell).map(|limit| limit.bits)) {
                Some(Division::Unique(sums)) => {
                    let term = |(cell, slope): (usize, F)| Expr::new(Node::Cell(Cell::Advice(cell, 0))).scale(slope);
                    let sums = sums.map(|(terms, value)| Equation::new(Expr::sum(terms.into_iter().map(term)) - value));
                    state.equations.extend(sums);
                    self.go(state)?;
                }
                Some(Division::Impossible) => {}
                None => return Err(Stuck(self.names(&state))),
            }
        }
        Ok(())
    }

    /// An unknown boolean that something still depends on.
    fn boolean(&self, state: &State) -> Option<usize> {
        let parts = state.lookups.iter().flat_map(|lookup| lookup.parts.iter().flatten());
        let cells = state.equations.iter().chain(parts).flat_map(|equation| &equation.columns);
        let open = |cell: &&usize| state.cells[**cell].is_none() && self.limit(**cell) == Some(Limit::bits(1));
        cells.filter(open).min().copied()
    }

    fn names(&self, state: &State) -> Vec<Vec<String>> {
        let spec = self.system.spec;
        let name = |cell: &usize| {
            format!("{} at row {}", spec.columns[cell % spec.phase_one].name, self.system.rows.start + cell / spec.phase_one)
        };
        let unknown =
            |equation: &Equation| equation.columns.iter().filter(|cell| state.cells[**cell].is_none()).map(name).collect();
        state.equations.iter().map(unknown).collect()
    }

    /// Assigns all that is forced; false if there is a contradiction.
    fn propagate(&self, state: &mut State) -> bool {
        loop {
            let mut progress = false;
            let mut left = VecDeque::new();
            for mut equation in state.equations.drain(..) {
                let unknown = equation.unknown(&state.cells);
                if unknown == equation.tried {
                    left.push_back(equation);
                    continue;
                }
                equation.tried = unknown;
                match self.step(&mut state.cells, &equation) {
                    Step::Contradiction => return false,
                    Step::Done => progress = true,
                    Step::Waiting => left.push_back(equation),
                }
            }
            state.equations = left.into();
            for lookup in std::mem::take(&mut state.lookups) {
                match lookup.narrow(&state.cells) {
                    None => return false,
                    Some(lookup) if lookup.rows.len() == 1 => {
                        state.equations.extend(lookup.equations(&lookup.rows[0]));
                        progress = true;
                    }
                    Some(lookup) => state.lookups.push(lookup),
                }
            }
            if !progress {
                return true;
            }
        }
    }

    fn step(&self, cells: &mut [Option<F>], equation: &Equation) -> Step {
        let Some(Affine { constant, slopes }) = affine(&equation.expr, cells) else { return Step::Waiting };
        let slopes: Vec<(usize, F)> = slopes.into_iter().collect();
        match slopes.as_slice() {
            [] if constant == F::ZERO => Step::Done,
            [] => Step::Contradiction,
            [(cell, slope)] => {
                let value = -constant * slope.invert().expect("zero slopes are left out");
                if self.limit(*cell).is_some_and(|limit| !limit.admits(value)) {
                    return Step::Contradiction;
                }
                cells[*cell] = Some(value);
                Step::Done
            }
            slopes => self.digits(cells, constant, slopes),
        }
    }

    /// `number = Σ 2^place · digit` has at most one solution if the digits do not overlap and cannot wrap around the field.
    fn digits(&self, cells: &mut [Option<F>], constant: F, slopes: &[(usize, F)]) -> Step {
        let Some(limits) = slopes.iter().map(|(cell, _)| self.limit(*cell)).collect::<Option<Vec<Limit>>>() else {
            return Step::Waiting;
        };
        let end = |places: &[u32]| places.iter().zip(&limits).map(|(place, limit)| place + limit.bits).max().unwrap_or(0);
        let units = [F::ONE, -F::ONE].into_iter().chain(slopes.iter().map(|(_, slope)| *slope));
        let mut fitting = units.filter_map(|unit| Some((unit, places(slopes, unit)?)));
        let Some((unit, places)) = fitting.find(|(_, places)| end(places) <= 253) else { return Step::Waiting };
        let top = end(&places);
        let number = -constant * unit.invert().expect("slopes are not zero");
        if !fits(number, 253.min(top + 1 + slopes.len().ilog2())) {
            // A sum of so few numbers of that size is not as large, and none is negative.
            return Step::Contradiction;
        }
        let mut digits: Vec<(u32, Limit, usize)> =
            slopes.iter().zip(&limits).zip(places).map(|(((cell, _), limit), place)| (place, *limit, *cell)).collect();
        digits.sort_unstable_by_key(|(place, ..)| *place);
        if number == F::ZERO && top + slopes.len().ilog2() < 252 {
            // Of numbers that are not negative.
            digits.iter().for_each(|(.., cell)| cells[*cell] = Some(F::ZERO));
            return Step::Done;
        }
        let apart = digits.windows(2).all(|pair| pair[0].0 + pair[0].1.bits <= pair[1].0);
        if !apart {
            return Step::Waiting;
        }
        let mut sum = F::ZERO;
        for (place, limit, cell) in digits {
            let value = digit(number, place, limit.bits);
            if !limit.admits(value) {
                return Step::Contradiction;
            }
            sum += value * F::from(2).pow_vartime([u64::from(place)]);
            cells[cell] = Some(value);
        }
        if sum == number { Step::Done } else { Step::Contradiction }
    }

    /// Puts an equation aside that is affine in an unbounded unknown which occurs nowhere else.
    fn defer(&self, state: &mut State) -> bool {
        let mut uses = vec![0u32; state.cells.len()];
        let parts = state.lookups.iter().flat_map(|lookup| lookup.parts.iter().flatten());
        for equation in state.equations.iter().chain(parts) {
            equation.columns.iter().for_each(|&cell| uses[cell] += 1);
        }
        let free = |cell: usize| state.cells[cell].is_none() && self.limit(cell).is_none() && uses[cell] == 1;
        let found = state.equations.iter().enumerate().find_map(|(place, equation)| {
            if !equation.columns.iter().any(|&cell| free(cell)) {
                return None;
            }
            let cell = affine(&equation.expr, &state.cells)?.slopes.into_keys().find(|&cell| free(cell))?;
            Some((place, cell))
        });
        let Some((place, cell)) = found else { return false };
        let equation = state.equations.swap_remove(place);
        state.deferred.push((cell, equation));
        true
    }

    /// Everything that matters is known: cells that nothing determines get several values, so that a message with such a cell in it is
    /// seen to have several.
    fn complete(&mut self, state: &State) -> Result<(), Stuck> {
        for turn in 0..3u64 {
            let mut cells = state.cells.clone();
            let own: BTreeSet<usize> = state.deferred.iter().map(|(cell, _)| *cell).collect();
            for (cell, value) in cells.iter_mut().enumerate().filter(|(cell, value)| value.is_none() && !own.contains(cell)) {
                *value = Some(match (turn, self.system.limits[cell]) {
                    (0, _) => F::ZERO,
                    (1, _) => F::ONE,
                    (_, Some(limit)) if limit.below < 1 << limit.bits => F::from(2),
                    (_, Some(limit)) => digit(mixed(cell as u64), 0, limit.bits),
                    (_, None) => mixed(cell as u64),
                });
            }
            for (cell, equation) in state.deferred.iter().rev() {
                let sum = affine(&equation.expr, &cells).expect("one unknown is left");
                let slope = sum.slopes[cell].invert().expect("zero slopes are left out");
                cells[*cell] = Some(-sum.constant * slope);
            }
            let cells: Vec<F> = cells.into_iter().map(|cell| cell.expect("all cells have values")).collect();
            self.check(&cells);
            let said = self.system.said(&cells);
            if self.expected.is_some_and(|expected| !expected.contains(&said)) {
                return Err(Stuck(Vec::new()));
            }
            self.found.insert(said.iter().map(PrimeField::to_repr).collect());
        }
        Ok(())
    }

    /// What was found is held against the constraints: a mistake of the search would show here.
    fn check(&self, cells: &[F]) {
        let load = |cell| match cell {
            Cell::Advice(cell, _) => cells[cell],
            other => unreachable!("{other:?} was placed"),
        };
        let broken = self.constraints.iter().find(|(_, expr)| expr.eval(&load) != F::ZERO);
        assert!(broken.is_none(), "the search found a row that breaks \"{}\"", broken.map_or("", |(name, _)| name));
        assert!(self.system.in_tables(cells), "the search found a row that misses a table");
    }
}

/// A field element of full size, the same in every run.
fn mixed(seed: u64) -> F {
    let mut bytes = [0; 64];
    bytes[..8].copy_from_slice(&seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    bytes[32..40].copy_from_slice(&seed.rotate_left(17).wrapping_mul(0xbf58_476d_1ce4_e5b9).to_le_bytes());
    F::from_uniform_bytes(&bytes).square()
}
