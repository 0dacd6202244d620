//! Linear combinations of generators with the same scalars everywhere, for many places at once.
//!
//! Place i of the result is `Σ_b c_b·g_{i + b·m}`: one double-and-add over all terms, whose scalars are halved by the endomorphism and written
//! as sparse digits. All places do the same, so they lie in lanes, and inversions are shared by the places of a block.

use ff::{Field, WithSmallOrderMulGroup};
use pasta_curves::{EqAffine, Fp, Fq, arithmetic::CurveAffine};
use rayon::prelude::*;

use crate::{
    LANES, Lanes,
    affine::{Degenerate, invert_lanes},
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

/// Columns of coordinates of a point, by number, and whether it is meant negatively.
#[derive(Clone, Copy)]
struct Operand {
    x: usize,
    y: usize,
    negative: bool,
}

/// Work of a round; the work of a round shares inversions.
enum Job {
    Add(Operand, Operand, Operand),
    Double(Operand, Operand),
}

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
            Block::<L>::new(to - from).run(&columns, &terms)
        })
        .collect();
    Ok(blocks?.concat())
}

/// Coordinates of all points that a block works on, in columns of vectors.
struct Block<L: Lanes<Field = Fq>> {
    places: usize,
    vectors: usize,
    columns: Vec<L::Block>,
    differences: Vec<(L::Block, L::Block)>,
}

impl<L: Lanes<Field = Fq>> Block<L> {
    fn new(places: usize) -> Self {
        Self { places, vectors: places.div_ceil(LANES), columns: Vec::new(), differences: Vec::new() }
    }

    /// Makes room for a column.
    fn column(&mut self) -> usize {
        let number = self.columns.len() / self.vectors;
        let zero = L::enter(|| L::zero().to_block());
        self.columns.resize(self.columns.len() + self.vectors, zero);
        number
    }

    fn point(&mut self) -> Operand {
        Operand { x: self.column(), y: self.column(), negative: false }
    }

    fn run(mut self, g: &[&[EqAffine]], terms: &[Term]) -> Result<Vec<EqAffine>, Degenerate> {
        let table = self.table(g, terms)?;
        let scratch: Vec<Operand> = (0..2 * SCRATCH).map(|_| self.point()).collect();
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
                L::enter(|| self.round(&jobs))?;
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
        let mut out = Vec::with_capacity(self.vectors * LANES);
        L::enter(|| {
            for vector in 0..self.vectors {
                let (x, y) = self.load(sum, vector);
                let points = x.to_array().into_iter().zip(y.to_array());
                out.extend(points.map(|(x, y)| EqAffine::from_xy_unchecked(x, y)));
            }
        });
        out.truncate(self.places);
        Ok(out)
    }

    /// Odd multiples of the points of each term.
    fn table(&mut self, g: &[&[EqAffine]], terms: &[Term]) -> Result<Vec<[Operand; MULTIPLES]>, Degenerate> {
        let mut first = Vec::with_capacity(g.len());
        for column in g {
            let point = self.point();
            first.push(point);
            let mut coordinates = Vec::with_capacity(column.len());
            for point in *column {
                // The identity has none.
                let point = point.coordinates().into_option().ok_or(Degenerate)?;
                coordinates.push((*point.x(), *point.y()));
            }
            L::enter(|| {
                for (vector, chunk) in coordinates.chunks(LANES).enumerate() {
                    let at = |lane: usize| chunk[lane.min(chunk.len() - 1)];
                    self.columns[point.x * self.vectors + vector] =
                        L::from_array(std::array::from_fn(|lane| at(lane).0)).to_block();
                    self.columns[point.y * self.vectors + vector] =
                        L::from_array(std::array::from_fn(|lane| at(lane).1)).to_block();
                }
            });
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
            twice[generator] = self.point();
            jobs.push(Job::Double(first[generator], twice[generator]));
        }
        L::enter(|| self.round(&jobs))?;
        for multiple in 1..MULTIPLES {
            jobs.clear();
            for generator in (0..g.len()).filter(|&generator| wide[generator]) {
                multiples[generator][multiple] = self.point();
                jobs.push(Job::Add(multiples[generator][multiple - 1], twice[generator], multiples[generator][multiple]));
            }
            L::enter(|| self.round(&jobs))?;
        }
        let mut table = Vec::with_capacity(terms.len());
        for term in terms {
            let mut own = multiples[term.generator];
            if term.endomorphism {
                let kinds = if wide[term.generator] { MULTIPLES } else { 1 };
                for multiple in &mut own[..kinds] {
                    let turned = self.column();
                    L::enter(|| self.turn(multiple.x, turned));
                    multiple.x = turned;
                }
            }
            table.push(own);
        }
        Ok(table)
    }

    /// Abscissas times ζ.
    #[inline(always)]
    fn turn(&mut self, from: usize, to: usize) {
        let zeta = L::splat(Fq::ZETA);
        for vector in 0..self.vectors {
            let x = L::from_block(&self.columns[from * self.vectors + vector]);
            self.columns[to * self.vectors + vector] = x.mul(zeta).to_block();
        }
    }

    #[inline(always)]
    fn load(&self, point: Operand, vector: usize) -> (L, L) {
        let x = L::from_block(&self.columns[point.x * self.vectors + vector]);
        let y = L::from_block(&self.columns[point.y * self.vectors + vector]);
        (x, if point.negative { y.neg() } else { y })
    }

    #[inline(always)]
    fn round(&mut self, jobs: &[Job]) -> Result<(), Degenerate> {
        if jobs.is_empty() {
            return Ok(());
        }
        self.differences.clear();
        let mut chains = [L::splat(Fq::ONE); 2];
        for job in jobs {
            for vector in 0..self.vectors {
                let difference = match job {
                    Job::Add(a, b, _) => {
                        let x = |point: &Operand| L::from_block(&self.columns[point.x * self.vectors + vector]);
                        x(b).sub(x(a))
                    }
                    Job::Double(a, _) => L::from_block(&self.columns[a.y * self.vectors + vector]).double(),
                };
                let chain = &mut chains[vector % 2];
                self.differences.push((difference.to_block(), chain.to_block()));
                *chain = chain.mul(difference);
            }
        }
        let inverse = invert_lanes(chains[0].mul(chains[1]))?;
        let mut chains = [inverse.mul(chains[1]), inverse.mul(chains[0])];
        let mut at = self.differences.len();
        for job in jobs.iter().rev() {
            for vector in (0..self.vectors).rev() {
                at -= 1;
                let (difference, before) = &self.differences[at];
                let chain = &mut chains[vector % 2];
                let inverse = chain.mul(L::from_block(before));
                *chain = chain.mul(L::from_block(difference));
                let (x1, y1, x2, slope, out) = match job {
                    Job::Add(a, b, out) => {
                        let ((x1, y1), (x2, y2)) = (self.load(*a, vector), self.load(*b, vector));
                        (x1, y1, x2, y2.sub(y1), out)
                    }
                    // The sign of the point is the sign of its double: `run` carries it along.
                    Job::Double(a, out) => {
                        let (x, y) = self.load(Operand { negative: false, ..*a }, vector);
                        let square = x.square();
                        (x, y, x, square.double().add(square), out)
                    }
                };
                let slope = slope.mul(inverse);
                let x3 = slope.square().sub(x1).sub(x2);
                let y3 = slope.mul(x1.sub(x3)).sub(y1);
                self.columns[out.x * self.vectors + vector] = x3.to_block();
                self.columns[out.y * self.vectors + vector] = y3.to_block();
            }
        }
        Ok(())
    }
}

/// Weights of the parts of generators that several challenges make: the first challenge belongs to the highest bit of the part's number.
pub(crate) fn weights(challenges: &[Fp]) -> Vec<Fp> {
    challenges.iter().fold(vec![Fp::ONE], |weights, u| weights.iter().flat_map(|weight| [*weight, weight * u]).collect())
}
