//! The one thread that writes: groups of batches, one sled batch and one flush a group.

use std::{
    collections::BTreeMap,
    fs::File,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use sled::IVec;

use crate::{
    StoreError,
    batch::{Action, Operation},
    pending::Responder,
    queue::{Job, Queue},
    snapshot::Snapshot,
    table::stored_key,
    value::{self, Fault},
};

/// What the writer and the readers share.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) db: sled::Db,
    /// The tree that holds the entries of all tables.
    pub(crate) entries: sled::Tree,
    pub(crate) path: PathBuf,
    pub(crate) queue: Queue,
    pub(crate) counters: Counters,
    /// sled's log, for `fdatasync`; absent if the configuration does without.
    pub(crate) log: Option<File>,
    /// Most bytes of batches in one group.
    pub(crate) max_group_bytes: usize,
}

/// What the writer has done since the store was opened. For metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Batches on disk.
    pub batches: u64,
    /// Batches refused by a condition or because they could not be written.
    pub refused: u64,
    /// Groups written, each with one flush.
    pub groups: u64,
    /// Bytes of keys and values handed over in these batches.
    pub bytes: u64,
    /// Time spent writing and flushing, in microseconds.
    pub busy_micros: u64,
    /// Jobs waiting now.
    pub waiting: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    batches: AtomicU64,
    refused: AtomicU64,
    groups: AtomicU64,
    bytes: AtomicU64,
    busy_micros: AtomicU64,
}

impl Core {
    pub(crate) fn stats(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            batches: read(&self.counters.batches),
            refused: read(&self.counters.refused),
            groups: read(&self.counters.groups),
            bytes: read(&self.counters.bytes),
            busy_micros: read(&self.counters.busy_micros),
            waiting: self.queue.len() as u64,
        }
    }

    /// Brings what was applied so far to the disk.
    pub(crate) fn flush(&self) -> Result<(), StoreError> {
        self.db.flush().map_err(StoreError::sled(&self.path))?;
        match &self.log {
            Some(log) => log.sync_data().map_err(StoreError::io("syncing", &self.path)),
            None => Ok(()),
        }
    }
}

/// Serves the queue until it is closed and empty. `first_id` starts the numbering of values in pieces; it must not
/// repeat one from an earlier run.
pub(crate) fn run(core: &Core, first_id: u64) {
    let mut writer = Writer { core, next_id: first_id, snapshots: Vec::new(), failed: None };
    loop {
        let jobs = core.queue.take_group(core.max_group_bytes);
        if jobs.is_empty() {
            return;
        }
        writer.serve(jobs);
    }
}

struct Writer<'a> {
    core: &'a Core,
    next_id: u64,
    snapshots: Vec<Snapshot>,
    /// Why nothing is written any more.
    failed: Option<StoreError>,
}

impl Writer<'_> {
    fn serve(&mut self, jobs: Vec<Job>) {
        let mut group = Group::default();
        for job in jobs {
            match job {
                Job::Commit(batch, responder) => self.add(&mut group, batch, responder),
                Job::Snapshot(snapshot, responder) => {
                    // Between groups, so that it holds whole batches only.
                    self.finish(std::mem::take(&mut group));
                    self.snapshots.push(snapshot);
                    responder.answer(self.failed.clone().map_or(Ok(()), Err));
                }
            }
        }
        self.finish(group);
    }

    /// Adds a batch to the group, or refuses it and leaves the group as it was.
    fn add(&mut self, group: &mut Group, batch: crate::Batch, responder: Responder) {
        let bytes = batch.bytes() as u64;
        let staged = batch.into_operations().and_then(|operations| self.stage(group, operations));
        match staged {
            Ok(writes) => {
                group.writes.extend(writes);
                group.bytes += bytes;
                group.responders.push(responder);
            }
            Err(error) => {
                self.core.counters.refused.fetch_add(1, Ordering::Relaxed);
                responder.answer(Err(error));
            }
        }
    }

    /// Turns operations into entries to write, on top of what the group holds.
    fn stage(&mut self, group: &Group, operations: Vec<Operation>) -> Result<Writes, StoreError> {
        let core = self.core;
        let mut staged = Writes::new();
        for Operation { table, key, action } in operations {
            let stored = stored_key(table, &key);
            let get = |key: &[u8]| match staged.get(key).or_else(|| group.writes.get(key)) {
                Some(entry) => Ok(entry.as_deref().map(IVec::from)),
                None => core.entries.get(key).map_err(StoreError::sled(&core.path)),
            };
            let current = get(&stored)?;
            if let Action::Require(expected) = action {
                check(table, &key, expected.as_deref(), current, get)?;
                continue;
            }
            if let Some(current) = &current {
                staged.extend(value::keys_of(&stored, current).map(|key| (key, None)));
            }
            if let Action::Put(value) = action {
                let id = self.next_id;
                self.next_id = id.wrapping_add(1);
                staged.extend(value::entries(&stored, &value, id).into_iter().map(|(key, entry)| (key, Some(entry))));
            }
        }
        Ok(staged)
    }

    /// Writes the group and answers everyone in it.
    ///
    /// A write or flush that fails may have left a hole in the log, and after a crash nothing behind a hole is found: one
    /// failure therefore ends all writing, before anyone learns of it.
    fn finish(&mut self, group: Group) {
        if group.responders.is_empty() {
            return;
        }
        let started = Instant::now();
        let outcome = match &self.failed {
            Some(error) => Err(error.clone()),
            None => self.write(&group.writes).and_then(|()| self.core.flush()),
        };
        let counters = &self.core.counters;
        let batches = group.responders.len() as u64;
        match &outcome {
            Ok(()) => {
                counters.batches.fetch_add(batches, Ordering::Relaxed);
                counters.bytes.fetch_add(group.bytes, Ordering::Relaxed);
            }
            Err(error) => {
                if self.failed.is_none() {
                    tracing::error!(path = %self.core.path.display(), %error, "store stopped");
                }
                self.failed = Some(error.clone());
                self.core.queue.close();
                counters.refused.fetch_add(batches, Ordering::Relaxed);
            }
        }
        counters.groups.fetch_add(1, Ordering::Relaxed);
        counters.busy_micros.fetch_add(started.elapsed().as_micros() as u64, Ordering::Relaxed);
        group.responders.into_iter().for_each(|responder| responder.answer(outcome.clone()));
    }

    fn write(&mut self, writes: &Writes) -> Result<(), StoreError> {
        let entries = &self.core.entries;
        let fault = StoreError::sled(&self.core.path);
        self.snapshots.retain(|snapshot| !snapshot.is_abandoned());
        let mut batch = sled::Batch::default();
        for (key, entry) in writes {
            for snapshot in &self.snapshots {
                snapshot.record(key, || entries.get(key)).map_err(&fault)?;
            }
            match entry {
                Some(entry) => batch.insert(key.as_slice(), entry.as_slice()),
                None => batch.remove(key.as_slice()),
            }
        }
        entries.apply_batch(batch).map_err(fault)
    }
}

/// Fails unless what is at the key is what was demanded.
fn check(
    table: &'static str,
    key: &[u8],
    expected: Option<&[u8]>,
    current: Option<IVec>,
    get: impl FnMut(&[u8]) -> Result<Option<IVec>, StoreError>,
) -> Result<(), StoreError> {
    let condition = |found| Err(StoreError::Condition { table, key: hex::encode(key), found });
    match (expected, current) {
        (None, None) => Ok(()),
        (None, Some(_)) => condition("an entry where none may be"),
        (Some(_), None) => condition("no entry"),
        (Some(expected), Some(current)) => match value::assemble(&stored_key(table, key), &current, get)? {
            Ok(value) if value == expected => Ok(()),
            Ok(_) => condition("another value"),
            Err(fault) => Err(corrupt(table, key, fault)),
        },
    }
}

pub(crate) fn corrupt(table: &'static str, key: &[u8], fault: Fault) -> StoreError {
    let reason = match fault {
        Fault::Torn => "pieces of the value are missing or belong to another write",
        Fault::Malformed => "not an entry of this store",
    };
    StoreError::corrupt(table, key, reason)
}

/// Entries to write by stored key; `None` to remove.
type Writes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Batches that share a sled batch and a flush.
#[derive(Default)]
struct Group {
    writes: Writes,
    responders: Vec<Responder>,
    bytes: u64,
}
