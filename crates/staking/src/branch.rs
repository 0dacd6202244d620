//! The contracts as of a block that is not final: what its own branch holds, laid over what is final.
//!
//! A chain that does not finalize still has to know who can be drawn. What counts for a block is the contracts' state four epochs back *in its own ancestry*, so it
//! is found by parent hashes: from the execution block that it builds on down to the last final one, and only the logs of those blocks, asked for by hash, are added. Two
//! branches therefore give two answers, each the same in every sidecar, however far finality is known there. Nothing of it is written down: it may be reverted.

use std::{collections::HashMap, sync::Arc};

use alloy_primitives::{B256, BlockNumber};
use async_trait::async_trait;

use crate::{Contracts, FollowError, Known, StateAt, StoredLog, endpoint::BlockRef};

/// Most blocks between a block and the last final one. 32,768 are four and a half days of mainnet without finality. Each costs one request of a header, once, so that
/// a start in the midst of it takes a minute or so, and some 150 bytes of memory.
pub const MAX_BRANCH: usize = 32_768;

/// Why the state of a branch is not known.
#[derive(Debug, thiserror::Error)]
pub enum BranchError {
    /// A block of the branch is not there, although its child is.
    #[error("{endpoint} does not have execution block {block}")]
    Missing {
        /// Host and port.
        endpoint: String,
        /// The block.
        block: B256,
    },
    /// Finality is too far away.
    #[error("execution block {tip} is more than {MAX_BRANCH} blocks above the last final one")]
    TooDeep {
        /// Where the branch was entered.
        tip: B256,
    },
    /// The branch does not hold the last final block. Nothing can follow from it any more.
    #[error("execution block {tip} does not descend from final block {number} ({known}): its branch has {got}")]
    Detached {
        /// Where the branch was entered.
        tip: B256,
        /// Number of the final block.
        number: BlockNumber,
        /// Its hash.
        known: B256,
        /// The branch's block there, or its lowest one.
        got: B256,
    },
    /// A node did not answer, or contradicts itself; or the logs do not follow those that are final.
    #[error(transparent)]
    Follow(#[from] FollowError),
}

impl BranchError {
    /// One word for metrics.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "branch_missing",
            Self::TooDeep { .. } => "branch_too_deep",
            Self::Detached { .. } => "branch_detached",
            Self::Follow(error) => error.label(),
        }
    }

    /// Whether another node may know more.
    pub(crate) const fn is_of_one_node(&self) -> bool {
        matches!(self, Self::Missing { .. } | Self::Follow(FollowError::Request { .. } | FollowError::Inconsistent { .. }))
    }
}

/// What is needed of a block's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) block: BlockRef,
    pub(crate) parent: B256,
    /// Whether the block may have logs of registry or validator set: its Bloom filter does not rule it out.
    pub(crate) touched: bool,
}

/// A node that gives blocks by their hashes, on whatever branch they are.
#[async_trait]
pub(crate) trait Blocks: Sync {
    /// Host and port.
    fn shown(&self) -> &str;
    /// A block's header; `None` if the node does not have it.
    async fn header(&self, contracts: &Contracts, hash: B256) -> Result<Option<Header>, FollowError>;
    /// Logs of registry and validator set in one block, in order.
    async fn logs_in(&self, contracts: &Contracts, block: &BlockRef) -> Result<Vec<StoredLog>, FollowError>;
}

#[derive(Debug)]
struct Cached {
    header: Header,
    logs: Option<Arc<[StoredLog]>>,
}

/// What was read of blocks that were not final, by hash.
#[derive(Debug, Default)]
pub(crate) struct Branches {
    blocks: HashMap<B256, Cached>,
    /// The last answer: up to which block, as of which moment.
    latest: Option<(B256, Arc<StateAt>)>,
}

impl Branches {
    /// The contracts before the moment `moment` (seconds) on the branch that ends with execution block `tip`, given what is final.
    pub(crate) async fn state_at(
        &mut self,
        node: &dyn Blocks,
        (contracts, deployed_at): (&Contracts, BlockNumber),
        known: &Known,
        tip: B256,
        moment: u64,
    ) -> Result<Arc<StateAt>, BranchError> {
        let path = self.walk(node, (contracts, deployed_at), known, tip).await?;
        let counting = path.iter().position(|header| header.block.timestamp < moment).unwrap_or(path.len());
        let counting = &path[counting..];
        // What comes after the block does not enter the answer, and what comes before is fixed by its hash.
        let end =
            counting.first().map_or_else(|| known.checkpoint.map_or(B256::ZERO, |final_| final_.hash), |last| last.block.hash);
        if let Some((of, state)) = &self.latest
            && (*of, state.moment) == (end, moment)
        {
            return Ok(Arc::clone(state));
        }
        let mut state = Known::clone(known);
        for header in counting.iter().rev().filter(|header| header.touched) {
            for log in self.logs(node, contracts, header).await?.iter() {
                state.push(contracts, log)?;
            }
        }
        let state = Arc::new(state.state_before(moment));
        self.latest = Some((end, Arc::clone(&state)));
        Ok(state)
    }

    /// The blocks from `tip` down to the one that follows the last final block, or to the contracts' deployment while nothing is final.
    async fn walk(
        &mut self,
        node: &dyn Blocks,
        (contracts, deployed_at): (&Contracts, BlockNumber),
        known: &Known,
        tip: B256,
    ) -> Result<Vec<Header>, BranchError> {
        let joint = known.checkpoint.map(|checkpoint| (checkpoint.block, checkpoint.hash));
        let first = joint.map_or(deployed_at, |(number, _)| number + 1);
        let mut path: Vec<Header> = Vec::new();
        let mut at = tip;
        while joint.is_none_or(|(_, hash)| hash != at) {
            let header = self.header(node, contracts, at).await?;
            if let Some(child) = path.last()
                && (header.block.number + 1 != child.block.number || header.block.timestamp >= child.block.timestamp)
            {
                let reason = format!("block {} cannot be the parent of block {}", header.block.hash, child.block.hash);
                return Err(FollowError::Inconsistent { endpoint: node.shown().to_owned(), reason }.into());
            }
            if header.block.number < first {
                if let Some((number, known)) = joint {
                    return Err(BranchError::Detached { tip, number, known, got: at });
                }
                break;
            }
            if path.len() == MAX_BRANCH {
                return Err(BranchError::TooDeep { tip });
            }
            path.push(header);
            if header.block.number == 0 {
                break;
            }
            at = header.parent;
        }
        self.forget(first, &path);
        Ok(path)
    }

    async fn header(&mut self, node: &dyn Blocks, contracts: &Contracts, hash: B256) -> Result<Header, BranchError> {
        if let Some(cached) = self.blocks.get(&hash) {
            return Ok(cached.header);
        }
        let missing = || BranchError::Missing { endpoint: node.shown().to_owned(), block: hash };
        let header = node.header(contracts, hash).await?.ok_or_else(missing)?;
        self.blocks.insert(hash, Cached { header, logs: None });
        Ok(header)
    }

    async fn logs(&mut self, node: &dyn Blocks, contracts: &Contracts, of: &Header) -> Result<Arc<[StoredLog]>, BranchError> {
        let cached = self.blocks.get(&of.block.hash).and_then(|cached| cached.logs.clone());
        if let Some(logs) = cached {
            return Ok(logs);
        }
        let logs: Arc<[StoredLog]> = node.logs_in(contracts, &of.block).await?.into();
        self.blocks.entry(of.block.hash).or_insert(Cached { header: *of, logs: None }).logs = Some(Arc::clone(&logs));
        Ok(logs)
    }

    /// Drops what has become final; and all other branches once they take as much room as the longest one may.
    fn forget(&mut self, first: BlockNumber, path: &[Header]) {
        self.blocks.retain(|_, cached| cached.header.block.number >= first);
        if self.blocks.len() > 2 * MAX_BRANCH {
            let kept: std::collections::HashSet<B256> = path.iter().map(|header| header.block.hash).collect();
            self.blocks.retain(|hash, _| kept.contains(hash));
        }
    }
}

#[cfg(test)]
#[path = "branch_tests.rs"]
mod tests;
