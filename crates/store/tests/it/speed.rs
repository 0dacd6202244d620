//! How many acknowledged writes a second. Prints numbers; asserts only that groups form.

use std::time::{Duration, Instant};

use quintet_store::{Batch, Options, Store, Table};

use crate::{SCHEMA, filler};

const SUBMISSIONS: Table<(u64, u32), Vec<u8>> = Table::new("submissions");
const INDEX: Table<(u32, u64), u64> = Table::new("index");

/// Two tables a batch, as an accepted submission has.
fn submission(slot: u64, prover: u32, len: usize) -> Batch {
    let mut batch = Batch::new();
    batch.insert_new(&SUBMISSIONS, &(slot, prover), &filler(slot, len)).put(&INDEX, &(prover, slot), &slot);
    batch
}

fn measure(fsync: bool, len: usize, threads: u32, each: u64) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &SCHEMA, &Options { fsync, ..Options::default() }).unwrap();
    let started = Instant::now();
    let mut latencies: Vec<_> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..threads)
            .map(|prover| {
                let store = &store;
                scope.spawn(move || {
                    let write = |slot| {
                        let started = Instant::now();
                        store.commit(submission(slot, prover, len)).unwrap();
                        started.elapsed()
                    };
                    (0..each).map(write).collect::<Vec<_>>()
                })
            })
            .collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    let elapsed = started.elapsed();
    latencies.sort_unstable();
    let count = latencies.len();
    let stats = store.stats();
    println!(
        "fsync {fsync}, {len} bytes, {threads} writers: {:.0} writes/s, p50 {:?}, p99 {:?}, {:.1} batches a flush",
        count as f64 / elapsed.as_secs_f64(),
        latencies[count / 2],
        latencies[count * 99 / 100],
        stats.batches as f64 / stats.groups as f64,
    );
    assert_eq!(store.range(&SUBMISSIONS, ..).count(), count);
    if threads > 1 {
        assert!(stats.groups < stats.batches, "{stats:?}");
    }
}

#[test]
fn many_writers_share_a_flush() {
    measure(true, 500, 1, 100);
    measure(true, 500, 64, 40);
    measure(true, 30_000, 16, 20);
    measure(false, 500, 64, 40);
}

/// Space of pruned jobs is used again, although small entries between them stay for good. Prints how much disk a window of
/// live data takes. The cleaning goes by the clock, so a busy machine may need a minute to catch up.
#[test]
#[ignore = "takes up to two minutes; for test-long"]
fn space_of_pruned_jobs_comes_back() {
    const WINDOW: u64 = 16;
    const PROVERS: u32 = 20;
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &SCHEMA, &Options { fsync: false, ..Options::default() }).unwrap();
    let mut sizes = Vec::new();
    for slot in 0..320u64 {
        let pending: Vec<_> = (0..PROVERS).map(|prover| store.submit(submission(slot, prover, 10_000)).unwrap()).collect();
        pending.into_iter().for_each(|pending| pending.wait().unwrap());
        if slot >= WINDOW {
            let removed = store.prune(&SUBMISSIONS, ..(slot - WINDOW, 0)).unwrap();
            assert_eq!(removed, if slot == WINDOW { 0 } else { u64::from(PROVERS) });
        }
        if slot % 32 == 31 {
            sizes.push(store.inspect().unwrap().disk_bytes >> 20);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let live = store.inspect().unwrap().tables.iter().map(|table| table.bytes).sum::<u64>() >> 20;
    println!("{live} MiB live, twenty times that written; MiB on disk on the way: {sizes:?}");
    let started = Instant::now();
    while store.inspect().unwrap().disk_bytes >> 20 > 5 * live {
        assert!(started.elapsed() < Duration::from_secs(100), "the disk never shrinks: {sizes:?}");
        (0..PROVERS).for_each(|prover| store.put(&INDEX, &(prover, 0), &0).unwrap());
        std::thread::sleep(Duration::from_millis(50));
    }
    println!("at {} MiB after another {:?}", store.inspect().unwrap().disk_bytes >> 20, started.elapsed());
}
