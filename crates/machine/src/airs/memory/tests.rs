//! Chains of memory instances, honest and forged.

use std::ops::Range;

use ff::Field;
use quintet_air::{AirSpec, BusBalance, F, Trace, build};

use super::{Memory, MemoryPart};
use crate::{
    WordEvent,
    airs::{
        image::Image,
        search::{Case, System, only_honest_answers, spare_constraints},
        tag,
        testing::{check, idle, mutate_every_cell},
    },
    layout::{INPUT_WORD_END, INPUT_WORD_START, RAM_WORD_END, RAM_WORD_START},
};

const K: u32 = 11;

fn regions() -> Vec<Range<u64>> {
    vec![RAM_WORD_START..RAM_WORD_START + 16, 0x3000..0x3001, 0x1ff_0000..0x1ff_0100]
}

fn word(addr: u64, initial: u64) -> WordEvent {
    WordEvent { addr, initial, last: addr ^ 0x55, last_ts: 4 * addr + 2 }
}

fn words() -> Vec<WordEvent> {
    let zero = [0, 1, 31, RAM_WORD_START + 16, 0x2fff, 0x3001, 0x3002, 0x1fe_ffff, 0x1ff_0100, RAM_WORD_END - 1];
    let input = [(INPUT_WORD_START, 24), (INPUT_WORD_START + 1, u64::MAX), (INPUT_WORD_END - 1, 1 << 63)];
    zero.into_iter().map(|addr| word(addr, 0)).chain(input.into_iter().map(|(addr, value)| word(addr, value))).collect()
}

/// The instances that hold `words[..cuts[0]]`, `words[cuts[0]..cuts[1]]` and so on.
fn chain(words: &[WordEvent], cuts: &[usize]) -> Vec<(AirSpec, Trace)> {
    let starts = [0].into_iter().chain(cuts.iter().copied());
    let ends = cuts.iter().copied().chain([words.len()]);
    starts
        .zip(ends)
        .map(|(start, end)| {
            let (air, spec) = build::<Memory>(K).unwrap();
            let previous = (start > 0).then(|| words[start - 1].addr);
            let part = MemoryPart { previous, is_last: end == words.len(), words: &words[start..end] };
            let trace = air.trace(&spec, part, &regions());
            (spec, trace)
        })
        .collect()
}

/// All that is not memory: an image instance with the regions, and the accesses.
fn counterpart(words: &[WordEvent]) -> BusBalance {
    let mut bus = BusBalance::default();
    let (image, spec) = build::<Image>(K).unwrap();
    let untouched = WordEvent { addr: 0x3000, initial: 7, last: 7, last_ts: 0 };
    bus.add_instance(&spec, &image.trace(&spec, &[untouched], &regions()));
    for word in words {
        bus.add(tag::MEM, &[word.addr, 0, word.initial].map(F::from), -F::ONE, "first access");
        bus.add(tag::MEM, &[word.addr, word.last_ts, word.last].map(F::from), F::ONE, "last access");
    }
    bus
}

/// Whether constraints and bus accept a chain of instances.
fn accepted(words: &[WordEvent], instances: &[(AirSpec, Trace)]) -> bool {
    let mut bus = counterpart(words);
    let mut satisfied = true;
    for (index, (spec, trace)) in (0..).zip(instances) {
        satisfied &= check(spec, trace, index).is_empty();
        bus.add_instance(spec, trace);
    }
    satisfied && bus.imbalances().is_empty()
}

#[test]
fn chains_of_any_cut_are_provable() {
    for cuts in [&[][..], &[1], &[3], &[5], &[9, 11], &[4, 5, 6]] {
        assert!(accepted(&words(), &chain(&words(), cuts)), "{cuts:?}");
    }
}

#[test]
fn image_table_satisfies_its_constraints() {
    let (image, spec) = build::<Image>(K).unwrap();
    let words: Vec<WordEvent> = (0..2000).map(|i| WordEvent { last: 3, last_ts: i, ..word(0x2000 + i, i << 40) }).collect();
    let trace = image.trace(&spec, &words, &regions());
    assert!(check(&spec, &trace, 0).is_empty());
    let rows = [0, 1, 1999, 2000, Image::capacity(K), Image::capacity(K) + 3];
    for mutant in mutate_every_cell(&spec, &trace, 0, &rows) {
        let harmless = mutant.row >= 2000 && matches!(mutant.column.as_str(), "last" | "last_ts");
        assert!(mutant.caught.is_some() || harmless, "{mutant:?}");
    }
}

#[test]
fn zero_memory_that_is_not_zero_is_unprovable() {
    let mut words = words();
    words[4].initial = 1;
    assert!(!accepted(&words, &chain(&words, &[])));
}

#[test]
fn words_that_the_program_occupies_are_unprovable() {
    for addr in [RAM_WORD_START, RAM_WORD_START + 15, 0x3000, 0x1ff_00ff] {
        let mut words = words();
        words.push(word(addr, 0));
        words.sort_by_key(|word| word.addr);
        assert!(!accepted(&words, &chain(&words, &[])), "{addr:#x}");
        assert!(!accepted(&words, &chain(&words, &[6])), "{addr:#x} in a chain");
    }
}

#[test]
fn words_outside_ram_and_input_are_unprovable() {
    for addr in [RAM_WORD_END, INPUT_WORD_START - 1, INPUT_WORD_END, 1 << 40] {
        let mut words = words();
        words.push(word(addr, 0));
        words.sort_by_key(|word| word.addr);
        assert!(!accepted(&words, &chain(&words, &[])), "{addr:#x}");
    }
}

#[test]
fn a_word_cannot_begin_twice() {
    let mut twice = words();
    twice.insert(5, twice[5]);
    assert!(!accepted(&twice, &chain(&twice, &[])), "in one instance");
    assert!(!accepted(&twice, &chain(&twice, &[6])), "in two instances");
    // Two chains, each sound in itself.
    let mut instances = chain(&words(), &[]);
    instances.extend(chain(&words(), &[]));
    let doubled: Vec<WordEvent> = words().into_iter().chain(words()).collect();
    assert!(!accepted(&doubled, &instances), "in two chains");
}

#[test]
fn a_region_cannot_be_left_out() {
    let (air, spec) = build::<Memory>(K).unwrap();
    let words = words();
    let trace = air.trace(&spec, MemoryPart { previous: None, is_last: true, words: &words }, &regions()[..2]);
    assert!(check(&spec, &trace, 0).is_empty());
    assert!(!accepted(&words, &[(spec, trace)]));
}

#[test]
fn every_changed_cell_is_noticed() {
    let mut all = Vec::new();
    for (index, (spec, trace)) in (0..).zip(chain(&words(), &[9])) {
        let is = |kind: &str, row: usize| trace.get(spec.column(kind).unwrap(), row) == F::ONE;
        let real = |row: usize| is("zero", row) || is("input", row) || is("region", row);
        let mutants = mutate_every_cell(&spec, &trace, index, &(0..16).collect::<Vec<_>>());
        for mutant in mutants.iter().filter(|mutant| mutant.caught.is_none()) {
            let harmless = match mutant.column.as_str() {
                // Regions have no values, padding has no content.
                "last" | "last_ts" => is("region", mutant.row) || !real(mutant.row),
                "addr" | "end" => !real(mutant.row),
                name if name.starts_with("gap") => !real(mutant.row),
                name if name.starts_with("offset") || name.starts_with("initial") => {
                    is("region", mutant.row) || !real(mutant.row)
                }
                _ => false,
            };
            assert!(harmless, "{mutant:?}");
        }
        all.extend(mutants);
    }
    let (_, spec) = build::<Memory>(K).unwrap();
    let empty: [&str; 0] = [];
    assert_eq!(idle(&spec, &all), empty.into());
}

#[test]
fn an_instance_without_a_row_and_a_second_start_are_unprovable() {
    let (air, spec) = build::<Memory>(K).unwrap();
    let empty = air.trace(&spec, MemoryPart { previous: None, is_last: true, words: &[] }, &[]);
    assert!(!check(&spec, &empty, 0).is_empty());
    let words = words();
    let start = air.trace(&spec, MemoryPart { previous: None, is_last: true, words: &words }, &regions());
    assert!(check(&spec, &start, 0).is_empty() && !check(&spec, &start, 1).is_empty());
}

/// A row with the row before it: the final value or the region, and where the row stands in the chain, are given.
fn row_case<'a>(spec: &'a AirSpec, index: u32, trace: &Trace, row: usize) -> Case<'a> {
    let mut system = System::new(spec, row.saturating_sub(1)..row + 1, index);
    if row > 0 {
        system.know_row(row - 1, trace, row - 1, &[]).about(row..row + 1);
    }
    system.take(row, "final value", trace, &[0, 1, 2]).take(row, "region", trace, &[0, 1]);
    system.take(row, "instance before", trace, &[0]).take(row, "instance after", trace, &[]);
    if trace.get(spec.column("input").unwrap(), row) == F::ONE {
        // Input is free.
        system.hear(row, "initial value", trace, &[2]);
    }
    for column in ["zero", "input", "addr", "end"] {
        system.watch(row, column);
    }
    system.as_in(trace)
}

/// Every row of a chain of two instances, and rows that may not be.
fn cases(spec: &AirSpec) -> Vec<Case<'_>> {
    let chain = chain(&words(), &[9]);
    let mut cases: Vec<Case<'_>> = Vec::new();
    for (index, (_, trace)) in (0..).zip(&chain) {
        let real =
            |row: &usize| ["zero", "input", "region"].iter().any(|kind| trace.get(spec.column(kind).unwrap(), *row) == F::ONE);
        cases.extend((0..16).filter(real).map(|row| row_case(spec, index, trace, row)));
    }
    let trace = &chain[0].1;
    let padding = spec.height() - 3;
    for addr in [RAM_WORD_END, INPUT_WORD_START - 1, INPUT_WORD_END, 1 << 40].map(F::from).into_iter().chain([-F::ONE]) {
        for kind in ["zero", "input"] {
            let mut system = System::new(spec, 3..4, 0);
            cases.push(system.know(3, "region", F::ZERO).know(3, "addr", addr).know(3, kind, F::ONE).impossible());
        }
    }
    let pair = |spec, index| System::new(spec, 2..4, index);
    // A word again, a word below, content after padding, an exit where the chain goes on, an entry further down.
    cases.push(pair(spec, 0).know_row(2, trace, 2, &[]).know_row(3, trace, 2, &["gap_0", "gap_1", "gap_2"]).impossible());
    cases.push(pair(spec, 0).know_row(2, trace, 2, &[]).know_row(3, trace, 1, &["gap_0", "gap_1", "gap_2"]).impossible());
    cases.push(pair(spec, 0).know_row(2, trace, padding, &[]).know_row(3, trace, 3, &["gap_0", "gap_1", "gap_2"]).impossible());
    cases.push(pair(spec, 0).know_row(2, trace, 2, &["exit"]).know_row(3, trace, 3, &[]).know(2, "exit", F::ONE).impossible());
    cases.push(System::new(spec, 3..4, 0).know_row(3, trace, 3, &["entry"]).know(3, "entry", F::ONE).impossible());
    cases.push(System::new(spec, 3..4, 0).know_row(3, trace, padding, &["exit"]).know(3, "exit", F::ONE).impossible());
    // An empty instance; a second start; a start above address 0; an initial value in zero memory.
    cases.push(System::new(spec, 0..1, 0).know_row(0, trace, padding, &[]).impossible());
    cases.push(System::new(spec, 0..1, 1).know_row(0, trace, 0, &["entry"]).know(0, "entry", F::ZERO).impossible());
    cases.push(System::new(spec, 0..1, 0).know_row(0, trace, 3, &["gap_0"]).know(0, "gap_0", F::ZERO).impossible());
    // A row that is a word and a region, or two kinds of word.
    for kinds in [["zero", "region"], ["input", "region"], ["zero", "input"]] {
        let mut system = System::new(spec, 3..4, 0);
        cases.push(system.know(3, kinds[0], F::ONE).know(3, kinds[1], F::ONE).know(3, "exit", F::ZERO).impossible());
    }
    let mut silent = System::new(spec, padding..padding + 1, 0);
    cases.push(silent.know_of(padding, &["zero", "input", "region"], trace).as_in(trace));
    cases
}

#[test]
fn final_values_and_the_row_before_leave_one_row() {
    only_honest_answers(&build::<Memory>(K).unwrap().1, &cases);
}

#[test]
fn every_constraint_is_needed() {
    // It follows from "one kind of row"; the sum is a multiplicity, and those are proven one by one.
    assert_eq!(spare_constraints(&build::<Memory>(K).unwrap().1, &cases), ["zero or input".to_owned()].into());
}

/// What is not pinned in a row of the image is what the path of accesses ends in.
#[test]
fn pinned_columns_and_final_values_leave_one_row_of_the_image() {
    let (image, spec) = build::<Image>(K).unwrap();
    let trace = image.trace(&spec, &words(), &regions());
    let pinned = ["present", "region", "addr", "initial"];
    for row in (0..words().len() + 1).chain([Image::capacity(K), Image::capacity(K) + 2]) {
        let mut system = System::new(&spec, row..row + 1, 0);
        let (system, said) = system.know_of(row, &pinned, &trace).hear(row, "final value", &trace, &[1, 2]).as_in(&trace);
        assert_eq!(system.answers(), Ok(said), "row {row}");
    }
}
