//! Every operation at every offset, and every cell against changes.

use ff::Field;
use quintet_air::{AirSpec, BusBalance, F, build};

use super::Subword;
use crate::{
    Access, LoadStoreEvent,
    airs::{
        search::{Case, System, only_honest_answers, spare_constraints},
        tag,
        testing::{check, idle, mutate_every_cell},
    },
    isa::{access_bytes, extend, op},
};

const K: u32 = 11;
const OPS: [u8; 11] = [op::LB, op::LH, op::LW, op::LD, op::LBU, op::LHU, op::LWU, op::SB, op::SH, op::SW, op::SD];

/// What a load or store of `code` at `addr` does to the two words it may reach.
pub(crate) fn load_store(code: u8, clock: u64, addr: u64, register: u64, words: [u64; 2]) -> LoadStoreEvent {
    let (offset, width) = ((addr % 8) as usize, access_bytes(code) as usize);
    let old: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut new = old.clone();
    let mut raw = [0; 8];
    raw[..width].copy_from_slice(&old[offset..offset + width]);
    let mut value = extend(code, u64::from_le_bytes(raw));
    if code >= op::SB {
        new[offset..offset + width].copy_from_slice(&register.to_le_bytes()[..width]);
        value = register;
    }
    let word = |i: usize| {
        let new = std::array::from_fn(|byte| new[8 * i + byte]);
        let prev_ts = 17 * i as u64;
        Access { addr: addr / 8 + i as u64, prev_ts, ts: 4 * clock + 2, old: words[i], new: u64::from_le_bytes(new) }
    };
    let second = (offset + width > 8).then(|| word(1));
    LoadStoreEvent { op: code, clock, addr, value, first: word(0), second }
}

/// What cpu and memory put on the bus for these operations.
pub(crate) fn counterpart(events: &[LoadStoreEvent]) -> BusBalance {
    let mut bus = BusBalance::default();
    for event in events {
        let request = [u64::from(event.op), event.clock, event.addr, event.value];
        bus.add(tag::LDST, &request.map(F::from), F::ONE, "cpu");
        for word in [Some(event.first), event.second].into_iter().flatten() {
            bus.add(tag::MEM, &[word.addr, word.prev_ts, word.old].map(F::from), F::ONE, "before");
            bus.add(tag::MEM, &[word.addr, word.ts, word.new].map(F::from), -F::ONE, "after");
        }
    }
    bus
}

/// Every operation at every offset, with bytes that have and that lack their top bit.
fn events() -> Vec<LoadStoreEvent> {
    let words = [0x8877_6655_4433_2211, 0x7fee_dd80_bbaa_99f8];
    let mut events = Vec::new();
    for code in OPS {
        for offset in 0..8 {
            let addr = 0x0123_4560 + offset;
            let clock = 10 + events.len() as u64;
            events.push(load_store(code, clock, addr, 0xfedc_ba98_7654_3210, words));
        }
    }
    events.push(load_store(op::LD, 1000, 0x0001_0007, 0, [0, u64::MAX]));
    events.push(load_store(op::SD, 1001, 0x2fff_fff1, u64::MAX, [u64::MAX, 0]));
    events
}

#[test]
fn every_operation_at_every_offset_is_provable() {
    let (air, spec) = build::<Subword>(K).unwrap();
    let trace = air.trace(&spec, &events());
    let violations = check(&spec, &trace, 0);
    assert!(violations.is_empty(), "{}", violations[0]);
    let mut bus = counterpart(&events());
    bus.add_instance(&spec, &trace);
    assert_eq!(bus.imbalances(), []);
}

#[test]
fn a_wrong_result_is_unprovable() {
    let (air, spec) = build::<Subword>(K).unwrap();
    for event in events().into_iter().step_by(13) {
        let wrong = if event.op >= op::SB {
            let mut event = event;
            event.first.new ^= 1 << 40;
            event
        } else {
            LoadStoreEvent { value: event.value ^ 1 << 63, ..event }
        };
        assert!(!check(&spec, &air.trace(&spec, &[wrong]), 0).is_empty(), "{wrong:x?}");
    }
}

#[test]
fn registers_are_no_memory() {
    let (air, spec) = build::<Subword>(K).unwrap();
    let event = load_store(op::SB, 5, 8 * 5, 1, [0, 0]);
    let trace = air.trace(&spec, &[event]);
    let mut bus = counterpart(&[event]);
    bus.add_instance(&spec, &trace);
    assert!(!bus.imbalances().is_empty());
}

#[test]
fn every_changed_cell_is_noticed() {
    let (air, spec) = build::<Subword>(K).unwrap();
    let events = events();
    let trace = air.trace(&spec, &events);
    let mutants = mutate_every_cell(&spec, &trace, 0, &(0..events.len() + 2).collect::<Vec<_>>());
    // A row of padding takes part in nothing. A second word that is not accessed is neither before nor after, and its bytes,
    // the last of `x` and of `r`, are anything that agrees with it. Only a signed load has a `top`.
    for mutant in mutants.iter().filter(|mutant| mutant.caught.is_none()) {
        let event = events.get(mutant.row);
        let signed = event.is_some_and(|event| matches!(event.op, op::LB | op::LH | op::LW));
        let harmless = match (mutant.column.as_str(), event) {
            (name, Some(event)) if name.starts_with("second_gap") => event.second.is_none(),
            ("top", Some(_)) => !signed,
            (_, Some(_)) => false,
            (name, None) => !name.starts_with("at_") && !name.starts_with("wide_"),
        };
        assert!(harmless, "{mutant:?}");
    }
    // Padding as a suffix is a rule for all AIRs, here no single cell can break it; crossing is boolean because of the two others.
    assert_eq!(idle(&spec, &mutants), ["real rows come first", "crosses at most once"].into());
}

/// Each operation with what is asked for and what memory holds; and rows that say nothing or may not be.
fn cases(spec: &AirSpec, step: usize) -> Vec<Case<'_>> {
    let (air, _) = build::<Subword>(14).unwrap();
    let events = events();
    let trace = air.trace(spec, &events);
    let mut cases: Vec<Case<'_>> = Vec::new();
    for (row, event) in events.iter().enumerate().skip(1).step_by(step) {
        let mut system = System::new(spec, row..row + 1, 0);
        let asked: &[usize] = if event.op >= op::SB { &[0, 1, 2, 3] } else { &[0, 1, 2] };
        system.take(row, "load or store", &trace, asked);
        cases.push(
            system
                .hear(row, "first word before", &trace, &[1, 2])
                .hear(row, "second word before", &trace, &[1, 2])
                .as_in(&trace),
        );
    }
    let (real, padding) = (1, events.len());
    let mut silent = System::new(spec, padding..padding + 1, 0);
    for wide in ["wide_1", "wide_2", "wide_4", "wide_8"] {
        silent.know(padding, wide, F::ZERO);
    }
    cases.push(silent.as_in(&trace));
    let mut two_widths = System::new(spec, 1..2, 0);
    cases.push(two_widths.know(1, "wide_1", F::ONE).know(1, "wide_2", F::ONE).impossible());
    let mut after_padding = System::new(spec, 1..3, 0);
    cases.push(after_padding.know_row(1, &trace, padding, &[]).know_row(2, &trace, real, &[]).impossible());
    cases
}

#[test]
fn what_is_asked_for_and_what_memory_holds_leave_one_answer() {
    only_honest_answers(&build::<Subword>(14).unwrap().1, &|spec| cases(spec, 3));
}

#[test]
fn every_constraint_is_needed() {
    let (_, spec) = build::<Subword>(14).unwrap();
    // A width is one of four, so that the sum of offsets beyond it is one of eight.
    assert_eq!(spare_constraints(&spec, &|spec| cases(spec, 9)), ["crosses at most once".to_owned()].into());
}
