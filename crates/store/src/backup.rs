//! Backups: the whole store in one checked file, taken while writing goes on, and back again.
//!
//! The file is `QNTTBKP1`, then for each entry `1`, length of key (4), length of entry (4), key, entry; at the end `0`,
//! number of entries (8), SHA-256 of everything before the hash. Lengths are little-endian. Keys and entries are as stored.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::{Options, Store, StoreError, pending::promise, queue::Job, snapshot::Snapshot};

const MAGIC: &[u8; 8] = b"QNTTBKP1";
const END: u8 = 0;
const ENTRY: u8 = 1;
/// Longest key or entry that a backup may claim; real ones have about 4 KiB.
const MAX_FIELD: u32 = 1 << 20;
/// Bytes restored in one sled batch.
const RESTORE_STEP: usize = 4 << 20;

/// What a backup holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackupSummary {
    /// Stored entries; large values count once for each piece.
    pub entries: u64,
    /// Length of the file.
    pub bytes: u64,
}

impl Store {
    /// Writes the state of this moment to a new file. Writers go on meanwhile; what they do is not in the file. The file
    /// appears under its name only when it is complete and synced.
    ///
    /// # Errors
    /// [`StoreError::Exists`], [`StoreError::Closed`] after a shutdown, file system errors.
    pub fn backup(&self, file: &Path) -> Result<BackupSummary, StoreError> {
        if file.exists() {
            return Err(StoreError::Exists { path: file.to_owned() });
        }
        let temporary = beside(file, ".partial");
        let written = self.write_backup(&temporary);
        let placed = written.and_then(|summary| {
            std::fs::rename(&temporary, file).map_err(StoreError::io("writing", file))?;
            sync_parent(file)?;
            Ok(summary)
        });
        if placed.is_err() {
            let _ = std::fs::remove_file(&temporary);
        }
        placed
    }

    fn write_backup(&self, path: &Path) -> Result<BackupSummary, StoreError> {
        let fault = StoreError::io("writing", path);
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(path).map_err(&fault)?;
        let mut out = Hashing { inner: BufWriter::new(file), hash: Sha256::new(), bytes: 0 };
        let snapshot = Snapshot::default();
        let (responder, started) = promise();
        self.core().queue.push(Job::Snapshot(snapshot.clone(), responder), true)?;
        started.wait()?;

        let mut entries = 0u64;
        out.write_all(MAGIC).map_err(&fault)?;
        let emit = |key: &[u8], entry: &[u8]| {
            entries += 1;
            out.entry(key, entry).map_err(ScanError::Io)
        };
        snapshot.scan(&self.core().entries, emit).map_err(|error| match error {
            ScanError::Io(error) => fault(error),
            ScanError::Sled(error) => StoreError::sled(self.path())(error),
        })?;
        let bytes = out.finish(entries).map_err(&fault)?;
        Ok(BackupSummary { entries, bytes })
    }
}

/// Checks that a backup is whole.
///
/// # Errors
/// [`StoreError::BadBackup`], file system errors.
pub fn verify_backup(file: &Path) -> Result<BackupSummary, StoreError> {
    read_backup(file, |_, _| Ok(()))
}

/// Makes a store out of a backup in a folder that is not there yet. A crash leaves nothing under the folder's name.
///
/// # Errors
/// [`StoreError::Exists`], [`StoreError::BadBackup`], file system errors.
pub fn restore(file: &Path, path: &Path) -> Result<BackupSummary, StoreError> {
    if path.exists() {
        return Err(StoreError::Exists { path: path.to_owned() });
    }
    // Before anything is made: the hash stands at the end.
    verify_backup(file)?;
    let temporary = beside(path, ".restoring");
    if temporary.exists() {
        std::fs::remove_dir_all(&temporary).map_err(StoreError::io("removing", &temporary))?;
    }
    let summary = fill(file, &temporary)?;
    std::fs::rename(&temporary, path).map_err(StoreError::io("creating", path))?;
    sync_parent(path)?;
    Ok(summary)
}

fn fill(file: &Path, path: &Path) -> Result<BackupSummary, StoreError> {
    let store = Store::open_any(path, &Options::default())?;
    let fault = StoreError::sled(path);
    let entries = &store.core().entries;
    let (mut batch, mut bytes) = (sled::Batch::default(), 0);
    let summary = read_backup(file, |key, entry| {
        bytes += key.len() + entry.len();
        batch.insert(key, entry);
        if bytes >= RESTORE_STEP {
            bytes = 0;
            entries.apply_batch(std::mem::take(&mut batch)).map_err(&fault)?;
        }
        Ok(())
    })?;
    entries.apply_batch(batch).map_err(&fault)?;
    store.shutdown()?;
    Ok(summary)
}

/// Reads a backup through, giving each key and entry to `take`, and checks count and hash at the end.
fn read_backup(file: &Path, mut take: impl FnMut(&[u8], &[u8]) -> Result<(), StoreError>) -> Result<BackupSummary, StoreError> {
    let io_fault = StoreError::io("reading", file);
    let bad = |reason: &str| StoreError::BadBackup { path: file.to_owned(), reason: reason.to_owned() };
    let fault = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => bad("the file is cut short"),
        _ => io_fault(error),
    };
    let inner = BufReader::new(File::open(file).map_err(&io_fault)?);
    let mut input = Hashing { inner, hash: Sha256::new(), bytes: 0 };
    if &input.array::<8>().map_err(fault)? != MAGIC {
        return Err(bad("not a backup of a Quintet store"));
    }
    let mut entries = 0u64;
    let (mut key, mut entry) = (Vec::new(), Vec::new());
    loop {
        match input.array::<1>().map_err(fault)? {
            [ENTRY] => {
                let lens = [input.array().map_err(fault)?, input.array().map_err(fault)?];
                let [key_len, entry_len] = lens.map(u32::from_le_bytes);
                if key_len > MAX_FIELD || entry_len > MAX_FIELD {
                    return Err(bad("an entry of impossible length"));
                }
                input.fill(&mut key, key_len as usize).map_err(fault)?;
                input.fill(&mut entry, entry_len as usize).map_err(fault)?;
                entries += 1;
                take(&key, &entry)?;
            }
            [END] => break,
            _ => return Err(bad("a record of unknown kind")),
        }
    }
    let counted = u64::from_le_bytes(input.array().map_err(fault)?);
    let expected: [u8; 32] = input.hash.clone().finalize().into();
    let found: [u8; 32] = input.array().map_err(fault)?;
    if counted != entries || found != expected {
        return Err(bad("count or hash at the end does not match"));
    }
    if input.inner.read(&mut [0]).map_err(fault)? != 0 {
        return Err(bad("something follows the end"));
    }
    Ok(BackupSummary { entries, bytes: input.bytes })
}

/// Reads or writes, hashing and counting what passes.
struct Hashing<T> {
    inner: T,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Hashing<W> {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        self.inner.write_all(bytes)
    }

    fn entry(&mut self, key: &[u8], entry: &[u8]) -> io::Result<()> {
        self.write_all(&[ENTRY])?;
        for len in [key.len(), entry.len()] {
            let len = u32::try_from(len).map_err(|_| io::ErrorKind::InvalidInput)?;
            self.write_all(&len.to_le_bytes())?;
        }
        self.write_all(key)?;
        self.write_all(entry)
    }
}

impl Hashing<BufWriter<File>> {
    fn finish(mut self, entries: u64) -> io::Result<u64> {
        self.write_all(&[END])?;
        self.write_all(&entries.to_le_bytes())?;
        let hash = self.hash.clone().finalize();
        self.write_all(&hash)?;
        let file = self.inner.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok(self.bytes)
    }
}

impl<R: Read> Hashing<R> {
    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut out = [0; N];
        self.inner.read_exact(&mut out)?;
        self.hash.update(out);
        self.bytes += N as u64;
        Ok(out)
    }

    fn fill(&mut self, out: &mut Vec<u8>, len: usize) -> io::Result<()> {
        out.resize(len, 0);
        self.inner.read_exact(out)?;
        self.hash.update(&*out);
        self.bytes += len as u64;
        Ok(())
    }
}

enum ScanError {
    Io(io::Error),
    Sled(sled::Error),
}

impl From<sled::Error> for ScanError {
    fn from(error: sled::Error) -> Self {
        Self::Sled(error)
    }
}

/// `path` with something appended to its last part.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn sync_parent(path: &Path) -> Result<(), StoreError> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(parent).and_then(|dir| dir.sync_all()).map_err(StoreError::io("syncing", parent))
}
