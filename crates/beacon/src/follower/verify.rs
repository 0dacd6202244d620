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

    // Where we begin, the node's state is worth reading even if its randao route is missing; later mixes are carried.
    let node = node_mix(client, &block, own.is_none() || parent.is_none()).await?;
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

/// The node's own answer for the mix after `block`. Its state is read only if `with_state`.
async fn node_mix(client: &BeaconClient, block: &BlockInfo, with_state: bool) -> Result<Option<(B256, MixSource)>, Error> {
    // Some nodes know states by slot only. Such an answer counts only while the block is the canonical one of its slot.
    let ids = [StateId::Root(block.state_root), StateId::Slot(block.slot)];
    for id in ids {
        if let Some(mix) = client.randao(id).await?
            && is_of(client, block, id).await?
        {
            return Ok(Some((mix, MixSource::Node)));
        }
    }
    for id in ids.into_iter().filter(|_| with_state) {
        if let Some((slot, mix)) = client.randao_from_state(id).await?
            && slot == block.slot
            && is_of(client, block, id).await?
        {
            return Ok(Some((mix, MixSource::State)));
        }
    }
    Ok(None)
}

/// Whether an answer for the state `id` is one for the state after `block`.
async fn is_of(client: &BeaconClient, block: &BlockInfo, id: StateId) -> Result<bool, Error> {
    if matches!(id, StateId::Root(_)) {
        return Ok(true);
    }
    let header = client.header(BlockId::Slot(block.slot)).await?;
    Ok(header.is_some_and(|meta| meta.data.root == block.block_root))
}
