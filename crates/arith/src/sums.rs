//! Sums of many groups of points, as trees of affine additions that share inversions.

use pasta_curves::Fq;
use rayon::prelude::*;

use crate::{
    Lanes,
    affine::{Adder, Degenerate, Ref},
    lanes::PointCell,
};

/// Entries per unit of parallel work.
const CHUNK: usize = 1 << 14;

/// Points in groups: group i is `refs[ends[i - 1]..ends[i]]`.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    pub(crate) refs: Vec<Ref>,
    pub(crate) ends: Vec<u32>,
}

impl Groups {
    /// Closes the group whose entries were pushed last.
    pub(crate) fn close(&mut self) {
        self.ends.push(self.refs.len() as u32);
    }

    fn start(&self, group: usize) -> usize {
        if group == 0 { 0 } else { self.ends[group - 1] as usize }
    }
}

/// The sum of a group: nothing if the group is empty.
pub(crate) type Sum<L> = Option<(PointCell<<L as crate::lanes::Kernel>::Cell>, bool)>;

/// The sum of each group of points of `bases`.
pub(crate) fn sums<L: Lanes<Field = Fq>>(bases: &[PointCell<L::Cell>], groups: &Groups) -> Result<Vec<Sum<L>>, Degenerate> {
    let count = groups.ends.len();
    let mut cuts = vec![0];
    let mut first = 0;
    for group in 0..count {
        if groups.ends[group] as usize - first >= CHUNK {
            cuts.push(group + 1);
            first = groups.ends[group] as usize;
        }
    }
    if cuts.last() != Some(&count) {
        cuts.push(count);
    }
    if cuts.len() == 2 {
        return tree::<L>(bases, groups, 0, count);
    }
    let parts: Result<Vec<Vec<Sum<L>>>, Degenerate> =
        cuts.par_windows(2).map(|cut| tree::<L>(bases, groups, cut[0], cut[1])).collect();
    Ok(parts?.concat())
}

fn tree<L: Lanes<Field = Fq>>(
    bases: &[PointCell<L::Cell>],
    groups: &Groups,
    from: usize,
    to: usize,
) -> Result<Vec<Sum<L>>, Degenerate> {
    let offset = groups.start(from);
    let mut refs = groups.refs[offset..groups.start(to)].to_vec();
    let mut ends: Vec<usize> = groups.ends[from..to].iter().map(|&end| end as usize - offset).collect();
    let mut done: Vec<PointCell<L::Cell>> = Vec::with_capacity(refs.len().next_multiple_of(crate::LANES) + crate::LANES);
    let mut pairs = Vec::with_capacity(refs.len() / 2);
    let mut adder = Adder::<L>::new();
    loop {
        pairs.clear();
        let (mut start, mut written) = (0, 0);
        let mut next = bases.len() + done.len();
        for end in &mut ends {
            let mut place = start;
            while place + 1 < *end {
                pairs.push((refs[place], refs[place + 1]));
                refs[written] = (next as Ref) << 1;
                next += 1;
                written += 1;
                place += 2;
            }
            if place < *end {
                refs[written] = refs[place];
                written += 1;
            }
            start = *end;
            *end = written;
        }
        if pairs.is_empty() {
            break;
        }
        adder.add(bases, &mut done, &pairs)?;
    }
    let mut start = 0;
    let sum = |end: usize| {
        let sum = (start < end).then(|| {
            let place = (refs[start] >> 1) as usize;
            let point = if place < bases.len() { bases[place] } else { done[place - bases.len()] };
            (point, refs[start] & 1 == 1)
        });
        start = end;
        sum
    };
    Ok(ends.into_iter().map(sum).collect())
}
