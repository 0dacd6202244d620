//! The HTTP face: identifiers, errors, content types, topics, controls.

use quintet_beacon::{BlockId, Fork};
use quintet_devnet::DevnetError;
use quintet_types::{Epoch, Slot, ValidatorIndex};
use serde_json::{Value, json};

use crate::chain::{client, start};

async fn get(url: String) -> (u16, Value) {
    let response = reqwest::get(url).await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or(Value::Null))
}

#[tokio::test]
async fn requests_of_the_client_are_answered_consistently() {
    let (devnet, clock) = start(|config| config.fork = Fork::Electra).await;
    devnet.miss(0);
    clock.advance(9);
    devnet.reached(Slot(9)).await;
    let client = client(&devnet).await;
    let head = client.block(BlockId::Head).await.unwrap().unwrap();
    assert_eq!((head.fork, (head.slot, head.block_root)), (Fork::Electra, devnet.head()));
    let header = client.header(BlockId::Root(head.block_root)).await.unwrap().unwrap();
    assert_eq!(header.data.header.message.parent_root, head.parent_root);
    for id in [BlockId::Root(head.state_root), BlockId::Slot(Slot(9)), BlockId::Head] {
        assert_eq!(client.randao(id).await.unwrap(), head.randao_mix);
    }
    let entry = client.validator(BlockId::Head, ValidatorIndex(3)).await.unwrap().unwrap();
    let both = client.validators(BlockId::Head, &[ValidatorIndex(3), ValidatorIndex(5)]).await.unwrap();
    assert_eq!((both.len(), &both[0]), (2, &entry));
    assert_eq!(client.fork(BlockId::Head).await.unwrap().unwrap().current_version, [0x60, 0, 0, 0x51]);
    assert!(client.proposer_duties(Epoch(2)).await.unwrap().is_some());
    assert!(client.proposer_duties(Epoch(3)).await.unwrap().is_none());
    assert_eq!(client.genesis().await.unwrap().genesis_validators_root, devnet.genesis_validators_root());
    // JSON and SSZ of one block say the same.
    let json = reqwest::get(format!("{}/eth/v2/beacon/blocks/9", devnet.url())).await.unwrap().bytes().await.unwrap();
    assert_eq!(quintet_beacon::decode_block_file(&json).unwrap(), head);
}

#[tokio::test]
async fn a_block_fixes_the_proposers_of_two_epochs_and_duties_say_what_they_hang_on() {
    let (devnet, clock) = start(|_| {}).await;
    clock.advance(20);
    devnet.reached(Slot(20)).await;
    let client = client(&devnet).await;
    let block = async |slot| client.block(BlockId::Slot(Slot(slot))).await.unwrap().unwrap();
    let (last, of_epoch_0) = (block(20).await, block(7).await);
    let lookahead = client.proposers_after(last.block_root).await.unwrap().unwrap();
    assert_eq!((lookahead.first_slot, lookahead.proposers.len()), (Slot(16), 16));
    assert_eq!(lookahead.at(Slot(20)), Some(last.proposer_index));
    assert_eq!((lookahead.at(Slot(15)), lookahead.at(Slot(32))), (None, None));
    // What an older block fixed, and what duties say.
    let before = client.proposers_after(block(9).await.block_root).await.unwrap().unwrap();
    for duty in client.proposer_duties(Epoch(2)).await.unwrap().unwrap() {
        let slot = Slot(duty.slot);
        let proposer = Some(ValidatorIndex(duty.validator_index));
        assert_eq!((before.at(slot), lookahead.at(slot)), (proposer, proposer));
    }
    assert_eq!(client.proposers_after(quintet_types::Root::repeat_byte(3)).await.unwrap(), None);
    let dependent = async |version: u8, epoch: u64| {
        let (status, duties) = get(format!("{}/eth/v{version}/validator/duties/proposer/{epoch}", devnet.url())).await;
        assert_eq!(status, 200);
        duties["dependent_root"].as_str().unwrap().parse::<quintet_types::Root>().unwrap()
    };
    assert_eq!(dependent(2, 2).await, of_epoch_0.block_root);
    assert_eq!(dependent(2, 3).await, block(15).await.block_root);
    assert_eq!((dependent(1, 2).await, dependent(1, 3).await), (block(15).await.block_root, last.block_root));
}

#[tokio::test]
async fn before_fulu_no_state_holds_proposers() {
    let (devnet, clock) = start(|config| config.fork = Fork::Electra).await;
    clock.advance(3);
    devnet.reached(Slot(3)).await;
    let client = client(&devnet).await;
    assert_eq!(client.proposers_after(devnet.head().1).await.unwrap(), None);
    assert_eq!(client.spec().forks.epoch_of(Fork::Fulu), None);
    assert_eq!(client.spec().forks.epoch_of(Fork::Electra), Some(Epoch(0)));
}

#[tokio::test]
async fn what_is_not_there_is_404_and_nonsense_is_400() {
    let (devnet, clock) = start(|_| {}).await;
    devnet.miss(2);
    clock.advance(4);
    devnet.reached(Slot(4)).await;
    let url = |path: &str| format!("{}{path}", devnet.url());
    assert_eq!(get(url("/eth/v2/beacon/blocks/1")).await.0, 404);
    assert_eq!(get(url("/eth/v1/beacon/headers/99")).await.0, 404);
    assert_eq!(get(url("/eth/v1/beacon/states/99/randao")).await.0, 404);
    assert_eq!(get(url("/eth/v1/beacon/states/head/randao?epoch=9")).await.0, 400);
    assert_eq!(get(url("/eth/v1/beacon/headers/zzz")).await.0, 400);
    assert_eq!(get(url("/eth/v1/events?topics=nonsense")).await.0, 400);
    assert_eq!(get(url("/eth/v1/nope")).await, (404, json!({"code": 404, "message": "NOT_FOUND: no such route"})));
    // A state at a missed slot is that of the block before.
    let (status, at_missed) = get(url("/eth/v1/beacon/states/2/randao")).await;
    assert_eq!((status, &at_missed), (200, &get(url("/eth/v1/beacon/states/genesis/randao")).await.1));
}

#[tokio::test]
async fn controls_are_there_over_http_too() {
    let (devnet, _clock) = start(|_| {}).await;
    let http = reqwest::Client::new();
    let post = async |path: &str, body: Value| {
        let response = http.post(format!("{}/devnet/v1/{path}", devnet.url())).json(&body).send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    assert_eq!(post("miss", json!({"slots": 1})).await.0, 200);
    assert_eq!(post("empty", json!({"slots": 1})).await.0, 200);
    assert_eq!(post("transactions", json!({"per_block": 3})).await.0, 200);
    assert_eq!(post("reorg", json!({"depth": 4})).await.0, 400);
    assert!(matches!(devnet.reorg(4), Err(DevnetError::ReorgTooDeep { depth: 4 })));
    let orders = devnet.orders();
    assert_eq!((orders.missed, orders.empty, orders.txs_per_block), (1, 1, 3));
    assert_eq!(post("advance", json!({"slots": 3})).await.0, 200);
    devnet.reached(Slot(3)).await;
    let (_, status) = get(format!("{}/devnet/v1/status", devnet.url())).await;
    assert_eq!(status["data"]["head"]["slot"], "3");
    let client = client(&devnet).await;
    let gas = async |slot| client.block(BlockId::Slot(Slot(slot))).await.unwrap().map(|block| block.gas_used());
    assert_eq!((gas(1).await, gas(2).await, gas(3).await), (None, Some(Some(0)), Some(Some(63_000))));
    assert_eq!(post("offline", json!({"slots": 1})).await.0, 200);
    assert_eq!(get(format!("{}/eth/v1/node/version", devnet.url())).await.0, 503);
}

#[tokio::test]
async fn both_forms_of_topics_are_understood() {
    let (devnet, clock) = start(|_| {}).await;
    for query in ["topics=head,block", "topics=head&topics=block"] {
        let mut response = reqwest::get(format!("{}/eth/v1/events?{query}", devnet.url())).await.unwrap();
        clock.advance(1);
        let mut text = String::new();
        while !text.contains("event: head") {
            text.push_str(std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap());
        }
        assert!(text.contains("event: block"), "{text}");
    }
}

#[tokio::test]
async fn shutting_down_ends_open_streams() {
    let (devnet, _clock) = start(|_| {}).await;
    let mut stream = reqwest::get(format!("{}/eth/v1/events?topics=head", devnet.url())).await.unwrap();
    let stopped = tokio::time::timeout(std::time::Duration::from_secs(5), devnet.shutdown());
    stopped.await.unwrap();
    assert!(matches!(stream.chunk().await, Ok(None) | Err(_)));
}
