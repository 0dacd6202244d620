//! kill −9 in the middle of writing: what was acknowledged is there, batches are whole, the store goes on.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, SystemTime},
};

use quintet_store::{Batch, Options, Store, Table};

use crate::{SCHEMA, filler};

const CHILD: &str = "QUINTET_STORE_TEST_WRITER";
const WRITERS: u16 = 4;

/// How far each writer got.
const PROGRESS: Table<u16, u64> = Table::new("progress");
/// What it wrote on the way, a large value now and then.
const WRITTEN: Table<(u16, u64), Vec<u8>> = Table::new("written");

fn payload(writer: u16, step: u64) -> Vec<u8> {
    let len = if step.is_multiple_of(7) { 10_000 } else { 60 };
    filler(u64::from(writer) << 32 | step, len)
}

/// Not a test of its own: the process that the test below starts and kills.
#[test]
fn child_that_writes_until_killed() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let store = Store::open(Path::new(&path), &SCHEMA, &Options::default()).unwrap();
    println!("\nready");
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let store = &store;
            scope.spawn(move || {
                for step in store.get(&PROGRESS, &writer).unwrap().map_or(0, |step| step + 1).. {
                    let mut batch = Batch::new();
                    batch.put(&PROGRESS, &writer, &step);
                    batch.insert_new(&WRITTEN, &(writer, step), &payload(writer, step));
                    store.commit(batch).unwrap();
                    let mut out = std::io::stdout().lock();
                    writeln!(out, "acknowledged {writer} {step}").unwrap();
                    out.flush().unwrap();
                }
            });
        }
    });
}

#[test]
fn acknowledged_batches_survive_kill_and_are_whole() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = [None::<u64>; WRITERS as usize];
    let seed = SystemTime::UNIX_EPOCH.elapsed().unwrap().subsec_nanos();
    for round in 0..5u32 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::child_that_writes_until_killed", "--nocapture"])
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let reader = std::thread::spawn(move || lines.map_while(Result::ok).collect::<Vec<_>>());
        let pause = 100 + (seed / (round + 1) + 97 * round) % 300;
        std::thread::sleep(Duration::from_millis(pause.into()));
        child.kill().unwrap();
        child.wait().unwrap();
        let lines = reader.join().unwrap();
        for line in &lines {
            let Some(line) = line.strip_prefix("acknowledged ") else { continue };
            // The last line may be cut off.
            let Some((writer, step)) = line.split_once(' ') else { continue };
            let (writer, step): (usize, u64) = (writer.parse().unwrap(), step.parse().unwrap_or(0));
            acknowledged[writer] = acknowledged[writer].max(Some(step));
        }

        let store = Store::open(dir.path(), &SCHEMA, &Options::default()).unwrap();
        for writer in 0..WRITERS {
            let progress = store.get(&PROGRESS, &writer).unwrap();
            assert!(progress >= acknowledged[usize::from(writer)], "round {round}: {progress:?} {acknowledged:?}");
            let mut written = 0;
            for entry in store.prefix(&WRITTEN, &writer) {
                let ((_, step), value) = entry.unwrap();
                assert_eq!(step, written, "no gap");
                assert_eq!(value, payload(writer, step));
                written += 1;
            }
            assert_eq!(progress.map_or(0, |step| step + 1), written, "both tables or none");
        }
    }
    let total: u64 = acknowledged.iter().flatten().sum();
    println!("acknowledged before the kills: {acknowledged:?}");
    assert!(total > 0, "the writers got nowhere");
}
