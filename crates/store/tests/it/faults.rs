//! Errors an operator meets, each called by its name.

use std::{path::Path, process::Command};

use quintet_store::{Batch, Options, Store, StoreError, Table, inspect};

use crate::{FAST, SCHEMA, filler, open};

const NUMBERS: Table<u32, u64> = Table::new("numbers");
const BLOBS: Table<u64, Vec<u8>> = Table::new("blobs");

#[test]
fn second_opening_names_the_holder() {
    let dir = tempfile::tempdir().unwrap();
    let _store = open(dir.path());
    let error = Store::open(dir.path(), &SCHEMA, &FAST).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, StoreError::Locked { .. }), "{text}");
    assert!(text.contains(&format!("process {}", std::process::id())), "{text}");
}

#[test]
fn missing_store_is_not_made_unless_asked() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("nothing");
    let error = Store::open(&path, &SCHEMA, &Options { create: false, ..FAST }).unwrap_err();
    assert!(matches!(error, StoreError::NotFound { .. }), "{error}");
    assert!(matches!(inspect(&path), Err(StoreError::NotFound { .. })));
    assert!(!path.exists());
}

#[test]
fn value_of_another_type_is_corrupt_and_named() {
    const AS_SHORT: Table<u32, u32> = Table::new("numbers");
    const OTHER_KEY: Table<u64, u64> = Table::new("numbers");
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.put(&NUMBERS, &7, &1).unwrap();
    let error = store.get(&AS_SHORT, &7).unwrap_err();
    assert!(matches!(&error, StoreError::Corrupt { table: "numbers", key, .. } if key == "00000007"), "{error}");
    let error = store.range(&OTHER_KEY, ..).next().unwrap().unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { table: "numbers", .. }), "{error}");
}

#[test]
fn closed_store_refuses_writes_and_still_reads() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.put(&NUMBERS, &1, &2).unwrap();
    store.shutdown().unwrap();
    assert!(matches!(store.put(&NUMBERS, &1, &3), Err(StoreError::Closed)));
    assert_eq!(store.get(&NUMBERS, &1).unwrap(), Some(2));
    store.shutdown().unwrap();
}

#[test]
fn full_queue_says_busy_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &SCHEMA, &Options { max_queue_bytes: 100_000, ..FAST }).unwrap();
    let (mut accepted, mut busy) = (Vec::new(), 0);
    // One batch fits beside another; a writer that keeps up with a while of them does not keep up for ever.
    let blob = filler(1, 60_000);
    for i in 0..2_000 {
        let mut batch = Batch::new();
        batch.put(&BLOBS, &i, &blob);
        match store.try_submit(batch) {
            Ok(pending) => accepted.push((i, pending)),
            Err(StoreError::Busy) => busy += 1,
            Err(other) => panic!("{other}"),
        }
        if busy > 0 && i > 100 {
            break;
        }
    }
    assert!(busy > 0, "the writer is not that fast");
    for (i, pending) in accepted {
        pending.wait().unwrap();
        assert_eq!(store.get(&BLOBS, &i).unwrap(), Some(blob.clone()));
    }
}

const CHILD: &str = "QUINTET_STORE_TEST_FILLER";

/// Not a test of its own: the process that the test below lets run out of room.
#[test]
fn child_that_fills_the_disk() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let store = Store::open(Path::new(&path), &SCHEMA, &Options::default()).unwrap();
    let error = (0..).find_map(|i| store.put(&BLOBS, &i, &filler(i, 20_000)).err()).unwrap();
    println!("\nfirst error: {error}");
    // And it stays that way: nothing is acknowledged after a loss.
    println!("then: {}", store.put(&NUMBERS, &1, &1).unwrap_err());
    println!("stored: {}", store.range(&BLOBS, ..).map_while(Result::ok).count());
}

#[test]
fn full_disk_is_called_that_and_what_was_acknowledged_stays() {
    let dir = tempfile::tempdir().unwrap();
    // A file size limit stands in for a full disk: the write fails in the same place. 8192 · 512 bytes.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 8192; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "faults::child_that_fills_the_disk", "--nocapture"])
        .env(CHILD, dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("first error: no room left for store"), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("then: store is closed"), "{said}");
    let store = open(dir.path());
    let entries: Vec<_> = store.range(&BLOBS, ..).map(Result::unwrap).collect();
    assert!(entries.len() > 50, "{}", entries.len());
    for (i, (key, value)) in entries.into_iter().enumerate() {
        assert_eq!((key, value), (i as u64, filler(i as u64, 20_000)));
    }
}
