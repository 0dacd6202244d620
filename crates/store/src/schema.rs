//! What a store is, in which version, and how it gets from one version to the next.

use crate::{Batch, Store, StoreError, Table};

/// The name and version that a program's store carries.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// Whose store it is, e.g. `quintet-sidecar`. A store with another name is refused.
    pub name: &'static str,
    /// The version that this program reads and writes.
    pub version: u32,
    /// One step for each version that can still be migrated from.
    pub migrations: &'static [Migration],
}

/// One step from a version to the next.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// The version it starts from; it leads to the next.
    pub from: u32,
    /// What it does, for the log.
    pub description: &'static str,
    /// Reads the store and puts the changes into the batch, which is committed together with the new version: a crash
    /// leaves the store either as it was or migrated. A step too large for memory may commit parts on its own, if doing
    /// them twice does no harm.
    pub run: fn(&Store, &mut Batch) -> Result<(), StoreError>,
}

/// Version (4 bytes, little-endian) and name, under key 0.
const SCHEMA: Table<u8, Vec<u8>> = Table::new(META_TABLE);

/// The table of the store's own record.
pub(crate) const META_TABLE: &str = "quintet-store";

/// What a store says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) name: String,
    pub(crate) version: u32,
}

impl Record {
    pub(crate) fn read(store: &Store) -> Result<Option<Self>, StoreError> {
        let Some(bytes) = store.get(&SCHEMA, &0)? else { return Ok(None) };
        let record = bytes.split_first_chunk().and_then(|(version, name)| {
            let name = String::from_utf8(name.to_vec()).ok()?;
            Some(Self { name, version: u32::from_le_bytes(*version) })
        });
        record.map(Some).ok_or_else(|| StoreError::corrupt(META_TABLE, &[0], "not a schema record"))
    }

    pub(crate) fn put(&self, batch: &mut Batch) {
        batch.put(&SCHEMA, &0, &[&self.version.to_le_bytes(), self.name.as_bytes()].concat());
    }
}

/// Makes the store what `schema` says, or says why that cannot be.
pub(crate) fn settle(store: &Store, schema: &Schema, migrate: bool) -> Result<(), StoreError> {
    let path = || store.path().to_owned();
    let record = match Record::read(store)? {
        Some(record) => record,
        None if !store.is_empty() => {
            return Err(StoreError::WrongStore { path: path(), found: "unknown".to_owned(), expected: schema.name.to_owned() });
        }
        None => {
            let mut batch = Batch::new();
            Record { name: schema.name.to_owned(), version: schema.version }.put(&mut batch);
            return store.commit(batch);
        }
    };
    if record.name != schema.name {
        return Err(StoreError::WrongStore { path: path(), found: record.name, expected: schema.name.to_owned() });
    }
    if record.version > schema.version {
        return Err(StoreError::NewerSchema { path: path(), found: record.version, supported: schema.version });
    }
    if record.version < schema.version && !migrate {
        return Err(StoreError::OlderSchema { path: path(), found: record.version, wanted: schema.version });
    }
    for from in record.version..schema.version {
        let step = schema.migrations.iter().find(|step| step.from == from).ok_or(StoreError::NoMigration { from })?;
        tracing::info!(from, to = from + 1, step.description, path = %store.path().display(), "migrating store");
        let mut batch = Batch::new();
        (step.run)(store, &mut batch)?;
        Record { name: record.name.clone(), version: from + 1 }.put(&mut batch);
        store.commit(batch)?;
    }
    Ok(())
}
