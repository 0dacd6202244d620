//! The tables of the sidecar's store.

use quintet_store::{Schema, Table};

/// The store's name and version. A change of any record below needs a new version and a migration.
pub const SCHEMA: Schema = Schema { name: "quintet-sidecar", version: 1, migrations: &[] };

/// Key of a job: slot, block root, sub-block, attempt.
pub type JobKey = (u64, [u8; 32], u16, u8);

/// Key of a submission: root of the job's id, phase, prover.
pub type SubmissionKey = ([u8; 32], u8, [u8; 48]);

/// Jobs as JSON of [`crate::core::JobRecord`].
pub const JOBS: Table<JobKey, Vec<u8>> = Table::new("jobs");

/// The guest's input of a job's block, by block root.
pub const INPUTS: Table<[u8; 32], Vec<u8>> = Table::new("inputs");

/// Accepted submissions: arrival in milliseconds (8 bytes, little-endian), then the SSZ of the submission.
pub const SUBMISSIONS: Table<SubmissionKey, Vec<u8>> = Table::new("submissions");

/// What verification found, as JSON of [`crate::core::Verdict`].
pub const VERDICTS: Table<SubmissionKey, Vec<u8>> = Table::new("verdicts");

/// What followed from closed phases, as JSON of [`crate::core::ClosedRecord`], in the order of closing.
pub const CLOSED: Table<u64, Vec<u8>> = Table::new("closed");

/// Single values by name, as CBOR: the books as of the last finalization, the chain.
pub const BOOKS: Table<u8, Vec<u8>> = Table::new("books");

/// Place of the books in [`BOOKS`].
pub const BOOKS_KEY: u8 = 0;
/// Place of the chain in [`BOOKS`].
pub const CHAIN_KEY: u8 = 1;

/// Evidence of equivocation as SSZ, by (job root, phase, prover).
pub const EVIDENCE: Table<SubmissionKey, Vec<u8>> = Table::new("evidence");
