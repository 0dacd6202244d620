//! A consistent view of the whole store while writing goes on, for backups.
//!
//! From the moment a snapshot begins, the writer records the former content of each entry before it first changes it. A
//! reader scans the live tree and lets the record override what it sees: an entry that changed is given as it was, one
//! that was added is left out, one that was removed is put back in its place. It costs memory for what changes during the
//! scan, and nobody waits.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sled::IVec;

/// Former content by stored key; `None` where there was nothing.
type Former = BTreeMap<Vec<u8>, Option<IVec>>;

/// The record of one snapshot, shared by the writer and the reader.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot(Arc<Mutex<Former>>);

impl Snapshot {
    fn lock(&self) -> MutexGuard<'_, Former> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the reader has gone and recording can end.
    pub(crate) fn is_abandoned(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    /// Called by the writer before it changes an entry.
    pub(crate) fn record(&self, key: &[u8], current: impl FnOnce() -> sled::Result<Option<IVec>>) -> sled::Result<()> {
        let mut former = self.lock();
        if !former.contains_key(key) {
            former.insert(key.to_vec(), current()?);
        }
        Ok(())
    }

    /// Gives every entry that `tree` had when the snapshot began, in order.
    pub(crate) fn scan<E: From<sled::Error>>(
        &self,
        tree: &sled::Tree,
        mut emit: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut last: Option<Vec<u8>> = None;
        for entry in tree.iter() {
            let (key, value) = entry?;
            // Looked up after the entry was read: whatever the writer has changed by then is on record.
            self.removed(last.as_deref(), Some(&key), &mut emit)?;
            let former = self.lock().get(&*key).cloned();
            match former {
                Some(Some(value)) => emit(&key, &value)?,
                Some(None) => {}
                None => emit(&key, &value)?,
            }
            last = Some(key.to_vec());
        }
        self.removed(last.as_deref(), None, &mut emit)
    }

    /// Gives the recorded entries strictly between two keys, which the scan did not meet in the tree.
    fn removed<E>(
        &self,
        after: Option<&[u8]>,
        before: Option<&[u8]>,
        emit: &mut impl FnMut(&[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let before = before.map_or(Bound::Unbounded, Bound::Excluded);
        let missed: Vec<_> = self
            .lock()
            .range::<[u8], _>((after, before))
            .filter_map(|(key, value)| Some((key.clone(), value.clone()?)))
            .collect();
        missed.iter().try_for_each(|(key, value)| emit(key, value))
    }
}
