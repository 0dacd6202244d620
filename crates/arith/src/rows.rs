//! Tables of multiples of fixed points.

use group::{Curve, Group};
use pasta_curves::{Eq, EqAffine, Fq};
use rayon::prelude::*;

use crate::{
    Lanes,
    affine::{Degenerate, cell, lift},
    block::{Block, Job},
    lanes::PointCell,
    msm::Table,
};

/// Bits of a scalar's magnitude, at most.
const BITS: u32 = 254;
/// Points that share inversions.
const CHUNK: usize = 1024;

/// Fills a table with as many rows as fit into so many bytes.
pub(crate) fn widen<L: Lanes<Field = Fq>>(table: &mut Table<L::Cell>, bytes: usize) {
    let len = table.len;
    if len == 0 {
        return;
    }
    let most = bytes / (len * size_of::<PointCell<L::Cell>>());
    // The width and the number of windows per row for which a full-size scalar costs least.
    let options = (4..=16u32).filter_map(|width| {
        let windows = BITS / width + 1;
        let sets = windows.div_ceil(most.clamp(1, windows as usize) as u32);
        let rows = windows.div_ceil(sets) as usize;
        let cost = len * windows as usize + sets as usize * ((1 << width) + 20);
        (rows > 1 && rows <= most).then_some((cost, width, sets, rows))
    });
    let Some((_, width, sets, rows)) = options.min_by_key(|(cost, ..)| *cost) else {
        return;
    };
    table.points.truncate(len);
    table.subsets = None;
    table.points.reserve_exact(len * (rows - 1));
    for row in 1..rows {
        let last = &table.points[(row - 1) * len..];
        let multiply = |chunk| multiply::<L>(chunk, width * sets).unwrap_or_else(|_| projective::<L>(chunk, width * sets));
        let next: Vec<PointCell<L::Cell>> = last.par_chunks(CHUNK).flat_map_iter(multiply).collect();
        table.points.extend(next);
    }
    (table.width, table.spacing) = (width, width * sets);
}

/// Each point times `2^log`.
fn multiply<L: Lanes<Field = Fq>>(points: &[PointCell<L::Cell>], log: u32) -> Result<Vec<PointCell<L::Cell>>, Degenerate> {
    let mut block = Block::<L>::new(points.len());
    let [mut from, mut to] = [block.point(), block.point()];
    let coordinates: Vec<(Fq, Fq)> = points.iter().map(|point| (L::from_cell(point.x), L::from_cell(point.y))).collect();
    block.fill(from, &coordinates);
    for _ in 0..log {
        block.round(&[Job::Double(from, to)])?;
        (from, to) = (to, from);
    }
    block.unload(from).iter().map(|point| cell::<L>(point).ok_or(Degenerate)).collect()
}

/// [`multiply`] in projective coordinates, if there are identities, whose places stay as they are.
fn projective<L: Lanes<Field = Fq>>(points: &[PointCell<L::Cell>], log: u32) -> Vec<PointCell<L::Cell>> {
    let double = |point: &PointCell<L::Cell>| (0..log).fold(lift::<L>(point, false), |point, _| point.double());
    let multiples: Vec<Eq> = points.iter().map(double).collect();
    let mut affine = vec![EqAffine::default(); points.len()];
    Eq::batch_normalize(&multiples, &mut affine);
    affine.iter().map(|point| cell::<L>(point).unwrap_or_default()).collect()
}
