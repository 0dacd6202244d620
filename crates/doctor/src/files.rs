//! Limits of the operating system, and who may read secret files.

use std::{os::unix::fs::PermissionsExt as _, path::Path};

use rustix::process::{Resource, getrlimit};

use crate::Finding;

/// Whether this process, and with it one started the same way, may open `needed` files at once. Sockets count as files.
#[must_use]
pub fn open_files(needed: u64) -> Finding {
    // None: no limit.
    judge_limit(getrlimit(Resource::Nofile).current, needed)
}

fn judge_limit(limit: Option<u64>, needed: u64) -> Finding {
    match limit {
        Some(limit) if limit < needed => Finding::warning(
            "open files",
            format!("at most {limit} files may be open, connections and store can need {needed}"),
            format!("`LimitNOFILE={}` in the systemd unit, or `ulimit -n`", needed.next_power_of_two()),
        ),
        Some(limit) => Finding::good("open files", format!("{limit} may be open, {needed} can be needed")),
        None => Finding::good("open files", "no limit"),
    }
}

/// Whether others than its owner may read a secret file.
#[must_use]
pub fn secret(what: &str, path: &Path) -> Option<Finding> {
    let mode = path.metadata().ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| {
        let found = format!("{what} {} has mode {mode:o}: others on this machine can use it", path.display());
        Finding::warning("keys", found, format!("`chmod 600 {}`", path.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Standing;

    #[test]
    fn a_limit_below_what_can_be_needed_is_a_warning_with_the_line_to_write() {
        let finding = judge_limit(Some(1024), 1400);
        assert_eq!(finding.standing, Standing::Warning);
        assert!(finding.mend.unwrap().contains("LimitNOFILE=2048"));
        assert_eq!(judge_limit(Some(8192), 1400).standing, Standing::Good);
        assert_eq!(judge_limit(None, 1400).standing, Standing::Good);
    }

    #[test]
    fn a_secret_that_others_can_read_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        std::fs::write(&path, "secret").unwrap();
        let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        mode(0o644);
        assert!(secret("password", &path).unwrap().found.contains("644"));
        mode(0o600);
        assert!(secret("password", &path).is_none());
    }
}
