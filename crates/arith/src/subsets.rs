//! Sums of the subsets of every four points: what a column of bits adds up, a quarter as many points.

use pasta_curves::{Eq, Fq};

use crate::{
    Lanes,
    affine::{Adder, Degenerate, Ref, reference},
    lanes::PointCell,
    msm::{Table, join_bits},
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

/// Where the sum of a subset of a group is.
fn place(group: usize, subset: usize) -> usize {
    group * SUBSETS + subset - 1
}

/// For each four points the sum of subset `s` in place `s − 1`, its bits being the points.
fn subset_sums<L: Lanes<Field = Fq>>(points: &[PointCell<L::Cell>]) -> Result<Vec<PointCell<L::Cell>>, Degenerate> {
    let groups = points.len() / GROUP;
    let mut table = vec![PointCell::default(); groups * SUBSETS];
    for (group, points) in points.chunks_exact(GROUP).enumerate() {
        for (lane, point) in points.iter().enumerate() {
            table[place(group, 1 << lane)] = *point;
        }
    }
    let mut adder = Adder::<L>::new();
    for layer in SUMS {
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
        let (mut subset, mut at) = (0, first);
        for value in values {
            if value >> bit & 1 == 1 {
                if at < whole {
                    subset |= 1 << (at % GROUP);
                } else {
                    groups.refs.push(reference(at, false));
                }
            }
            at += 1;
            if at % GROUP == 0 && subset > 0 {
                groups.refs.push(reference(subsets + place(at / GROUP - 1, subset), false));
                subset = 0;
            }
        }
        if subset > 0 {
            groups.refs.push(reference(subsets + place(at / GROUP, subset), false));
        }
        groups.close();
    }
    Ok(join_bits::<L>(&sums::<L>(&table.points, &groups)?))
}
