//! The memory side of keccak-f: 25 rows a call, one for each word of the state.

use quintet_air::{Air, AirSpec, Bool, Builder, Column, Expr, F, Fixed, Free, Message, Proven, Trace, height};

use super::{
    access::{MemoryAccess, WordAddress},
    tag,
};
use crate::{AirId, event::KeccakEvent, layout};

/// Words of the state, and rows of a call.
const WORDS: usize = layout::KECCAK_LANES;

/// The keccak-mem AIR.
#[derive(Debug)]
pub struct KeccakMem {
    real: Column<Proven>,
    clock: Column<Free>,
    addr: WordAddress,
    old: Column<Free>,
    new: Column<Free>,
    access: MemoryAccess,
}

impl Air for KeccakMem {
    const ID: u16 = AirId::KeccakMemory as u16;
    const NAME: &'static str = "keccak-mem";

    fn build(builder: &mut Builder) -> Self {
        let air = Self {
            real: builder.boolean("real"),
            clock: builder.uint("clock", 38),
            addr: WordAddress::new(builder),
            old: builder.uint("old", 64),
            new: builder.uint("new", 64),
            access: MemoryAccess::new(builder, "word"),
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
        builder.when(inside, "words follow each other", air.real * (air.addr.next() - air.addr.expr() - 1));
        builder.when(between, "padding is a suffix", air.real.next() * (Expr::one() - air.real));

        let real = Bool::from(air.real);
        let byte = air.addr.expr().scale(layout::WORD_BYTES);
        builder.receive("call", real.and(start), Message::new(tag::KECCAK).value(air.clock).value(byte));
        let ts = air.clock.scale(layout::SLOTS) + layout::SLOT_MEMORY;
        air.access.connect(builder, "word", &real, air.addr.expr(), ts, (air.old.cur(), air.new.cur()));
        let lane = |index: Fixed, value: Column<Free>| Message::new(tag::KSTATE).value(air.clock).value(index).value(value);
        builder.send("lane in", &real, lane(lane_in, air.old));
        builder.receive("lane out", &real, lane(lane_out, air.new));
        air
    }
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
            self.addr.write(cells, access.addr);
            cells.set(self.old, access.old);
            cells.set(self.new, access.new);
            self.access.write(cells, access);
        });
        trace.count_tables(spec);
        trace
    }
}
