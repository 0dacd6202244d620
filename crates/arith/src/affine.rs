//! Sums of affine points, many at a time: one inversion serves a whole batch.

use ff::Field;
use pasta_curves::{
    Eq, EqAffine, Fq,
    arithmetic::{CurveAffine, VartimeField},
};

use crate::{
    LANES, Lanes,
    block::Zero,
    lanes::{PointCell, each, work},
};

/// Vectors that share an inversion.
const BATCH: usize = 256;

/// A point and its neighbour are equal or opposite, so that the formula for a sum does not hold. Between independent points this does not
/// happen; the caller falls back to projective arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Degenerate;

/// A point by its place, and in the lowest bit whether it is meant negatively.
pub(crate) type Ref = u32;

/// A reference.
#[inline(always)]
pub(crate) fn reference(place: usize, negative: bool) -> Ref {
    (place as u32) << 1 | u32::from(negative)
}

/// A point of the curve at rest. The identity must not come here.
pub(crate) fn to_cell<L: Lanes<Field = Fq>>(x: Fq, y: Fq) -> PointCell<L::Cell> {
    PointCell { x: L::to_cell(x), y: L::to_cell(y) }
}

/// [`to_cell`] of a point; nothing for the identity.
pub(crate) fn cell<L: Lanes<Field = Fq>>(point: &EqAffine) -> Option<PointCell<L::Cell>> {
    point.coordinates().into_option().map(|point| to_cell::<L>(*point.x(), *point.y()))
}

/// The point that rests there.
pub(crate) fn from_cell<L: Lanes<Field = Fq>>(point: &PointCell<L::Cell>, negative: bool) -> EqAffine {
    let (x, y) = (L::from_cell(point.x), L::from_cell(point.y));
    EqAffine::from_xy_unchecked(x, if negative { -y } else { y })
}

/// [`from_cell`], projective.
pub(crate) fn lift<L: Lanes<Field = Fq>>(point: &PointCell<L::Cell>, negative: bool) -> Eq {
    from_cell::<L>(point, negative).into()
}

/// The inverse in each lane, if no lane is 0.
#[inline(always)]
pub(crate) fn invert_lanes<L: Lanes<Field = Fq>>(lanes: L) -> Result<L, Degenerate> {
    Ok(L::from_array(invert(lanes.to_array())?))
}

/// The inverse of each, if none is 0.
pub(crate) fn invert<F: Field + VartimeField>(values: [F; LANES]) -> Result<[F; LANES], Degenerate> {
    let mut products = [F::ONE; LANES];
    let mut product = F::ONE;
    for (value, before) in values.iter().zip(&mut products) {
        *before = product;
        product *= value;
    }
    let mut inverse = product.invert_vartime().ok_or(Degenerate)?;
    for lane in (0..LANES).rev() {
        products[lane] *= inverse;
        inverse *= values[lane];
    }
    Ok(products)
}

/// Room for batches.
pub(crate) struct Adder<L: Lanes<Field = Fq>> {
    /// Differences of abscissas, and products of those before.
    room: Vec<(L::Block, L::Block)>,
}

impl<L: Lanes<Field = Fq>> Adder<L> {
    pub(crate) fn new() -> Self {
        Self { room: Vec::new() }
    }

    /// Writes the sum of each pair. Places below `bases.len()` are in `bases`, the others in `sums`, which the results are appended to.
    pub(crate) fn add(
        &mut self,
        bases: &[PointCell<L::Cell>],
        sums: &mut Vec<PointCell<L::Cell>>,
        pairs: &[(Ref, Ref)],
    ) -> Result<(), Degenerate> {
        let before = sums.len();
        sums.resize(before + pairs.len().next_multiple_of(LANES), PointCell::default());
        let (done, out) = sums.split_at_mut(before);
        for (pairs, out) in pairs.chunks(BATCH * LANES).zip(out.chunks_mut(BATCH * LANES)) {
            let pairs = Pairs { bases, done, pairs };
            let zero = L::enter(Zero::<L>::new());
            self.room.resize(self.room.len().max(pairs.vectors()), (zero, zero));
            let room = &mut self.room[..pairs.vectors()];
            if L::ELEMENTWISE {
                L::add_pairs(&pairs, out, room)?;
            } else {
                L::enter(Batch::<L>::new(&pairs, out, room))?;
            }
        }
        sums.truncate(before + pairs.len());
        Ok(())
    }
}

/// Coordinates of eight points with signs.
#[inline(always)]
fn signed<L: Lanes<Field = Fq>>(points: [&PointCell<L::Cell>; LANES], refs: [Ref; LANES]) -> (L, L) {
    let (x, y) = L::gather(points);
    let mut mask = 0;
    for (lane, point) in refs.iter().enumerate() {
        mask |= u8::from(negative(*point)) << lane;
    }
    (x, if mask == 0 { y } else { L::select(mask, y.neg(), y) })
}

/// Pairs of points and where they are.
#[derive(Debug)]
pub struct Pairs<'a, C> {
    /// Points by their places.
    bases: &'a [PointCell<C>],
    /// Those that follow.
    done: &'a [PointCell<C>],
    pairs: &'a [(Ref, Ref)],
}

impl<'a, C> Pairs<'a, C> {
    /// A point.
    #[inline(always)]
    pub(crate) fn at(&self, point: Ref) -> &'a PointCell<C> {
        let place = (point >> 1) as usize;
        if place < self.bases.len() { &self.bases[place] } else { &self.done[place - self.bases.len()] }
    }

    /// Number of vectors of pairs.
    pub(crate) fn vectors(&self) -> usize {
        self.pairs.len().div_ceil(LANES)
    }

    /// A pair of a vector. The last vector is filled up with a pair that is there already.
    #[inline(always)]
    pub(crate) fn pair(&self, vector: usize, lane: usize) -> (Ref, Ref) {
        self.pairs[(vector * LANES + lane).min(self.pairs.len() - 1)]
    }
}

/// Whether a point is meant negatively.
#[inline(always)]
pub(crate) fn negative(point: Ref) -> bool {
    point & 1 == 1
}

work!(Batch<'a, L: Fq> {
    pairs: &'a Pairs<'a, L::Cell>,
    out: &'a mut [PointCell<L::Cell>],
    room: &'a mut [(L::Block, L::Block)],
} -> Result<(), Degenerate> {
    // Two chains of products, because a product waits for the one before.
    let mut chains = [L::splat(Fq::ONE); 2];
    for (vector, room) in room.iter_mut().enumerate() {
        let (x1, _) = L::gather(each!(lane => pairs.at(pairs.pair(vector, lane).0)));
        let (x2, _) = L::gather(each!(lane => pairs.at(pairs.pair(vector, lane).1)));
        let difference = x2.sub(x1);
        let [chain, other] = chains;
        *room = (difference.to_block(), chain.to_block());
        chains = [other, chain.mul(difference)];
    }
    let inverse = invert_lanes(chains[0].mul(chains[1]))?;
    chains = [inverse.mul(chains[1]), inverse.mul(chains[0])];
    for (vector, (difference, before)) in room.iter().enumerate().rev() {
        let [other, chain] = chains;
        let inverse = chain.mul(L::from_block(before));
        chains = [chain.mul(L::from_block(difference)), other];
        let refs = each!(lane => pairs.pair(vector, lane).0);
        let (x1, y1) = signed::<L>(each!(lane => pairs.at(refs[lane])), refs);
        let refs = each!(lane => pairs.pair(vector, lane).1);
        let (x2, y2) = signed::<L>(each!(lane => pairs.at(refs[lane])), refs);
        let slope = y2.sub(y1).mul(inverse);
        let x3 = slope.square().sub(x1).sub(x2);
        let y3 = slope.mul(x1.sub(x3)).sub(y1);
        let to: &mut [PointCell<L::Cell>; LANES] =
            out[vector * LANES..].first_chunk_mut().expect("the output is a whole number of vectors");
        L::scatter(x3, y3, to);
    }
    Ok(())
});
