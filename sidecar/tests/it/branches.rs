//! The follower's task beside an execution node whose chain does not become final: what somebody asks about is read from the block's own branch.

use std::{collections::HashMap, sync::Arc, time::Duration};

use alloy_primitives::{Address, B256, Bloom, Bytes, LogData, U256};
use alloy_sol_types::SolEvent as _;
use axum::{Json, Router, extract::State, routing::post};
use quintet_sidecar::{
    metrics::Metrics,
    registry::{BlockAt, NotKnown, ProverSource},
    service::Shared,
    staking::{Follow, StakingRegistry, follow},
};
use quintet_staking::{
    BranchError, Checkpoint, Deployment, Follower, FollowerConfig, LogStore, bindings::ProverRegistry as Registry,
};
use quintet_types::{Slot, Spec, compute_domain};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    contracts::{CHAIN_ID, contracts},
    world::{GENESIS_MS, World, spec},
};

const GENESIS: u64 = GENESIS_MS / 1000;

/// A block by its hash, and the log in it.
struct Block {
    json: Value,
    logs: Vec<Value>,
}

fn quantity(value: u64) -> String {
    format!("{value:#x}")
}

/// Block `number` (of second `number` after genesis) on top of `parent`, in which prover `index` may register.
fn block(hash: B256, parent: B256, number: u64, registered: Option<(u64, u8)>) -> Block {
    let mut bloom = Bloom::ZERO;
    let logs = registered.map(|(index, byte)| {
        let event = Registry::Registered {
            index,
            owner: Address::ZERO,
            pubkey: Bytes::from(vec![byte; 48]),
            withdrawalAddress: Address::ZERO,
            stake: U256::from(1_000_000_000_000_000_000u64),
            activationEpoch: 0,
        };
        let LogData { data, .. } = event.encode_log_data();
        let topics = event.encode_log_data().topics().to_vec();
        bloom.accrue_raw_log(contracts().registry, &topics);
        json!({
            "address": contracts().registry, "topics": topics, "data": data, "blockHash": hash, "blockNumber": quantity(number),
            "transactionHash": B256::ZERO, "transactionIndex": "0x0", "logIndex": "0x0", "removed": false,
        })
    });
    let json = json!({
        "hash": hash, "parentHash": parent, "sha3Uncles": B256::ZERO, "miner": Address::ZERO, "stateRoot": B256::ZERO,
        "transactionsRoot": B256::ZERO, "receiptsRoot": B256::ZERO, "logsBloom": bloom, "difficulty": "0x0",
        "number": quantity(number), "gasLimit": "0x1", "gasUsed": "0x0", "timestamp": quantity(GENESIS + number), "extraData": "0x",
        "mixHash": B256::ZERO, "nonce": "0x0000000000000000", "baseFeePerGas": "0x1", "transactions": [], "uncles": [],
    });
    Block { json, logs: logs.into_iter().collect() }
}

/// Answers as an execution node does whose last final block is number 1.
async fn answer(State(blocks): State<Arc<HashMap<B256, Block>>>, Json(asked): Json<Value>) -> Json<Value> {
    let parameter = asked["params"][0].clone();
    let of = |hash: &Value| hash.as_str().and_then(|hash| blocks.get(&hash.parse::<B256>().ok()?));
    let result = match asked["method"].as_str().unwrap_or_default() {
        "eth_chainId" => json!(quantity(CHAIN_ID)),
        "eth_getBlockByNumber" => blocks[&name(1)].json.clone(),
        "eth_getBlockByHash" => of(&parameter).map_or(Value::Null, |block| block.json.clone()),
        "eth_getLogs" => json!(of(&parameter["blockHash"]).expect("a block by hash").logs),
        other => panic!("{other}"),
    };
    Json(json!({ "jsonrpc": "2.0", "id": asked["id"], "result": result }))
}

fn name(byte: u8) -> B256 {
    B256::repeat_byte(byte)
}

/// Final: block 1. Then two branches with another prover each, and blocks on top whose headers alone are needed.
async fn node() -> String {
    let chain = [
        (1, block(name(1), name(0), 1, None)),
        (2, block(name(2), name(1), 2, Some((0, 0xa0)))),
        (0x13, block(name(0x13), name(2), 3, Some((1, 0xb1)))),
        (0x14, block(name(0x14), name(0x13), 200, None)),
        (0x23, block(name(0x23), name(2), 3, Some((1, 0xc1)))),
    ];
    let numbered = |(byte, mut block): (u8, Block)| {
        // Numbers follow each other, whatever the clock says.
        if byte == 0x14 {
            block.json["number"] = json!(quantity(4));
        }
        (name(byte), block)
    };
    let chain: HashMap<B256, Block> = chain.into_iter().map(numbered).collect();
    let app = Router::new().route("/", post(answer)).with_state(Arc::new(chain));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    url
}

/// A store as an earlier run has left it: the contracts were checked, and block 1 was final.
async fn earlier_run(path: &std::path::Path, spec: &Spec) {
    let store = LogStore::open(path).unwrap();
    let mut fork_data_root = B256::ZERO;
    let domain = compute_domain(Default::default(), spec.genesis_fork_version, spec.genesis_validators_root);
    fork_data_root[..28].copy_from_slice(&domain[4..]);
    let deployment = Deployment {
        genesis_time: spec.genesis_time,
        seconds_per_slot: spec.slot_duration_ms / 1000,
        slots_per_epoch: spec.slots_per_epoch,
        fork_data_root,
        settlement_epochs: 2,
        wei_per_unit: U256::ONE,
        min_members: 3,
        min_total_weight_gwei: 1,
    };
    store.put_deployment(&deployment).await.unwrap();
    let checkpoint = Checkpoint { chain_id: CHAIN_ID, contracts: contracts(), block: 1, hash: name(1), timestamp: GENESIS + 1 };
    store.extend(None, &[], &checkpoint).await.unwrap();
}

/// Asks until the task has an answer.
async fn provers(registry: &StakingRegistry, tip: B256, spec: &Spec) -> Result<Vec<u8>, NotKnown> {
    let at = BlockAt { slot: Slot(26), tip };
    for _ in 0..400 {
        match registry.provers_for(&at, GENESIS, spec) {
            Ok(provers) => return Ok(provers.iter().map(|prover| prover.pubkey.0[0]).collect()),
            Err(NotKnown::Reading { .. }) => tokio::time::sleep(Duration::from_millis(25)).await,
            Err(error) => return Err(error),
        }
    }
    panic!("nobody looked for {tip}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn branches_are_read_when_somebody_asks_and_again_after_a_restart() {
    let spec = Spec { genesis_time: GENESIS, ..spec() };
    let (url, folder) = (node().await, tempfile::tempdir().unwrap());
    earlier_run(folder.path(), &spec).await;
    for _ in 0..2 {
        let follower = Follower::open(FollowerConfig {
            endpoints: vec![url.clone()],
            chain_id: CHAIN_ID,
            contracts: contracts(),
            deployed_at: 1,
            store: folder.path().to_owned(),
        })
        .unwrap();
        let registry = Arc::new(StakingRegistry::new(CHAIN_ID, &contracts(), follower.known()));
        let world = World::staked(spec.clone(), Arc::clone(&registry) as Arc<dyn ProverSource>);
        let (core, _kept) = world.into_parts();
        let shared = Shared::new(core);
        let stop = CancellationToken::new();
        let task = Follow::new(follower, Arc::clone(&registry), Arc::new(spec.clone()), Metrics::default());
        // Long pauses: only a question makes it look.
        let task = tokio::spawn(follow(task, shared.clone(), Duration::from_secs(600), stop.clone()));

        assert_eq!(provers(&registry, name(0x14), &spec).await.unwrap(), [0xa0, 0xb1]);
        assert_eq!(provers(&registry, name(0x23), &spec).await.unwrap(), [0xa0, 0xc1]);
        let unknown = provers(&registry, name(0x77), &spec).await.unwrap_err();
        let NotKnown::Unreadable { error, .. } = &unknown else { panic!("{unknown}") };
        assert!(matches!(**error, BranchError::Missing { block, .. } if block == name(0x77)), "{unknown}");
        assert_eq!(registry.known().registry.registered(), 0, "nothing of it counts as final");
        assert_eq!(shared.read().provers().len(), 2, "but they are known by name");
        stop.cancel();
        task.await.unwrap();
    }
}
