//! The word AIR: loads and stores of whole aligned words.

use quintet_air::{Air, AirSpec, Builder, Column, Expr, Free, Message, Proven, Trace};

use super::{
    access::{MemoryAccess, WordAddress},
    tag,
};
use crate::{AirId, LoadStoreEvent, isa::op, layout};

/// Column handles of the word AIR.
#[derive(Debug)]
pub struct Word {
    load: Column<Proven>,
    store: Column<Proven>,
    clock: Column<Free>,
    addr: WordAddress,
    /// Value of the word before.
    old: Column<Free>,
    /// Value of the word after: what is loaded or stored.
    value: Column<Free>,
    access: MemoryAccess,
}

impl Air for Word {
    const ID: u16 = AirId::Word as u16;
    const NAME: &'static str = "word";

    fn build(builder: &mut Builder) -> Self {
        let air = Self {
            load: builder.boolean("load"),
            store: builder.boolean("store"),
            clock: builder.uint("clock", 38),
            addr: WordAddress::new(builder),
            old: builder.uint("old", 64),
            value: builder.uint("value", 64),
            access: MemoryAccess::new(builder, "word"),
        };
        let real = builder.prove_boolean("load or store", air.load + air.store);
        let next_real = air.load.next() + air.store.next();
        builder.transition("real rows come first", next_real * (Expr::one() - real.expr()));
        builder.constrain("a load changes nothing", air.load * (air.value - air.old));

        let code = air.load.scale(u64::from(op::LD)) + air.store.scale(u64::from(op::SD));
        let byte = air.addr.expr().scale(layout::WORD_BYTES);
        let request = Message::new(tag::LDST).value(code).value(air.clock).value(byte).value(air.value);
        builder.receive("load or store", &real, request);
        let ts = air.clock.scale(layout::SLOTS) + layout::SLOT_MEMORY;
        air.access.connect(builder, "word", &real, air.addr.expr(), ts, (air.old.cur(), air.value.cur()));
        air
    }
}

impl Word {
    /// Fills the table.
    pub fn trace(&self, spec: &AirSpec, events: &[LoadStoreEvent]) -> Trace {
        let mut trace = Trace::new(spec);
        trace.fill(events.len(), |row, cells| {
            let event = &events[row];
            cells.set_bool(self.load, event.op == op::LD);
            cells.set_bool(self.store, event.op == op::SD);
            cells.set(self.clock, event.clock);
            self.addr.write(cells, event.first.addr);
            cells.set(self.old, event.first.old);
            cells.set(self.value, event.value);
            self.access.write(cells, &event.first);
        });
        trace.count_tables(spec);
        trace
    }
}

#[cfg(test)]
mod tests {
    use quintet_air::{F, build};

    use super::*;
    use crate::airs::{
        search::{Case, System, only_honest_answers, spare_constraints},
        subword::tests::{counterpart, load_store},
        testing::{check, mutate_every_cell},
    };

    const K: u32 = 11;

    fn events() -> Vec<LoadStoreEvent> {
        let words = [0x8877_6655_4433_2211, 0];
        vec![
            load_store(op::LD, 1, layout::RAM_START, 0, words),
            load_store(op::SD, 70_000, layout::INPUT_END - 8, u64::MAX, words),
            load_store(op::SD, 1 << 30, 0x12_3458, 0, words),
        ]
    }

    #[test]
    fn loads_and_stores_are_provable() {
        let (air, spec) = build::<Word>(K).unwrap();
        let trace = air.trace(&spec, &events());
        assert!(check(&spec, &trace, 0).is_empty());
        let mut bus = counterpart(&events());
        bus.add_instance(&spec, &trace);
        assert_eq!(bus.imbalances(), []);
    }

    #[test]
    fn registers_and_misaligned_addresses_are_unprovable() {
        let (air, spec) = build::<Word>(K).unwrap();
        for addr in [8 * 5, layout::RAM_START - 8, layout::RAM_START + 4] {
            let event = load_store(op::LD, 5, addr, 1, [9, 9]);
            let trace = air.trace(&spec, &[event]);
            let mut bus = counterpart(&[event]);
            bus.add_instance(&spec, &trace);
            assert!(!bus.imbalances().is_empty(), "{addr:#x}");
        }
    }

    #[test]
    fn every_changed_cell_is_noticed() {
        let (air, spec) = build::<Word>(K).unwrap();
        let trace = air.trace(&spec, &events());
        for mutant in mutate_every_cell(&spec, &trace, 0, &[0, 1, 2, 3, 4]) {
            let padding = mutant.row >= 3;
            let column = mutant.column.as_str();
            let harmless = padding && (matches!(column, "clock" | "old" | "value") || column.starts_with("word_"));
            assert!(mutant.caught.is_some() || harmless, "{mutant:?}");
        }
    }

    /// Each operation with what is asked for and what memory holds; addresses and rows that may not be.
    fn cases(spec: &AirSpec) -> Vec<Case<'_>> {
        let (air, _) = build::<Word>(14).unwrap();
        let mut all = events();
        all.insert(0, all[0]);
        let trace = air.trace(spec, &all);
        let mut cases: Vec<Case<'_>> = Vec::new();
        for (row, event) in all.iter().enumerate().skip(1) {
            let asked: &[usize] = if event.op == op::SD { &[0, 1, 2, 3] } else { &[0, 1, 2] };
            let mut system = System::new(spec, row..row + 1, 0);
            cases
                .push(system.take(row, "load or store", &trace, asked).hear(row, "word before", &trace, &[1, 2]).as_in(&trace));
        }
        let byte = |addr: u64| F::from(addr);
        for addr in [byte(8 * 5), byte(layout::RAM_START - 8), byte(layout::RAM_START + 4), -byte(8), byte(1 << 33)] {
            let mut system = System::new(spec, 1..2, 0);
            let asked = [(0, F::from(u64::from(op::LD))), (1, F::from(7)), (2, addr)];
            cases.push(system.answer(1, "load or store", &asked).impossible());
        }
        let padding = all.len();
        let mut silent = System::new(spec, padding..padding + 1, 0);
        cases.push(silent.know_of(padding, &["load", "store"], &trace).as_in(&trace));
        let mut after_padding = System::new(spec, 1..3, 0);
        cases.push(after_padding.know_row(1, &trace, padding, &[]).know_row(2, &trace, 1, &[]).impossible());
        cases
    }

    #[test]
    fn what_is_asked_for_and_what_memory_holds_leave_one_answer() {
        only_honest_answers(&build::<Word>(14).unwrap().1, &cases);
    }

    #[test]
    fn every_constraint_is_needed() {
        // The operation that is asked for tells load from store; the rule makes their sum a multiplicity.
        assert_eq!(spare_constraints(&build::<Word>(14).unwrap().1, &cases), ["load or store".to_owned()].into());
    }
}
