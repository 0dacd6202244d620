//! Backups taken under fire, damaged ones, and what comes back.

use std::sync::atomic::{AtomicBool, Ordering};

use quintet_store::{Batch, Store, StoreError, Table, inspect, restore, verify_backup};

use crate::{FAST, SCHEMA, filler, open};

const COUNT: Table<u8, u64> = Table::new("count");
const ITEMS: Table<(u8, u64), Vec<u8>> = Table::new("items");

/// One step of a writer: the item of this step comes, the one of twenty steps ago goes, the count goes up.
fn step(store: &Store, writer: u8, step: u64) {
    let mut batch = Batch::new();
    let len = if step.is_multiple_of(5) { 9000 } else { 30 };
    batch.put(&COUNT, &writer, &step).put(&ITEMS, &(writer, step), &filler(step, len));
    if let Some(old) = step.checked_sub(20) {
        batch.remove(&ITEMS, &(writer, old));
    }
    store.commit(batch).unwrap();
}

fn assert_consistent(store: &Store) {
    for entry in store.range(&COUNT, ..) {
        let (writer, count) = entry.unwrap();
        let items: Vec<_> = store.prefix(&ITEMS, &writer).map(|item| item.unwrap().0.1).collect();
        let expected: Vec<_> = (count.saturating_sub(19)..=count).collect();
        assert_eq!(items, expected);
    }
}

#[test]
fn backup_taken_while_writing_is_one_moment_and_comes_back_whole() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("store"));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for writer in 0..3 {
            let (store, stop) = (&store, &stop);
            scope.spawn(move || {
                (0..).take_while(|_| !stop.load(Ordering::Relaxed)).for_each(|i| step(store, writer, i));
            });
        }
        for round in 0..5 {
            std::thread::sleep(std::time::Duration::from_millis(20));
            let (file, back) = (dir.path().join(format!("{round}.backup")), dir.path().join(format!("{round}")));
            let before = store.get(&COUNT, &0).unwrap();
            let summary = store.backup(&file).unwrap();
            assert_eq!(verify_backup(&file).unwrap(), summary);
            assert_eq!(summary.bytes, file.metadata().unwrap().len());
            assert_eq!(restore(&file, &back).unwrap(), summary);
            let restored = open(&back);
            assert_consistent(&restored);
            assert!(restored.get(&COUNT, &0).unwrap() >= before, "what was acknowledged before is in it");
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_consistent(&store);
}

#[test]
fn backup_equals_the_store_and_keeps_its_schema() {
    let dir = tempfile::tempdir().unwrap();
    let (path, file, back) = (dir.path().join("a"), dir.path().join("b"), dir.path().join("c"));
    let store = open(&path);
    (0..50).for_each(|i| step(&store, 1, i));
    let summary = store.backup(&file).unwrap();
    assert!(matches!(store.backup(&file), Err(StoreError::Exists { .. })));
    let before = store.inspect().unwrap();
    assert!(matches!(inspect(&path), Err(StoreError::Locked { .. })));
    drop(store);
    assert_eq!(inspect(&path).unwrap().tables, before.tables);
    assert_eq!(restore(&file, &back).unwrap(), summary);
    assert!(matches!(restore(&file, &back), Err(StoreError::Exists { .. })));
    let after = inspect(&back).unwrap();
    assert_eq!((&after.tables, &after.name, after.version), (&before.tables, &before.name, before.version));
    assert!(after.to_string().contains("items"), "{after}");
    Store::open(&back, &SCHEMA, &FAST).unwrap();
}

#[test]
fn damaged_backup_is_refused_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (file, bad, back) = (dir.path().join("good"), dir.path().join("bad"), dir.path().join("back"));
    let store = open(&dir.path().join("store"));
    (0..8).for_each(|i| step(&store, 1, i));
    store.backup(&file).unwrap();
    let good = std::fs::read(&file).unwrap();
    let mut damaged: Vec<Vec<u8>> = (0..good.len()).step_by(211).map(|at| good[..at].to_vec()).collect();
    for at in (0..good.len()).step_by(97).chain([good.len() - 1]) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        damaged.push(bytes);
    }
    damaged.push([&good[..], b"x"].concat());
    for bytes in damaged {
        std::fs::write(&bad, bytes).unwrap();
        let error = restore(&bad, &back).unwrap_err();
        assert!(matches!(error, StoreError::BadBackup { .. }), "{error}");
    }
    assert!(!back.exists());
}
