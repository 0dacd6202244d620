//! Integration tests of the store: against a model, across crashes, through backups and migrations, and how fast.

mod backup;
mod crash;
mod faults;
mod model;
mod schema;
mod speed;
mod tasks;

use std::path::Path;

use quintet_store::{Options, Schema, Store};

/// The schema of the tests that are not about schemas.
const SCHEMA: Schema = Schema { name: "test", version: 1, migrations: &[] };

/// For tests that are not about durability.
const FAST: Options = Options {
    create: true,
    migrate: true,
    cache_bytes: 16 << 20,
    max_queue_bytes: 64 << 20,
    max_group_bytes: 4 << 20,
    fsync: false,
};

fn open(path: &Path) -> Store {
    Store::open(path, &SCHEMA, &FAST).unwrap()
}

/// Bytes that differ from those for any other seed and length.
fn filler(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ len as u64;
    let mut out = Vec::with_capacity(len + 8);
    while out.len() < len {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        out.extend_from_slice(&(state ^ state >> 29).to_le_bytes());
    }
    out.truncate(len);
    out
}
