//! Linear combinations of generators with the same scalars everywhere, for many places at once.
//!
//! Place i of the result is `Σ_b c_b·g_{i + b·m}`: one double-and-add over all terms, whose scalars are halved by the endomorphism and written
//! as sparse digits. All places do the same, so they lie in lanes, and inversions are shared by the places of a block.

use ff::Field;
use pasta_curves::{EqAffine, Fp, Fq, arithmetic::CurveAffine};
use rayon::prelude::*;

use crate::{
    LANES, Lanes,
    affine::Degenerate,
    block::{Block, Job, Operand},
    glv,
};

/// Vectors of places that are computed together.
const BLOCK: usize = 128;
/// Width of sparse digits.
const WIDTH: u32 = 4;
/// Odd multiples of a point: 1, 3, … below `2^(WIDTH − 1)`.
const MULTIPLES: usize = 1 << (WIDTH - 2);
/// Points that one digit place works on at most: 16 terms, the sum so far, and their sums.
const SCRATCH: usize = 24;

/// One term: digits of its scalar, and a place in the table.
struct Term {
    digits: Vec<i8>,
    generator: usize,
    endomorphism: bool,
}

/// `Σ_b weights_b · g_{i + b·m}` for i below `m = g.len() / weights.len()`. At most 8 weights.
pub(crate) fn combine<L: Lanes<Field = Fq>>(g: &[EqAffine], weights: &[Fp]) -> Result<Vec<EqAffine>, Degenerate> {
    let m = g.len() / weights.len();
    let mut terms = Vec::new();
    for (generator, weight) in weights.iter().enumerate() {
        for (half, endomorphism) in glv::split(weight).into_iter().zip([false, true]) {
            let digits = glv::sparse_digits(half, WIDTH);
            if !digits.is_empty() {
                terms.push(Term { digits, generator, endomorphism });
            }
        }
    }
    if terms.is_empty() {
        return Err(Degenerate);
    }
    let threads = rayon::current_num_threads();
    let step = (m.div_ceil(LANES).div_ceil(threads).clamp(1, BLOCK)) * LANES;
    let blocks: Result<Vec<Vec<EqAffine>>, Degenerate> = (0..m.div_ceil(step))
        .into_par_iter()
        .map(|block| {
            let (from, to) = (block * step, m.min((block + 1) * step));
            let columns: Vec<&[EqAffine]> = g.chunks_exact(m).map(|column| &column[from..to]).collect();
            run(Block::<L>::new(to - from), &columns, &terms)
        })
        .collect();
    Ok(blocks?.concat())
}

fn run<L: Lanes<Field = Fq>>(mut block: Block<L>, g: &[&[EqAffine]], terms: &[Term]) -> Result<Vec<EqAffine>, Degenerate> {
    let table = table(&mut block, g, terms)?;
    let scratch: Vec<Operand> = (0..2 * SCRATCH).map(|_| block.point()).collect();
    let longest = terms.iter().map(|term| term.digits.len()).max().unwrap_or(0);
    let mut sum: Option<Operand> = None;
    let mut jobs = Vec::new();
    for place in (0..longest).rev() {
        // The sum so far is in the other half.
        let mut free = scratch[place % 2 * SCRATCH..][..SCRATCH].iter().copied();
        let mut fresh = || free.next().ok_or(Degenerate);
        let mut summands = Vec::new();
        for (term, multiples) in terms.iter().zip(&table) {
            let digit = term.digits.get(place).copied().unwrap_or(0);
            if digit != 0 {
                let multiple = multiples[usize::from(digit.unsigned_abs()) / 2];
                summands.push(Operand { negative: digit < 0, ..multiple });
            }
        }
        let mut doubled = None;
        if let Some(sum) = sum {
            let out = fresh()?;
            jobs.push(Job::Double(sum, out));
            doubled = Some(Operand { negative: sum.negative, ..out });
        }
        loop {
            let mut sums = Vec::new();
            for pair in summands.chunks(2) {
                if let [a, b] = pair {
                    let out = fresh()?;
                    jobs.push(Job::Add(*a, *b, out));
                    sums.push(out);
                } else {
                    sums.extend(pair);
                }
            }
            block.round(&jobs)?;
            jobs.clear();
            sums.extend(doubled.take());
            summands = sums;
            if summands.len() <= 1 {
                break;
            }
        }
        sum = summands.pop();
    }
    let sum = sum.ok_or(Degenerate)?;
    Ok(block.unload(sum))
}

/// Odd multiples of the points of each term.
fn table<L: Lanes<Field = Fq>>(
    block: &mut Block<L>,
    g: &[&[EqAffine]],
    terms: &[Term],
) -> Result<Vec<[Operand; MULTIPLES]>, Degenerate> {
    let mut first = Vec::with_capacity(g.len());
    for column in g {
        let point = block.point();
        first.push(point);
        let mut coordinates = Vec::with_capacity(column.len());
        for point in *column {
            // The identity has none.
            let point = point.coordinates().into_option().ok_or(Degenerate)?;
            coordinates.push((*point.x(), *point.y()));
        }
        block.fill(point, &coordinates);
    }
    // Terms whose digits are all ±1 need no other multiples.
    let wide: Vec<bool> = (0..g.len())
        .map(|generator| {
            let mut own = terms.iter().filter(|term| term.generator == generator);
            own.any(|term| term.digits.iter().any(|digit| digit.unsigned_abs() > 1))
        })
        .collect();
    let mut multiples: Vec<[Operand; MULTIPLES]> = first.iter().map(|point| [*point; MULTIPLES]).collect();
    let mut twice = first.clone();
    let mut jobs = Vec::new();
    for generator in (0..g.len()).filter(|&generator| wide[generator]) {
        twice[generator] = block.point();
        jobs.push(Job::Double(first[generator], twice[generator]));
    }
    block.round(&jobs)?;
    for multiple in 1..MULTIPLES {
        jobs.clear();
        for generator in (0..g.len()).filter(|&generator| wide[generator]) {
            multiples[generator][multiple] = block.point();
            jobs.push(Job::Add(multiples[generator][multiple - 1], twice[generator], multiples[generator][multiple]));
        }
        block.round(&jobs)?;
    }
    let mut table = Vec::with_capacity(terms.len());
    for term in terms {
        let mut own = multiples[term.generator];
        if term.endomorphism {
            let kinds = if wide[term.generator] { MULTIPLES } else { 1 };
            for multiple in &mut own[..kinds] {
                multiple.x = block.turn(multiple.x);
            }
        }
        table.push(own);
    }
    Ok(table)
}

/// Weights of the parts of generators that several challenges make: the first challenge belongs to the highest bit of the part's number.
pub(crate) fn weights(challenges: &[Fp]) -> Vec<Fp> {
    challenges.iter().fold(vec![Fp::ONE], |weights, u| weights.iter().flat_map(|weight| [*weight, weight * u]).collect())
}
