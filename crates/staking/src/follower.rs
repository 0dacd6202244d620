//! Follows the contracts' logs up to the finalized block.

use std::{path::PathBuf, sync::Arc};

use alloy_eips::BlockId;
use alloy_primitives::B256;
use quintet_protocol::ProverRecord;
use quintet_store::StoreError;
use quintet_types::{Slot, Spec};

use crate::{
    BranchError, Checkpoint, Contracts, DecodeError, Known, LogStore, NotFinal, OrderError, RegistryView, StateAt,
    branch::Branches,
    endpoint::{BlockRef, Endpoint, PlacedLog},
    known::posted,
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
    /// The contracts.
    pub contracts: Contracts,
    /// The block that the first of them was deployed in, or an earlier one.
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
    /// The store is of other contracts.
    #[error("the store holds the contracts with registry {} of chain {chain_id}", contracts.registry)]
    ForeignStore {
        /// Its chain.
        chain_id: u64,
        /// Its contracts.
        contracts: Contracts,
    },
    /// The contracts do not belong together, or are not there.
    #[error("{endpoint}: {reason}")]
    Deployment {
        /// Host and port.
        endpoint: String,
        /// What does not fit.
        reason: String,
    },
    /// A log is not one of these contracts.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Logs are missing.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// The disk.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl FollowError {
    /// One word for metrics.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::NoEndpoint | Self::Url(_) => "configuration",
            Self::Request { .. } => "request",
            Self::Inconsistent { .. } => "inconsistent",
            Self::WrongChain { .. } => "wrong_chain",
            Self::FinalizedReorg { .. } => "finalized_reorg",
            Self::ForeignStore { .. } => "foreign_store",
            Self::Deployment { .. } => "deployment",
            Self::Decode(_) | Self::Order(_) => "logs",
            Self::Store(_) => "store",
        }
    }
}

/// The contracts as far as they are final.
#[derive(Debug)]
pub struct Follower {
    config: FollowerConfig,
    endpoints: Vec<Endpoint>,
    store: LogStore,
    known: Arc<Known>,
    branches: Branches,
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
        if let Some(Checkpoint { chain_id, contracts, .. }) = checkpoint
            && (chain_id, contracts) != (config.chain_id, config.contracts)
        {
            return Err(FollowError::ForeignStore { chain_id, contracts });
        }
        let mut known = Known { checkpoint, deployment: store.deployment()?, ..Known::default() };
        for log in store.logs()? {
            known.push(&config.contracts, &log)?;
        }
        Ok(Self { config, endpoints, store, known: Arc::new(known), branches: Branches::default(), range: MAX_RANGE })
    }

    /// Takes over what has become final since the last call, from the first endpoint that answers. Returns how many changes of provers there were.
    /// What was taken over before an error stays.
    ///
    /// # Errors
    /// The last endpoint's [`FollowError`], if all failed. A finalized block that changed, foreign logs and disk errors end the search at once.
    pub async fn poll(&mut self) -> Result<usize, FollowError> {
        let before = self.view().changes().len();
        let mut last = FollowError::NoEndpoint;
        for endpoint in self.endpoints.clone() {
            match self.poll_one(&endpoint).await {
                Ok(()) => return Ok(self.view().changes().len() - before),
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
        if self.known.deployment.is_none() {
            let deployment = endpoint.deployment(&self.config.contracts).await?;
            self.store.put_deployment(&deployment).await?;
            Arc::make_mut(&mut self.known).deployment = Some(deployment);
        }
        // A node may not have finalized anything yet.
        let Some(finalized) = endpoint.block(BlockId::finalized()).await? else { return Ok(()) };
        if let Some(checkpoint) = self.known.checkpoint {
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
            let from = self.known.checkpoint.map_or(self.config.deployed_at, |checkpoint| checkpoint.block + 1);
            if from > finalized.number {
                return Ok(());
            }
            let end = finalized.number.min(from.saturating_add(self.range - 1));
            let to = if end == finalized.number { finalized } else { endpoint.known_block(end).await? };
            match endpoint.logs(&self.config.contracts, from, &to).await {
                Ok(logs) => {
                    self.take(logs, to).await?;
                    self.range = (self.range * 2).min(MAX_RANGE);
                }
                // Nodes limit ranges and numbers of logs, each in words of its own.
                Err(FollowError::Request { .. }) if self.range > 1 => self.range = (self.range / 2).max(1),
                Err(error) => return Err(error),
            }
        }
    }

    async fn take(&mut self, mut logs: Vec<PlacedLog>, to: BlockRef) -> Result<(), FollowError> {
        let contracts = self.config.contracts;
        // Payments are not kept: there are many, and nothing follows from them here.
        let mut kept = Vec::with_capacity(logs.len());
        for (place, log) in logs.drain(..) {
            if log.contract != contracts.settlement || posted(&log)?.is_some() {
                kept.push((place, log));
            }
        }
        let mut known = Known::clone(&self.known);
        for (_, log) in &kept {
            known.push(&contracts, log)?;
        }
        let checkpoint =
            Checkpoint { chain_id: self.config.chain_id, contracts, block: to.number, hash: to.hash, timestamp: to.timestamp };
        self.store.extend(self.known.checkpoint.as_ref(), &kept, &checkpoint).await?;
        known.checkpoint = Some(checkpoint);
        self.known = Arc::new(known);
        Ok(())
    }

    /// The contracts before the moment `moment` (seconds; see [`registry_moment`](crate::registry_moment)) on the branch that ends with execution block
    /// `tip`: what is final, if that is enough, otherwise with the branch's own logs laid over it. Those stay in memory and never get into the store.
    ///
    /// # Errors
    /// The last endpoint's [`BranchError`], if all failed; at once if the branch itself is of no use.
    pub async fn state_at(&mut self, tip: B256, moment: u64) -> Result<Arc<StateAt>, BranchError> {
        if self.known.checkpoint.is_some_and(|checkpoint| checkpoint.timestamp >= moment) {
            return Ok(Arc::new(self.known.state_before(moment)));
        }
        let place = (&self.config.contracts, self.config.deployed_at);
        let mut last = BranchError::Follow(FollowError::NoEndpoint);
        for endpoint in &self.endpoints {
            match self.branches.state_at(endpoint, place, &self.known, tip, moment).await {
                Ok(state) => return Ok(state),
                Err(error) if error.is_of_one_node() => {
                    tracing::debug!(%error, "a branch could not be read");
                    last = error;
                }
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    /// All that is known, as it is now.
    #[must_use]
    pub fn known(&self) -> Arc<Known> {
        Arc::clone(&self.known)
    }

    /// How far the contracts are known; `None` before the first final block.
    #[must_use]
    pub fn checkpoint(&self) -> Option<&Checkpoint> {
        self.known.checkpoint.as_ref()
    }

    /// The registry as far as it is final.
    #[must_use]
    pub fn view(&self) -> &RegistryView {
        &self.known.registry
    }

    /// See [`Known::registry_at`].
    ///
    /// # Errors
    /// [`NotFinal`] while finality has not reached the moment that counts.
    pub fn registry_at(&self, slot: Slot, genesis_time: u64, spec: &Spec) -> Result<Vec<ProverRecord>, NotFinal> {
        self.known.registry_at(slot, genesis_time, spec)
    }
}
