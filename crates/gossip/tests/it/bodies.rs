//! Submissions: announced, pulled once, sent on by those who hold them.

use std::time::Duration;

use quintet_gossip::{Gossip, Verdict};

use crate::node::{Node, Serve, accept, config, submission, wait};

#[tokio::test]
async fn a_submission_is_pulled_once_by_each_from_who_announced_it() {
    // Five nodes, each linked to two or three others.
    let nodes = Node::start_all(&[&[], &[0], &[0, 1], &[1, 2], &[2, 3]]).await;
    let mut ids = Vec::new();
    for n in 0..10 {
        let poster = &nodes[n as usize % 5];
        let id = poster.hold(&submission(n, 20_000));
        poster.handle.publish(Gossip::Submission(id)).await.unwrap();
        ids.push(id);
    }
    for node in &nodes {
        node.wait("bodies", |log| log.bodies.len() == 8).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut served = 0;
    for node in &nodes {
        let log = node.log.lock().unwrap();
        assert_eq!(log.bodies.len(), 8);
        assert!(ids.iter().all(|id| log.bodies.iter().filter(|(other, _)| other == id).count() <= 1));
        assert_eq!(node.handle.metrics().fetch.fetched.get(), 8);
        assert_eq!(node.handle.metrics().fetch.mismatched.get(), 0);
        served += log.served.len();
    }
    assert_eq!(served, 40, "ten submissions, each to four nodes, each once");
}

/// One node that announces and does not keep its word, one that holds the submission, one that wants it.
async fn second_is_asked(first: Serve) {
    let body = submission(1, 5000);
    let bad = Node::start_with(config(), accept, first).await;
    let good = Node::start(config()).await;
    let mut wanting = config();
    wanting.timing.request = Duration::from_millis(500);
    wanting.static_peers = vec![bad.address.clone(), good.address.clone()];
    let wanting = Node::start(wanting).await;
    wanting.wait_peers(2).await;
    let id = good.hold(&body);
    bad.hold(&body);
    bad.handle.publish(Gossip::Submission(id)).await.unwrap();
    wanting.wait("the submission", |log| log.bodies == [(id, good.id())]).await;
    assert_eq!(good.log.lock().unwrap().served, [(wanting.id(), id.root())], "once, and from the good one");
    wait("it is sent on", || good.log.lock().unwrap().messages == [(wanting.id(), Gossip::Submission(id))]).await;
    let peers = wanting.handle.peers().await.unwrap();
    let points = |node: &Node| peers.iter().find(|peer| peer.peer == node.id()).unwrap().points;
    assert!(points(&bad) > 0);
    assert_eq!(points(&good), 0);
}

#[tokio::test]
async fn the_next_is_asked_when_the_first_is_silent() {
    second_is_asked(Serve::Silent).await;
}

#[tokio::test]
async fn the_next_is_asked_when_the_first_lies() {
    second_is_asked(Serve::Lie).await;
}

#[tokio::test]
async fn the_next_is_asked_when_the_first_has_nothing() {
    second_is_asked(Serve::Nothing).await;
}

#[tokio::test]
async fn what_nobody_has_is_given_up_and_not_sent_on() {
    let empty = Node::start_with(config(), accept, Serve::Nothing).await;
    let mut wanting = config();
    wanting.limits.fetch.give_up = Duration::from_millis(500);
    wanting.limits.fetch.pause = Duration::from_millis(100);
    wanting.static_peers = vec![empty.address.clone()];
    let wanting = Node::start(wanting).await;
    let mut third = config();
    third.static_peers = vec![wanting.address.clone()];
    let third = Node::start(third).await;
    wanting.wait_peers(2).await;
    let id = empty.hold(&submission(1, 10));
    empty.handle.publish(Gossip::Submission(id)).await.unwrap();
    wanting.wait("giving up", |log| log.missing == [id]).await;
    assert_eq!(wanting.handle.metrics().fetch.abandoned.get(), 1);
    assert!(third.log.lock().unwrap().messages.is_empty());
}

#[tokio::test]
async fn what_is_held_already_or_not_wanted_is_not_pulled() {
    let first = Node::start(config()).await;
    let mut second = config();
    second.static_peers = vec![first.address.clone()];
    let refuses = |gossip: &Gossip| match gossip {
        Gossip::Submission(id) if id.prover.0[0] == 2 => Some(Verdict::Ignore),
        _ => Some(Verdict::Accept),
    };
    let second = Node::start_with(second, refuses, Serve::Held).await;
    second.wait_peers(1).await;
    second.hold(&submission(1, 10));
    for n in [1, 2, 3] {
        let id = first.hold(&submission(n, 10));
        first.handle.publish(Gossip::Submission(id)).await.unwrap();
    }
    second.wait("one submission", |log| log.messages.len() == 3 && !log.bodies.is_empty()).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(first.log.lock().unwrap().served.len(), 1);
}
