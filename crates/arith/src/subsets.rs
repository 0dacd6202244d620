//! Sums of the subsets of every four points: what a column of bits adds up, a quarter as many points.

use group::Group;
use pasta_curves::{Eq, Fq};

use crate::{
    Lanes,
    affine::{Adder, Degenerate, Ref, from_cell, reference},
    lanes::PointCell,
    msm::Table,
    sums::{Groups, sums},
};

/// Points of which all subsets are summed.
const GROUP: usize = 4;
/// Their subsets that are not empty.
const SUBSETS: usize = (1 << GROUP) - 1;
/// Subsets of more than one point, each with one of fewer and the place of the point that is added: those of two points first, then of three and of four, which share inversions.
const SUMS: [&[(usize, usize)]; 3] = [
    &[(0b0001, 1), (0b0001, 2), (0b0010, 2), (0b0001, 3), (0b0010, 3), (0b0100, 3)],
    &[(0b0011, 2), (0b0011, 3), (0b0101, 3), (0b0110, 3)],
    &[(0b0111, 3)],
];

/// Appends the sums to a table, unless points among them are the identity, equal or opposite. Points that are left over have none.
pub(crate) fn add_subsets<L: Lanes<Field = Fq>>(table: &mut Table<L::Cell>) {
    if table.identities.is_empty()
        && let Ok(sums) = subset_sums::<L>(&table.points[..table.len])
    {
        table.subsets = Some(table.points.len());
        table.points.extend(sums);
    }
}

/// For each four points the sum of subset `s` in place `s − 1`, its bits being the points.
fn subset_sums<L: Lanes<Field = Fq>>(points: &[PointCell<L::Cell>]) -> Result<Vec<PointCell<L::Cell>>, Degenerate> {
    let groups = points.len() / GROUP;
    let mut table = vec![PointCell::default(); groups * SUBSETS];
    for (group, points) in points.chunks_exact(GROUP).enumerate() {
        for (lane, point) in points.iter().enumerate() {
            table[group * SUBSETS + (1 << lane) - 1] = *point;
        }
    }
    let mut adder = Adder::<L>::new();
    for layer in SUMS {
        let place = |group: usize, subset: usize| group * SUBSETS + subset - 1;
        let each = || (0..groups).flat_map(|group| layer.iter().map(move |&(subset, point)| (group, subset, 1 << point)));
        let pairs: Vec<(Ref, Ref)> = each()
            .map(|(group, subset, point)| (reference(place(group, subset), false), reference(place(group, point), false)))
            .collect();
        let mut sums = Vec::new();
        adder.add(&table, &mut sums, &pairs)?;
        for ((group, subset, point), sum) in each().zip(sums) {
            table[place(group, subset | point)] = sum;
        }
    }
    Ok(table)
}

/// How many points the sums over the bits of values add up at most.
pub(crate) fn cost(values: &[u64], bits: u32) -> usize {
    let ones = values.iter().map(|value| value.count_ones() as usize).sum();
    (bits as usize * values.len().div_ceil(GROUP)).min(ones)
}

/// `Σ valuesᵢ·g_{first + i}` over values of so many bits, bit by bit.
pub(crate) fn msm<L: Lanes<Field = Fq>>(
    table: &Table<L::Cell>,
    subsets: usize,
    first: usize,
    values: &[u64],
    bits: u32,
) -> Result<Eq, Degenerate> {
    let whole = table.len / GROUP * GROUP;
    let mut groups = Groups::default();
    for bit in 0..bits {
        let (mut subset, mut place) = (0, first);
        for value in values {
            if value >> bit & 1 == 1 {
                if place < whole {
                    subset |= 1 << (place % GROUP);
                } else {
                    groups.refs.push(reference(place, false));
                }
            }
            place += 1;
            if place % GROUP == 0 && subset > 0 {
                groups.refs.push(reference(subsets + (place / GROUP - 1) * SUBSETS + subset - 1, false));
                subset = 0;
            }
        }
        if subset > 0 {
            groups.refs.push(reference(subsets + place / GROUP * SUBSETS + subset - 1, false));
        }
        groups.close();
    }
    let sums = sums::<L>(&table.points, &groups)?;
    let add = |total: Eq, sum: &Option<_>| {
        let total = total.double();
        sum.as_ref().map_or(total, |(point, negative)| total + from_cell::<L>(point, *negative))
    };
    Ok(sums.iter().rev().fold(Eq::identity(), add))
}
