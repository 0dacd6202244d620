//! The store: opening, reading, handing batches to the writer.

use std::{
    fs::File,
    io,
    ops::{Bound, RangeBounds},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use ssz::{Decode, Encode};

use crate::{
    Batch, Key, Pending, PrefixOf, Scan, Schema, Stats, StoreError, Table,
    batch::Action,
    lock,
    pending::promise,
    queue::{Job, Queue},
    schema,
    table::{stored_key, table_end},
    value::{self, Fault},
    writer::{self, Core, corrupt},
};

/// How often a read that races a writer is repeated. Each repetition needs another overwrite of the same large value.
const READ_ATTEMPTS: usize = 100;
/// How long sled may take to let go of its file after an earlier handle in this process was dropped.
const REOPEN_PATIENCE: Duration = Duration::from_secs(5);
/// How often sled's thread cleans, in milliseconds. Each time it empties about one half-dead segment (512 KiB) of what
/// still lives there, so this bounds the rate at which the space of pruned entries comes back: 10 MiB/s. At sled's default
/// of 500 ms a store that writes and prunes 2 MiB/s grows without end.
const CLEANING_INTERVAL: u64 = 50;
/// The sled tree of all entries.
const ENTRIES: &str = "entries";
/// Entries removed in one batch while pruning.
const PRUNE_STEP: usize = 512;

/// How a store is opened.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Make the store if it is not there.
    pub create: bool,
    /// Migrate an older store; if not, it is refused.
    pub migrate: bool,
    /// Memory for sled's page cache, in bytes.
    pub cache_bytes: u64,
    /// Most bytes of batches that may wait; beyond, writers wait or are told [`StoreError::Busy`].
    pub max_queue_bytes: usize,
    /// Most bytes of batches that share a flush.
    pub max_group_bytes: usize,
    /// Sync the log to the drive before a write is acknowledged. Without it an acknowledged write survives the end of the
    /// process but not that of the machine: for throw-away networks and tests.
    pub fsync: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            create: true,
            migrate: true,
            cache_bytes: 64 << 20,
            max_queue_bytes: 64 << 20,
            max_group_bytes: 4 << 20,
            fsync: true,
        }
    }
}

/// An open store. Clones share it; the last one to go finishes what is queued and closes it.
#[derive(Debug, Clone)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    core: Arc<Core>,
    writer: Mutex<Option<JoinHandle<()>>>,
    /// After the core, so that it is released last.
    _lock: File,
}

impl Inner {
    /// Lets the writer finish what is queued, and waits for it.
    fn finish(&self) {
        self.core.queue.close();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer
            && writer.join().is_err()
        {
            tracing::error!(path = %self.core.path.display(), "store writer panicked");
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Store {
    /// Opens the store in folder `path` for a program with this schema.
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::NotFound`], [`StoreError::NewerSchema`], [`StoreError::OlderSchema`],
    /// [`StoreError::WrongStore`], [`StoreError::NoMigration`], whatever a migration gives, and file system errors.
    pub fn open(path: &Path, schema: &Schema, options: &Options) -> Result<Self, StoreError> {
        let store = Self::open_any(path, options)?;
        schema::settle(&store, schema, options.migrate)?;
        Ok(store)
    }

    /// Opens a store of any schema, for the tools that look at all of them alike.
    pub(crate) fn open_any(path: &Path, options: &Options) -> Result<Self, StoreError> {
        if options.create {
            std::fs::create_dir_all(path).map_err(StoreError::io("creating folder", path))?;
        } else if !path.join("db").is_file() {
            return Err(StoreError::NotFound { path: path.to_owned() });
        }
        let lock = lock::acquire(path)?;
        let db = open_sled(path, options)?;
        let log = path.join("db");
        let log = match options.fsync {
            true => Some(File::open(&log).map_err(StoreError::io("opening", &log))?),
            false => None,
        };
        // The names of new files must survive as well.
        File::open(path).and_then(|dir| dir.sync_all()).map_err(StoreError::io("syncing", path))?;
        let entries = db.open_tree(ENTRIES).map_err(StoreError::sled(path))?;
        let core = Arc::new(Core {
            db,
            entries,
            path: path.to_owned(),
            queue: Queue::new(options.max_queue_bytes),
            counters: Default::default(),
            log,
            max_group_bytes: options.max_group_bytes,
        });
        // Nanoseconds since 1970: later runs start higher than earlier ones ended, unless they wrote one value a nanosecond.
        let first_id = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_nanos() as u64);
        let shared = core.clone();
        let writer = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer::run(&shared, first_id))
            .map_err(StoreError::io("starting the writer of", path))?;
        Ok(Self(Arc::new(Inner { core, writer: Mutex::new(Some(writer)), _lock: lock })))
    }

    /// The store's folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.core().path
    }

    /// What the writer has done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.core().stats()
    }

    /// Writes a batch and waits until it is on disk.
    ///
    /// # Errors
    /// [`StoreError::Condition`]; [`StoreError::Closed`]; why it could not be written.
    pub fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.submit(batch)?.wait()
    }

    /// Hands a batch to the writer, waiting for room in the queue if need be. Batches of one thread are written in order.
    ///
    /// # Errors
    /// [`StoreError::Closed`].
    pub fn submit(&self, batch: Batch) -> Result<Pending, StoreError> {
        self.push(batch, true)
    }

    /// Hands a batch to the writer without ever blocking: for async tasks, which then await the [`Pending`].
    ///
    /// # Errors
    /// [`StoreError::Busy`] if the queue is full, [`StoreError::Closed`].
    pub fn try_submit(&self, batch: Batch) -> Result<Pending, StoreError> {
        self.push(batch, false)
    }

    fn push(&self, batch: Batch, wait: bool) -> Result<Pending, StoreError> {
        let (responder, pending) = promise();
        self.core().queue.push(Job::Commit(batch, responder), wait)?;
        Ok(pending)
    }

    /// Shorthand: one value, on disk when this returns.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub fn put<K: Key, V: Encode + Decode>(&self, table: &Table<K, V>, key: &K, value: &V) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        batch.put(table, key, value);
        self.commit(batch)
    }

    /// The value at a key.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], file system errors.
    pub fn get<K: Key, V: Encode + Decode>(&self, table: &Table<K, V>, key: &K) -> Result<Option<V>, StoreError> {
        let key = key.to_key();
        match self.read(table.name(), &key)? {
            Some(bytes) => table.decode_value(&key, &bytes).map(Some),
            None => Ok(None),
        }
    }

    /// Whether a key has a value.
    ///
    /// # Errors
    /// File system errors.
    pub fn contains<K: Key, V: Encode + Decode>(&self, table: &Table<K, V>, key: &K) -> Result<bool, StoreError> {
        let key = stored_key(table.name(), &key.to_key());
        self.core().entries.contains_key(key).map_err(StoreError::sled(self.path()))
    }

    /// The entries of a range of keys, ascending (`.rev()` for descending). Not a snapshot: writes during the scan may or
    /// may not be seen, each of them whole. Errors come out of the scan.
    pub fn range<K: Key, V: Encode + Decode>(&self, table: &Table<K, V>, range: impl RangeBounds<K>) -> Scan<K, V> {
        Scan::new(self.clone(), *table, self.core().entries.range(stored_range(table, &range)))
    }

    /// The entries whose key starts with the given parts. Otherwise as [`Store::range`].
    pub fn prefix<K: Key, V: Encode + Decode>(&self, table: &Table<K, V>, prefix: &impl PrefixOf<K>) -> Scan<K, V> {
        let prefix = stored_key(table.name(), &prefix.to_key());
        Scan::new(self.clone(), *table, self.core().entries.scan_prefix(prefix))
    }

    /// The entry with the lowest key.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub fn first<K: Key, V: Encode + Decode>(&self, table: &Table<K, V>) -> Result<Option<(K, V)>, StoreError> {
        self.range(table, ..).next().transpose()
    }

    /// The entry with the highest key.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub fn last<K: Key, V: Encode + Decode>(&self, table: &Table<K, V>) -> Result<Option<(K, V)>, StoreError> {
        self.range(table, ..).next_back().transpose()
    }

    /// Removes a range of keys, a few hundred at a time so that other writers are not held up. Returns how many entries
    /// went; they will not come back when this returns. Their space is used again after some seconds of cleaning.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub fn prune<K: Key, V: Encode + Decode>(
        &self,
        table: &Table<K, V>,
        range: impl RangeBounds<K>,
    ) -> Result<u64, StoreError> {
        let prefix = table.name().len() + 1;
        let mut entries = self.core().entries.range(stored_range(table, &range));
        let mut removed = 0;
        loop {
            let mut batch = Batch::new();
            while batch.len() < PRUNE_STEP {
                let Some(entry) = entries.next() else { break };
                let (key, value) = entry.map_err(StoreError::sled(self.path()))?;
                if !value::is_further_piece(&value) {
                    batch.add(table.name(), key[prefix..].to_vec(), Action::Remove);
                }
            }
            if batch.is_empty() {
                return Ok(removed);
            }
            removed += batch.len() as u64;
            self.commit(batch)?;
        }
    }

    /// Finishes what is queued and refuses further writes; reads still work. For an orderly end with an answer, which
    /// dropping the store cannot give.
    ///
    /// # Errors
    /// Why the last flush failed.
    pub fn shutdown(&self) -> Result<(), StoreError> {
        self.0.finish();
        self.core().flush()
    }

    /// Whether nothing was ever written.
    pub(crate) fn is_empty(&self) -> bool {
        self.core().entries.is_empty()
    }

    pub(crate) fn core(&self) -> &Core {
        &self.0.core
    }

    /// The bytes of the value at a key.
    pub(crate) fn read(&self, table: &'static str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let get = |key: &[u8]| self.core().entries.get(key).map_err(StoreError::sled(self.path()));
        let stored = stored_key(table, key);
        let mut fault = Fault::Torn;
        for _ in 0..READ_ATTEMPTS {
            let Some(entry) = get(&stored)? else { return Ok(None) };
            match value::assemble(&stored, &entry, get)? {
                Ok(value) => return Ok(Some(value)),
                Err(Fault::Malformed) => {
                    fault = Fault::Malformed;
                    break;
                }
                Err(Fault::Torn) => std::thread::yield_now(),
            }
        }
        Err(corrupt(table, key, fault))
    }
}

/// A range of keys as a range of stored keys, inside the table.
fn stored_range<K: Key, V: Encode + Decode>(
    table: &Table<K, V>,
    range: &impl RangeBounds<K>,
) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    let stored = |key: &K| stored_key(table.name(), &key.to_key());
    let start = match range.start_bound() {
        Bound::Unbounded => Bound::Included(stored_key(table.name(), &[])),
        bound => bound.map(stored),
    };
    let end = match range.end_bound() {
        Bound::Unbounded => Bound::Excluded(table_end(table.name())),
        bound => bound.map(stored),
    };
    (start, end)
}

/// Opens sled, waiting for an earlier handle of this process to let go. Ours is the only process: the lock says so.
fn open_sled(path: &Path, options: &Options) -> Result<sled::Db, StoreError> {
    let started = std::time::Instant::now();
    loop {
        // The writer flushes; sled's own thread is for its cleaning.
        let config = sled::Config::new().path(path).cache_capacity(options.cache_bytes).flush_every_ms(Some(CLEANING_INTERVAL));
        match config.open() {
            Err(sled::Error::Io(error)) if is_lock_refusal(&error) && started.elapsed() < REOPEN_PATIENCE => {
                std::thread::sleep(Duration::from_millis(5));
            }
            other => return other.map_err(StoreError::sled(path)),
        }
    }
}

/// sled wraps the refusal in an error of kind `Other` and leaves only the text to tell it by.
fn is_lock_refusal(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Other && error.to_string().contains("could not acquire lock")
}
