//! What a store holds and how large it is (`db inspect`).

use std::{fmt, path::Path};

use crate::{
    Options, Store, StoreError,
    schema::{META_TABLE, Record},
    table::split_stored_key,
    value,
};

/// One table's share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableReport {
    /// The table's name.
    pub name: String,
    /// Entries in it.
    pub entries: u64,
    /// Bytes of its keys and values as stored, without sled's own overhead.
    pub bytes: u64,
}

/// A store's size, table by table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Whose store it is; `None` if it does not say.
    pub name: Option<String>,
    /// Its schema version.
    pub version: Option<u32>,
    /// Bytes on disk, overhead and space to be used again included.
    pub disk_bytes: u64,
    /// The tables by name.
    pub tables: Vec<TableReport>,
}

/// Reports on a store that no process has open, whatever its schema.
///
/// # Errors
/// [`StoreError::Locked`], [`StoreError::NotFound`], file system errors.
pub fn inspect(path: &Path) -> Result<Report, StoreError> {
    Store::open_any(path, &Options { create: false, ..Options::default() })?.inspect()
}

impl Store {
    /// Counts entries and bytes of every table. Reads everything: seconds for gigabytes.
    ///
    /// # Errors
    /// File system errors.
    pub fn inspect(&self) -> Result<Report, StoreError> {
        let fault = StoreError::sled(self.path());
        let record = Record::read(self)?;
        let mut tables: Vec<TableReport> = Vec::new();
        for entry in self.core().entries.iter() {
            let (key, value) = entry.map_err(&fault)?;
            let name = split_stored_key(&key).map_or("(unknown)", |(name, _)| name);
            if name == META_TABLE {
                continue;
            }
            // Entries come table by table.
            if tables.last().is_none_or(|table| table.name != name) {
                tables.push(TableReport { name: name.to_owned(), entries: 0, bytes: 0 });
            }
            if let Some(table) = tables.last_mut() {
                table.entries += u64::from(!value::is_further_piece(&value));
                table.bytes += (key.len() + value.len()) as u64;
            }
        }
        let disk_bytes = self.core().db.size_on_disk().map_err(fault)?;
        let (name, version) = record.map(|record| (record.name, record.version)).unzip();
        Ok(Report { name, version, disk_bytes, tables })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_deref().unwrap_or("unknown");
        let version = self.version.map_or("none".to_owned(), |version| version.to_string());
        writeln!(f, "store of {name}, schema version {version}, {} bytes on disk", self.disk_bytes)?;
        writeln!(f, "{:<32} {:>12} {:>16}", "table", "entries", "bytes")?;
        for table in &self.tables {
            writeln!(f, "{:<32} {:>12} {:>16}", table.name, table.entries, table.bytes)?;
        }
        Ok(())
    }
}
