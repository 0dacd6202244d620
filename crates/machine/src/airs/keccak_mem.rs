//! The memory side of keccak-f: 25 rows a call, one for each word of the state.

use quintet_air::{Air, AirSpec, Bool, Builder, Column, Expr, F, Fixed, Free, Message, Proven, Range, Trace, height};

use super::tag;
use crate::event::KeccakEvent;

/// Words of the state, and rows of a call.
const WORDS: usize = 25;
/// First word address of RAM: registers lie below.
const FIRST_WORD: u64 = 0x2000;
/// Bits of a word address relative to [`FIRST_WORD`].
const WORD_BITS: u32 = 27;
/// Bits of the distance to the access before.
const GAP_BITS: u32 = 40;

/// The keccak-mem AIR.
#[derive(Debug)]
pub struct KeccakMem {
    real: Column<Proven>,
    clock: Column<Free>,
    /// Word address minus [`FIRST_WORD`].
    offset: Range,
    prev_ts: Column<Free>,
    /// `ts − prev_ts − 1`.
    gap: Range,
    old: Column<Free>,
    new: Column<Free>,
}

impl Air for KeccakMem {
    const ID: u16 = 13;
    const NAME: &'static str = "keccak-mem";

    fn build(builder: &mut Builder) -> Self {
        let air = Self {
            real: builder.boolean("real"),
            clock: builder.uint("clock", 40),
            offset: builder.range("offset", WORD_BITS),
            prev_ts: builder.uint("prev_ts", 42),
            gap: builder.range("gap", GAP_BITS),
            old: builder.uint("old", 64),
            new: builder.uint("new", 64),
        };
        let rows = builder.height() / WORDS * WORDS;
        let used = move |row: usize| row < rows;
        let start = builder.flag("start", |row| used(row) && row % WORDS == 0);
        let inside = builder.flag("inside", |row| used(row) && row % WORDS != WORDS - 1);
        let between = builder.flag("between", |row| used(row + 1) && row % WORDS == WORDS - 1);
        let lane = |row: usize| if used(row) { (row % WORDS) as u64 } else { 0 };
        let lane_in = builder.fixed("lane_in", |row| F::from(2 * lane(row)));
        let lane_out = builder.fixed("lane_out", |row| F::from(2 * lane(row) + u64::from(used(row))));
        let used = builder.flag("used", used);

        builder.constrain("nothing after the last whole call", air.real * (Expr::one() - used));
        builder.when(inside, "real stays", air.real.next() - air.real);
        builder.when(inside, "clock stays", air.clock.next() - air.clock);
        let next_offset = Expr::sum(weights(&air.offset).map(|(limb, weight)| limb.next().scale(weight)));
        builder.when(inside, "words follow each other", air.real * (next_offset - air.offset.expr() - 1));
        builder.when(between, "padding is a suffix", air.real.next() * (Expr::one() - air.real));

        let ts = air.clock.scale(4) + 2;
        builder.constrain("gap", air.real * (&ts - air.prev_ts - 1 - air.gap.expr()));

        let real = Bool::from(air.real);
        let word = air.offset.expr() + FIRST_WORD;
        let byte = word.scale(8);
        builder.receive("call", real.and(start), Message::new(tag::KECCAK).value(air.clock).value(byte));
        let access = |ts: Expr, value: Column<Free>| Message::new(tag::MEM).value(word.clone()).value(ts).value(value);
        builder.receive("word before", &real, access(air.prev_ts.cur(), air.old));
        builder.send("word after", &real, access(ts.clone(), air.new));
        let lane = |index: Fixed, value: Column<Free>| Message::new(tag::KSTATE).value(air.clock).value(index).value(value);
        builder.send("lane in", &real, lane(lane_in, air.old));
        builder.receive("lane out", &real, lane(lane_out, air.new));
        air
    }
}

/// The limbs of a range with their weights.
fn weights(range: &Range) -> impl Iterator<Item = (Column<Proven>, F)> {
    range.limbs().iter().scan(0u32, |shift, limb| {
        let weight = F::from(1 << *shift);
        *shift += limb.bits();
        Some((*limb, weight))
    })
}

impl KeccakMem {
    /// Calls that fit one instance.
    pub fn capacity(k: u32) -> usize {
        height(k) / WORDS
    }

    /// Fills the table.
    pub fn trace(&self, spec: &AirSpec, events: &[KeccakEvent]) -> Trace {
        let mut trace = Trace::new(spec);
        trace.fill(events.len() * WORDS, |row, cells| {
            let event = &events[row / WORDS];
            let access = &event.lanes[row % WORDS];
            cells.set(self.real, 1);
            cells.set(self.clock, event.clock);
            self.offset.write(cells, u128::from(access.addr.wrapping_sub(FIRST_WORD)));
            cells.set(self.prev_ts, access.prev_ts);
            self.gap.write(cells, u128::from(access.ts.wrapping_sub(access.prev_ts + 1)));
            cells.set(self.old, access.old);
            cells.set(self.new, access.new);
        });
        trace.count_tables(spec);
        trace
    }
}
