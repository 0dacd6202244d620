//! Iteration over a range of a table.

use ssz::{Decode, Encode};

use crate::{Key, Store, StoreError, Table, value};

/// Entries in the order of their keys; from both ends. Pieces of large values are put together on the way.
pub struct Scan<K, V> {
    store: Store,
    table: Table<K, V>,
    entries: sled::Iter,
}

impl<K: Key, V: Encode + Decode> Scan<K, V> {
    pub(crate) fn new(store: Store, table: Table<K, V>, entries: sled::Iter) -> Self {
        Self { store, table, entries }
    }

    /// The entry as a typed pair; `None` for what is no entry of its own, or is gone by now.
    fn typed(&self, entry: sled::Result<(sled::IVec, sled::IVec)>) -> Option<Result<(K, V), StoreError>> {
        let (stored, entry) = match entry.map_err(StoreError::sled(self.store.path())) {
            Ok(entry) => entry,
            Err(error) => return Some(Err(error)),
        };
        if value::is_further_piece(&entry) {
            return None;
        }
        let key = &stored[self.table.name().len() + 1..];
        let pair = || {
            let typed = self.table.decode_key(key)?;
            // Short values are all there; the pieces of long ones are read afresh, lest they be of two writes.
            let none = |_: &[u8]| Ok::<_, StoreError>(None);
            let bytes = match value::assemble(&stored, &entry, none)? {
                Ok(bytes) => Some(bytes),
                Err(_) => self.store.read(self.table.name(), key)?,
            };
            bytes.map(|bytes| Ok((typed, self.table.decode_value(key, &bytes)?))).transpose()
        };
        pair().transpose()
    }
}

impl<K: Key, V: Encode + Decode> Iterator for Scan<K, V> {
    type Item = Result<(K, V), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let entry = self.entries.next()?;
            if let Some(item) = self.typed(entry) {
                return Some(item);
            }
        }
    }
}

impl<K: Key, V: Encode + Decode> DoubleEndedIterator for Scan<K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        loop {
            let entry = self.entries.next_back()?;
            if let Some(item) = self.typed(entry) {
                return Some(item);
            }
        }
    }
}

impl<K, V> std::fmt::Debug for Scan<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scan").field("table", &self.table).finish_non_exhaustive()
    }
}
