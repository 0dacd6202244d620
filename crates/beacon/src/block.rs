//! What Quintet needs to know of a beacon block.

use std::sync::Arc;

use alloy_primitives::B256;
use quintet_types::{SignatureBytes, Slot, ValidatorIndex};

use crate::decode::DecodeError;
use crate::fork::Fork;
use crate::payload::ExecutionPayloadParts;
use crate::randao::mix_in;
use crate::ssz::View;

/// A beacon block, reduced to what selection, jobs and guests need. Its root is computed, not taken from the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockInfo {
    /// Fork that the block belongs to.
    pub fork: Fork,
    /// Slot.
    pub slot: Slot,
    /// Who proposed it.
    pub proposer_index: ValidatorIndex,
    /// `hash_tree_root(block)`, computed from the bytes.
    pub block_root: B256,
    /// Root of the parent block.
    pub parent_root: B256,
    /// Root of the beacon state after the block.
    pub state_root: B256,
    /// The proposer's RANDAO reveal.
    pub randao_reveal: SignatureBytes,
    /// The proposer's signature over the block.
    pub signature: SignatureBytes,
    /// RANDAO mix after the block, as far as the block itself tells: `prev_randao` of its payload (or bid) with the
    /// reveal mixed in. `None` before the merge. The follower holds it against other sources.
    pub randao_mix: Option<B256>,
    /// The execution payload, if the block has one.
    pub execution: Execution,
}

/// Where the execution payload of a block is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Execution {
    /// There is none: the genesis block, or one from before the merge.
    None,
    /// In the block itself, or (Gloas) joined to it from its envelope.
    Payload(Arc<ExecutionPayloadParts>),
    /// Gloas: promised by the bid in the block, to come in an envelope, or never.
    Promised(PayloadBid),
}

/// What a Gloas block says about the payload to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayloadBid {
    /// Hash of the execution block promised.
    pub block_hash: B256,
    /// Hash of the execution block that it builds on.
    pub parent_block_hash: B256,
    /// RANDAO mix before the block's own reveal.
    pub prev_randao: B256,
    /// `hash_tree_root` of the execution requests promised.
    pub execution_requests_root: B256,
}

impl BlockInfo {
    /// Reads a checked `SignedBeaconBlock` of `fork`.
    pub(crate) fn read(fork: Fork, signed: View<'_>) -> Result<Self, DecodeError> {
        let message = signed.field("message")?;
        let body = message.field("body")?;
        let parent_root = message.field("parent_root")?.to_b256()?;
        let randao_reveal = body.field("randao_reveal")?.to_fixed()?;
        let execution = match (body.find("execution_payload")?, body.find("signed_execution_payload_bid")?) {
            (Some(payload), _) => {
                let requests = body.find("execution_requests")?;
                let parts = ExecutionPayloadParts::read(fork, payload, requests, parent_root)?;
                // Bellatrix blocks before the merge carry the default payload, all zeros.
                if parts.block_hash.is_zero() { Execution::None } else { Execution::Payload(Arc::new(parts)) }
            }
            (None, Some(bid)) => Execution::Promised(PayloadBid::read(bid.field("message")?)?),
            (None, None) => Execution::None,
        };
        let prev_randao = match &execution {
            Execution::None => None,
            Execution::Payload(payload) => Some(payload.prev_randao),
            Execution::Promised(bid) => Some(bid.prev_randao),
        };
        Ok(Self {
            fork,
            slot: Slot(message.field("slot")?.to_u64()?),
            proposer_index: ValidatorIndex(message.field("proposer_index")?.to_u64()?),
            block_root: message.hash_tree_root()?,
            parent_root,
            state_root: message.field("state_root")?.to_b256()?,
            randao_reveal,
            signature: signed.field("signature")?.to_fixed()?,
            randao_mix: prev_randao.map(|mix| mix_in(mix, &randao_reveal)),
            execution,
        })
    }

    /// The execution payload, once it is there.
    #[must_use]
    pub const fn payload(&self) -> Option<&Arc<ExecutionPayloadParts>> {
        match &self.execution {
            Execution::Payload(payload) => Some(payload),
            Execution::None | Execution::Promised(_) => None,
        }
    }

    /// Gas used by the execution payload, once it is there.
    #[must_use]
    pub fn gas_used(&self) -> Option<u64> {
        self.payload().map(|payload| payload.gas_used)
    }

    /// Checks the payload's block hash, if there is a payload.
    ///
    /// # Errors
    /// [`DecodeError::BlockHash`] when its parts do not lead to it.
    pub fn verify_execution(&self) -> Result<(), DecodeError> {
        self.payload().map_or(Ok(()), |payload| payload.verify_block_hash())
    }
}

impl PayloadBid {
    fn read(bid: View<'_>) -> Result<Self, DecodeError> {
        let root = |name| bid.field(name)?.to_b256();
        Ok(Self {
            block_hash: root("block_hash")?,
            parent_block_hash: root("parent_block_hash")?,
            prev_randao: root("prev_randao")?,
            execution_requests_root: root("execution_requests_root")?,
        })
    }
}
