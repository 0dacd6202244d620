//! The phase-2 columns of an instance: challenge powers, LogUp helpers and the running sum.

use ff::{BatchInvert, Field};
use rayon::prelude::*;

use crate::{AirSpec, Cell, Evaluator, F, Trace, fingerprint};

/// Phase-2 columns in column order, `height + 1` values each (the end row is the last), and the instance's sum.
#[derive(Clone, Debug)]
pub struct PhaseTwoColumns {
    /// α, powers of β, helpers, running sum.
    pub columns: Vec<Vec<F>>,
    /// `S`: what the instance adds to the bus.
    pub sum: F,
}

/// Rows per unit of parallel work and per batch inversion.
const CHUNK: usize = 512;

/// Computes the phase-2 columns. A message whose fingerprint is 0 counts nothing; with a random challenge there is none.
pub fn phase_two(spec: &AirSpec, trace: &Trace, alpha: F, beta: F) -> PhaseTwoColumns {
    let height = spec.height();
    let exprs: Vec<_> = spec
        .interactions
        .iter()
        .flat_map(|interaction| std::iter::once(&interaction.multiplicity).chain(&interaction.message.parts))
        .collect();
    let evaluator = Evaluator::new(exprs.iter().copied());

    let chunks: Vec<Vec<F>> = (0..height.div_ceil(CHUNK))
        .into_par_iter()
        .map(|chunk| {
            let rows = chunk * CHUNK..height.min((chunk + 1) * CHUNK);
            helpers_of(spec, trace, &evaluator, alpha, beta, rows)
        })
        .collect();

    let mut columns = vec![vec![alpha; height + 1]];
    let powers = std::iter::successors(Some(beta), |power| Some(*power * beta));
    columns.extend(powers.take(spec.powers).map(|power| vec![power; height + 1]));
    let count = spec.helpers.len();
    for helper in 0..count {
        let mut column: Vec<F> = chunks.iter().flat_map(|chunk| chunk.iter().skip(helper).step_by(count).copied()).collect();
        column.push(F::ZERO);
        columns.push(column);
    }

    let per_row = chunks.iter().flat_map(|chunk| chunk.chunks(count).map(|row| row.iter().sum::<F>()));
    let steps: Vec<F> = if count == 0 { vec![F::ZERO; height] } else { per_row.collect() };
    let sum: F = steps.iter().sum();
    let mut left = sum;
    let mut running = Vec::with_capacity(height + 1);
    for step in steps {
        running.push(left);
        left -= step;
    }
    running.push(left);
    columns.push(running);
    PhaseTwoColumns { columns, sum }
}

/// Helper values of some rows, row-major.
fn helpers_of(spec: &AirSpec, trace: &Trace, evaluator: &Evaluator, alpha: F, beta: F, rows: std::ops::Range<usize>) -> Vec<F> {
    let (mut scratch, mut values) = (Vec::new(), Vec::new());
    let mut multiplicities = Vec::new();
    let mut inverses = Vec::new();
    for row in rows {
        let load = |cell| match cell {
            Cell::Advice(column, rotation) => trace.get(column, row.wrapping_add_signed(rotation as isize)),
            Cell::Fixed(column, rotation) => {
                spec.fixed[column].values[(row as i64 + i64::from(rotation)) as usize % spec.rows()]
            }
            Cell::Public(_) => F::ZERO,
        };
        evaluator.eval(load, &mut scratch, &mut values);
        let mut rest = values.as_slice();
        for interaction in &spec.interactions {
            let (multiplicity, tail) = rest.split_at(1);
            let (parts, tail) = tail.split_at(interaction.message.parts.len());
            rest = tail;
            multiplicities.push(multiplicity[0]);
            inverses.push(fingerprint(alpha, beta, interaction.message.tag, parts));
        }
    }
    inverses.iter_mut().batch_invert();
    let width = spec.interactions.len().max(1);
    let rows = multiplicities.chunks(width).zip(inverses.chunks(width));
    rows.flat_map(|(multiplicities, inverses)| {
        let term = move |&place: &usize| multiplicities[place] * inverses[place];
        spec.helpers.iter().map(move |helper| helper.interactions.iter().map(term).sum())
    })
    .collect()
}
