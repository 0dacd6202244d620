//! Gloas: blocks that promise a payload, envelopes that bring it. No network runs it yet, so the block of slot 63 is
//! rewritten in the new form, with its own reveal and parent.

use std::time::Duration;

use alloy_primitives::B256;
use quintet_beacon::decode::{BlockDecoder, DecodeError};
use quintet_beacon::schema::Schemas;
use quintet_beacon::ssz::{View, from_json};
use quintet_beacon::{BlockInfo, ChainEvent, ChainFollower, Execution, FollowerConfig, Fork};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::client::connect;
use crate::data;
use crate::server::Node;

struct Gloas {
    block: Value,
    envelope: Value,
}

fn root_of(requests: &Value) -> B256 {
    let schemas = Schemas::new(data::lighthouse_preset());
    let envelope = schemas.signed_envelope();
    // The requests container is reached through an envelope that holds it.
    let mut whole = blank_envelope();
    whole["message"]["execution_requests"] = requests.clone();
    let bytes = from_json(&envelope, &whole).unwrap();
    let message = View::new(&envelope, &bytes).unwrap().field("message").unwrap();
    message.field("execution_requests").unwrap().hash_tree_root().unwrap()
}

fn blank_envelope() -> Value {
    let mut payload = data::json("lighthouse/blocks/63.json")["data"]["message"]["body"]["execution_payload"].take();
    payload["block_access_list"] = json!("0xc0");
    payload["slot_number"] = json!("63");
    let requests =
        json!({"deposits": [], "withdrawals": [], "consolidations": [], "builder_deposits": [], "builder_exits": []});
    json!({"signature": format!("0x{}", "00".repeat(96)), "message": {
        "payload": payload, "execution_requests": requests, "builder_index": "3",
        "beacon_block_root": B256::ZERO, "parent_beacon_block_root": B256::ZERO,
    }})
}

/// Block and envelope of slot 63, with right hashes.
fn slot_63() -> Gloas {
    let decoder = BlockDecoder::new(data::lighthouse_preset());
    let mut block = data::json("lighthouse/blocks/63.json");
    let mut envelope = blank_envelope();
    let parent = block["data"]["message"]["parent_root"].clone();
    envelope["message"]["parent_beacon_block_root"] = parent.clone();
    let body = block["data"]["message"]["body"].as_object_mut().unwrap();
    let payload = body.remove("execution_payload").unwrap();
    body.remove("blob_kzg_commitments");
    for attestation in body["attestations"].as_array_mut().unwrap() {
        attestation["committee_bits"] = json!("0x01");
    }
    body.insert("payload_attestations".into(), json!([]));
    body.insert("parent_execution_requests".into(), envelope["message"]["execution_requests"].clone());
    let bid = json!({
        "parent_block_hash": payload["parent_hash"], "parent_block_root": parent, "block_hash": B256::ZERO,
        "prev_randao": payload["prev_randao"], "fee_recipient": payload["fee_recipient"], "gas_limit": "60000000",
        "builder_index": "3", "slot": "63", "value": "0", "execution_payment": "0", "blob_kzg_commitments": [],
        "execution_requests_root": root_of(&envelope["message"]["execution_requests"]),
    });
    let signature = block["data"]["signature"].clone();
    let body = block["data"]["message"]["body"].as_object_mut().unwrap();
    body.insert("signed_execution_payload_bid".into(), json!({"message": bid, "signature": signature}));
    block["version"] = json!("gloas");

    // The payload's hash follows from its parts; with it in the bid, the block has its final root.
    let hash_at = |block: &mut Value, envelope: &mut Value, hash: B256| {
        block["data"]["message"]["body"]["signed_execution_payload_bid"]["message"]["block_hash"] = json!(hash);
        envelope["message"]["payload"]["block_hash"] = json!(hash);
        let info = decoder.json(block.to_string().as_bytes(), None).unwrap();
        envelope["message"]["beacon_block_root"] = json!(info.block_root);
        info
    };
    let info = hash_at(&mut block, &mut envelope, B256::ZERO);
    let parts = decoder.envelope_json(envelope.to_string().as_bytes(), &info).unwrap();
    hash_at(&mut block, &mut envelope, parts.compute_block_hash().unwrap());
    Gloas { block, envelope }
}

fn promised() -> (Gloas, BlockInfo) {
    let gloas = slot_63();
    let block = BlockDecoder::new(data::lighthouse_preset()).json(gloas.block.to_string().as_bytes(), None).unwrap();
    (gloas, block)
}

#[test]
fn a_block_promises_and_its_envelope_delivers() {
    let (gloas, block) = promised();
    assert_eq!(block.fork, Fork::Gloas);
    assert!(matches!(block.execution, Execution::Promised(_)));
    assert_eq!(block.gas_used(), None);
    // The mix is known from the bid, before the payload comes.
    let deneb = data::json("lighthouse/randao/63.json")["data"]["randao"].as_str().unwrap().parse().unwrap();
    assert_eq!(block.randao_mix, Some(deneb));
    let decoder = BlockDecoder::new(data::lighthouse_preset());
    let parts = decoder.envelope_json(gloas.envelope.to_string().as_bytes(), &block).unwrap();
    parts.verify_block_hash().unwrap();
    assert_eq!((parts.slot_number, parts.parent_beacon_block_root), (Some(63), Some(block.parent_root)));
    let ssz = from_json(&Schemas::new(data::lighthouse_preset()).signed_envelope(), &gloas.envelope).unwrap();
    assert_eq!(decoder.envelope_ssz(&ssz, &block).unwrap(), parts);
}

#[test]
fn an_envelope_that_breaks_the_bid_or_belongs_elsewhere_is_refused() {
    let (gloas, block) = promised();
    let decoder = BlockDecoder::new(data::lighthouse_preset());
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut envelope = gloas.envelope.clone();
        change(&mut envelope["message"]);
        decoder.envelope_json(envelope.to_string().as_bytes(), &block).unwrap_err()
    };
    let other = json!(B256::repeat_byte(1));
    let foreign = refused(&|message| message["beacon_block_root"] = other.clone());
    assert!(matches!(foreign, DecodeError::ForeignEnvelope { .. }));
    for field in ["block_hash", "prev_randao"] {
        let broken = refused(&|message| message["payload"][field] = other.clone());
        assert!(matches!(broken, DecodeError::BrokenBid { .. }), "{broken}");
    }
    let exit = json!([{"source_address": format!("0x{}", "11".repeat(20)), "pubkey": format!("0x{}", "22".repeat(48))}]);
    let broken = refused(&|message| message["execution_requests"]["builder_exits"] = exit.clone());
    assert!(matches!(broken, DecodeError::BrokenBid { what: "execution requests root", .. }), "{broken}");
}

#[tokio::test]
async fn a_payload_that_comes_after_its_block_is_reported_when_it_comes() {
    let (gloas, block) = promised();
    let node = Node::start(62).await;
    let (_follower, mut events) = ChainFollower::spawn(connect(&[&node]).await, FollowerConfig::default());
    let root = block.block_root;
    node.change(|behaviour| {
        behaviour.overrides.insert(format!("/eth/v2/beacon/blocks/{root:?}"), (200, gloas.block.clone()));
    });
    let zero = B256::ZERO;
    let head = json!({"version": "gloas", "data": {
        "slot": "63", "block": root, "state": zero, "payload_status": "empty", "execution_optimistic": false,
    }});
    let mut envelope = Some(gloas.envelope.clone());
    loop {
        match timeout(Duration::from_secs(10), events.recv()).await.unwrap().unwrap() {
            ChainEvent::Head(head_event) if head_event.block.slot.0 == 62 => {
                node.push(&format!("event: head_v2\ndata: {head}\n\n"));
            }
            ChainEvent::Head(head_event) if head_event.block.block_root == root => {
                assert!(!head_event.payload_available());
                let path = format!("/eth/v1/beacon/execution_payload_envelopes/{root:?}");
                let answer = json!({"version": "gloas", "data": envelope.take().unwrap()});
                node.change(|behaviour| {
                    behaviour.overrides.insert(path, (200, answer));
                });
                node.push(&format!(
                    "event: execution_payload_available\ndata: {{\"slot\":\"63\",\"block_root\":\"{root:?}\"}}\n\n"
                ));
            }
            ChainEvent::PayloadAvailable(block) => {
                assert_eq!(block.block_root, root);
                block.verify_execution().unwrap();
                return;
            }
            _ => {}
        }
    }
}
