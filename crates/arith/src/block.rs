//! Points of many places in columns of vectors, and rounds of additions and doublings that share an inversion.

use ff::{Field, WithSmallOrderMulGroup};
use pasta_curves::{EqAffine, Fq};

use crate::{
    LANES, Lanes,
    affine::{Degenerate, invert_lanes},
    lanes::{each, work},
};

/// Columns of coordinates of a point, by number, and whether it is meant negatively.
#[derive(Clone, Copy)]
pub(crate) struct Operand {
    pub(crate) x: usize,
    pub(crate) y: usize,
    pub(crate) negative: bool,
}

/// Work of a round; the work of a round shares inversions.
pub(crate) enum Job {
    Add(Operand, Operand, Operand),
    Double(Operand, Operand),
}

/// Coordinates of all points that a block works on, in columns of vectors.
pub(crate) struct Block<L: Lanes<Field = Fq>> {
    places: usize,
    pub(crate) vectors: usize,
    zero: L::Block,
    pub(crate) columns: Vec<L::Block>,
    differences: Vec<(L::Block, L::Block)>,
}

impl<L: Lanes<Field = Fq>> Block<L> {
    pub(crate) fn new(places: usize) -> Self {
        Self {
            places,
            vectors: places.div_ceil(LANES),
            zero: L::enter(Zero::<L>::new()),
            columns: Vec::new(),
            differences: Vec::new(),
        }
    }

    /// Makes room for a column.
    fn column(&mut self) -> usize {
        let number = self.columns.len() / self.vectors;
        self.columns.resize(self.columns.len() + self.vectors, self.zero);
        number
    }

    pub(crate) fn point(&mut self) -> Operand {
        Operand { x: self.column(), y: self.column(), negative: false }
    }

    /// Writes the points of all places.
    pub(crate) fn fill(&mut self, point: Operand, coordinates: &[(Fq, Fq)]) {
        L::enter(Fill::<L>::new(self, point, coordinates));
    }

    /// Reads them.
    pub(crate) fn unload(&self, point: Operand) -> Vec<EqAffine> {
        let mut points = L::enter(Unload::<L>::new(self, point));
        points.truncate(self.places);
        points
    }

    /// Writes abscissas times ζ to a new column.
    pub(crate) fn turn(&mut self, from: usize) -> usize {
        let to = self.column();
        L::enter(Turn::<L>::new(self, from, to));
        to
    }

    /// Does all jobs with one inversion. No job reads what another of them writes.
    pub(crate) fn round(&mut self, jobs: &[Job]) -> Result<(), Degenerate> {
        L::enter(Round::<L>::new(self, jobs))
    }

    #[inline(always)]
    pub(crate) fn load(&self, point: Operand, vector: usize) -> (L, L) {
        let x = L::from_block(&self.columns[point.x * self.vectors + vector]);
        let y = L::from_block(&self.columns[point.y * self.vectors + vector]);
        (x, if point.negative { y.neg() } else { y })
    }

    /// What a job inverts.
    #[inline(always)]
    fn denominator(&self, job: &Job, vector: usize) -> L {
        let at = |column: usize| &self.columns[column * self.vectors + vector];
        match job {
            Job::Add(a, b, _) => L::from_block(at(b.x)).sub(L::from_block(at(a.x))),
            Job::Double(a, _) => L::from_block(at(a.y)).double(),
        }
    }
}

work!(pub(crate) Zero<L: Fq> {} -> L::Block { L::zero().to_block() });

work!(
    /// Abscissas times ζ.
    Turn<'a, L: Fq> { block: &'a mut Block<L>, from: usize, to: usize } -> () {
        let zeta = L::splat(Fq::ZETA);
        for vector in 0..block.vectors {
            let x = L::from_block(&block.columns[from * block.vectors + vector]);
            block.columns[to * block.vectors + vector] = x.mul(zeta).to_block();
        }
    }
);

work!(
    /// Coordinates into columns; the last vector is filled up.
    Fill<'a, L: Fq> { block: &'a mut Block<L>, point: Operand, coordinates: &'a [(Fq, Fq)] } -> () {
        for (vector, chunk) in coordinates.chunks(LANES).enumerate() {
            let last = chunk.len() - 1;
            let x = L::from_array(each!(lane => chunk[last.min(lane)].0));
            let y = L::from_array(each!(lane => chunk[last.min(lane)].1));
            block.columns[point.x * block.vectors + vector] = x.to_block();
            block.columns[point.y * block.vectors + vector] = y.to_block();
        }
    }
);

work!(
    /// Points out of columns.
    Unload<'a, L: Fq> { block: &'a Block<L>, point: Operand } -> Vec<EqAffine> {
        let mut out = Vec::with_capacity(block.vectors * LANES);
        for vector in 0..block.vectors {
            let (x, y) = block.load(point, vector);
            let (x, y) = (x.to_array(), y.to_array());
            out.extend(each!(lane => EqAffine::from_xy_unchecked(x[lane], y[lane])));
        }
        out
    }
);

work!(
    /// Does all jobs with one inversion.
    Round<'a, L: Fq> { block: &'a mut Block<L>, jobs: &'a [Job] } -> Result<(), Degenerate> {
        if jobs.is_empty() {
            return Ok(());
        }
        block.differences.clear();
        let mut chains = [L::splat(Fq::ONE); 2];
        for job in jobs {
            for vector in 0..block.vectors {
                let difference = block.denominator(job, vector);
                let [chain, other] = chains;
                block.differences.push((difference.to_block(), chain.to_block()));
                chains = [other, chain.mul(difference)];
            }
        }
        let inverse = invert_lanes(chains[0].mul(chains[1]))?;
        chains = [inverse.mul(chains[1]), inverse.mul(chains[0])];
        let mut at = block.differences.len();
        for job in jobs.iter().rev() {
            for vector in (0..block.vectors).rev() {
                at -= 1;
                let (difference, before) = &block.differences[at];
                let [other, chain] = chains;
                let inverse = chain.mul(L::from_block(before));
                chains = [chain.mul(L::from_block(difference)), other];
                let (x1, y1, x2, slope, out) = match job {
                    Job::Add(a, b, out) => {
                        let ((x1, y1), (x2, y2)) = (block.load(*a, vector), block.load(*b, vector));
                        (x1, y1, x2, y2.sub(y1), out)
                    }
                    // The sign of the point is the sign of its double: `Block::run` carries it along.
                    Job::Double(a, out) => {
                        let (x, y) = block.load(Operand { negative: false, ..*a }, vector);
                        let square = x.square();
                        (x, y, x, square.double().add(square), out)
                    }
                };
                let slope = slope.mul(inverse);
                let x3 = slope.square().sub(x1).sub(x2);
                let y3 = slope.mul(x1.sub(x3)).sub(y1);
                block.columns[out.x * block.vectors + vector] = x3.to_block();
                block.columns[out.y * block.vectors + vector] = y3.to_block();
            }
        }
        Ok(())
    }
);
