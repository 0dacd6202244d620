//! The memory AIR: initial and final value of every touched word that the image does not hold: registers, zero memory, input.

mod trace;

pub use trace::MemoryPart;

#[cfg(test)]
mod tests;

use quintet_air::{Air, Bool, Builder, Column, Expr, Free, Message, Proven, Range};

use super::{next_of, tag};
use crate::{AirId, layout};

/// Bits of a word's address inside its region: RAM, registers included, begins at 0 and ends at `2^25`; input has `2^25` words.
const OFFSET_BITS: u32 = 25;
/// Bits of the distance from one row's words to the next row's.
const GAP_BITS: u32 = 27;

/// Column handles of the memory AIR.
#[derive(Debug)]
pub struct Memory {
    /// 1 on rows that hold a register or a word of zero memory.
    zero: Column<Proven>,
    /// 1 on rows that hold a word of the input.
    input: Column<Proven>,
    /// 1 on rows that step over a range that the program occupies.
    region: Column<Proven>,
    /// First word address of the row.
    addr: Column<Free>,
    /// Word address after the row's last.
    end: Column<Free>,
    /// `addr` relative to 0 or to the input region.
    offset: Range,
    /// `addr` minus `end` of the row before.
    gap: Range,
    /// Initial value.
    initial: Range,
    last: Column<Free>,
    last_ts: Column<Free>,
    /// 1 on row 0 if there is an instance before.
    entry: Column<Proven>,
    /// 1 on the last row with content if there is an instance after.
    exit: Column<Proven>,
}

impl Air for Memory {
    const ID: u16 = AirId::Memory as u16;
    const NAME: &'static str = "memory";

    fn build(builder: &mut Builder) -> Self {
        let air = Self {
            zero: builder.boolean("zero"),
            input: builder.boolean("input"),
            region: builder.boolean("region"),
            addr: builder.uint("addr", 27),
            end: builder.uint("end", 27),
            offset: builder.range("offset", OFFSET_BITS),
            gap: builder.range("gap", GAP_BITS),
            initial: builder.range("initial", 64),
            last: builder.uint("last", 64),
            last_ts: builder.uint("last_ts", 40),
            entry: builder.boolean("entry"),
            exit: builder.boolean("exit"),
        };
        let word = builder.prove_boolean("zero or input", air.zero + air.input);
        let real = builder.prove_boolean("one kind of row", word.expr() + air.region);
        air.words(builder, &word);
        air.order(builder, &word, &real);
        air
    }
}

impl Memory {
    /// Where a word may lie, what it may hold at the start.
    fn words(&self, builder: &mut Builder, word: &Bool) {
        let base = self.input.scale(layout::INPUT_WORD_START);
        builder.constrain("a word lies in its region", word.expr() * (self.addr - self.offset.expr() - base));
        builder.constrain("zero memory is zero", self.zero * self.initial.expr());
        let value = |ts: Expr, value: Expr| Message::new(tag::MEM).value(self.addr).value(ts).value(value);
        builder.send("initial value", word, value(Expr::zero(), self.initial.expr()));
        builder.receive("final value", word, value(self.last_ts.cur(), self.last.cur()));
    }

    /// Addresses strictly increase, through all instances, over everything that the program occupies.
    fn order(&self, builder: &mut Builder, word: &Bool, real: &Bool) {
        builder.constrain("a word is one word", word.expr() * (self.end - self.addr - 1));
        let region = Message::new(tag::REGION).value(self.addr).value(self.end);
        builder.receive("region", self.region, region);

        let next_real = self.zero.next() + self.input.next() + self.region.next();
        let next_gap = next_of(&self.gap);
        builder.first("the first row is real", Expr::one() - real.expr());
        builder.transition("real rows come first", &next_real * (Expr::one() - real.expr()));
        builder.transition("addresses increase", &next_real * (self.addr.next() - self.end - next_gap));

        let before = self.addr - self.gap.expr();
        let first = builder.first_row();
        builder.constrain("entry is at row 0", self.entry * (Expr::one() - first));
        builder.first("only instance 0 has none before", (Expr::one() - self.entry) * builder.index());
        builder.first("instance 0 begins at address 0", (Expr::one() - self.entry) * &before);
        builder.constrain("exit is at a real row", self.exit * (Expr::one() - real.expr()));
        builder.transition("exit is at the last real row", self.exit * next_real);
        builder.receive("instance before", self.entry, Message::new(tag::MEMCHAIN).value(before));
        builder.send("instance after", self.exit, Message::new(tag::MEMCHAIN).value(self.end));
    }
}
