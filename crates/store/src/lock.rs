//! Keeps a second process out of a store, and says who the first one is.
//!
//! sled has a lock of its own but cannot name its holder, and lets go of it a moment after the last handle is dropped.
//! This one is taken first and released last.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Write},
    path::Path,
};

use crate::StoreError;

/// The lock file inside the store's folder. It stays there; the lock on it goes with the process.
const LOCK_FILE: &str = "in-use-by";

/// Takes the lock of the store in `dir`; it is held as long as the file is open.
pub(crate) fn acquire(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join(LOCK_FILE);
    let fault = StoreError::io("locking", &path);
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(&fault)?;
    match file.try_lock() {
        Ok(()) => {
            file.set_len(0).and_then(|()| write!(file, "{}", std::process::id())).map_err(&fault)?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut id = String::new();
            let read = (&file).take(20).read_to_string(&mut id);
            let holder = match (read, id.trim().parse::<u32>()) {
                (Ok(_), Ok(id)) => format!("process {id}"),
                _ => "another process".to_owned(),
            };
            Err(StoreError::Locked { path: dir.to_owned(), holder })
        }
        Err(TryLockError::Error(error)) => Err(fault(error)),
    }
}
