//! The contracts' logs on disk, up to a checkpoint, so that a restart goes on where it stopped.

use std::path::Path;

use alloy_primitives::{Address, B256};
use quintet_store::{Batch, Options, Schema, Store, StoreError, Table};
use ssz_derive::{Decode, Encode};

use crate::{Contracts, Deployment};

/// A log as the chain has it; decoded again at each start, so that decoding may learn.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct StoredLog {
    /// The contract that wrote it.
    pub contract: Address,
    /// Timestamp of its block, seconds.
    pub timestamp: u64,
    /// Its topics.
    pub topics: Vec<B256>,
    /// Its data.
    pub data: Vec<u8>,
}

/// The last block whose logs are stored, and which contracts on which chain they are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Checkpoint {
    /// The execution chain.
    pub chain_id: u64,
    /// The contracts.
    pub contracts: Contracts,
    /// Number of the block.
    pub block: u64,
    /// Its hash.
    pub hash: B256,
    /// Its timestamp, seconds.
    pub timestamp: u64,
}

const SCHEMA: Schema = Schema { name: "quintet-staking", version: 1, migrations: &[] };
const LOGS: Table<(u64, u64), StoredLog> = Table::new("logs");
const CHECKPOINT: Table<u8, Checkpoint> = Table::new("checkpoint");
const DEPLOYMENT: Table<u8, Deployment> = Table::new("deployment");

/// Logs by block and place in the block.
#[derive(Debug)]
pub struct LogStore(Store);

impl LogStore {
    /// Opens the store in a folder of its own, or makes it.
    ///
    /// # Errors
    /// [`StoreError`]; among them that another process has it open.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Store::open(path, &SCHEMA, &Options::default()).map(Self)
    }

    /// How far the logs reach; `None` in a new store.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        self.0.get(&CHECKPOINT, &0)
    }

    /// What was fixed at deployment; `None` before a node was asked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn deployment(&self) -> Result<Option<Deployment>, StoreError> {
        self.0.get(&DEPLOYMENT, &0)
    }

    /// Keeps what was fixed at deployment.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_deployment(&self, deployment: &Deployment) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        batch.put(&DEPLOYMENT, &0, deployment);
        self.0.submit(batch)?.await
    }

    /// All logs in order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn logs(&self) -> Result<Vec<StoredLog>, StoreError> {
        self.0.range(&LOGS, ..).map(|entry| entry.map(|(_, log)| log)).collect()
    }

    /// Adds logs, by block and place in the block, and moves the checkpoint: both or neither, and on disk when it returns.
    ///
    /// # Errors
    /// [`StoreError`]; among them that a log is there already, or that the checkpoint is not `from`.
    pub async fn extend(
        &self,
        from: Option<&Checkpoint>,
        logs: &[((u64, u64), StoredLog)],
        to: &Checkpoint,
    ) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        batch.require(&CHECKPOINT, &0, from);
        for (place, log) in logs {
            batch.insert_new(&LOGS, place, log);
        }
        batch.put(&CHECKPOINT, &0, to);
        self.0.submit(batch)?.await
    }
}
