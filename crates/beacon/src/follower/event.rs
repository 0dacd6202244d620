//! What the follower reports.

use std::sync::Arc;

use alloy_primitives::B256;
use quintet_types::{Epoch, Slot, ValidatorIndex};

use crate::block::BlockInfo;

/// A block by slot and root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockRef {
    /// Slot.
    pub slot: Slot,
    /// Root.
    pub root: B256,
}

impl From<&BlockInfo> for BlockRef {
    fn from(block: &BlockInfo) -> Self {
        Self { slot: block.slot, root: block.block_root }
    }
}

/// A change of the chain, or of our view of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainEvent {
    /// A synced node of the right network is connected.
    NodeUp {
        /// Its endpoint.
        endpoint: String,
        /// What it calls itself.
        version: String,
    },
    /// No node can be used.
    NodeDown {
        /// What happened at the last one.
        reason: String,
    },
    /// Nodes answer, but none is synced. No blocks are reported until one is.
    Syncing {
        /// The endpoint that is furthest.
        endpoint: String,
        /// Its head.
        head_slot: Slot,
        /// How many slots it lacks.
        distance: u64,
    },
    /// The head left a branch. The blocks of the new branch follow as [`ChainEvent::Head`].
    Reorg(Reorg),
    /// A block became part of the canonical chain. Blocks come in order, parents first, the tip last.
    Head(Head),
    /// The head is optimistic and held back.
    OptimisticHead(BlockRef),
    /// The payload of a block reported earlier has arrived in its envelope (Gloas).
    PayloadAvailable(Arc<BlockInfo>),
    /// A checkpoint was finalized, and with it all earlier ones, whether they were reported or not.
    Finalized {
        /// Its epoch.
        epoch: Epoch,
        /// Its block.
        block_root: B256,
    },
    /// Two sources give different mixes for one block. The block is reported without a mix.
    RandaoMismatch {
        /// The block.
        block: BlockRef,
        /// The mix that follows from the block and its verified reveal.
        own: B256,
        /// The mix of the other source.
        other: B256,
        /// The other source.
        source: MixSource,
    },
    /// A block that the node gave us is not valid; it is ignored together with its descendants.
    Rejected {
        /// The block.
        block: BlockRef,
        /// What is wrong.
        reason: RejectReason,
    },
    /// The chain could not be followed back to the last known block; blocks between are not reported. Where the node says that blocks reported before
    /// are not canonical any more, a [`ChainEvent::Reorg`] comes first.
    Gap {
        /// The last block reported that is still canonical.
        after: BlockRef,
        /// The block that is reported next.
        before: BlockRef,
    },
}

/// A block that is now canonical.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The block. Its `randao_mix` is set only if the reveal is verified and no source contradicts.
    pub block: Arc<BlockInfo>,
    /// Whether the node's own answer confirmed the mix.
    pub mix_confirmed: bool,
    /// Whether this is the tip of the chain, rather than a block on the way to it.
    pub is_tip: bool,
}

impl Head {
    /// Whether the execution payload is at hand.
    #[must_use]
    pub fn payload_available(&self) -> bool {
        self.block.payload().is_some()
    }
}

/// A change of branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reorg {
    /// The head that was left.
    pub old_head: BlockRef,
    /// The head now.
    pub new_head: BlockRef,
    /// The last block that both have.
    pub common_ancestor: BlockRef,
    /// Blocks that are no longer canonical, newest first.
    pub dropped: Vec<BlockRef>,
}

/// Where a RANDAO mix comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MixSource {
    /// The node's `/states/{id}/randao`.
    Node,
    /// The node's state, as SSZ.
    State,
    /// The parent's mix and the block's verified reveal.
    Carried,
    /// `prev_randao` of the block's payload or bid, and the block's verified reveal.
    Payload,
}

/// Why a block is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RejectReason {
    /// The RANDAO reveal is not the proposer's signature over the epoch.
    Reveal {
        /// The proposer that the block names.
        proposer: ValidatorIndex,
    },
    /// The execution block hash does not follow from the payload.
    BlockHash {
        /// Hash in the payload.
        claimed: B256,
        /// Hash of the header made from the payload.
        computed: B256,
    },
    /// It descends from a block that was rejected.
    Ancestor(B256),
    /// Anything else that makes its payload unusable.
    Payload(String),
}
