//! One access to one word of the address space: the two `MEM` messages and the timestamp order between them.

use quintet_air::{Bool, Builder, Expr, Message, Range, RowMut};

use super::{next_of, tag};
use crate::{Access, layout::RAM_WORD_START};

/// Bits of the distance `ts − prev_ts − 1` between two accesses to a word.
const GAP_BITS: u32 = 40;
/// Bits of a memory word's address relative to the first word of RAM: enough for RAM and input.
const OFFSET_BITS: u32 = 27;

/// The columns of one access in a row.
///
/// The access receives `MEM(addr, ts − 1 − gap, old)` and sends `MEM(addr, ts, new)`. The gap is an integer below 2^40 on every
/// row, so that along the messages of one word timestamps strictly increase: no access can receive what it, or a later one,
/// sends.
#[derive(Clone, Debug)]
pub(super) struct MemoryAccess {
    gap: Range,
}

impl MemoryAccess {
    pub(super) fn new(builder: &mut Builder, name: &str) -> Self {
        Self { gap: builder.range(&format!("{name}_gap"), GAP_BITS) }
    }

    /// Adds both messages.
    pub(super) fn connect(
        &self,
        builder: &mut Builder,
        name: &str,
        times: &Bool,
        addr: impl Into<Expr>,
        ts: impl Into<Expr>,
        (old, new): (Expr, Expr),
    ) {
        let (addr, ts) = (addr.into(), ts.into());
        let before = Message::new(tag::MEM).value(&addr).value(&ts - 1 - self.gap.expr()).value(old);
        let after = Message::new(tag::MEM).value(addr).value(ts).value(new);
        builder.receive(format!("{name} before"), times, before);
        builder.send(format!("{name} after"), times, after);
    }

    /// Writes the gap. An access that goes back in time gives a row that does not satisfy its constraints.
    pub(super) fn write(&self, row: &mut RowMut<'_, '_>, access: &Access) {
        self.gap.write(row, u128::from(access.ts.wrapping_sub(access.prev_ts).wrapping_sub(1)));
    }
}

/// The address of a memory word: at least the first word of RAM, so that it is never a register, and below the first word plus
/// 2^27, so that eight times it plus an offset is an integer that names one byte.
#[derive(Clone, Debug)]
pub(super) struct WordAddress {
    offset: Range,
}

impl WordAddress {
    pub(super) fn new(builder: &mut Builder) -> Self {
        Self { offset: builder.range("word_offset", OFFSET_BITS) }
    }

    /// The word address.
    pub(super) fn expr(&self) -> Expr {
        self.offset.expr() + RAM_WORD_START
    }

    /// The word address in the next row.
    pub(super) fn next(&self) -> Expr {
        next_of(&self.offset) + RAM_WORD_START
    }

    pub(super) fn write(&self, row: &mut RowMut<'_, '_>, addr: u64) {
        self.offset.write(row, u128::from(addr.wrapping_sub(RAM_WORD_START)));
    }
}
