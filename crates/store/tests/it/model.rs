//! The store against a plain ordered map, under any sequence of operations and reopenings.

use std::collections::BTreeMap;

use proptest::prelude::*;
use quintet_store::{Batch, Store, StoreError, Table};

use crate::{FAST, SCHEMA, filler, open};

type Keys = (u8, u16);
const ONE: Table<Keys, Vec<u8>> = Table::new("one");
const TWO: Table<Keys, Vec<u8>> = Table::new("two");

#[derive(Debug, Clone)]
enum Step {
    Put(bool, Keys, usize),
    Remove(bool, Keys),
    InsertNew(bool, Keys),
    Prune(bool, Keys, Keys),
    Commit,
    Reopen,
}

/// Few enough keys that they meet.
fn key() -> impl Strategy<Value = Keys> {
    (0u8..3, 0u16..6)
}

fn step() -> impl Strategy<Value = Step> {
    let len = prop_oneof![0usize..40, 4090usize..4110, 8180usize..20_000];
    prop_oneof![
        6 => (any::<bool>(), key(), len).prop_map(|(two, key, len)| Step::Put(two, key, len)),
        3 => (any::<bool>(), key()).prop_map(|(two, key)| Step::Remove(two, key)),
        1 => (any::<bool>(), key()).prop_map(|(two, key)| Step::InsertNew(two, key)),
        1 => (any::<bool>(), key(), key()).prop_map(|(two, a, b)| Step::Prune(two, a.min(b), a.max(b))),
        4 => Just(Step::Commit),
        1 => Just(Step::Reopen),
    ]
}

fn table(two: bool) -> Table<Keys, Vec<u8>> {
    if two { TWO } else { ONE }
}

type Model = [BTreeMap<Keys, Vec<u8>>; 2];

fn equals(store: &Store, model: &Model) -> Result<(), TestCaseError> {
    for (two, expected) in [false, true].into_iter().zip(model) {
        let table = table(two);
        let all: Vec<_> = store.range(&table, ..).map(Result::unwrap).collect();
        prop_assert!(all.iter().map(|(key, value)| (key, value)).eq(expected.iter()));
        let mut back: Vec<_> = store.range(&table, ..).rev().map(Result::unwrap).collect();
        back.reverse();
        prop_assert!(back == all);
        let part: Vec<_> = store.range(&table, (1, 2)..=(2, 1)).map(|entry| entry.unwrap().0).collect();
        prop_assert!(part.iter().eq(expected.range((1, 2)..=(2, 1)).map(|(key, _)| key)));
        let prefixed: Vec<_> = store.prefix(&table, &1u8).map(|entry| entry.unwrap().0).collect();
        prop_assert!(prefixed.iter().eq(expected.keys().filter(|key| key.0 == 1)));
        prop_assert_eq!(store.first(&table).unwrap().map(|entry| entry.0), expected.keys().next().copied());
        prop_assert_eq!(store.last(&table).unwrap().map(|entry| entry.0), expected.keys().last().copied());
        for a in 0..3 {
            for b in 0..6 {
                prop_assert_eq!(store.get(&table, &(a, b)).unwrap(), expected.get(&(a, b)).cloned());
                prop_assert_eq!(store.contains(&table, &(a, b)).unwrap(), expected.contains_key(&(a, b)));
            }
        }
    }
    let report = store.inspect().unwrap();
    let entries: u64 = report.tables.iter().map(|table| table.entries).sum();
    prop_assert_eq!(entries, model.iter().map(|table| table.len() as u64).sum::<u64>());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn store_behaves_like_an_ordered_map(steps in prop::collection::vec(step(), 1..50)) {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(dir.path());
        let mut model = Model::default();
        let (mut batch, mut after, mut fails) = (Batch::new(), model.clone(), false);
        for (i, step) in steps.into_iter().chain([Step::Commit]).enumerate() {
            match step {
                Step::Put(two, key, len) => {
                    let value = filler(i as u64, len);
                    batch.put(&table(two), &key, &value);
                    after[usize::from(two)].insert(key, value);
                }
                Step::Remove(two, key) => {
                    batch.remove(&table(two), &key);
                    after[usize::from(two)].remove(&key);
                }
                Step::InsertNew(two, key) => {
                    let value = filler(i as u64, 9);
                    batch.insert_new(&table(two), &key, &value);
                    fails |= after[usize::from(two)].insert(key, value).is_some();
                }
                Step::Prune(two, from, to) => {
                    let removed = store.prune(&table(two), from..to).unwrap();
                    let gone: Vec<_> = model[usize::from(two)].range(from..to).map(|(key, _)| *key).collect();
                    prop_assert_eq!(removed, gone.len() as u64);
                    gone.iter().for_each(|key| _ = model[usize::from(two)].remove(key));
                    // What was collected so far had another past: start over.
                    (batch, after, fails) = (Batch::new(), model.clone(), false);
                }
                Step::Commit => {
                    let outcome = store.commit(std::mem::take(&mut batch));
                    if fails {
                        let refused = matches!(outcome, Err(StoreError::Condition { .. }));
                        prop_assert!(refused, "{:?}", outcome);
                    } else {
                        outcome.unwrap();
                        model = after.clone();
                    }
                    (after, fails) = (model.clone(), false);
                    equals(&store, &model)?;
                }
                Step::Reopen => {
                    drop(store);
                    store = Store::open(dir.path(), &SCHEMA, &FAST).unwrap();
                    equals(&store, &model)?;
                }
            }
        }
    }
}

#[test]
fn conditions_see_earlier_operations_of_their_batch_and_of_batches_before() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let (key, small, large) = ((0, 0), vec![1], filler(1, 9000));
    let mut batch = Batch::new();
    batch.insert_new(&ONE, &key, &large).require(&ONE, &key, Some(&large)).put(&ONE, &key, &small);
    batch.require(&ONE, &key, Some(&small)).remove(&ONE, &key).require(&ONE, &key, None).put(&ONE, &key, &large);
    store.commit(batch).unwrap();
    for wrong in [None, Some(&small)] {
        let mut batch = Batch::new();
        batch.put(&TWO, &key, &small).require(&ONE, &key, wrong);
        let error = store.commit(batch).unwrap_err();
        assert!(matches!(error, StoreError::Condition { table: "one", .. }), "{error}");
        assert!(!store.contains(&TWO, &key).unwrap(), "nothing of a refused batch is applied");
    }
    // Both in flight at once: the second must see the first although it is not yet written.
    let mut first = Batch::new();
    first.insert_new(&TWO, &key, &small);
    let (first, second) = (store.submit(first.clone()).unwrap(), store.submit(first).unwrap());
    first.wait().unwrap();
    assert!(matches!(second.wait(), Err(StoreError::Condition { .. })));
}

#[test]
fn large_value_is_never_seen_half_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let value = |seed: u64| vec![seed as u8; 20_000 + 5_000 * (seed as usize % 3)];
    store.put(&ONE, &(0, 0), &value(0)).unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| (1..200).for_each(|seed| store.put(&ONE, &(0, 0), &value(seed)).unwrap()));
        let mut reads = 0;
        while !writer.is_finished() {
            let read = store.get(&ONE, &(0, 0)).unwrap().unwrap();
            assert!(read.iter().all(|byte| *byte == read[0]));
            let scanned = store.range(&ONE, ..).next().unwrap().unwrap().1;
            assert!(scanned.iter().all(|byte| *byte == scanned[0]));
            reads += 1;
        }
        assert!(reads > 0);
    });
}
