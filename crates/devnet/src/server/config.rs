//! `/eth/v1/config/…` and genesis.

use std::sync::Arc;

use alloy_primitives::Address;
use axum::Json;
use axum::extract::State;
use quintet_beacon::Fork;
use serde_json::{Map, Value, json};

use super::reply::data;
use crate::node::Shared;

const FAR_FUTURE: &str = "18446744073709551615";

pub(super) async fn genesis(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let chain = shared.chain();
    let config = chain.config();
    data(json!({
        "genesis_time": config.genesis_time.to_string(),
        "genesis_validators_root": chain.genesis_validators_root(),
        "genesis_fork_version": config.fork_version(Fork::Phase0),
    }))
}

pub(super) async fn spec(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let chain = shared.chain();
    let (config, preset) = (chain.config(), &chain.config().preset);
    let mut values = Map::new();
    let mut set = |key: &str, value: Value| values.insert(key.to_owned(), value);
    set("CONFIG_NAME", json!("quintet-devnet"));
    set("PRESET_BASE", json!(if *preset == quintet_beacon::Preset::MINIMAL { "minimal" } else { "mainnet" }));
    set("SECONDS_PER_SLOT", json!(config.slot_duration.as_secs().max(1).to_string()));
    set("SLOT_DURATION_MS", json!(config.slot_duration.as_millis().to_string()));
    set("DEPOSIT_CHAIN_ID", json!(config.chain_id.to_string()));
    set("DEPOSIT_NETWORK_ID", json!(config.chain_id.to_string()));
    set("DEPOSIT_CONTRACT_ADDRESS", json!(Address::repeat_byte(0x42)));
    set("GENESIS_FORK_VERSION", json!(config.fork_version(Fork::Phase0)));
    for fork in Fork::ALL.into_iter().skip(1) {
        let name = fork.name().to_uppercase();
        let epoch = if fork <= config.fork { "0" } else { FAR_FUTURE };
        set(&format!("{name}_FORK_EPOCH"), json!(epoch));
        set(&format!("{name}_FORK_VERSION"), json!(config.fork_version(fork)));
    }
    // As newer nodes answer: not every value is a string.
    set("BLOB_SCHEDULE", json!([{"EPOCH": "0", "MAX_BLOBS_PER_BLOCK": "9"}]));
    let sizes = [
        ("SLOTS_PER_EPOCH", preset.slots_per_epoch),
        ("SLOTS_PER_HISTORICAL_ROOT", preset.slots_per_historical_root),
        ("EPOCHS_PER_HISTORICAL_VECTOR", preset.epochs_per_historical_vector),
        ("SYNC_COMMITTEE_SIZE", preset.sync_committee_size),
        ("MAX_COMMITTEES_PER_SLOT", preset.max_committees_per_slot),
        ("MAX_VALIDATORS_PER_COMMITTEE", preset.max_validators_per_committee),
        ("MAX_WITHDRAWALS_PER_PAYLOAD", preset.max_withdrawals),
        ("MAX_BLOB_COMMITMENTS_PER_BLOCK", preset.max_blob_commitments),
        ("MAX_DEPOSIT_REQUESTS_PER_PAYLOAD", preset.max_deposit_requests),
        ("MAX_WITHDRAWAL_REQUESTS_PER_PAYLOAD", preset.max_withdrawal_requests),
        ("MAX_CONSOLIDATION_REQUESTS_PER_PAYLOAD", preset.max_consolidation_requests),
        ("PTC_SIZE", preset.ptc_size),
    ];
    for (key, size) in sizes {
        set(key, json!(size.to_string()));
    }
    data(Value::Object(values))
}

pub(super) async fn fork_schedule(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let chain = shared.chain();
    let config = chain.config();
    let forks = Fork::ALL.into_iter().filter(|fork| *fork <= config.fork);
    let mut previous = config.fork_version(Fork::Phase0);
    let schedule = forks.map(|fork| {
        let current = config.fork_version(fork);
        json!({
            "previous_version": std::mem::replace(&mut previous, current), "current_version": current, "epoch": "0",
        })
    });
    data(schedule.collect())
}

pub(super) async fn deposit_contract(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let chain_id = shared.chain().config().chain_id;
    data(json!({"chain_id": chain_id.to_string(), "address": Address::repeat_byte(0x42)}))
}
