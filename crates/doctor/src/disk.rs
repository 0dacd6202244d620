//! Whether folders can be written to and have room.

use std::{
    fs::OpenOptions,
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use crate::Finding;

/// A GiB.
pub const GIB: u64 = 1 << 30;

/// What a folder is for.
#[derive(Clone, Copy, Debug)]
pub struct Need<'a> {
    /// What is kept there, e.g. `store`.
    pub what: &'a str,
    /// Which setting names it, e.g. `data_dir`.
    pub key: &'a str,
    /// Below this many free bytes it is worth a warning; below a tenth of it, it is bad.
    pub bytes: u64,
}

/// Whether `folder`, or the nearest folder above it that exists, can be written to and has room. Writes and removes a probe file.
pub fn folder(folder: &Path, need: Need<'_>) -> Finding {
    let Need { what, key, bytes } = need;
    let shown = folder.display();
    let Some(there) = nearest(folder) else {
        let mend = format!("make the folder, or set {key} to one that can be made");
        return Finding::bad("disk", format!("{what}: {shown}: no folder above it exists"), mend);
    };
    if let Err(error) = probe(&there) {
        let mend = match error.kind() {
            ErrorKind::PermissionDenied => {
                format!("give {} to the user that runs this program (`chown`), or set {key} to another folder", there.display())
            }
            ErrorKind::ReadOnlyFilesystem => format!("mount it writable, or set {key} to another folder"),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => format!("make room, or set {key} to a folder elsewhere"),
            _ => format!("set {key} to a folder that can be written to"),
        };
        return Finding::bad("disk", format!("{what}: {} cannot be written to: {error}", there.display()), mend);
    }
    match rustix::fs::statvfs(&there) {
        Ok(found) => judge(folder, need, found.f_bavail.saturating_mul(found.f_frsize)),
        Err(error) => {
            let mend = format!("set {key} to a folder on a local file system");
            Finding::warning("disk", format!("{what}: {shown}: free space is not known: {error}"), mend)
        }
    }
    .with_need(bytes)
}

impl Finding {
    /// Says how much room was asked for where there is too little.
    fn with_need(mut self, bytes: u64) -> Self {
        if let Some(mend) = self.mend.as_mut().filter(|_| self.found.contains("GiB free")) {
            mend.push_str(&format!("; {} should be free", gib(bytes)));
        }
        self
    }
}

fn judge(folder: &Path, need: Need<'_>, free: u64) -> Finding {
    let found = format!("{}: {}, {} free", need.what, folder.display(), gib(free));
    let mend = || format!("make room, or set {} to a folder elsewhere", need.key);
    if free < need.bytes / 10 {
        Finding::bad("disk", found, mend())
    } else if free < need.bytes {
        Finding::warning("disk", found, mend())
    } else {
        Finding::good("disk", found)
    }
}

fn gib(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / GIB as f64)
}

/// The folder itself, or the nearest one above it that exists.
fn nearest(folder: &Path) -> Option<PathBuf> {
    let whole = std::path::absolute(folder).ok()?;
    whole.ancestors().find(|path| path.is_dir()).map(Path::to_owned)
}

fn probe(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(format!(".quintet-doctor-{}", std::process::id()));
    let written = OpenOptions::new().write(true).create_new(true).open(&path).and_then(|mut file| {
        file.write_all(b"probe")?;
        file.sync_all()
    });
    // Whatever came of it, nothing is left behind.
    let removed = std::fs::remove_file(&path);
    written.and(removed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Standing;

    const NEED: Need<'_> = Need { what: "store", key: "data_dir", bytes: 10 * GIB };

    #[test]
    fn a_folder_that_is_not_there_yet_is_judged_by_the_one_above() {
        let dir = tempfile::tempdir().unwrap();
        let finding = folder(&dir.path().join("a/b"), Need { bytes: 0, ..NEED });
        assert_eq!(finding.standing, Standing::Good, "{finding}");
        assert_eq!(dir.path().read_dir().unwrap().count(), 0, "nothing is left behind");
    }

    #[test]
    fn a_folder_below_a_file_or_read_only_is_bad() {
        // A file system that nobody writes to, also not root.
        let finding = folder(Path::new("/proc/quintet"), NEED);
        assert_eq!(finding.standing, Standing::Bad, "{finding}");
        assert!(finding.mend.unwrap().contains("data_dir"));
    }

    #[test]
    fn little_room_is_a_warning_and_hardly_any_is_bad() {
        let judged = |free| judge(Path::new("/data"), NEED, free).with_need(NEED.bytes);
        assert_eq!(judged(10 * GIB).standing, Standing::Good);
        let finding = judged(9 * GIB);
        assert_eq!((finding.standing, finding.found.as_str()), (Standing::Warning, "store: /data, 9.0 GiB free"));
        assert!(finding.mend.unwrap().ends_with("10.0 GiB should be free"));
        assert_eq!(judged(GIB - 1).standing, Standing::Bad);
    }
}
