//! Integration tests of the keys crate: standard vectors, keystore folders, hostile keystore files, cost of a batch.

mod batch;
mod folder;
mod hostile;
mod process;
mod vectors;
