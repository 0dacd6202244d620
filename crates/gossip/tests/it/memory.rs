//! What peers can make a node hold, and what happens beyond it.

use std::time::Duration;

use quintet_gossip::peers::allowance::Rate;
use quintet_gossip::wire::requests::Refusal;
use quintet_gossip::{
    DropReason, Gossip, NetworkConfig, NetworkError, Request, SubmissionId, SubmissionsByRoot, Topic, Verdict,
};

use crate::node::{Judge, Node, Serve, accept, config, submission, wait};

/// A node that dials another one.
async fn dialler(to: &Node, change: impl FnOnce(&mut NetworkConfig)) -> Node {
    let mut config = config();
    config.static_peers = vec![to.address.clone()];
    change(&mut config);
    let node = Node::start(config).await;
    node.wait("connection", |log| !log.connected.is_empty()).await;
    node
}

async fn ask(client: &Node, server: &Node, id: &SubmissionId) -> Result<usize, NetworkError> {
    let roots = vec![id.root()].try_into().unwrap();
    let answer = client.handle.request(server.id(), Request::Submissions(SubmissionsByRoot { roots })).await;
    answer.map(|items| items.iter().map(Vec::len).sum())
}

#[tokio::test]
async fn answers_that_there_is_no_room_for_are_refused() {
    let mut limited = config();
    limited.limits.answer_bytes = 30_000;
    let server = Node::start_with(limited, accept, Serve::Held).await;
    let client = dialler(&server, |_| {}).await;
    let (small, large) = (server.hold(&submission(1, 20_000)), server.hold(&submission(2, 32_000)));
    for _ in 0..3 {
        assert!(ask(&client, &server, &small).await.unwrap() > 20_000, "room comes back when an answer is written");
        let refused = ask(&client, &server, &large).await;
        assert!(matches!(refused, Err(NetworkError::Refused { code: Refusal::RateLimited, .. })), "{refused:?}");
    }
    assert_eq!(server.handle.peers().await.unwrap()[0].points, 0, "nobody's fault");
}

#[tokio::test]
async fn answers_that_there_is_no_room_for_are_not_read() {
    let server = Node::start(config()).await;
    let client = dialler(&server, |config| config.limits.received_bytes = 50_000).await;
    let (small, large) = (server.hold(&submission(1, 20_000)), server.hold(&submission(2, 32_000)));
    for _ in 0..3 {
        assert!(ask(&client, &server, &small).await.unwrap() > 20_000, "room comes back when an answer is taken");
        let failed = ask(&client, &server, &large).await;
        assert!(matches!(failed, Err(NetworkError::Request { .. })), "{failed:?}");
    }
    assert_eq!(client.handle.peers().await.unwrap()[0].points, 0, "nobody's fault");
}

#[tokio::test]
async fn a_holder_without_room_for_its_answer_is_not_blamed_and_another_is_asked() {
    let mut limited = config();
    limited.limits.answer_bytes = 1000;
    let (busy, good) = (Node::start(limited).await, Node::start(config()).await);
    let mut wanting = config();
    wanting.static_peers = vec![busy.address.clone(), good.address.clone()];
    let wanting = Node::start(wanting).await;
    wanting.wait_peers(2).await;
    let id = busy.hold(&submission(1, 5000));
    good.hold(&submission(1, 5000));
    busy.handle.publish(Gossip::Submission(id)).await.unwrap();
    wanting.wait("the submission", |log| log.bodies == [(id, good.id())]).await;
    assert!(wanting.handle.peers().await.unwrap().iter().all(|peer| peer.points == 0));
}

#[tokio::test]
async fn messages_that_there_is_no_room_for_are_ignored() {
    let mut limited = config();
    // One message of half of it takes a little more than all of it.
    limited.limits.message_bytes = 200_000;
    let node = Node::start(limited).await;
    let peer = dialler(&node, |_| {}).await;
    peer.wait_peers(1).await;
    peer.handle.publish(Gossip::PhaseBundle(vec![1; 100_000])).await.unwrap();
    let metrics = node.handle.metrics().topic(Topic::PhaseBundle);
    wait("it is ignored", || metrics.ignored.get() == 1).await;
    peer.handle.publish(Gossip::PhaseBundle(vec![2; 10_000])).await.unwrap();
    node.wait("the small one", |log| log.messages == [(peer.id(), Gossip::PhaseBundle(vec![2; 10_000]))]).await;
}

#[tokio::test]
async fn who_sends_nothing_but_useless_messages_is_banned() {
    let ignore: Judge = |_| Some(Verdict::Ignore);
    let mut limited = config();
    limited.limits.flood.all = Rate { burst: 30.0, per_second: 0.0 };
    limited.limits.flood.each = Rate { burst: 5.0, per_second: 0.0 };
    let node = Node::start_with(limited, ignore, Serve::Held).await;
    let peer = dialler(&node, |_| {}).await;
    peer.wait_peers(1).await;
    for n in 0..39 {
        peer.handle.publish(Gossip::PhaseAttestation(vec![n; 10])).await.unwrap();
    }
    let metrics = node.handle.metrics().topic(Topic::PhaseAttestation);
    wait("all are ignored", || metrics.ignored.get() == 39).await;
    assert!(node.log.lock().unwrap().dropped.is_empty());
    assert_eq!(node.handle.peers().await.unwrap()[0].points, 9, "beyond the thirty");
    // Points fade.
    for n in 40..140 {
        // Shut out meanwhile, perhaps.
        let _ = peer.handle.publish(Gossip::PhaseAttestation(vec![n; 10])).await;
    }
    node.wait("ban", |log| log.dropped == [(peer.id(), DropReason::Banned)]).await;
}

#[tokio::test]
async fn a_rush_of_newcomers_is_let_in_slowly() {
    let mut limited = config();
    limited.limits.inbound = Rate { burst: 2.0, per_second: 0.0 };
    let node = Node::start(limited).await;
    let _first = dialler(&node, |_| {}).await;
    let _second = dialler(&node, |_| {}).await;
    let mut third = config();
    third.static_peers = vec![node.address.clone()];
    let third = Node::start(third).await;
    wait("refusal", || node.handle.metrics().denied.get() > 0).await;
    assert!(third.log.lock().unwrap().connected.is_empty());
    // The gauge is a tick late.
    wait("two peers", || node.handle.metrics().peers.get() == 2).await;
}

#[tokio::test]
async fn when_memory_is_short_nobody_is_let_in_and_the_node_still_dials() {
    let mut short = config();
    short.limits.process_bytes = 1;
    let other = Node::start(config()).await;
    short.static_peers = vec![other.address.clone()];
    let node = Node::start(short).await;
    node.wait("the peer that it dialled", |log| log.connected == [other.id()]).await;
    let mut stranger = config();
    stranger.static_peers = vec![node.address.clone()];
    let stranger = Node::start(stranger).await;
    wait("refusal", || node.handle.metrics().denied.get() > 0).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(stranger.log.lock().unwrap().connected.is_empty());
}
