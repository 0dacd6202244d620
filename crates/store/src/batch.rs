//! A batch: writes to any tables that happen together or not at all.

use ssz::{Decode, Encode};

use crate::{Key, StoreError, Table, value::MAX_VALUE_BYTES};

/// What to do at a key.
#[derive(Debug, Clone)]
pub(crate) enum Action {
    /// Store a value, replacing one that is there.
    Put(Vec<u8>),
    /// Take away what is there.
    Remove,
    /// Fail the batch unless the key is absent (`None`) or has this value.
    Require(Option<Vec<u8>>),
}

#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) table: &'static str,
    pub(crate) key: Vec<u8>,
    pub(crate) action: Action,
}

/// Writes collected for one atomic commit. Operations take effect in the order in which they were added; a condition sees
/// the effects of earlier ones.
#[derive(Debug, Clone, Default)]
#[must_use = "a batch does nothing until it is committed"]
pub struct Batch {
    operations: Vec<Operation>,
    bytes: usize,
    too_large: Option<StoreError>,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stores a value, replacing one that is there.
    pub fn put<K: Key, V: Encode + Decode>(&mut self, table: &Table<K, V>, key: &K, value: &V) -> &mut Self {
        self.put_encoded(table, key, value.as_ssz_bytes())
    }

    /// [`Self::put`] of bytes, which are their own encoding: they are taken as they are.
    pub fn put_bytes<K: Key>(&mut self, table: &Table<K, Vec<u8>>, key: &K, value: Vec<u8>) -> &mut Self {
        self.put_encoded(table, key, value)
    }

    fn put_encoded<K: Key, V: Encode + Decode>(&mut self, table: &Table<K, V>, key: &K, value: Vec<u8>) -> &mut Self {
        if value.len() > MAX_VALUE_BYTES {
            self.too_large = Some(StoreError::ValueTooLarge { table: table.name(), len: value.len() });
            return self;
        }
        self.add(table.name(), key.to_key(), Action::Put(value))
    }

    /// Takes away what is at a key; nothing being there is fine.
    pub fn remove<K: Key, V: Encode + Decode>(&mut self, table: &Table<K, V>, key: &K) -> &mut Self {
        self.add(table.name(), key.to_key(), Action::Remove)
    }

    /// Stores a value where there is none; the whole batch fails with [`StoreError::Condition`] if there is one.
    pub fn insert_new<K: Key, V: Encode + Decode>(&mut self, table: &Table<K, V>, key: &K, value: &V) -> &mut Self {
        self.require(table, key, None).put(table, key, value)
    }

    /// Lets the whole batch fail with [`StoreError::Condition`] unless a key is absent (`None`) or has this value.
    pub fn require<K: Key, V: Encode + Decode>(&mut self, table: &Table<K, V>, key: &K, value: Option<&V>) -> &mut Self {
        self.add(table.name(), key.to_key(), Action::Require(value.map(Encode::as_ssz_bytes)))
    }

    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// How many operations were added.
    #[must_use]
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    pub(crate) fn add(&mut self, table: &'static str, key: Vec<u8>, action: Action) -> &mut Self {
        let value = match &action {
            Action::Put(value) | Action::Require(Some(value)) => value.len(),
            Action::Remove | Action::Require(None) => 0,
        };
        self.bytes += key.len() + value + size_of::<Operation>();
        self.operations.push(Operation { table, key, action });
        self
    }

    /// What the batch takes up while it waits.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn into_operations(self) -> Result<Vec<Operation>, StoreError> {
        match self.too_large {
            Some(error) => Err(error),
            None => Ok(self.operations),
        }
    }
}
