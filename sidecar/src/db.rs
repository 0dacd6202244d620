//! The tables of the sidecar's store.

use quintet_staking::LedgerSettlement;
use quintet_store::{Batch, Schema, Store, StoreError, Table};
use quintet_types::{JobId, Root, Slot};

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

/// Key of one of several submissions of one prover: as [`SubmissionKey`], and the root of the body.
pub type RivalKey = ([u8; 32], u8, [u8; 48], [u8; 32]);

/// Further bodies that a prover signed for an open phase, as in [`SUBMISSIONS`]; only where several sidecars agree on which one counts.
pub const RIVALS: Table<RivalKey, Vec<u8>> = Table::new("rivals");

/// What followed from closed phases, as JSON of [`crate::core::ClosedRecord`], in the order of closing.
pub const CLOSED: Table<u64, Vec<u8>> = Table::new("closed");

/// Single values by name, as CBOR: the books as of the last finalization, the chain.
pub const BOOKS: Table<u8, Vec<u8>> = Table::new("books");

/// Place of the books in [`BOOKS`].
pub const BOOKS_KEY: u8 = 0;
/// Place of the chain in [`BOOKS`].
pub const CHAIN_KEY: u8 = 1;

/// Place of the registry's identity in [`BOOKS`]: the books are made of its indices.
pub const REGISTRY_KEY: u8 = 2;

/// Place in [`BOOKS`] of the slot from which on jobs are kept with all that belongs to them: eight bytes, little-endian.
pub const KEPT_FROM_KEY: u8 = 3;

/// Reads what is at [`KEPT_FROM_KEY`].
pub(crate) fn slot_from(bytes: Vec<u8>) -> u64 {
    bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// Settlements by number, as this sidecar's ledger has them.
pub const SETTLEMENTS: Table<u64, LedgerSettlement> = Table::new("settlements");

/// Validators' signatures under settlements: by number and validator, key (48 bytes) and signature.
pub const SIGNATURES: Table<(u64, u64), Vec<u8>> = Table::new("signatures");

/// What this validator has said in the agreement on a phase, as SSZ of `quintet_agreement::Record`, by job root, phase and number.
pub const AGREEMENTS: Table<([u8; 32], u8, u64), Vec<u8>> = Table::new("agreements");

/// Bundles with their certificates as SSZ of `CertifiedBundle`, by slot of the job, job root and phase.
pub const CERTIFIED: Table<(u64, [u8; 32], u8), Vec<u8>> = Table::new("certified");

/// Evidence of equivocation as SSZ, by (job root, phase, prover).
pub const EVIDENCE: Table<SubmissionKey, Vec<u8>> = Table::new("evidence");

/// Evidence that a validator contradicted itself, as JSON of [`quintet_api::ValidatorEvidence`], by (job root, phase, validator).
pub const VALIDATOR_EVIDENCE: Table<([u8; 32], u8, u64), Vec<u8>> = Table::new("validator_evidence");

/// What [`prune_jobs`] removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Pruned {
    /// Jobs.
    pub jobs: u64,
    /// Their submissions.
    pub submissions: u64,
}

/// Forgets jobs of slots before `before_slot`, with their submissions, verdicts and inputs. Closed phases stay: balances are made of them.
///
/// # Errors
/// If the store fails.
pub fn prune_jobs(store: &Store, before_slot: u64) -> Result<Pruned, StoreError> {
    let mut pruned = Pruned::default();
    let kept_from = store.get(&BOOKS, &KEPT_FROM_KEY)?.map_or(0, slot_from).max(before_slot);
    store.put(&BOOKS, &KEPT_FROM_KEY, &kept_from.to_le_bytes().to_vec())?;
    let end = (before_slot, [0; 32], 0, 0);
    let keys: Vec<JobKey> = store.range(&JOBS, ..end).map(|entry| entry.map(|(key, _)| key)).collect::<Result<_, _>>()?;
    for key in keys {
        let (slot, block_root, sub_block, attempt) = key;
        let id = JobId { slot: Slot(slot), block_root: Root::from(block_root), sub_block, attempt };
        let mut batch = Batch::new();
        for entry in store.prefix(&SUBMISSIONS, &id.root().0) {
            let (place, _) = entry?;
            batch.remove(&SUBMISSIONS, &place).remove(&VERDICTS, &place);
            pruned.submissions += 1;
        }
        for entry in store.prefix(&RIVALS, &id.root().0) {
            batch.remove(&RIVALS, &entry?.0);
        }
        for entry in store.prefix(&CERTIFIED, &(slot, id.root().0)) {
            batch.remove(&CERTIFIED, &entry?.0);
        }
        for entry in store.prefix(&AGREEMENTS, &id.root().0) {
            batch.remove(&AGREEMENTS, &entry?.0);
        }
        // Other attempts of the block are of the same slot, so they go as well.
        batch.remove(&INPUTS, &block_root).remove(&JOBS, &key);
        store.commit(batch)?;
        pruned.jobs += 1;
    }
    Ok(pruned)
}
