//! One process a key: a lock beside the keystore, held as long as the key is loaded.
//!
//! The lock is the operating system's (`flock`), not the file: it vanishes with the process that held it, however that
//! ended, so a file left over from a crash or a power cut is no obstacle and is simply taken over. The process id inside
//! is for the error message only. The lock covers one keystore file on one machine; copies of the key elsewhere are the
//! business of the protection record and of the look-out for twins.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{Keystore, KeystoreError, Password, PublicKey, SecretKey};

/// Attempts to outrun another process that removes the lock file just as we take it.
const ATTEMPTS: usize = 16;
/// How often and how long a taken lock is waited for: a listing holds it for an instant to see whether it is free.
const LOOKS: usize = 3;
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Holds a keystore's lock until dropped.
#[derive(Debug)]
pub struct KeyLock {
    file: File,
    path: PathBuf,
}

/// Where the lock of a keystore file is: beside it, `.lock` appended.
#[must_use]
pub fn lock_path(keystore: &Path) -> PathBuf {
    let mut path = keystore.as_os_str().to_owned();
    path.push(".lock");
    path.into()
}

impl KeyLock {
    /// Takes the lock at `path`, creating the file if need be. Does not wait for another holder to finish.
    ///
    /// # Errors
    /// [`KeystoreError::InUse`] if another process (or another part of this one) holds it, [`KeystoreError::Lock`] if
    /// the place cannot hold a lock.
    pub fn acquire(path: &Path) -> Result<Self, KeystoreError> {
        let fault = |source| KeystoreError::Lock { path: path.to_owned(), source };
        for _ in 0..ATTEMPTS {
            let mut file =
                OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path).map_err(fault)?;
            let mut taken = file.try_lock();
            for _ in 1..LOOKS {
                if matches!(taken, Err(TryLockError::WouldBlock)) {
                    std::thread::sleep(LOOK_INTERVAL);
                    taken = file.try_lock();
                }
            }
            match taken {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let holder = holder_of(&mut file);
                    return Err(KeystoreError::InUse { path: path.to_owned(), holder });
                }
                Err(TryLockError::Error(source)) => return Err(fault(source)),
            }
            // The holder removes its file before it lets go. If that happened between our open and our lock, we hold a
            // lock that nobody else will ever see.
            if !is_at(&file, path).map_err(fault)? {
                continue;
            }
            record_holder(&mut file).map_err(fault)?;
            return Ok(Self { file, path: path.to_owned() });
        }
        Err(fault(io::Error::other("the lock file keeps changing")))
    }

    /// The lock file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Who holds the lock at `path` now, as its file says; `None` if nobody does.
    pub(crate) fn holder(path: &Path) -> Option<String> {
        let mut file = OpenOptions::new().read(true).open(path).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(holder_of(&mut file)),
            _ => None,
        }
    }
}

impl Drop for KeyLock {
    fn drop(&mut self) {
        // Only ever our own file: while we hold the lock, nobody else removes it. The lock goes with the file handle.
        if is_at(&self.file, &self.path).unwrap_or(false) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match path.metadata() {
        Ok(theirs) => Ok(ours.ino() == theirs.ino() && ours.dev() == theirs.dev()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn record_holder(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{}", std::process::id())?;
    file.flush()
}

fn holder_of(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(20).read_to_string(&mut text);
    match (read, text.trim().parse::<u32>()) {
        (Ok(_), Ok(id)) => format!("process {id}"),
        _ => "another process".to_owned(),
    }
}

/// An unlocked stake key: the secret, and the lock that keeps others from using it.
#[derive(Debug)]
pub struct StakeKey {
    secret: SecretKey,
    public_key: PublicKey,
    lock: KeyLock,
}

impl StakeKey {
    /// Locks a keystore file, then decrypts it. The lock is at [`lock_path`] unless `lock` names another place (for
    /// keystores on read-only mounts: a folder that belongs to this machine).
    ///
    /// # Errors
    /// [`KeystoreError::InUse`] at once if another process has the key; whatever reading and decrypting can give.
    pub fn unlock(keystore: &Path, password: &Password, lock: Option<&Path>) -> Result<Self, KeystoreError> {
        // Parsed first: a lock file beside something that is no keystore would be litter.
        let parsed = Keystore::read(keystore)?;
        let lock = KeyLock::acquire(lock.unwrap_or(&lock_path(keystore)))?;
        let secret = parsed.decrypt(password)?;
        let public_key = secret.public_key();
        Ok(Self { secret, public_key, lock })
    }

    /// The secret.
    #[must_use]
    pub fn secret(&self) -> &SecretKey {
        &self.secret
    }

    /// Its public key, computed once.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The lock file in force.
    #[must_use]
    pub fn lock_file(&self) -> &Path {
        self.lock.path()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_holder_is_refused_and_told_who_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.json.lock");
        let lock = KeyLock::acquire(&path).unwrap();
        let error = KeyLock::acquire(&path).unwrap_err();
        let expected = format!("process {}", std::process::id());
        assert!(matches!(&error, KeystoreError::InUse { holder, .. } if *holder == expected), "{error}");
        assert_eq!(KeyLock::holder(&path), Some(expected));
        drop(lock);
        assert!(!path.exists());
        assert_eq!(KeyLock::holder(&path), None);
        assert!(KeyLock::acquire(&path).is_ok());
    }

    #[test]
    fn file_left_by_a_dead_process_is_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.json.lock");
        std::fs::write(&path, "4000000000 and more than a process id").unwrap();
        let lock = KeyLock::acquire(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), std::process::id().to_string());
        drop(lock);
    }

    #[test]
    fn folder_that_takes_no_lock_is_named() {
        let error = KeyLock::acquire(Path::new("/nonexistent-folder/x.lock")).unwrap_err();
        assert!(matches!(error, KeystoreError::Lock { .. }), "{error}");
    }

    #[test]
    fn racing_holders_never_overlap() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.json.lock");
        let inside = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let Ok(lock) = KeyLock::acquire(&path) else { continue };
                        assert_eq!(inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                        std::thread::yield_now();
                        inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                        drop(lock);
                    }
                });
            }
        });
    }
}
