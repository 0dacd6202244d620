//! The follower: what it reports must not depend on what a node's event stream does.

use std::time::Duration;

use alloy_primitives::B256;
use quintet_beacon::follower::{MixSource, RejectReason};
use quintet_beacon::{ChainEvent, ChainFollower, FollowerConfig, Fork, OptimisticHeads};
use quintet_types::{Epoch, Slot};
use serde_json::json;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use crate::client::connect;
use crate::data;
use crate::server::{Node, Sse};

/// Longer than any pause of the follower at 200 ms a slot, also on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(30);

async fn next(events: &mut Receiver<ChainEvent>) -> ChainEvent {
    timeout(PATIENCE, events.recv()).await.expect("no event").expect("follower stopped")
}

/// Skips events until one fits.
async fn until<T>(events: &mut Receiver<ChainEvent>, mut fits: impl FnMut(&ChainEvent) -> Option<T>) -> T {
    loop {
        if let Some(found) = fits(&next(events).await) {
            return found;
        }
    }
}

/// Slots of the heads reported next, up to and including `last`.
async fn heads_to(events: &mut Receiver<ChainEvent>, last: u64) -> Vec<u64> {
    let mut slots = Vec::new();
    loop {
        if let ChainEvent::Head(head) = next(events).await {
            slots.push(head.block.slot.0);
            if head.block.slot.0 == last {
                assert!(head.is_tip);
                return slots;
            }
            assert!(!head.is_tip || !slots.is_empty());
        }
    }
}

async fn follow(nodes: &[&Node], config: FollowerConfig) -> (ChainFollower, Receiver<ChainEvent>) {
    ChainFollower::spawn(connect(nodes).await, config)
}

/// A node, and a follower that has reported its head.
async fn following(head: u64) -> (Node, ChainFollower, Receiver<ChainEvent>) {
    let node = Node::start(head).await;
    let (follower, mut events) = follow(&[&node], FollowerConfig::default()).await;
    assert_eq!(heads_to(&mut events, head).await, [head]);
    (node, follower, events)
}

/// The next head.
async fn next_head(events: &mut Receiver<ChainEvent>) -> quintet_beacon::Head {
    until(events, |event| match event {
        ChainEvent::Head(head) => Some(head.clone()),
        _ => None,
    })
    .await
}

/// The next reorg.
async fn next_reorg(events: &mut Receiver<ChainEvent>) -> quintet_beacon::Reorg {
    until(events, |event| match event {
        ChainEvent::Reorg(reorg) => Some(reorg.clone()),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn heads_come_in_order_with_confirmed_mixes_whatever_the_stream_leaves_out() {
    let node = Node::start(61).await;
    let (_follower, mut events) = follow(&[&node], FollowerConfig::default()).await;
    assert!(matches!(next(&mut events).await, ChainEvent::NodeUp { version, .. } if version.starts_with("Lighthouse")));
    assert_eq!(heads_to(&mut events, 61).await, [61]);
    node.advance(62);
    assert_eq!(heads_to(&mut events, 62).await, [62]);
    // Events for 63 to 68 never come; 67 was missed.
    node.advance(69);
    assert_eq!(heads_to(&mut events, 69).await, [63, 64, 65, 66, 68, 69]);
    node.advance(70);
    let head = next_head(&mut events).await;
    assert!(head.mix_confirmed && head.payload_available());
    assert_eq!(head.block.randao_mix, node.block(70).randao_mix);
}

#[tokio::test]
async fn the_recorded_stream_replayed_at_once_yields_each_block_once() {
    let (node, _follower, mut events) = following(61).await;
    node.change(|behaviour| behaviour.head = 70);
    let recorded = String::from_utf8(data::read("lighthouse/events.sse")).unwrap();
    let from_62 = recorded.find("event:block\ndata:{\"slot\":\"62\"").unwrap();
    node.push(&recorded[from_62..]);
    let mut slots = Vec::new();
    let mut finalized = 0;
    while slots.last() != Some(&70) || finalized == 0 {
        match next(&mut events).await {
            ChainEvent::Head(head) => slots.push(head.block.slot.0),
            ChainEvent::Finalized { .. } => finalized += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(slots, [62, 63, 64, 65, 66, 68, 69, 70]);
}

#[tokio::test]
async fn finality_is_noticed_without_its_event_and_reported_once() {
    let node = Node::start(61).await;
    let finalize = |epoch: &str| {
        let checkpoint = json!({"epoch": epoch, "root": B256::repeat_byte(6)});
        let answer = json!({"data": {
            "previous_justified": checkpoint, "current_justified": checkpoint, "finalized": checkpoint,
        }});
        node.change(|behaviour| {
            behaviour.overrides.insert("/eth/v1/beacon/states/head/finality_checkpoints".into(), (200, answer));
        });
    };
    finalize("5");
    let (_follower, mut events) = follow(&[&node], FollowerConfig::default()).await;
    assert_eq!(heads_to(&mut events, 61).await, [61]);
    assert!(matches!(next(&mut events).await, ChainEvent::Finalized { epoch: Epoch(5), .. }));
    finalize("6");
    // With slot 64 the next epoch begins.
    node.advance(64);
    assert_eq!(heads_to(&mut events, 64).await, [62, 63, 64]);
    assert!(matches!(next(&mut events).await, ChainEvent::Finalized { epoch: Epoch(6), .. }));
    let root = B256::repeat_byte(6);
    node.push(&format!(
        "event:finalized_checkpoint\ndata:{}\n\n",
        json!({"block": root, "state": root, "epoch": "6", "execution_optimistic": false})
    ));
    node.advance(65);
    assert!(matches!(next(&mut events).await, ChainEvent::Head(head) if head.block.slot.0 == 65));
}

#[tokio::test]
async fn a_dropped_stream_is_reopened_and_the_head_read_anew() {
    let (node, follower, mut events) = following(62).await;
    node.change(|behaviour| behaviour.head = 64);
    node.push("cut");
    assert_eq!(heads_to(&mut events, 64).await, [63, 64]);
    assert!(follower.metrics().streams_opened.get() >= 2);
}

#[tokio::test]
async fn a_silent_stream_is_given_up_after_two_slots_and_heads_still_come() {
    let node = Node::start(62).await;
    node.change(|behaviour| behaviour.sse = Sse::Silent);
    let (follower, mut events) = follow(&[&node], FollowerConfig::default()).await;
    assert_eq!(heads_to(&mut events, 62).await, [62]);
    node.change(|behaviour| behaviour.head = 63);
    assert_eq!(heads_to(&mut events, 63).await, [63]);
    while follower.metrics().silences.get() == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    node.change(|behaviour| behaviour.sse = Sse::Live);
    let reopened = follower.metrics().streams_opened.get();
    while follower.metrics().streams_opened.get() == reopened {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    node.advance(64);
    assert_eq!(heads_to(&mut events, 64).await, [64]);
}

#[tokio::test]
async fn topics_are_asked_for_in_the_form_that_the_node_answers() {
    for (sse, comma) in [(Sse::HangsOnComma, false), (Sse::OnlyComma, true)] {
        let node = Node::start(62).await;
        node.change(|behaviour| behaviour.sse = sse);
        let (follower, mut events) = follow(&[&node], FollowerConfig::default()).await;
        assert_eq!(heads_to(&mut events, 62).await, [62]);
        while follower.metrics().streams_opened.get() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let log = node.log();
        let last = log.iter().rfind(|path| path.contains("/events")).unwrap();
        assert_eq!(last.contains(','), comma, "{last}");
    }
}

#[tokio::test]
async fn without_any_stream_the_head_is_polled() {
    let node = Node::start(62).await;
    node.change(|behaviour| behaviour.sse = Sse::None);
    let (_follower, mut events) = follow(&[&node], FollowerConfig::default()).await;
    assert_eq!(heads_to(&mut events, 62).await, [62]);
    node.change(|behaviour| behaviour.head = 63);
    assert_eq!(heads_to(&mut events, 63).await, [63]);
}

#[tokio::test]
async fn events_that_cannot_be_read_make_it_look_for_itself() {
    let (node, follower, mut events) = following(62).await;
    node.change(|behaviour| behaviour.head = 63);
    node.push("event: head\ndata: {\"slot\": [}\n\nevent: nonsense\ndata: x\n\n");
    assert_eq!(heads_to(&mut events, 63).await, [63]);
    assert!(follower.metrics().malformed_events.get() <= 1);
}

#[tokio::test]
async fn a_switch_of_branch_is_a_reorg_with_all_that_is_dropped() {
    let (node, _follower, mut events) = following(66).await;
    node.advance(69);
    assert_eq!(heads_to(&mut events, 69).await, [68, 69]);
    // The node goes back to 66, as after an invalid payload.
    node.advance(66);
    let reorg = next_reorg(&mut events).await;
    assert_eq!(reorg.dropped.iter().map(|block| block.slot.0).collect::<Vec<_>>(), [69, 68]);
    assert_eq!((reorg.common_ancestor.slot.0, reorg.new_head.slot.0, reorg.old_head.slot.0), (66, 66, 69));
    node.advance(69);
    assert_eq!(heads_to(&mut events, 69).await, [68, 69]);
}

#[tokio::test]
async fn following_resumes_behind_the_last_block_processed() {
    let node = Node::start(70).await;
    let config = FollowerConfig { resume_from: Some(node.block(64).block_root), ..FollowerConfig::default() };
    let (_follower, mut events) = follow(&[&node], config).await;
    assert_eq!(heads_to(&mut events, 70).await, [65, 66, 68, 69, 70]);
}

/// Whoever begins afresh at a slot, or was away for long, gets the same blocks, a few at a time, and those that are final are said to be.
#[tokio::test]
async fn a_long_way_is_gone_in_parts() {
    let node = Node::start(70).await;
    let far = FollowerConfig { part_blocks: 2, ..FollowerConfig::default() };
    // 67 was missed: the walk ends at the block before it.
    let begin = FollowerConfig { begin_at: Some(Slot(67)), ..far.clone() };
    let (_follower, mut events) = follow(&[&node], begin).await;
    assert_eq!(heads_to(&mut events, 70).await, [66, 68, 69, 70]);
    let resumed = FollowerConfig { resume_from: Some(node.block(61).block_root), ..far };
    let (_follower, mut events) = follow(&[&node], resumed.clone()).await;
    assert_eq!(heads_to(&mut events, 70).await, [62, 63, 64, 65, 66, 68, 69, 70]);
    // The block to resume from may have been orphaned: the walk ends at what was final.
    let orphaned = FollowerConfig { resume_from: Some(B256::repeat_byte(9)), begin_at: Some(Slot(64)), ..resumed };
    let (_follower, mut events) = follow(&[&node], orphaned).await;
    assert_eq!(heads_to(&mut events, 70).await, [64, 65, 66, 68, 69, 70]);
}

#[tokio::test]
async fn a_walk_back_that_is_too_long_is_a_gap_that_is_reported() {
    let node = Node::start(61).await;
    let config = FollowerConfig { max_backfill: 2, ..FollowerConfig::default() };
    let (_follower, mut events) = follow(&[&node], config).await;
    assert_eq!(heads_to(&mut events, 61).await, [61]);
    node.advance(70);
    let (after, before) = until(&mut events, |event| match event {
        ChainEvent::Gap { after, before } => Some((after.slot.0, before.slot.0)),
        _ => None,
    })
    .await;
    assert_eq!((after, before), (61, 69));
    assert_eq!(heads_to(&mut events, 70).await, [69, 70]);
}

/// Whoever holds jobs of the blocks before the gap has to know which of them were orphaned in it.
#[tokio::test]
async fn blocks_that_were_orphaned_in_a_gap_are_dropped_before_it_is_reported() {
    let node = Node::start(61).await;
    let config = FollowerConfig { max_backfill: 2, ..FollowerConfig::default() };
    let (_follower, mut events) = follow(&[&node], config).await;
    node.advance(62);
    node.advance(63);
    heads_to(&mut events, 63).await;
    let orphan = node.block(63);
    let header = json!({"execution_optimistic": false, "data": {
        "root": orphan.block_root, "canonical": false,
        "header": {"signature": orphan.signature, "message": {
            "slot": "63", "proposer_index": orphan.proposer_index, "parent_root": orphan.parent_root,
            "state_root": orphan.state_root, "body_root": B256::ZERO,
        }},
    }});
    node.change(|behaviour| {
        let path = format!("/eth/v1/beacon/headers/{:?}", orphan.block_root);
        behaviour.overrides.insert(path, (200, header));
    });
    node.advance(70);
    let reorg = next_reorg(&mut events).await;
    assert_eq!(reorg.dropped.iter().map(|block| block.slot.0).collect::<Vec<_>>(), [63]);
    assert_eq!((reorg.common_ancestor.slot.0, reorg.new_head.slot.0), (62, 70));
    assert!(matches!(next(&mut events).await, ChainEvent::Gap { after, before } if (after.slot.0, before.slot.0) == (62, 69)));
    assert_eq!(heads_to(&mut events, 70).await, [69, 70]);
}

#[tokio::test]
async fn an_optimistic_head_waits_until_it_is_valid() {
    let (node, _follower, mut events) = following(62).await;
    let root = node.block(63).block_root;
    node.change(|behaviour| assert!(behaviour.optimistic.insert(root)));
    node.advance(63);
    assert!(matches!(next(&mut events).await, ChainEvent::OptimisticHead(block) if block.root == root));
    assert!(timeout(Duration::from_millis(500), events.recv()).await.is_err());
    node.change(|behaviour| assert!(behaviour.optimistic.remove(&root)));
    assert_eq!(heads_to(&mut events, 63).await, [63]);
}

#[tokio::test]
async fn an_optimistic_head_is_taken_at_once_if_so_configured() {
    let node = Node::start(62).await;
    node.change(|behaviour| assert!(behaviour.optimistic.is_empty()));
    let config = FollowerConfig { optimistic: OptimisticHeads::Accept, ..FollowerConfig::default() };
    let (_follower, mut events) = follow(&[&node], config).await;
    assert_eq!(heads_to(&mut events, 62).await, [62]);
    let root = node.block(63).block_root;
    node.change(|behaviour| assert!(behaviour.optimistic.insert(root)));
    node.advance(63);
    assert_eq!(heads_to(&mut events, 63).await, [63]);
}

#[tokio::test]
async fn without_a_randao_route_mixes_are_our_own() {
    let node = Node::start(62).await;
    node.change(|behaviour| behaviour.randao_route = false);
    let (_follower, mut events) = follow(&[&node], FollowerConfig::default()).await;
    let head = next_head(&mut events).await;
    assert_eq!((head.block.randao_mix, head.mix_confirmed), (node.block(62).randao_mix, false));
}

#[tokio::test]
async fn where_we_begin_the_state_confirms_the_mix_if_the_route_is_missing() {
    let node = Node::start(63).await;
    node.change(|behaviour| behaviour.randao_route = false);
    let (_follower, mut events) = follow(&[&node], FollowerConfig::default()).await;
    let head = next_head(&mut events).await;
    assert_eq!((head.block.randao_mix, head.mix_confirmed), (node.block(63).randao_mix, true));
    node.advance(66);
    assert_eq!(heads_to(&mut events, 66).await, [64, 65, 66]);
    let states = node.log().iter().filter(|path| path.contains("/debug/")).count();
    assert_eq!(states, 1);
}

#[tokio::test]
async fn a_mix_that_the_node_gives_otherwise_is_an_error_and_not_used() {
    let (node, follower, mut events) = following(62).await;
    let block = node.block(63);
    let false_mix = B256::repeat_byte(9);
    node.change(|behaviour| {
        let path = format!("/eth/v1/beacon/states/{:?}/randao", block.state_root);
        behaviour.overrides.insert(path, (200, json!({"data": {"randao": false_mix}})));
    });
    node.advance(63);
    let event = next(&mut events).await;
    assert!(
        matches!(event, ChainEvent::RandaoMismatch { own, other, source: MixSource::Node, .. }
            if Some(own) == block.randao_mix && other == false_mix),
        "{event:?}"
    );
    match next(&mut events).await {
        ChainEvent::Head(head) => assert_eq!(head.block.randao_mix, None),
        other => panic!("{other:?}"),
    }
    assert_eq!(follower.metrics().randao_mismatches.get(), 1);
}

#[tokio::test]
async fn a_reveal_that_is_not_the_proposers_rejects_the_block_and_its_descendants() {
    let (node, follower, mut events) = following(62).await;
    let proposer = node.block(63).proposer_index;
    node.change(|behaviour| {
        let mut all = data::json("lighthouse/states/head_validators.json");
        let other = all["data"][(proposer.as_usize() + 1) % 64].take();
        let path = format!("/eth/v1/beacon/states/head/validators/{proposer}");
        behaviour.overrides.insert(path, (200, json!({"data": other})));
    });
    node.advance(63);
    let event = next(&mut events).await;
    assert!(matches!(event, ChainEvent::Rejected { reason: RejectReason::Reveal { .. }, .. }), "{event:?}");
    node.advance(64);
    let event = next(&mut events).await;
    assert!(matches!(event, ChainEvent::Rejected { reason: RejectReason::Ancestor(_), .. }), "{event:?}");
    assert_eq!(follower.metrics().rejected_blocks.get(), 2);
}

#[tokio::test]
async fn another_node_takes_over_and_outages_are_reported_once() {
    let (one, two) = (Node::start(62).await, Node::start(62).await);
    let (_follower, mut events) = follow(&[&one, &two], FollowerConfig::default()).await;
    assert_eq!(heads_to(&mut events, 62).await, [62]);
    let first = one.url.clone();
    let _gone = one.stop().await;
    two.change(|behaviour| behaviour.head = 64);
    let endpoint = until(&mut events, |event| match event {
        ChainEvent::NodeUp { endpoint, .. } => Some(endpoint.clone()),
        _ => None,
    })
    .await;
    assert_ne!(endpoint, first);
    assert_eq!(heads_to(&mut events, 64).await, [63, 64]);
    let stopped = two.stop().await;
    assert!(matches!(next(&mut events).await, ChainEvent::NodeDown { .. }));
    let _two = stopped.restart(66).await;
    assert!(matches!(next(&mut events).await, ChainEvent::NodeUp { .. }));
    assert_eq!(heads_to(&mut events, 66).await, [65, 66]);
}

#[tokio::test]
async fn a_syncing_node_is_reported_and_passed_over() {
    let status = |distance: &str| json!({"data": {"head_slot": "3", "sync_distance": distance, "is_syncing": true, "is_optimistic": false}});
    let (one, two) = (Node::start(62).await, Node::start(62).await);
    for node in [&one, &two] {
        node.change(|behaviour| {
            behaviour.overrides.insert("/eth/v1/node/syncing".into(), (200, status("60")));
        });
    }
    let (_follower, mut events) = follow(&[&one, &two], FollowerConfig::default()).await;
    assert!(matches!(next(&mut events).await, ChainEvent::Syncing { distance: 60, .. }));
    two.change(|behaviour| behaviour.overrides.clear());
    assert!(matches!(next(&mut events).await, ChainEvent::NodeUp { endpoint, .. } if endpoint == two.url));
    assert_eq!(heads_to(&mut events, 62).await, [62]);
}

#[tokio::test]
async fn a_proposer_that_the_node_does_not_know_yet_delays_the_block_and_does_not_reject_it() {
    let (node, follower, mut events) = following(62).await;
    let path = format!("/eth/v1/beacon/states/head/validators/{}", node.block(63).proposer_index);
    node.change(|behaviour| {
        behaviour.overrides.insert(path, (404, json!({"code": 404, "message": "NOT_FOUND"})));
    });
    node.advance(63);
    assert!(timeout(Duration::from_millis(500), events.recv()).await.is_err());
    node.change(|behaviour| behaviour.overrides.clear());
    assert_eq!(heads_to(&mut events, 63).await, [63]);
    assert_eq!(follower.metrics().rejected_blocks.get(), 0);
}

/// A node that is upgraded while we run announces a fork that was not scheduled before. Signatures after it verify only
/// under the new version.
#[tokio::test]
async fn the_fork_schedule_is_read_anew_after_an_outage() {
    let node = Node::start(62).await;
    let mut old = data::json("lighthouse/config/spec.json");
    old["data"]["DENEB_FORK_EPOCH"] = json!("18446744073709551615");
    old["data"]["SLOT_DURATION_MS"] = json!("200");
    node.change(|behaviour| {
        behaviour.overrides.insert("/eth/v1/config/spec".into(), (200, old));
    });
    let client = connect(&[&node]).await;
    let (_follower, mut events) = ChainFollower::spawn(client.clone(), FollowerConfig::default());
    let rejected = until(&mut events, |event| match event {
        ChainEvent::Rejected { reason, .. } => Some(reason.clone()),
        _ => None,
    })
    .await;
    assert!(matches!(rejected, RejectReason::Reveal { .. }));
    let stopped = node.stop().await;
    while !matches!(next(&mut events).await, ChainEvent::NodeDown { .. }) {}
    let node = stopped.restart(62).await;
    node.change(|behaviour| behaviour.overrides.clear());
    assert_eq!(heads_to(&mut events, 62).await, [62]);
    assert_eq!(client.spec().forks.fork_at(Epoch(7)), Some(Fork::Deneb));
}

#[tokio::test]
async fn stopping_ends_the_events() {
    let (_node, follower, mut events) = following(62).await;
    follower.stop().await;
    while events.recv().await.is_some() {}
}
