//! kill −9 while signing: nothing that was answered for is ever forgotten.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use quintet_signer::{SignError, SigningRecord};
use quintet_types::PublicKeyBytes;

use crate::{prevote, spec, turn};

const CHILD: &str = "QUINTET_SIGNER_TEST_RECORD";
const FIRST: &str = "QUINTET_SIGNER_TEST_FIRST";
const KEY: PublicKeyBytes = PublicKeyBytes::repeat_byte(0xaa);

/// What the child with this first slot votes for in a slot: children differ, so that what one forgot another would contradict.
fn object(first: u64, slot: u64) -> u8 {
    (first.wrapping_mul(31) ^ slot) as u8
}

/// Not a test of its own: the process that signs until it is killed, and tells what was answered.
#[test]
fn child_that_signs() {
    let (Ok(dir), Ok(first)) = (std::env::var(CHILD), std::env::var(FIRST)) else { return };
    let first: u64 = first.parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let record = SigningRecord::open(Path::new(&dir), spec().genesis_validators_root).unwrap();
        println!("\nopen");
        // Overlapping with what the child before signed: those are conflicts or repeats, never news.
        for slot in first.saturating_sub(5).. {
            let byte = object(first, slot);
            if record.permit(KEY, prevote(slot, byte)).await.is_ok() {
                println!("signed {slot} {byte}");
            }
        }
    });
}

/// Starts a child, lets it sign for a while, kills it, and gives what it told.
fn one_life(dir: &Path, first: u64, life: Duration) -> Vec<(u64, u8)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child_that_signs", "--nocapture"])
        .env(CHILD, dir)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "open"));
    let reader = std::thread::spawn(move || {
        let told = lines.map_while(Result::ok).filter_map(|line| {
            let (slot, byte) = line.strip_prefix("signed ")?.split_once(' ')?;
            Some((slot.parse().ok()?, byte.parse().ok()?))
        });
        told.collect::<Vec<(u64, u8)>>()
    });
    std::thread::sleep(life);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

fn kill_again_and_again(lives: u64) {
    let dir = tempfile::tempdir().unwrap();
    let (mut told, mut first) = (HashMap::new(), 100);
    for life in 0..lives {
        for (slot, byte) in one_life(dir.path(), first, Duration::from_millis(40 + 23 * (life % 7))) {
            assert_eq!(*told.entry(slot).or_insert(byte), byte, "two objects for slot {slot}");
            first = first.max(slot + 1);
        }
    }
    assert!(told.len() > lives as usize, "{} signed in {lives} lives", told.len());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let record = SigningRecord::open(dir.path(), spec().genesis_validators_root).unwrap();
    for (slot, byte) in told {
        let found = runtime.block_on(record.lookup(KEY, turn(slot, 0))).unwrap().expect("what was told is on record");
        assert_eq!(found.object_root[0], byte);
        let other = runtime.block_on(record.permit(KEY, prevote(slot, !byte)));
        assert!(matches!(other, Err(SignError::Conflict(_))));
    }
}

#[test]
fn killed_signer_forgets_nothing() {
    kill_again_and_again(4);
}

#[test]
#[ignore = "long: 100 kills"]
fn signer_killed_a_hundred_times_forgets_nothing() {
    kill_again_and_again(100);
}
