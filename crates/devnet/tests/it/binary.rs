//! The program `quintet-devnet-chain`.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

#[test]
fn it_says_where_it_listens_and_stops_cleanly_on_sigterm() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_quintet-devnet-chain"))
        .args(["--listen", "127.0.0.1:0", "--slot-seconds", "0.5", "--validators", "4", "--txs-per-block", "10"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("http://127.0.0.1:"), "{line}");
    let terminated = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(terminated.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_wrong_value_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_quintet-devnet-chain"))
        .args(["--listen", "127.0.0.1:0", "--fork", "capella"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("fork is capella, must be electra or fulu"));
}
