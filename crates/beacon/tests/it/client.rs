//! Requests: content types, absence, failover, refusal of other networks.

use std::time::Duration;

use alloy_primitives::B256;
use alloy_rpc_types_beacon::node::HealthStatus;
use quintet_beacon::{BeaconClient, BlockId, ClientConfig, Error, Fork};
use quintet_types::{Epoch, Slot, ValidatorIndex};
use serde_json::json;

use crate::data;
use crate::server::Node;

/// A client with short patience.
pub(crate) async fn connect(nodes: &[&Node]) -> BeaconClient {
    BeaconClient::connect(config(nodes)).await.unwrap()
}

pub(crate) fn config(nodes: &[&Node]) -> ClientConfig {
    ClientConfig {
        request_timeout: Duration::from_secs(8),
        max_backoff: Duration::from_millis(200),
        ..ClientConfig::new(nodes.iter().map(|node| node.url.clone()))
    }
}

#[tokio::test]
async fn every_request_understands_a_lighthouse() {
    let node = Node::start(70).await;
    let client = connect(&[&node]).await;
    assert_eq!(client.genesis().await.unwrap().genesis_time, 1_795_336_199);
    assert_eq!(client.node_version().await.unwrap(), "Lighthouse/v5.3.0-2e0eb6d+/x86_64-linux");
    // 206: a node without peers.
    assert_eq!(client.health().await.unwrap(), HealthStatus::Syncing);
    assert!(client.syncing().await.unwrap().is_syncing);
    assert_eq!(client.fork(BlockId::Head).await.unwrap().unwrap().current_version, [0x50, 0, 0, 0x38]);
    assert_eq!(client.config_spec().await.unwrap().integer("SLOTS_PER_EPOCH"), Some(8));
    let header = client.header(BlockId::Slot(Slot(63))).await.unwrap().unwrap();
    let block = client.block(BlockId::Slot(Slot(63))).await.unwrap().unwrap();
    assert_eq!(header.data.root, block.block_root);
    assert_eq!(client.block(BlockId::Root(block.block_root)).await.unwrap().unwrap(), block);
    assert_eq!(client.randao(BlockId::Slot(Slot(63))).await.unwrap(), block.randao_mix);
    let from_state = client.randao_from_state(BlockId::Slot(Slot(63))).await.unwrap();
    assert_eq!(from_state, Some((Slot(63), block.randao_mix.unwrap())));
    let finality = client.finality(BlockId::Slot(Slot(63))).await.unwrap().unwrap();
    assert_eq!((finality.current_justified.epoch, finality.finalized.epoch), (6, 5));
    let duties = client.proposer_duties(Epoch(7)).await.unwrap().unwrap();
    assert!(duties.iter().any(|duty| duty.slot == 63 && duty.validator_index == block.proposer_index.0));
    let validators = client.validators(BlockId::Head, &[]).await.unwrap();
    assert_eq!(validators.len(), 64);
    let key = client.public_key(ValidatorIndex(7)).await.unwrap();
    assert_eq!(key, Some(validators[7].validator.pubkey));
    assert_eq!(client.spec().forks.fork_at(Epoch(4)), Some(Fork::Deneb));
}

#[tokio::test]
async fn what_is_not_there_is_none_and_not_an_error() {
    let node = Node::start(70).await;
    let client = connect(&[&node]).await;
    assert_eq!(client.block(BlockId::Slot(Slot(67))).await.unwrap(), None);
    assert!(client.header(BlockId::Slot(Slot(67))).await.unwrap().is_none());
    assert_eq!(client.block(BlockId::Root(B256::repeat_byte(0x11))).await.unwrap(), None);
    assert_eq!(client.proposer_duties(Epoch(99_999_999)).await.unwrap(), None);
    // Lodestar 1.5 answers 500 here.
    let far = "/eth/v1/validator/duties/proposer/35".to_owned();
    node.change(|behaviour| {
        behaviour.overrides.insert(far, (500, json!({"statusCode": 500, "message": "Requested epoch 35 must equal …"})));
        behaviour.randao_route = false;
        behaviour.state_route = false;
    });
    assert_eq!(client.proposer_duties(Epoch(35)).await.unwrap(), None);
    assert_eq!(client.randao(BlockId::Head).await.unwrap(), None);
    assert_eq!(client.randao_from_state(BlockId::Head).await.unwrap(), None);
}

/// Nodes add fields before the standard names them.
#[tokio::test]
async fn fields_that_nobody_knows_are_passed_over() {
    let node = Node::start(70).await;
    let header = node.block(63);
    node.change(|behaviour| {
        let mut genesis = data::json("lighthouse/genesis.json");
        genesis["data"]["new_in_2031"] = json!({"a": [1, "2"]});
        genesis["finalized"] = json!(true);
        behaviour.overrides.insert("/eth/v1/beacon/genesis".into(), (200, genesis));
        let syncing = json!({"data": {
            "head_slot": "70", "sync_distance": "0", "is_syncing": false, "is_optimistic": false, "el_offline": false, "new": null,
        }, "meta": 7});
        behaviour.overrides.insert("/eth/v1/node/syncing".into(), (200, syncing));
        let answer = json!({"execution_optimistic": false, "finalized": false, "dependent": "x", "data": {
            "root": header.block_root, "canonical": true, "weight": "12",
            "header": {"signature": header.signature, "extra": 1, "message": {
                "slot": "63", "proposer_index": header.proposer_index, "parent_root": header.parent_root,
                "state_root": header.state_root, "body_root": B256::ZERO, "more": [],
            }},
        }});
        behaviour.overrides.insert("/eth/v1/beacon/headers/63".into(), (200, answer));
    });
    let client = connect(&[&node]).await;
    assert_eq!(client.genesis().await.unwrap().genesis_time, 1_795_336_199);
    assert!(!client.syncing().await.unwrap().is_syncing);
    assert_eq!(client.header(BlockId::Slot(Slot(63))).await.unwrap().unwrap().data.root, header.block_root);
}

#[tokio::test]
async fn json_is_taken_where_ssz_was_asked_for() {
    let node = Node::start(70).await;
    let client = connect(&[&node]).await;
    let from_ssz = client.block(BlockId::Slot(Slot(63))).await.unwrap().unwrap();
    node.change(|behaviour| behaviour.json_only = true);
    assert_eq!(client.block(BlockId::Slot(Slot(63))).await.unwrap().unwrap(), from_ssz);
}

#[tokio::test]
async fn a_block_other_than_asked_for_is_an_error() {
    let node = Node::start(70).await;
    let client = connect(&[&node]).await;
    let asked = node.block(63).block_root;
    let other = data::json("lighthouse/blocks/62.json");
    node.change(|behaviour| {
        behaviour.overrides.insert(format!("/eth/v2/beacon/blocks/{asked:?}"), (200, other));
    });
    let error = client.block(BlockId::Root(asked)).await.unwrap_err();
    assert!(matches!(error, Error::WrongBlock { expected, .. } if expected == asked), "{error}");
}

#[tokio::test]
async fn a_node_on_another_network_is_refused_at_the_start() {
    let node = Node::start(70).await;
    let mut config = config(&[&node]);
    config.genesis_validators_root = Some(B256::repeat_byte(1));
    let error = BeaconClient::connect(config).await.unwrap_err();
    assert!(matches!(&error, Error::WrongNetwork { endpoint, .. } if *endpoint == node.url), "{error}");
    assert!(error.to_string().contains("another network"), "{error}");
}

#[tokio::test]
async fn endpoints_of_two_networks_are_refused() {
    let (one, two) = (Node::start(70).await, Node::start(70).await);
    two.change(|behaviour| {
        let mut genesis = data::json("lighthouse/genesis.json");
        genesis["data"]["genesis_validators_root"] = json!(B256::repeat_byte(2));
        behaviour.overrides.insert("/eth/v1/beacon/genesis".into(), (200, genesis));
    });
    let error = BeaconClient::connect(config(&[&one, &two])).await.unwrap_err();
    assert!(matches!(&error, Error::WrongNetwork { endpoint, .. } if *endpoint == two.url), "{error}");
}

#[tokio::test]
async fn requests_move_to_the_next_node_and_a_404_of_one_is_not_the_last_word() {
    let (one, two) = (Node::start(70).await, Node::start(70).await);
    let client = connect(&[&one, &two]).await;
    // The first has pruned what the second has.
    one.change(|behaviour| {
        behaviour.overrides.insert("/eth/v2/beacon/blocks/63".into(), (404, json!({"code": 404, "message": "NOT_FOUND"})));
        behaviour.overrides.insert("/eth/v1/node/version".into(), (503, json!({"code": 503, "message": "busy"})));
    });
    assert_eq!(client.block(BlockId::Slot(Slot(63))).await.unwrap().unwrap().slot, Slot(63));
    assert!(client.node_version().await.is_ok());
    let stopped = one.stop().await;
    assert!(client.header(BlockId::Slot(Slot(63))).await.unwrap().is_some());
    two.stop().await;
    assert!(matches!(client.node_version().await, Err(Error::Unreachable { .. })));
    let one = stopped.restart(70).await;
    one.change(|behaviour| behaviour.overrides.clear());
    assert!(client.node_version().await.is_ok());
}

#[tokio::test]
async fn a_node_that_restarts_on_another_network_is_not_used_again() {
    let node = Node::start(70).await;
    let client = connect(&[&node]).await;
    let stopped = node.stop().await;
    assert!(client.node_version().await.is_err());
    let node = stopped.restart(70).await;
    node.change(|behaviour| {
        let mut genesis = data::json("lighthouse/genesis.json");
        genesis["data"]["genesis_validators_root"] = json!(B256::repeat_byte(2));
        behaviour.overrides.insert("/eth/v1/beacon/genesis".into(), (200, genesis));
    });
    for _ in 0..2 {
        assert!(matches!(client.node_version().await, Err(Error::WrongNetwork { .. })));
    }
}

#[tokio::test]
async fn answers_beyond_the_limit_are_cut_off() {
    let node = Node::start(70).await;
    let mut config = config(&[&node]);
    config.max_answer_bytes = 8_000;
    let client = BeaconClient::connect(config).await.unwrap();
    assert!(matches!(client.validators(BlockId::Head, &[]).await, Err(Error::Answer { .. })));
}

#[tokio::test]
async fn credentials_are_not_shown() {
    let config = ClientConfig::new(["http://user:secret@127.0.0.1:9/path/"]);
    let error = BeaconClient::connect(config).await.unwrap_err().to_string();
    assert!(error.contains("127.0.0.1:9/path") && !error.contains("secret"), "{error}");
    let error = BeaconClient::connect(ClientConfig::new(["ftp://host"])).await.unwrap_err();
    assert!(matches!(error, Error::BadEndpoint(_)));
    let error = BeaconClient::connect(ClientConfig::new(Vec::<String>::new())).await.unwrap_err();
    assert!(matches!(error, Error::NoEndpoint));
}
