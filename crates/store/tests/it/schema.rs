//! Versions: fresh, equal, older, newer, foreign; migrations that happen whole or not at all.

use std::path::Path;

use quintet_store::{Batch, Migration, Options, Schema, Store, StoreError, Table};

use crate::{FAST, SCHEMA};

const HEIGHTS_V1: Table<u32, u32> = Table::new("heights");
const HEIGHTS_V2: Table<u64, u64> = Table::new("heights-2");
const NAMES_V3: Table<u64, Vec<u8>> = Table::new("names");

/// Version 2 has wider keys and values.
fn widen(store: &Store, batch: &mut Batch) -> Result<(), StoreError> {
    for entry in store.range(&HEIGHTS_V1, ..) {
        let (key, height) = entry?;
        batch.remove(&HEIGHTS_V1, &key).put(&HEIGHTS_V2, &key.into(), &height.into());
    }
    Ok(())
}

/// Version 3 has a name for each height.
fn name(store: &Store, batch: &mut Batch) -> Result<(), StoreError> {
    for entry in store.range(&HEIGHTS_V2, ..) {
        let (key, height) = entry?;
        batch.put(&NAMES_V3, &key, &height.to_string().into_bytes());
    }
    Ok(())
}

/// Puts something, then fails.
fn fail(_: &Store, batch: &mut Batch) -> Result<(), StoreError> {
    batch.put(&NAMES_V3, &1, &vec![]).require(&NAMES_V3, &2, Some(&vec![]));
    Ok(())
}

const WIDEN: Migration = Migration { from: 1, description: "wider heights", run: widen };
const V2: Schema = Schema { name: "test", version: 2, migrations: &[WIDEN] };
const V3: Schema =
    Schema { name: "test", version: 3, migrations: &[WIDEN, Migration { from: 2, description: "names", run: name }] };

fn old_store(path: &Path) {
    let store = Store::open(path, &SCHEMA, &FAST).unwrap();
    for i in 0..10 {
        store.put(&HEIGHTS_V1, &i, &(i * i)).unwrap();
    }
}

#[test]
fn older_store_is_migrated_step_by_step_and_once() {
    let dir = tempfile::tempdir().unwrap();
    old_store(dir.path());
    for _ in 0..2 {
        let store = Store::open(dir.path(), &V3, &FAST).unwrap();
        assert_eq!(store.get(&HEIGHTS_V2, &3).unwrap(), Some(9));
        assert_eq!(store.get(&NAMES_V3, &3).unwrap(), Some(b"9".to_vec()));
        assert_eq!(store.first(&HEIGHTS_V1).unwrap(), None);
        assert_eq!(store.inspect().unwrap().version, Some(3));
    }
}

#[test]
fn failed_migration_leaves_the_store_as_it_was() {
    const BROKEN: Schema =
        Schema { name: "test", version: 2, migrations: &[Migration { from: 1, description: "fails", run: fail }] };
    let dir = tempfile::tempdir().unwrap();
    old_store(dir.path());
    assert!(matches!(Store::open(dir.path(), &BROKEN, &FAST), Err(StoreError::Condition { .. })));
    let store = Store::open(dir.path(), &SCHEMA, &FAST).unwrap();
    assert_eq!(store.get(&HEIGHTS_V1, &3).unwrap(), Some(9));
    assert_eq!(store.first(&NAMES_V3).unwrap(), None);
}

#[test]
fn newer_foreign_and_unreachable_stores_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    old_store(dir.path());
    let open = |schema: &Schema, options: &Options| Store::open(dir.path(), schema, options).map(drop);
    let older = open(&V2, &Options { migrate: false, ..FAST });
    assert!(matches!(older, Err(StoreError::OlderSchema { found: 1, wanted: 2, .. })), "{older:?}");
    let gap = open(&Schema { migrations: &[], ..V2 }, &FAST);
    assert!(matches!(gap, Err(StoreError::NoMigration { from: 1 })), "{gap:?}");
    let foreign = open(&Schema { name: "another", ..SCHEMA }, &FAST);
    assert!(matches!(foreign, Err(StoreError::WrongStore { .. })), "{foreign:?}");
    open(&V2, &FAST).unwrap();
    let newer = open(&SCHEMA, &FAST);
    assert!(matches!(newer, Err(StoreError::NewerSchema { found: 2, supported: 1, .. })), "{newer:?}");
}
