//! The guest's input: out of the block of one's own beacon node, or from the gateway.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use quintet_api::SelectionView;
use quintet_beacon::{BeaconClient, BlockId, BlockInfo, Error as BeaconError, StateId};
use quintet_payload::input_root;
use quintet_proving::payload_input;
use quintet_types::{JobId, Root};

use super::gateways::Gateways;

/// What is fetched for a job.
pub(crate) async fn fetch(
    gateways: &Gateways,
    beacon: Option<&BeaconClient>,
    id: &JobId,
    view: &SelectionView,
    expected: Root,
    until_ms: u64,
) -> anyhow::Result<Arc<[u8]>> {
    if let Some(beacon) = beacon {
        match own_block(beacon, id).await {
            Ok(Some(block)) => return from_block(beacon, &block, id, view, expected).await,
            Ok(None) => {
                tracing::warn!(job = %id, "our beacon node does not have this block; its input is taken from the gateway")
            }
            Err(error) => tracing::warn!(job = %id, %error, "our beacon node; the input is taken from the gateway"),
        }
    }
    let input = gateways.retry(until_ms, |client| async move { client.input(id).await }).await?;
    let found = input_root(&input);
    ensure!(found == expected, "the gateway's input has root {found}, its job says {expected}");
    Ok(input.into())
}

async fn own_block(beacon: &BeaconClient, id: &JobId) -> Result<Option<BlockInfo>, BeaconError> {
    // The client computes the block's root and refuses another block.
    beacon.block_with_payload(BlockId::Root(id.block_root)).await
}

/// The input out of a block, with everything that the gateway said of the block held against it.
async fn from_block(
    beacon: &BeaconClient,
    block: &BlockInfo,
    id: &JobId,
    view: &SelectionView,
    expected: Root,
) -> anyhow::Result<Arc<[u8]>> {
    ensure!(block.slot == id.slot, "block {} is of slot {}, the job says {}", id.block_root, block.slot, id.slot);
    let payload = block.payload().with_context(|| format!("block {} has no execution payload", id.block_root))?;
    ensure!(
        payload.gas_used == view.gas_used,
        "block {} uses {} gas, the gateway says {}",
        id.block_root,
        payload.gas_used,
        view.gas_used
    );
    match beacon.randao(StateId::Root(block.state_root)).await {
        Ok(Some(mix)) => ensure!(mix == view.randao_mix, "the RANDAO mix is {mix}, the gateway says {}", view.randao_mix),
        Ok(None) => tracing::debug!(job = %id, "our beacon node does not tell the RANDAO mix; the gateway's is used"),
        Err(error) => tracing::debug!(job = %id, %error, "RANDAO mix"),
    }
    let input = payload_input(payload)?.encode()?;
    let found = input_root(&input);
    ensure!(found == expected, "block {} has input root {found}, the gateway says {expected}", id.block_root);
    Ok(input.into())
}
