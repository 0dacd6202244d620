//! Follows the registry's logs up to the finalized block.

use std::path::PathBuf;

use alloy_eips::BlockId;
use alloy_primitives::{Address, B256};
use quintet_protocol::ProverRecord;
use quintet_store::StoreError;
use quintet_types::{ProverIndex, Slot, Spec};

use crate::{
    Change, Checkpoint, DecodeError, LogStore, OrderError, RegistryView, StoredLog, TimedChange,
    endpoint::{BlockRef, Endpoint},
};

/// Most blocks asked about at once; halved while a node refuses, doubled while it does not.
const MAX_RANGE: u64 = 10_000;

/// What is followed, and where.
#[derive(Debug, Clone)]
pub struct FollowerConfig {
    /// Execution nodes, best first.
    pub endpoints: Vec<String>,
    /// The execution chain.
    pub chain_id: u64,
    /// The prover registry.
    pub registry: Address,
    /// The block that it was deployed in.
    pub deployed_at: u64,
    /// Folder of the store.
    pub store: PathBuf,
}

/// Why the registry cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// No endpoint is configured.
    #[error("no execution endpoint is configured")]
    NoEndpoint,
    /// An endpoint is no URL. It is not repeated here: it may hold a key.
    #[error("an execution endpoint is no URL: {0}")]
    Url(String),
    /// A node did not answer, or refused.
    #[error("{endpoint}: {reason}")]
    Request {
        /// Host and port.
        endpoint: String,
        /// What went wrong.
        reason: String,
    },
    /// A node contradicts itself.
    #[error("{endpoint} contradicts itself: {reason}")]
    Inconsistent {
        /// Host and port.
        endpoint: String,
        /// How.
        reason: String,
    },
    /// A node is on another chain.
    #[error("{endpoint} is on chain {got}, not {expected}")]
    WrongChain {
        /// Host and port.
        endpoint: String,
        /// The configured chain.
        expected: u64,
        /// The node's.
        got: u64,
    },
    /// A block that was final has another hash now: another chain with the same id, or a finalized block was reverted. The store must be removed by hand.
    #[error("block {block} was finalized as {known} and is {got} at {endpoint}")]
    FinalizedReorg {
        /// Host and port.
        endpoint: String,
        /// The block.
        block: u64,
        /// Its hash in the store.
        known: B256,
        /// Its hash at the node.
        got: B256,
    },
    /// The store is of another registry.
    #[error("the store holds registry {contract} of chain {chain_id}")]
    ForeignStore {
        /// Its chain.
        chain_id: u64,
        /// Its contract.
        contract: Address,
    },
    /// A log is not one of this registry.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Logs are missing.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// The disk.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The moment that was asked for is not final here yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the registry at {wanted} s is not final yet: known up to {known} s")]
pub struct NotFinal {
    /// The moment, seconds.
    pub wanted: u64,
    /// Timestamp of the last block that is known, seconds.
    pub known: u64,
}

/// The registry as far as it is final.
#[derive(Debug)]
pub struct Follower {
    config: FollowerConfig,
    endpoints: Vec<Endpoint>,
    store: LogStore,
    checkpoint: Option<Checkpoint>,
    view: RegistryView,
    range: u64,
}

impl Follower {
    /// Opens the store and reads what is there; asks nobody.
    ///
    /// # Errors
    /// [`FollowError`].
    pub fn open(config: FollowerConfig) -> Result<Self, FollowError> {
        let endpoints = config.endpoints.iter().map(|url| Endpoint::new(url)).collect::<Result<Vec<_>, _>>()?;
        if endpoints.is_empty() {
            return Err(FollowError::NoEndpoint);
        }
        let store = LogStore::open(&config.store)?;
        let checkpoint = store.checkpoint()?;
        if let Some(Checkpoint { chain_id, contract, .. }) = checkpoint
            && (chain_id, contract) != (config.chain_id, config.registry)
        {
            return Err(FollowError::ForeignStore { chain_id, contract });
        }
        let mut view = RegistryView::default();
        for log in store.logs()? {
            view.push(timed(&log)?)?;
        }
        Ok(Self { config, endpoints, store, checkpoint, view, range: MAX_RANGE })
    }

    /// Takes over what has become final since the last call, from the first endpoint that answers. Returns how many changes there were.
    /// What was taken over before an error stays.
    ///
    /// # Errors
    /// The last endpoint's [`FollowError`], if all failed. A finalized block that changed, foreign logs and disk errors end the search at once.
    pub async fn poll(&mut self) -> Result<usize, FollowError> {
        let before = self.view.changes().len();
        let mut last = FollowError::NoEndpoint;
        for endpoint in self.endpoints.clone() {
            match self.poll_one(&endpoint).await {
                Ok(()) => return Ok(self.view.changes().len() - before),
                Err(
                    error @ (FollowError::Request { .. } | FollowError::Inconsistent { .. } | FollowError::WrongChain { .. }),
                ) => {
                    tracing::warn!(%error, "execution endpoint failed");
                    last = error;
                }
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    async fn poll_one(&mut self, endpoint: &Endpoint) -> Result<(), FollowError> {
        let (expected, got) = (self.config.chain_id, endpoint.chain_id().await?);
        if got != expected {
            return Err(FollowError::WrongChain { endpoint: endpoint.shown.clone(), expected, got });
        }
        // A node may not have finalized anything yet.
        let Some(finalized) = endpoint.block(BlockId::finalized()).await? else { return Ok(()) };
        if let Some(checkpoint) = self.checkpoint {
            if finalized.number < checkpoint.block {
                // Behind what is known: nothing to learn from it.
                return Ok(());
            }
            let block = endpoint.known_block(checkpoint.block).await?;
            if block.hash != checkpoint.hash {
                return Err(FollowError::FinalizedReorg {
                    endpoint: endpoint.shown.clone(),
                    block: checkpoint.block,
                    known: checkpoint.hash,
                    got: block.hash,
                });
            }
        }
        loop {
            let from = self.checkpoint.map_or(self.config.deployed_at, |checkpoint| checkpoint.block + 1);
            if from > finalized.number {
                return Ok(());
            }
            let end = finalized.number.min(from.saturating_add(self.range - 1));
            let to = if end == finalized.number { finalized } else { endpoint.known_block(end).await? };
            match endpoint.logs(self.config.registry, from, &to).await {
                Ok(logs) => {
                    self.take(&logs, to).await?;
                    self.range = (self.range * 2).min(MAX_RANGE);
                }
                // Nodes limit ranges and numbers of logs, each in words of its own.
                Err(FollowError::Request { .. }) if self.range > 1 => self.range = (self.range / 2).max(1),
                Err(error) => return Err(error),
            }
        }
    }

    async fn take(&mut self, logs: &[((u64, u64), StoredLog)], to: BlockRef) -> Result<(), FollowError> {
        let mut view = self.view.clone();
        for (_, log) in logs {
            view.push(timed(log)?)?;
        }
        let checkpoint = Checkpoint {
            chain_id: self.config.chain_id,
            contract: self.config.registry,
            block: to.number,
            hash: to.hash,
            timestamp: to.timestamp,
        };
        self.store.extend(self.checkpoint.as_ref(), logs, &checkpoint).await?;
        (self.view, self.checkpoint) = (view, Some(checkpoint));
        Ok(())
    }

    /// How far the registry is known; `None` before the first final block.
    #[must_use]
    pub const fn checkpoint(&self) -> Option<&Checkpoint> {
        self.checkpoint.as_ref()
    }

    /// The registry as far as it is final.
    #[must_use]
    pub const fn view(&self) -> &RegistryView {
        &self.view
    }

    /// The provers that count for a block at `slot`: as of the last block before the epoch that begins `REGISTRY_LOOKBACK_EPOCHS` before the block's own. That
    /// block is an ancestor and final, so that it is the same in every sidecar, and the answer is the same for a whole epoch.
    ///
    /// # Errors
    /// [`NotFinal`] while finality has not reached that epoch. Guessing would mean a ledger of one's own.
    pub fn registry_at(&self, slot: Slot, genesis_time: u64, spec: &Spec) -> Result<Vec<ProverRecord>, NotFinal> {
        let epoch = slot.epoch(spec.slots_per_epoch).minus(spec.registry_lookback_epochs);
        let start = epoch.start_slot(spec.slots_per_epoch);
        let wanted = genesis_time.saturating_add(start.0.saturating_mul(spec.slot_duration_ms) / 1000);
        let known = self.checkpoint.map_or(0, |checkpoint| checkpoint.timestamp);
        // A block at the moment itself shows that all earlier ones are known.
        if known < wanted {
            return Err(NotFinal { wanted, known });
        }
        Ok(self.view.provers_before(wanted))
    }
}

fn timed(log: &StoredLog) -> Result<TimedChange, DecodeError> {
    let (prover, change): (ProverIndex, Change) = Change::decode(&log.topics, &log.data)?;
    Ok(TimedChange { timestamp: log.timestamp, prover, change })
}
