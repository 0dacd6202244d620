//! Verifies a block's reveal, payload and RANDAO mix against every source there is.

use std::sync::Arc;

use alloy_primitives::B256;

use super::chain::Known;
use super::event::{BlockRef, ChainEvent, MixSource, RejectReason};
use crate::block::BlockInfo;
use crate::client::BeaconClient;
use crate::decode::DecodeError;
use crate::error::Error;
use crate::ids::{BlockId, StateId};
use crate::randao::{mix_in, reveal_is_valid};

/// What verification makes of a block.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Usable; with mismatches to report.
    Accepted { known: Known, mismatches: Vec<ChainEvent> },
    /// Not valid.
    Rejected(RejectReason),
}

/// Verifies `block`, whose parent is `parent` if we know it.
///
/// # Errors
/// When the node cannot be asked; the block is neither right nor wrong then.
pub(super) async fn verify(client: &BeaconClient, mut block: BlockInfo, parent: Option<&BlockInfo>) -> Result<Verdict, Error> {
    if let Err(error) = block.verify_execution() {
        return Ok(Verdict::Rejected(match error {
            DecodeError::BlockHash { claimed, computed } => RejectReason::BlockHash { claimed, computed },
            other => RejectReason::Payload(other.to_string()),
        }));
    }
    let spec = client.spec();
    // Slot 0 is not proposed by anyone: its reveal is empty.
    if block.slot.0 > 0 {
        let proposer = block.proposer_index;
        // A node that lags may not know a new validator yet: nothing is wrong with the block then.
        let key = client.public_key(proposer).await?.ok_or_else(|| Error::Answer {
            endpoint: client.transport.preferred_label().to_owned(),
            path: format!("/eth/v1/beacon/states/head/validators/{proposer}"),
            reason: "the proposer is not there".into(),
        })?;
        let valid = reveal_is_valid(&spec, spec.epoch_of(block.slot), &key, &block.randao_reveal);
        if !valid {
            return Ok(Verdict::Rejected(RejectReason::Reveal { proposer }));
        }
    }

    let reference = BlockRef::from(&block);
    let carried = parent.and_then(|parent| parent.randao_mix).map(|mix| mix_in(mix, &block.randao_reveal));
    let mut mismatches = Vec::new();
    let mut own = block.randao_mix;
    if let (Some(own), Some(other)) = (own, carried)
        && own != other
    {
        mismatches.push(ChainEvent::RandaoMismatch { block: reference, own, other, source: MixSource::Carried });
    }
    own = own.or(carried);

    let node = node_mix(client, &block, own.is_none()).await?;
    let mut mix_confirmed = false;
    match (own, node) {
        (Some(own), Some((other, source))) if own != other => {
            mismatches.push(ChainEvent::RandaoMismatch { block: reference, own, other, source });
        }
        (Some(_), Some(_)) => mix_confirmed = true,
        // Nothing of our own to hold it against: the first block before the merge. The chain is checked from here on.
        (None, Some((other, _))) => own = Some(other),
        (_, None) => {}
    }
    block.randao_mix = own.filter(|_| mismatches.is_empty());
    Ok(Verdict::Accepted { known: Known { block: Arc::new(block), mix_confirmed }, mismatches })
}

/// The node's own answer for the mix after `block`. Its state is downloaded only if `need_one`.
async fn node_mix(client: &BeaconClient, block: &BlockInfo, need_one: bool) -> Result<Option<(B256, MixSource)>, Error> {
    if let Some(mix) = client.randao(StateId::Root(block.state_root)).await? {
        return Ok(Some((mix, MixSource::Node)));
    }
    // Some nodes know states by slot only. The answer counts only while the block is the canonical one of its slot.
    if let Some(mix) = client.randao(StateId::Slot(block.slot)).await? {
        let header = client.header(BlockId::Slot(block.slot)).await?;
        if header.is_some_and(|meta| meta.data.root == block.block_root) {
            return Ok(Some((mix, MixSource::Node)));
        }
    }
    if !need_one {
        return Ok(None);
    }
    let state = client.randao_from_state(StateId::Root(block.state_root)).await?;
    Ok(state.filter(|(slot, _)| *slot == block.slot).map(|(_, mix)| (mix, MixSource::State)))
}
