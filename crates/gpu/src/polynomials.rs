//! The polynomials of a proof: their coefficients on the device, or made from packed columns when a step needs them.

use std::ops::Range;

use crate::{Batch, Columns, Error, HostColumn, PackedColumn, instance::Size, rooms::Rooms};

/// Where a witness column is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source<'a> {
    /// On the device.
    Device(&'a PackedColumn),
    /// In the host's memory.
    Host(&'a HostColumn),
}

/// Ranges of columns of which those of the host take at most `room` bytes on the device, at least one column each.
pub(crate) fn chunks(columns: &[Source<'_>], room: u64) -> Vec<Range<usize>> {
    let mut chunks: Vec<Range<usize>> = Vec::new();
    let mut left = 0;
    for (place, column) in columns.iter().enumerate() {
        let bytes = match column {
            Source::Device(_) => 0,
            Source::Host(column) => column.bytes(),
        };
        match chunks.last_mut() {
            Some(chunk) if bytes <= left => chunk.end += 1,
            _ => {
                chunks.push(place..place + 1);
                left = room.max(bytes);
            }
        }
        left -= bytes;
    }
    chunks
}

/// Calls `run` with columns that are on the device, chunk by chunk; those of the host are there for the call only.
pub(crate) fn each_chunk(
    batch: &mut Batch<'_>,
    columns: &[Source<'_>],
    mut run: impl FnMut(&mut Batch<'_>, usize, &[&PackedColumn]) -> Result<(), Error>,
) -> Result<(), Error> {
    let device = batch.device();
    for chunk in chunks(columns, Rooms::of(device).columns) {
        let upload = |column: &Source<'_>| match column {
            Source::Device(_) => Ok(None),
            Source::Host(column) => column.upload(device).map(Some),
        };
        let uploaded: Vec<Option<PackedColumn>> = columns[chunk.clone()].iter().map(upload).collect::<Result<_, _>>()?;
        let here = columns[chunk.clone()].iter().zip(&uploaded).filter_map(|(column, uploaded)| match column {
            Source::Device(column) => Some(*column),
            Source::Host(_) => uploaded.as_ref(),
        });
        run(batch, chunk.start, &here.collect::<Vec<_>>())?;
        if uploaded.iter().any(Option::is_some) {
            batch.finish()?;
        }
    }
    Ok(())
}

/// The polynomials by their places: the envelope and the fixed columns, then the instance and the witness columns.
#[derive(Debug)]
pub(crate) struct Polynomials<'a> {
    size: &'a Size,
    shared: &'a Columns,
    witness: Witness<'a>,
}

#[derive(Debug)]
enum Witness<'a> {
    Resident(Columns),
    Streamed { sources: Vec<Source<'a>>, block: usize },
}

impl<'a> Polynomials<'a> {
    /// With the coefficients of all witness columns on the device.
    pub(crate) fn resident(
        batch: &mut Batch<'_>,
        size: &'a Size,
        shared: &'a Columns,
        sources: &[Source<'_>],
    ) -> Result<Self, Error> {
        let all = Columns::new(batch.device(), "polynomials", size.rows(), sources.len())?;
        each_chunk(batch, sources, |batch, first, columns| size.interpolate(batch, columns, &all, first))?;
        batch.finish()?;
        Ok(Self { size, shared, witness: Witness::Resident(all) })
    }

    /// With coefficients made again, `block` columns at a time, by each step that needs them.
    pub(crate) fn streamed(size: &'a Size, shared: &'a Columns, sources: Vec<Source<'a>>, block: usize) -> Self {
        Self { size, shared, witness: Witness::Streamed { sources, block: block.max(1) } }
    }

    /// Rows of a column.
    pub(crate) fn rows(&self) -> usize {
        self.shared.rows()
    }

    /// Number of the block in which a place is.
    pub(crate) fn block(&self, place: usize) -> usize {
        match (place.checked_sub(self.shared.count()), &self.witness) {
            (None, _) => 0,
            (Some(_), Witness::Resident(_)) => 1,
            (Some(place), Witness::Streamed { block, .. }) => 1 + place / block,
        }
    }

    /// Calls `run` with blocks of coefficients and the place of the first in each, as far as they have a place in `wanted`.
    pub(crate) fn each(
        &self,
        batch: &mut Batch<'_>,
        wanted: &[usize],
        mut run: impl FnMut(&mut Batch<'_>, usize, &Columns) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let shared = self.shared.count();
        let asks = |range: Range<usize>| wanted.iter().any(|place| range.contains(place));
        if asks(0..shared) {
            run(batch, 0, self.shared)?;
        }
        match &self.witness {
            Witness::Resident(columns) => {
                if asks(shared..usize::MAX) {
                    run(batch, shared, columns)?;
                }
            }
            Witness::Streamed { sources, block } => {
                let most = (*block).min(sources.len());
                let columns = Columns::new(batch.device(), "some polynomials", self.rows(), most)?;
                for first in (0..sources.len()).step_by(*block) {
                    let here = first..sources.len().min(first + block);
                    if !asks(shared + here.start..shared + here.end) {
                        continue;
                    }
                    each_chunk(batch, &sources[here], |batch, at, packed| self.size.interpolate(batch, packed, &columns, at))?;
                    batch.finish()?;
                    run(batch, shared + first, &columns)?;
                    batch.finish()?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quintet_air::ColumnData;

    #[test]
    fn chunks_hold_at_least_one_column_and_no_more_than_the_room() {
        let columns: Vec<HostColumn> =
            [16, 16, 64, 8, 8, 8].map(|count| HostColumn::new(&ColumnData::Uint(vec![1; count]))).into();
        let sources: Vec<Source<'_>> = columns.iter().map(Source::Host).collect();
        assert_eq!(chunks(&sources, 32), [0..2, 2..3, 3..5, 5..6]);
        let all = chunks(&sources, u64::MAX);
        assert_eq!((all.len(), all.first()), (1, Some(&(0..6))));
        assert_eq!(chunks(&[], 5), []);
    }
}
