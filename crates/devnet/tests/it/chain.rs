//! The client of `quintet-beacon` follows the chain and finds every block right.

use std::time::Duration;

use quintet_beacon::{BeaconClient, BlockId, ChainEvent, ChainFollower, ClientConfig, Execution, FollowerConfig};
use quintet_devnet::{Clock, Devnet, DevnetConfig, VirtualClock};
use quintet_types::{Epoch, Slot};
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

/// A small devnet on a virtual clock.
pub(crate) async fn start(change: impl FnOnce(&mut DevnetConfig)) -> (Devnet, VirtualClock) {
    let clock = VirtualClock::new();
    let mut config = DevnetConfig {
        clock: Clock::Virtual(clock.clone()),
        slot_duration: Duration::from_millis(300),
        genesis_time: 1_795_000_000,
        validators: 8,
        txs_per_block: 10,
        ..DevnetConfig::default()
    };
    change(&mut config);
    (Devnet::start(config).await.unwrap(), clock)
}

pub(crate) async fn client(devnet: &Devnet) -> BeaconClient {
    BeaconClient::connect(ClientConfig::new([devnet.url()])).await.unwrap()
}

async fn next(events: &mut Receiver<ChainEvent>) -> ChainEvent {
    timeout(Duration::from_secs(60), events.recv()).await.expect("no event").expect("follower stopped")
}

/// Moves on slot by slot, as time does, and waits until the last one is done.
async fn step(devnet: &Devnet, clock: &VirtualClock, slots: u64) {
    for _ in 0..slots {
        clock.advance(1);
        devnet.reached(clock.now()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_verifies_every_block_through_missed_slots_reorgs_and_empty_blocks() {
    let (devnet, clock) = start(|_| {}).await;
    step(&devnet, &clock, 1).await;
    let (_follower, mut events) = ChainFollower::spawn(client(&devnet).await, FollowerConfig::default());
    let mut heads: Vec<(u64, u64)> = Vec::new();
    let mut reorgs = Vec::new();
    let mut finalized = Vec::new();
    let mut stages = vec![
        (1, 0, 0, 0, 3),  // to slot 4
        (4, 0, 2, 0, 3),  // the block of slot 5 drops 3 and 4
        (7, 2, 0, 0, 3),  // 8 and 9 are missed
        (10, 0, 0, 1, 2), // the block of slot 11 is empty
        (12, 0, 3, 0, 2), // the block of slot 13 drops three
        (14, 0, 0, 0, 18),
    ];
    stages.reverse();
    while finalized.last() != Some(&2) || heads.last().map(|head| head.0) != Some(32) {
        match next(&mut events).await {
            ChainEvent::Head(head) => {
                assert!(head.mix_confirmed && head.payload_available(), "slot {}", head.block.slot);
                heads.push((head.block.slot.0, head.block.gas_used().unwrap()));
                if head.is_tip
                    && let Some(&(at, missed, reorg, empty, go)) = stages.last()
                    && head.block.slot.0 == at
                {
                    stages.pop();
                    devnet.miss(missed);
                    devnet.reorg(reorg).unwrap();
                    devnet.empty(empty);
                    step(&devnet, &clock, go).await;
                }
            }
            ChainEvent::Reorg(reorg) => {
                let dropped: Vec<_> = reorg.dropped.iter().map(|block| block.slot.0).collect();
                reorgs.push((reorg.common_ancestor.slot.0, dropped));
            }
            ChainEvent::Finalized { epoch, .. } => finalized.push(epoch.0),
            ChainEvent::NodeUp { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(reorgs, [(2, vec![4, 3]), (7, vec![12, 11, 10])]);
    let slots: Vec<_> = heads.iter().map(|head| head.0).collect();
    let expected: Vec<u64> = [1, 2, 3, 4, 5, 6, 7].into_iter().chain(10..=12).chain(13..=32).collect();
    assert_eq!(slots, expected);
    let empty: Vec<_> = heads.iter().filter(|head| head.1 == 0).map(|head| head.0).collect();
    assert_eq!(empty, [11]);
    assert!(heads.iter().all(|head| head.1 == 0 || head.1 == 210_000));
    // A follower that is behind may learn of epoch 2 first; 1 is implied then.
    assert!(finalized == [1, 2] || finalized == [2], "{finalized:?}");
    devnet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_in_the_middle_is_caught_up_with() {
    let (devnet, clock) = start(|_| {}).await;
    step(&devnet, &clock, 1).await;
    let (_follower, mut events) = ChainFollower::spawn(client(&devnet).await, FollowerConfig::default());
    while !matches!(next(&mut events).await, ChainEvent::Head(_)) {}
    devnet.go_offline(4);
    step(&devnet, &clock, 2).await;
    while !matches!(next(&mut events).await, ChainEvent::NodeDown { .. }) {}
    step(&devnet, &clock, 3).await;
    let mut slots = Vec::new();
    while slots.last() != Some(&6) {
        match next(&mut events).await {
            ChainEvent::Head(head) => slots.push(head.block.slot.0),
            ChainEvent::NodeUp { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(slots, [2, 3, 4, 5, 6]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn optimistic_heads_become_valid_when_the_order_runs_out() {
    let (devnet, clock) = start(|_| {}).await;
    step(&devnet, &clock, 1).await;
    let (_follower, mut events) = ChainFollower::spawn(client(&devnet).await, FollowerConfig::default());
    while !matches!(next(&mut events).await, ChainEvent::Head(_)) {}
    devnet.go_optimistic(2);
    step(&devnet, &clock, 1).await;
    assert!(matches!(next(&mut events).await, ChainEvent::OptimisticHead(block) if block.slot == Slot(2)));
    step(&devnet, &clock, 1).await;
    let mut slots = Vec::new();
    while slots.last() != Some(&3) {
        if let ChainEvent::Head(head) = next(&mut events).await {
            slots.push(head.block.slot.0);
        }
    }
    assert_eq!(slots, [2, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_real_clock_makes_a_block_each_slot() {
    let config = DevnetConfig {
        slot_duration: Duration::from_millis(250),
        genesis_time: DevnetConfig::default().genesis_time - 2,
        validators: 4,
        txs_per_block: 1,
        ..DevnetConfig::default()
    };
    let devnet = Devnet::start(config).await.unwrap();
    timeout(Duration::from_secs(10), devnet.reached(Slot(8))).await.unwrap();
    let client = client(&devnet).await;
    for slot in 1..=8 {
        let block = client.block(BlockId::Slot(Slot(slot))).await.unwrap().unwrap();
        assert!(matches!(block.execution, Execution::Payload(_)));
    }
    let duties = client.proposer_duties(Epoch(1)).await.unwrap().unwrap();
    let eighth = client.block(BlockId::Slot(Slot(8))).await.unwrap().unwrap();
    assert_eq!(duties[0].validator_index, eighth.proposer_index.0);
}
