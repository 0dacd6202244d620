//! Lookup tables that an instance provides to itself: which rows they have and who looks them up.

use std::collections::HashMap;

use ff::PrimeField;

use crate::{F, Tag};

/// A local table: its rows, the provider's count column and the interactions that use it.
#[derive(Clone, Debug)]
pub struct LocalTable {
    /// Tag of its messages.
    pub tag: Tag,
    /// Index of the count column.
    pub count: usize,
    /// Number of rows of the table; they stand in trace rows `0 .. size`.
    pub size: usize,
    /// Places of the lookups in [`crate::AirSpec::interactions`].
    pub lookups: Vec<usize>,
    rows: Rows,
}

#[derive(Clone, Debug)]
enum Rows {
    /// Row `i` holds the value `i`.
    Counting,
    /// The row of each tuple.
    Tuples(HashMap<Vec<u64>, usize>),
}

impl LocalTable {
    /// The values `0 .. size`.
    pub(crate) fn counting(tag: Tag, count: usize, size: usize) -> Self {
        Self { tag, count, size, lookups: Vec::new(), rows: Rows::Counting }
    }

    /// The given tuples.
    pub(crate) fn tuples(tag: Tag, count: usize, rows: &[Vec<u64>]) -> Self {
        let places = rows.iter().cloned().zip(0..).collect();
        Self { tag, count, size: rows.len(), lookups: Vec::new(), rows: Rows::Tuples(places) }
    }

    /// The row that holds `parts`.
    pub fn place(&self, parts: &[F]) -> Option<usize> {
        match &self.rows {
            Rows::Counting => {
                let [value] = parts else { return None };
                usize::try_from(small(*value)?).ok().filter(|value| *value < self.size)
            }
            Rows::Tuples(places) => {
                let mut key = [0; 8];
                let key = key.get_mut(..parts.len())?;
                for (key, part) in key.iter_mut().zip(parts) {
                    *key = small(*part)?;
                }
                places.get(&*key).copied()
            }
        }
    }
}

/// The value as an integer, if it is below 2^64.
fn small(value: F) -> Option<u64> {
    let bytes = value.to_repr();
    let (low, high) = bytes.split_at(8);
    let low = low.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    high.iter().all(|byte| *byte == 0).then_some(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_rows_are_found_by_value() {
        let table = LocalTable::counting(Tag::LIMB, 0, 1024);
        assert_eq!(table.place(&[F::from(1023)]), Some(1023));
        assert_eq!(table.place(&[F::from(1024)]), None);
        assert_eq!(table.place(&[-F::from(1)]), None);
    }

    #[test]
    fn tuples_are_found_whole() {
        let table = LocalTable::tuples(Tag(99), 0, &[vec![1, 2], vec![3, u64::MAX]]);
        assert_eq!(table.place(&[F::from(3), F::from(u64::MAX)]), Some(1));
        assert_eq!(table.place(&[F::from(3), F::from(2)]), None);
        assert_eq!(table.place(&[F::from(1)]), None);
        let aliased = F::from(2) + F::from(u64::MAX) + F::from(1);
        assert_eq!(table.place(&[F::from(1), aliased]), None);
    }
}
