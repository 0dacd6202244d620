//! Small secret files: read with a limit, written with mode 0600, whole or not at all, and on disk before we say so.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use zeroize::Zeroizing;

use crate::{KeystoreError, secret::random_bytes};

/// Reads a file of `limit` bytes at most into memory that is wiped.
///
/// # Errors
/// [`KeystoreError::TooLarge`], [`KeystoreError::Io`].
pub fn read_capped(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, KeystoreError> {
    let fault = || KeystoreError::io("reading", path);
    let file = File::open(path).map_err(fault())?;
    // Room for everything beforehand, so that growing leaves no copies behind.
    let room = file.metadata().map_err(fault())?.len().min(limit) + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room as usize));
    file.take(limit + 1).read_to_end(&mut bytes).map_err(fault())?;
    if bytes.len() as u64 > limit {
        return Err(KeystoreError::TooLarge { path: path.to_owned(), limit });
    }
    Ok(bytes)
}

/// Writes a new file with mode 0600. It appears under its name only when it is complete and flushed, the folder's entry
/// is flushed too, and a file that already has the name stays as it is.
///
/// # Errors
/// [`KeystoreError::Exists`], [`KeystoreError::Io`].
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), KeystoreError> {
    let fault = || KeystoreError::io("writing", path);
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput)).map_err(fault())?;
    let mut suffix = [0u8; 8];
    random_bytes(&mut suffix)?;
    let temporary = folder.join(format!(".{}.{}.tmp", name.to_string_lossy(), hex::encode(suffix)));

    let written = write_flushed(&temporary, bytes).and_then(|()| place(&temporary, path));
    // After success the name is gone or a second link; after a failure nothing may be left behind.
    let _ = std::fs::remove_file(&temporary);
    match written {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(KeystoreError::Exists { path: path.to_owned() }),
        Err(error) => Err(fault()(error)),
        Ok(()) => File::open(folder).and_then(|folder| folder.sync_all()).map_err(fault()),
    }
}

fn write_flushed(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Gives the finished file its name without ever replacing another.
fn place(temporary: &Path, path: &Path) -> io::Result<()> {
    match std::fs::hard_link(temporary, path) {
        // File systems without hard links (FAT, some network ones): look, then rename.
        Err(error) if matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied) => {
            if path.symlink_metadata().is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            std::fs::rename(temporary, path)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn written_file_is_private_complete_and_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        write_private(&path, b"first").unwrap();
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(matches!(write_private(&path, b"second"), Err(KeystoreError::Exists { .. })));
        assert_eq!(read_capped(&path, 5).unwrap().as_slice(), b"first");
        assert!(matches!(read_capped(&path, 4), Err(KeystoreError::TooLarge { limit: 4, .. })));
        // No temporary file stays behind, whether it went well or not.
        assert_eq!(dir.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn missing_folder_is_named_in_the_error() {
        let error = write_private(Path::new("/nonexistent-folder/key"), b"x").unwrap_err();
        assert!(error.to_string().contains("/nonexistent-folder/key"), "{error}");
    }
}
