//! What can go wrong, in words that tell an operator what to do.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Errors of the store. Cheap to clone: one failed flush is reported to every writer that waited for it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Another process has the store open.
    #[error("store {path} is in use by {holder}")]
    Locked {
        /// The store's folder.
        path: PathBuf,
        /// "process N", as far as the lock file tells.
        holder: String,
    },
    /// There is no store here, and none was to be made.
    #[error("no store at {path}")]
    NotFound {
        /// The folder looked at.
        path: PathBuf,
    },
    /// The disk, quota or file size limit is used up. Nothing further is accepted; restart after making room.
    #[error("no room left for store {path}; free some space and restart")]
    DiskFull {
        /// The store's folder.
        path: PathBuf,
    },
    /// The store was written by a newer program.
    #[error("store {path} has schema version {found}, this program knows {supported} at most; use a newer program")]
    NewerSchema {
        /// The store's folder.
        path: PathBuf,
        /// Version on disk.
        found: u32,
        /// Version of this program.
        supported: u32,
    },
    /// The store is older and was opened without leave to migrate.
    #[error("store {path} has schema version {found}, version {wanted} is needed; run the program to migrate it")]
    OlderSchema {
        /// The store's folder.
        path: PathBuf,
        /// Version on disk.
        found: u32,
        /// Version of this program.
        wanted: u32,
    },
    /// The store belongs to another program.
    #[error("store {path} belongs to {found:?}, not to {expected:?}")]
    WrongStore {
        /// The store's folder.
        path: PathBuf,
        /// Name on disk.
        found: String,
        /// Name of this program's schema.
        expected: String,
    },
    /// No migration leads on from a version. A gap in the program's table.
    #[error("no migration from schema version {from}")]
    NoMigration {
        /// The version that cannot be left.
        from: u32,
    },
    /// A stored key or value does not decode.
    #[error("corrupt entry in table {table}, key 0x{key}: {reason}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The key in hex.
        key: String,
        /// What does not fit.
        reason: String,
    },
    /// A batch demanded that an entry be absent or have a value, and it does not. Nothing of the batch was applied.
    #[error("condition failed in table {table}, key 0x{key}: {found}")]
    Condition {
        /// The table.
        table: &'static str,
        /// The key in hex.
        key: String,
        /// What was found instead.
        found: &'static str,
    },
    /// A value beyond [`crate::MAX_VALUE_BYTES`].
    #[error("value of {len} bytes for table {table} is too large")]
    ValueTooLarge {
        /// The table.
        table: &'static str,
        /// Its length.
        len: usize,
    },
    /// More writes are waiting than the configuration allows; try again later.
    #[error("store is busy: the write queue is full")]
    Busy,
    /// The store was shut down, or its writer gave up after an error.
    #[error("store is closed")]
    Closed,
    /// A backup file that is damaged, cut short, or none at all.
    #[error("backup {path}: {reason}")]
    BadBackup {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file or folder that must not be there is there.
    #[error("{path} exists already; it was not touched")]
    Exists {
        /// What stands there.
        path: PathBuf,
    },
    /// The file system failed.
    #[error("{action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// sled failed.
    #[error("store {path}: {source}")]
    Sled {
        /// The store's folder.
        path: PathBuf,
        /// What sled said.
        source: sled::Error,
    },
}

impl StoreError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl Fn(io::Error) -> Self {
        let path = path.to_owned();
        move |source| match is_full(&source) {
            true => Self::DiskFull { path: path.clone() },
            false => Self::Io { action, path: path.clone(), source: Arc::new(source) },
        }
    }

    pub(crate) fn sled(path: &Path) -> impl Fn(sled::Error) -> Self {
        let path = path.to_owned();
        move |source| match &source {
            sled::Error::Io(error) if is_full(error) => Self::DiskFull { path: path.clone() },
            _ => Self::Sled { path: path.clone(), source },
        }
    }

    pub(crate) fn corrupt(table: &'static str, key: &[u8], reason: impl Into<String>) -> Self {
        Self::Corrupt { table, key: hex::encode(key), reason: reason.into() }
    }
}

/// The three ways in which a system says that there is no room.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}
