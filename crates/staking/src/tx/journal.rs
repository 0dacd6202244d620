//! What was sent and is not known to have ended, on disk before any node sees it.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};

use super::{Fees, TxError};

/// One signed transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Attempt {
    pub(super) hash: B256,
    /// As nodes take it.
    pub(super) raw: Bytes,
    pub(super) intent: B256,
    pub(super) what: String,
    pub(super) max_fee: u128,
    pub(super) priority_fee: u128,
    /// Seconds since 1970.
    pub(super) sent_at: u64,
    /// Whether a node may have it. Only a refusal by every node makes this false again.
    pub(super) out: bool,
}

impl Attempt {
    pub(super) const fn fees(&self) -> Fees {
        Fees { max: self.max_fee, priority: self.priority_fee }
    }
}

/// All transactions with one nonce, oldest first; the chain takes one of them at most.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) attempts: Vec<Attempt>,
}

impl Entry {
    pub(super) fn hashes(&self) -> Vec<B256> {
        self.attempts.iter().map(|attempt| attempt.hash).collect()
    }

    pub(super) fn is_out(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.out)
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Document {
    version: u32,
    chain_id: u64,
    account: Address,
    entries: BTreeMap<u64, Entry>,
}

/// An account's journal, held by one process at a time.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    document: Document,
    _lock: File,
}

const VERSION: u32 = 1;

impl Journal {
    /// Opens the journal of an account; `None` while another process (or task) has it.
    pub(super) fn open(folder: &Path, chain_id: u64, account: Address) -> Result<Option<Self>, TxError> {
        let path = Self::path(folder, chain_id, account);
        let fault = |source| TxError::Journal { path: path.clone(), source };
        std::fs::create_dir_all(folder).map_err(fault)?;
        let lock = OpenOptions::new().create(true).append(true).open(Self::lock_path(&path)).map_err(fault)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(fault(error)),
        }
        let document = match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| fault(error.into()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Document { version: VERSION, chain_id, account, entries: BTreeMap::new() }
            }
            Err(error) => return Err(fault(error)),
        };
        if (document.version, document.chain_id, document.account) != (VERSION, chain_id, account) {
            return Err(fault(io::Error::other("it is of another version, chain or account")));
        }
        Ok(Some(Self { path, document, _lock: lock }))
    }

    fn path(folder: &Path, chain_id: u64, account: Address) -> PathBuf {
        folder.join(format!("{chain_id}-{account:#x}.json"))
    }

    fn lock_path(path: &Path) -> PathBuf {
        path.with_extension("lock")
    }

    /// What to name when the journal is held by another.
    pub(super) fn lock_of(folder: &Path, chain_id: u64, account: Address) -> PathBuf {
        Self::lock_path(&Self::path(folder, chain_id, account))
    }

    pub(super) const fn entries(&self) -> &BTreeMap<u64, Entry> {
        &self.document.entries
    }

    pub(super) fn entry(&self, nonce: u64) -> Entry {
        self.document.entries.get(&nonce).cloned().unwrap_or_default()
    }

    /// The first nonce above all that may be out.
    pub(super) fn next(&self) -> u64 {
        self.document.entries.iter().rev().find(|(_, entry)| entry.is_out()).map_or(0, |(nonce, _)| nonce + 1)
    }

    /// Remembers an attempt before it goes out.
    pub(super) fn add(&mut self, nonce: u64, attempt: Attempt) -> Result<(), TxError> {
        self.document.entries.entry(nonce).or_default().attempts.push(attempt);
        self.write()
    }

    /// Remembers that no node has an attempt.
    pub(super) fn not_out(&mut self, nonce: u64, hash: B256) -> Result<(), TxError> {
        let entry = self.document.entries.entry(nonce).or_default();
        entry.attempts.iter_mut().filter(|attempt| attempt.hash == hash).for_each(|attempt| attempt.out = false);
        self.write()
    }

    /// Forgets a nonce that the chain has used.
    pub(super) fn close(&mut self, nonce: u64) -> Result<(), TxError> {
        self.document.entries.remove(&nonce);
        self.write()
    }

    /// Whole or not at all, and on disk.
    fn write(&self) -> Result<(), TxError> {
        let fault = |source| TxError::Journal { path: self.path.clone(), source };
        let text = serde_json::to_vec_pretty(&self.document).map_err(|error| fault(error.into()))?;
        let temporary = self.path.with_extension("tmp");
        let written = File::create(&temporary).and_then(|mut file| {
            file.write_all(&text)?;
            file.sync_all()?;
            std::fs::rename(&temporary, &self.path)?;
            self.path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
        });
        written.map_err(fault)
    }
}

/// Seconds since 1970.
pub(super) fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(byte: u8, out: bool) -> Attempt {
        Attempt {
            hash: B256::repeat_byte(byte),
            raw: Bytes::from(vec![byte; 3]),
            intent: B256::ZERO,
            what: "a test".into(),
            max_fee: u128::MAX,
            priority_fee: 1,
            sent_at: 1,
            out,
        }
    }

    #[test]
    fn what_was_added_is_there_after_a_restart_and_one_holds_it_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let open = |chain| Journal::open(folder.path(), chain, Address::ZERO).unwrap();
        let mut journal = open(1).unwrap();
        assert_eq!(journal.next(), 0);
        journal.add(7, attempt(1, true)).unwrap();
        journal.add(8, attempt(2, true)).unwrap();
        assert!(open(1).is_none(), "it is held");
        assert!(open(2).is_some(), "another chain has its own");
        drop(journal);
        let mut journal = open(1).unwrap();
        assert_eq!(journal.entry(7).attempts, [attempt(1, true)]);
        assert_eq!(journal.next(), 9);
        journal.not_out(8, B256::repeat_byte(2)).unwrap();
        assert_eq!(journal.next(), 8, "a nonce that no node has heard of is free");
        journal.close(7).unwrap();
        drop(journal);
        assert_eq!(open(1).unwrap().entries().keys().collect::<Vec<_>>(), [&8]);
    }

    #[test]
    fn a_damaged_journal_is_refused_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = Journal::path(folder.path(), 1, Address::ZERO);
        std::fs::write(&path, "{").unwrap();
        assert!(matches!(Journal::open(folder.path(), 1, Address::ZERO), Err(TxError::Journal { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), b"{");
    }
}
