//! Blocks of the devnet, read by alloy's types: written by others, from the same specifications.

use alloy_consensus::TxEnvelope;
use alloy_rpc_types_beacon::block::SignedBeaconBlockElectra;
use alloy_rpc_types_engine::{
    CancunPayloadFields, ExecutionPayload, ExecutionPayloadSidecar, ExecutionPayloadV3, PraguePayloadFields,
};
use quintet_beacon::Preset;
use quintet_types::Slot;

use crate::chain::start;

/// alloy has the containers of the mainnet preset.
#[tokio::test]
async fn alloy_decodes_the_block_and_derives_the_same_execution_block_hash() {
    let (devnet, clock) = start(|config| config.preset = Preset::MAINNET).await;
    clock.advance(3);
    devnet.reached(Slot(3)).await;
    let url = format!("{}/eth/v2/beacon/blocks/3", devnet.url());
    let http = reqwest::Client::new();
    let response = http.get(url).header("accept", "application/octet-stream").send().await.unwrap();
    assert_eq!(response.headers()["eth-consensus-version"], "fulu");
    let ssz = response.bytes().await.unwrap();
    let block = decode(&ssz);
    let payload = block.message.body.execution_payload.clone();
    let claimed = payload.payload_inner.payload_inner.block_hash;
    assert_eq!(payload.payload_inner.payload_inner.transactions.len(), 10);
    let sidecar = ExecutionPayloadSidecar::v4(
        CancunPayloadFields { parent_beacon_block_root: block.message.parent_root, versioned_hashes: vec![] },
        PraguePayloadFields::new(block.message.body.execution_requests.to_requests()),
    );
    let execution = ExecutionPayload::V3(payload).try_into_block_with_sidecar::<TxEnvelope>(&sidecar).unwrap();
    assert_eq!(execution.header.hash_slow(), claimed);
}

fn decode(ssz: &[u8]) -> SignedBeaconBlockElectra<ExecutionPayloadV3> {
    ssz::Decode::from_ssz_bytes(ssz).unwrap()
}
