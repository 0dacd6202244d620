//! A table: a name, a key type, a value type. Declared once as a constant, used wherever a store is at hand.

use std::{fmt, marker::PhantomData};

use ssz::{Decode, Encode};

use crate::{Key, StoreError};

/// Handle of a table. Holds no data; two handles with one name are the same table and must have the same types.
///
/// ```
/// use quintet_store::Table;
///
/// const HEADERS: Table<(u64, [u8; 32]), Vec<u8>> = Table::new("headers");
/// assert_eq!(HEADERS.name(), "headers");
/// ```
pub struct Table<K, V> {
    name: &'static str,
    types: PhantomData<fn(K) -> V>,
}

impl<K: Key, V: Encode + Decode> Table<K, V> {
    /// Names a table. A name with a zero byte does not compile in a constant, and panics elsewhere.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        let (bytes, mut i) = (name.as_bytes(), 0);
        while i < bytes.len() {
            assert!(bytes[i] != NAME_END, "table names have no zero bytes");
            i += 1;
        }
        Self { name, types: PhantomData }
    }

    /// The name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Decodes the part of a stored key that follows the table's prefix.
    pub(crate) fn decode_key(&self, bytes: &[u8]) -> Result<K, StoreError> {
        K::read(bytes).ok_or_else(|| {
            let reason = format!("{} bytes are no key of {} bytes", bytes.len(), K::LEN);
            StoreError::corrupt(self.name, bytes, reason)
        })
    }

    pub(crate) fn decode_value(&self, key: &[u8], bytes: &[u8]) -> Result<V, StoreError> {
        V::from_ssz_bytes(bytes).map_err(|error| StoreError::corrupt(self.name, key, format!("SSZ: {error:?}")))
    }
}

/// Ends the table's name in a stored key.
const NAME_END: u8 = 0;

/// The key under which an entry is stored: the table's name, a zero byte, the key. All tables share one sled tree: a batch
/// over one tree is one atomic stretch of sled's log, while a transaction over several reads each key before writing it.
pub(crate) fn stored_key(table: &str, key: &[u8]) -> Vec<u8> {
    [table.as_bytes(), &[NAME_END], key].concat()
}

/// Above all stored keys of a table.
pub(crate) fn table_end(table: &str) -> Vec<u8> {
    [table.as_bytes(), &[NAME_END + 1]].concat()
}

/// Takes a stored key apart into table name and key.
pub(crate) fn split_stored_key(stored: &[u8]) -> Option<(&str, &[u8])> {
    let end = stored.iter().position(|&byte| byte == NAME_END)?;
    let (name, key) = stored.split_at(end);
    Some((std::str::from_utf8(name).ok()?, &key[1..]))
}

impl<K, V> Clone for Table<K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Table<K, V> {}

impl<K, V> fmt::Debug for Table<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({:?})", self.name)
    }
}
