//! Rows of the memory AIR from touched words and the program's regions.

use std::ops::Range;

use quintet_air::{AirSpec, Trace};

use super::Memory;
use crate::{WordEvent, layout};

/// The part of the touched words that one instance holds.
#[derive(Clone, Copy, Debug)]
pub struct MemoryPart<'a> {
    /// Address of the last word of the instance before, if there is one.
    pub previous: Option<u64>,
    /// Whether no instance follows.
    pub is_last: bool,
    /// Touched words by address.
    pub words: &'a [WordEvent],
}

/// What a row holds.
enum Row<'a> {
    Word(&'a WordEvent),
    Region(&'a Range<u64>),
}

impl Row<'_> {
    const fn span(&self) -> (u64, u64) {
        match self {
            Self::Word(word) => (word.addr, word.addr.wrapping_add(1)),
            Self::Region(region) => (region.start, region.end),
        }
    }
}

impl Memory {
    /// Fills the table. A region that the program occupies gets its row in the instance of the first word above it, in the last
    /// instance if there is none.
    pub fn trace(&self, spec: &AirSpec, part: MemoryPart<'_>, regions: &[Range<u64>]) -> Trace {
        let mut trace = Trace::new(spec);
        let rows = rows(part, regions);
        trace.fill(rows.len(), |place, cells| {
            let row = &rows[place];
            let (addr, end) = row.span();
            let before = match place.checked_sub(1) {
                Some(place) => rows[place].span().1,
                None => part.previous.map_or(0, |last| last + 1),
            };
            cells.set(self.addr, addr);
            cells.set(self.end, end);
            self.gap.write(cells, u128::from(addr.wrapping_sub(before)));
            match row {
                Row::Word(word) => {
                    let input = word.addr >= layout::INPUT_WORD_START;
                    cells.set_bool(self.zero, !input);
                    cells.set_bool(self.input, input);
                    let base = if input { layout::INPUT_WORD_START } else { 0 };
                    self.offset.write(cells, u128::from(word.addr - base));
                    self.initial.write(cells, word.initial.into());
                    cells.set(self.last, word.last);
                    cells.set(self.last_ts, word.last_ts);
                }
                Row::Region(_) => cells.set_bool(self.region, true),
            }
            cells.set_bool(self.entry, place == 0 && part.previous.is_some());
            cells.set_bool(self.exit, place + 1 == rows.len() && !part.is_last);
        });
        trace.count_tables(spec);
        trace
    }
}

/// The instance's rows by address.
fn rows<'a>(part: MemoryPart<'a>, regions: &'a [Range<u64>]) -> Vec<Row<'a>> {
    let mine = regions.iter().filter(|region| {
        let after_previous = part.previous.is_none_or(|last| region.start > last);
        let before_last = part.words.last().is_some_and(|last| region.start < last.addr);
        after_previous && (part.is_last || before_last)
    });
    let mut rows: Vec<Row<'a>> = part.words.iter().map(Row::Word).chain(mine.map(Row::Region)).collect();
    rows.sort_by_key(|row| row.span().0);
    rows
}
