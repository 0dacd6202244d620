//! The lock across processes: a running holder keeps others out, a killed one does not.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use quintet_keys::{KeyLock, KeystoreError};

const CHILD: &str = "QUINTET_KEYS_TEST_LOCK";

/// Not a test of its own: the process that the test below starts and kills.
#[test]
fn child_that_holds_a_lock() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let _lock = KeyLock::acquire(Path::new(&path)).unwrap();
    println!("\nheld");
    std::thread::sleep(std::time::Duration::from_secs(60));
}

#[test]
fn lock_of_a_killed_process_is_free_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key.json.lock");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "process::child_that_holds_a_lock", "--nocapture"])
        .env(CHILD, &path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "held"));
    let error = KeyLock::acquire(&path).unwrap_err();
    let holder = format!("process {}", child.id());
    assert!(matches!(&error, KeystoreError::InUse { holder: h, .. } if *h == holder), "{error}");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(path.exists(), "the file stays, the lock does not");
    KeyLock::acquire(&path).unwrap();
}
