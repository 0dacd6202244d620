//! The record's file: entries are appended and flushed together, and the file is rewritten when most of it is old.
//!
//! A crash can cut the last flush short. What it leaves is dropped when the file is opened: nobody was told that those entries are on disk, so no
//! signature left for them. Anything else that does not read is damage, and then the file is not used at all.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::entry::{Content, ENTRY_BYTES, Entry};
use crate::OpenError;

const NAME: &str = "record.log";
const NEW: &str = "record.log.new";
/// Most entries of one flush.
pub(super) const MAX_FLUSH: usize = 4096;
/// Largest file that is read: far more than the limit on entries allows.
const MAX_BYTES: u64 = 4 << 30;

/// The open file.
#[derive(Debug)]
pub(super) struct Log {
    dir: PathBuf,
    file: File,
    flush: u64,
    entries: usize,
}

impl Log {
    /// Makes the empty file of a new record.
    pub(super) fn create(dir: &Path) -> io::Result<()> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(dir.join(NAME))?;
        file.sync_all()?;
        sync_dir(dir)
    }

    /// Whether there is a file that is not empty; `None` if there is none at all.
    pub(super) fn has_entries(dir: &Path) -> Option<bool> {
        dir.join(NAME).metadata().ok().map(|found| found.len() > 0)
    }

    /// Opens the file and reads it.
    pub(super) fn open(dir: &Path) -> Result<(Self, Vec<Content>), OpenError> {
        let path = dir.join(NAME);
        let fault = || OpenError::io(&path);
        // Left by a crash between writing it and giving it its name.
        match std::fs::remove_file(dir.join(NEW)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(OpenError::io(&dir.join(NEW))(error)),
            _ => {}
        }
        let mut file = OpenOptions::new().read(true).write(true).open(&path).map_err(fault())?;
        let length = file.metadata().map_err(fault())?.len();
        if length > MAX_BYTES {
            return Err(OpenError::Malformed { path, why: format!("{length} bytes, at most {MAX_BYTES}") });
        }
        let mut bytes = Vec::with_capacity(length as usize);
        (&mut file).take(MAX_BYTES).read_to_end(&mut bytes).map_err(fault())?;
        let entries =
            whole(&bytes).map_err(|index| OpenError::Damaged { path: path.clone(), offset: (index * ENTRY_BYTES) as u64 })?;
        let kept = (entries.len() * ENTRY_BYTES) as u64;
        if kept < length {
            tracing::warn!(path = %path.display(), bytes = length - kept, "the signing record ends in a flush that a crash cut short; it is dropped");
            file.set_len(kept).and_then(|()| file.sync_all()).map_err(fault())?;
        }
        file.seek(SeekFrom::Start(kept)).map_err(fault())?;
        let flush = entries.last().map_or(0, |last| last.flush);
        let log = Self { dir: dir.to_owned(), file, flush, entries: entries.len() };
        Ok((log, entries.into_iter().map(|entry| entry.content).collect()))
    }

    /// How many entries the file has.
    pub(super) const fn entries(&self) -> usize {
        self.entries
    }

    /// Appends and flushes. After an error the file must not be written again: what is in it is not known.
    pub(super) fn append(&mut self, contents: &[Content]) -> io::Result<()> {
        for chunk in contents.chunks(MAX_FLUSH) {
            self.flush += 1;
            self.file.write_all(&encode(self.flush, chunk))?;
            self.file.sync_data()?;
            self.entries += chunk.len();
        }
        Ok(())
    }

    /// Puts a file with these entries in place of this one; a crash leaves one or the other.
    pub(super) fn rewrite(&mut self, contents: &[Content]) -> io::Result<()> {
        let new = self.dir.join(NEW);
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        let mut flush = self.flush;
        for chunk in contents.chunks(MAX_FLUSH) {
            flush += 1;
            file.write_all(&encode(flush, chunk))?;
        }
        file.sync_all()?;
        std::fs::rename(&new, self.dir.join(NAME))?;
        sync_dir(&self.dir)?;
        (self.file, self.flush, self.entries) = (file, flush, contents.len());
        Ok(())
    }
}

/// Flushes a folder's entries.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn encode(flush: u64, contents: &[Content]) -> Vec<u8> {
    let count = contents.len() as u16;
    let entries = contents.iter().zip(0u16..).map(|(&content, position)| Entry { flush, position, count, content });
    entries.flat_map(|entry| entry.encode()).collect()
}

/// The entries of all flushes that are whole, or the index of an entry that is damaged.
fn whole(bytes: &[u8]) -> Result<Vec<Entry>, usize> {
    let (chunks, _) = bytes.as_chunks::<ENTRY_BYTES>();
    let entries: Vec<Option<Entry>> = chunks.iter().map(Entry::decode).collect();
    let Some(last) = entries.iter().rposition(Option::is_some) else {
        // Nothing reads: the first flush, cut short, unless there is more than one flush can have.
        return if chunks.len() <= MAX_FLUSH { Ok(Vec::new()) } else { Err(0) };
    };
    // Where the flush of the last entry that reads began. All before it was flushed before that began.
    let newest = entries[last].expect("rposition found it");
    let start = last.checked_sub(newest.position.into()).ok_or(0usize)?;
    let end = start + usize::from(newest.count);
    let is_whole = end <= entries.len() && entries[start..end].iter().all(Option::is_some);
    let kept = if is_whole { end } else { start };
    let kept: Vec<Entry> =
        entries[..kept].iter().enumerate().map(|(index, entry)| entry.ok_or(index)).collect::<Result<_, _>>()?;
    // What follows a whole flush is one more flush at most.
    if is_whole && entries.len() - end > MAX_FLUSH { Err(end) } else { Ok(kept) }
}

#[cfg(test)]
mod tests {
    use super::super::entry::tests::any_signed;
    use super::*;
    use proptest::{collection::vec, prelude::*};
    use quintet_types::Slot;

    fn floors(count: u64) -> Vec<Content> {
        (0..count).map(|slot| Content::Floor(Slot(slot))).collect()
    }

    fn fresh() -> (tempfile::TempDir, Log) {
        let dir = tempfile::tempdir().unwrap();
        Log::create(dir.path()).unwrap();
        let (log, contents) = Log::open(dir.path()).unwrap();
        assert!(contents.is_empty());
        (dir, log)
    }

    #[test]
    fn what_is_appended_is_there_when_opened_again() {
        let (dir, mut log) = fresh();
        let all = floors(5000);
        log.append(&all[..1]).unwrap();
        log.append(&all[1..]).unwrap();
        assert_eq!(Log::open(dir.path()).unwrap().1, all);
        log.rewrite(&all[4000..]).unwrap();
        log.append(&all[..3]).unwrap();
        let (log, contents) = Log::open(dir.path()).unwrap();
        assert_eq!(contents, [&all[4000..], &all[..3]].concat());
        assert_eq!(log.entries(), 1003);
    }

    #[test]
    fn damage_before_the_last_flush_is_never_passed_over() {
        let (dir, mut log) = fresh();
        for content in floors(4) {
            log.append(&[content]).unwrap();
        }
        let path = dir.path().join(NAME);
        let good = std::fs::read(&path).unwrap();
        for entry in 0..3 {
            let mut bytes = good.clone();
            bytes[entry * ENTRY_BYTES + 30] ^= 1;
            std::fs::write(&path, &bytes).unwrap();
            let error = Log::open(dir.path()).unwrap_err();
            let at = (entry * ENTRY_BYTES) as u64;
            assert!(matches!(error, OpenError::Damaged { offset, .. } if offset == at), "{error}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Wherever a crash cuts the last flush, in whatever order its parts came to the disk, all flushes before it are there and nothing of it half.
        #[test]
        fn only_the_flush_that_was_cut_short_is_lost(
            before in vec(vec(any_signed(), 1..4), 0..4), last in vec(any_signed(), 1..4), cut in 0usize..600, holes in vec(any::<bool>(), 4),
        ) {
            let (dir, mut log) = fresh();
            for contents in &before {
                log.append(contents).unwrap();
            }
            let flushed = log.entries() * ENTRY_BYTES;
            log.append(&last).unwrap();
            let path = dir.path().join(NAME);
            let mut bytes = std::fs::read(&path).unwrap();
            let whole = bytes.len();
            bytes.truncate((flushed + cut).min(whole));
            for (chunk, hole) in bytes[flushed..].chunks_mut(ENTRY_BYTES).zip(&holes) {
                if *hole {
                    chunk.fill(0);
                }
            }
            std::fs::write(&path, &bytes).unwrap();
            let contents = Log::open(dir.path()).unwrap().1;
            let mut expected = before.concat();
            if cut >= whole - flushed && !holes.iter().take(last.len()).any(|hole| *hole) {
                expected.extend(&last);
            }
            prop_assert_eq!(contents, expected);
            prop_assert_eq!(std::fs::read(&path).unwrap().len() % ENTRY_BYTES, 0);
        }
    }
}
