//! Multi-scalar multiplication: signed digits, buckets that are summed by affine trees, and bits of bucket numbers.
//!
//! A window's sum `Σ_v v·B_v` over buckets `B_v` is `Σ_t 2ᵗ·Σ_{v has bit t} B_v`. Bucket numbers are first cut into a high and a low half, of which
//! rows and columns are summed, so that there are two additions a bucket and few more. All of these are sums of groups of points, and share
//! inversions. What is left is one point per bit of the scalars, which Horner's rule joins.

use group::Group;
use pasta_curves::{Eq, Fq};

use crate::{
    Lanes,
    affine::{Degenerate, from_cell, reference},
    digits::Integers,
    lanes::PointCell,
    subsets,
    sums::{Groups, Sum, sums},
};

/// Widest window: more buckets than that do not fit a cache.
const MAX_WIDTH: u32 = 16;

/// Points at rest: row l of the table holds `2^(spacing·l)` times the bases, `len` of them.
#[derive(Clone, Debug)]
pub(crate) struct Table<C> {
    pub(crate) points: Vec<PointCell<C>>,
    /// Bases in a row.
    pub(crate) len: usize,
    /// Bits between rows; a multiple of `width`. 0 if there is one row.
    pub(crate) spacing: u32,
    /// Window that the rows are made for.
    pub(crate) width: u32,
    /// Bases that are the identity, and have no coordinates.
    pub(crate) identities: Vec<usize>,
    /// Where the sums of subsets begin, if there are any.
    pub(crate) subsets: Option<usize>,
}

/// How a column's scalars are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cut {
    width: u32,
    windows: u32,
    /// Windows per row of the table: those with the same remainder share buckets.
    sets: u32,
    /// Scalars are single bits or so small that they are the digits.
    only: bool,
}

impl Cut {
    /// Buckets in a set, counting that of 0.
    fn buckets(&self) -> usize {
        if self.only { 1 << self.width } else { (1 << (self.width - 1)) + 1 }
    }
}

/// Estimated additions for windows of a width.
fn cost(entries: usize, windows: u32, sets: u32, buckets: usize) -> usize {
    entries * windows as usize + sets as usize * (2 * buckets + 20)
}

impl<C> Table<C> {
    /// The cheapest cut, and its cost.
    fn cut(&self, bits: u32, entries: usize) -> (usize, Cut) {
        if bits <= 1 {
            return (entries, Cut { width: 1, windows: 1, sets: 1, only: true });
        }
        let plain = |width: u32| {
            let windows = bits / width + 1;
            (cost(entries, windows, windows, 1 << (width - 1)), Cut { width, windows, sets: windows, only: false })
        };
        let small = (bits <= 8).then(|| (cost(entries, 1, 1, 1 << bits), Cut { width: bits, windows: 1, sets: 1, only: true }));
        let rows = (self.spacing > 0).then(|| {
            let windows = bits / self.width + 1;
            let sets = windows.min(self.spacing / self.width);
            (cost(entries, windows, sets, 1 << (self.width - 1)), Cut { width: self.width, windows, sets, only: false })
        });
        let best = (2..=MAX_WIDTH).map(plain).chain(small).chain(rows).min_by_key(|(cost, _)| *cost);
        best.expect("there are plain cuts")
    }
}

/// `Σ sᵢ·g_{first + i}`, if no two points that meet are equal or opposite.
pub(crate) fn msm<L: Lanes<Field = Fq>>(
    table: &Table<L::Cell>,
    first: usize,
    scalars: &Integers<'_>,
) -> Result<Eq, Degenerate> {
    let bits = scalars.bits();
    let (cost, cut) = table.cut(bits, scalars.nonzero());
    if let (Some(at), Integers::Small(values)) = (table.subsets, scalars)
        && subsets::cost(values, bits) <= cost
    {
        return subsets::msm::<L>(table, at, first, values, bits);
    }
    let groups = buckets(table, first, scalars, cut);
    let mut sums_of = sums::<L>(&table.points, &groups)?;
    let mut sections = Vec::with_capacity(cut.sets as usize);
    for _ in 0..cut.sets {
        let rest = sums_of.split_off(cut.buckets().min(sums_of.len()));
        sections.push(Section { sums: std::mem::replace(&mut sums_of, rest), bits: cut.width });
    }
    Ok(join_bits::<L>(&by_bits::<L>(sections)?))
}

/// `Σ 2ᵗ·sumₜ`.
pub(crate) fn join_bits<L: Lanes<Field = Fq>>(sums: &[Sum<L>]) -> Eq {
    let mut total = Eq::identity();
    for sum in sums.iter().rev() {
        total = total.double();
        if let Some((point, negative)) = sum {
            total += from_cell::<L>(point, *negative);
        }
    }
    total
}

/// Sorts points into the buckets of all sets by the magnitude of their digits.
fn buckets<C>(table: &Table<C>, first: usize, scalars: &Integers<'_>, cut: Cut) -> Groups {
    let count = cut.buckets();
    let mut entries: Vec<(u32, u32)> = Vec::with_capacity(cut.windows as usize * scalars.nonzero());
    let mut sizes = vec![0u32; count * cut.sets as usize];
    for window in 0..cut.windows {
        let (row, set) = (window / cut.sets, window % cut.sets);
        let (start, bucket) = (row as usize * table.len + first, set * count as u32);
        scalars.digits(cut.width, window, cut.only, |place, magnitude, negative| {
            sizes[(bucket + magnitude) as usize] += 1;
            entries.push((bucket + magnitude, reference(start + place, negative)));
        });
    }
    if !table.identities.is_empty() {
        entries.retain(|(bucket, point)| {
            let keep = !table.identities.contains(&((*point >> 1) as usize % table.len));
            sizes[*bucket as usize] -= u32::from(!keep);
            keep
        });
    }
    let mut total = 0;
    let mut at = Vec::with_capacity(sizes.len());
    let mut ends = sizes;
    for size in &mut ends {
        at.push(total);
        total += *size;
        *size = total;
    }
    let mut refs = vec![0; entries.len()];
    for (bucket, point) in entries {
        let place = &mut at[bucket as usize];
        refs[*place as usize] = point;
        *place += 1;
    }
    Groups { refs, ends }
}

/// Sums `B_v` by v, of which only `bits` bits count.
struct Section<L: Lanes<Field = Fq>> {
    sums: Vec<Sum<L>>,
    bits: u32,
}

/// For each section the sums over the v that have a bit, for each bit; all one after the other.
fn by_bits<L: Lanes<Field = Fq>>(mut sections: Vec<Section<L>>) -> Result<Vec<Sum<L>>, Degenerate> {
    /// Sections with so few bits are not cut further.
    const FEW: u32 = 4;
    while sections.iter().any(|section| section.bits > FEW) {
        let mut cells = Vec::new();
        let mut groups = Groups::default();
        let mut halves = Vec::new();
        for section in &sections {
            let places = compact::<L>(&section.sums, &mut cells);
            let (low, high) = if section.bits > FEW { (section.bits / 2, section.bits.div_ceil(2)) } else { (section.bits, 0) };
            for part in 0..1usize << low {
                // Part 0 has no bits.
                let column = places.iter().skip(part).step_by(1 << low).flatten();
                groups.refs.extend(column.filter(|_| part > 0));
                groups.close();
            }
            halves.push((low, 1usize << low));
            if high > 0 {
                let rows = places.chunks(1 << low);
                halves.push((high, rows.len()));
                for (part, row) in rows.enumerate() {
                    groups.refs.extend(row.iter().flatten().filter(|_| part > 0));
                    groups.close();
                }
            }
        }
        let mut all = sums::<L>(&cells, &groups)?.into_iter();
        sections = halves.into_iter().map(|(bits, count)| Section { sums: all.by_ref().take(count).collect(), bits }).collect();
    }
    let mut cells = Vec::new();
    let mut groups = Groups::default();
    for section in &sections {
        let places = compact::<L>(&section.sums, &mut cells);
        for bit in 0..section.bits {
            let chosen = places.iter().enumerate().filter(|(value, _)| value >> bit & 1 == 1);
            groups.refs.extend(chosen.filter_map(|(_, place)| *place));
            groups.close();
        }
    }
    sums::<L>(&cells, &groups)
}

/// Appends the points that are there, and gives references to them.
fn compact<L: Lanes<Field = Fq>>(sums_of: &[Sum<L>], cells: &mut Vec<PointCell<L::Cell>>) -> Vec<Option<u32>> {
    let place = |sum: &Sum<L>| {
        sum.map(|(point, negative)| {
            cells.push(point);
            reference(cells.len() - 1, negative)
        })
    };
    sums_of.iter().map(place).collect()
}
