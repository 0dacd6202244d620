//! Messages: they reach all, once, and what is said of them has consequences.

use std::time::Duration;

use quintet_gossip::peers::allowance::Rate;
use quintet_gossip::peers::conduct::Fault;
use quintet_gossip::{DropReason, Goodbye, Gossip, NetworkError, Topic, Verdict};

use crate::node::{Node, Serve, accept, config, submission};

fn vote(n: u8) -> Gossip {
    Gossip::PhaseAttestation(vec![n; 300])
}

#[tokio::test]
async fn a_message_reaches_all_and_each_once() {
    // A line of five, and a ring of it.
    let nodes = Node::start_all(&[&[], &[0], &[1], &[2], &[3, 0]]).await;
    nodes[0].handle.publish(vote(1)).await.unwrap();
    nodes[2].handle.publish(Gossip::PhaseBundle(vec![5; 100_000])).await.unwrap();
    for (place, node) in nodes.iter().enumerate() {
        let expected = if matches!(place, 0 | 2) { 1 } else { 2 };
        node.wait("messages", |log| log.messages.len() == expected).await;
    }
    // The same content is the same message, whoever sends it.
    for node in &nodes {
        assert!(matches!(node.handle.publish(vote(1)).await, Err(NetworkError::Duplicate)));
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    for (place, node) in nodes.iter().enumerate() {
        let expected = if matches!(place, 0 | 2) { 1 } else { 2 };
        assert_eq!(node.log.lock().unwrap().messages.len(), expected, "node {place}");
        let votes = node.handle.metrics().topic(Topic::PhaseAttestation);
        assert_eq!((votes.received.get(), votes.accepted.get()), if place == 0 { (0, 0) } else { (1, 1) });
    }
}

#[tokio::test]
async fn a_node_alone_is_told_that_nobody_listens() {
    let node = Node::start(config()).await;
    assert!(matches!(node.handle.publish(vote(1)).await, Err(NetworkError::NoPeers(_))));
    let large = Gossip::PhaseAttestation(vec![0; 8193]);
    assert!(matches!(node.handle.publish(large).await, Err(NetworkError::TooLarge { limit: 8192, .. })));
    assert!(matches!(node.handle.publish(Gossip::PhaseBundle(vec![])).await, Err(NetworkError::TooLarge { .. })));
    let handle = node.handle.clone();
    node.stop().await;
    assert!(matches!(handle.publish(vote(1)).await, Err(NetworkError::Closed)));
}

#[tokio::test]
async fn who_sends_rejected_messages_is_dropped_and_banned() {
    let judge = Node::start_with(config(), |_| Some(Verdict::Reject("for the test".into())), Serve::Held).await;
    let mut config = config();
    config.static_peers = vec![judge.address.clone()];
    let sender = Node::start(config).await;
    sender.wait_peers(1).await;
    for n in 0..3 {
        sender.handle.publish(vote(n)).await.unwrap();
    }
    judge.wait("ban", |log| log.dropped.contains(&(sender.id(), DropReason::Banned))).await;
    sender.wait("goodbye", |log| log.dropped.contains(&(judge.id(), DropReason::Goodbye(Goodbye::BadConduct)))).await;
    assert_eq!(judge.handle.metrics().bans.get(), 1);
    assert_eq!(judge.handle.metrics().topic(Topic::PhaseAttestation).rejected.get(), 3);
    // The sender dials again and again, and is not let in.
    crate::node::wait("refusals", || judge.handle.metrics().denied.get() >= 2).await;
    assert_eq!(judge.log.lock().unwrap().connected.len(), 1);
}

#[tokio::test]
async fn what_is_ignored_or_not_judged_in_time_is_not_sent_on_and_nobodys_fault() {
    let silent = |gossip: &Gossip| (*gossip == vote(1)).then_some(Verdict::Ignore);
    let mut first = config();
    first.timing.verdict = Duration::from_millis(200);
    let first = Node::start_with(first, silent, Serve::Held).await;
    let mut second = config();
    second.static_peers = vec![first.address.clone()];
    let second = Node::start_with(second, accept, Serve::Held).await;
    let mut third = config();
    third.static_peers = vec![first.address.clone()];
    let third = Node::start(third).await;
    first.wait_peers(2).await;
    second.wait_peers(1).await;
    second.handle.publish(vote(1)).await.unwrap();
    second.handle.publish(vote(2)).await.unwrap();
    let votes = first.handle.metrics().topic(Topic::PhaseAttestation);
    crate::node::wait("both ignored", || votes.ignored.get() == 2).await;
    assert_eq!(votes.overdue.get(), 1);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(third.log.lock().unwrap().messages.is_empty());
    assert!(first.handle.peers().await.unwrap().iter().all(|peer| peer.points == 0));
}

#[tokio::test]
async fn an_announcement_on_the_wrong_topic_is_rejected_unseen() {
    // The library itself cannot send one, so its parts are looked at.
    let announced = quintet_gossip::SubmissionId::of(&submission(1, 10));
    let ssz = Gossip::Submission(announced).to_ssz();
    assert_eq!(Gossip::from_ssz(Topic::PartialProofs, ssz.clone()), Some(Gossip::Submission(announced)));
    assert_eq!(Gossip::from_ssz(Topic::Commitments, ssz.clone()), None);
    assert_eq!(Gossip::from_ssz(Topic::PartialProofs, ssz[1..].to_vec()), None);
}

#[tokio::test]
async fn who_says_nothing_of_use_is_shut_out_unless_the_node_is_behind() {
    for behind in [false, true] {
        let mut config = config();
        config.limits.flood.useless = Rate { burst: 20.0, per_second: 0.01 };
        let bored = Node::start_with(config, |_| Some(Verdict::Ignore), Serve::Held).await;
        bored.handle.set_behind(behind);
        let mut talking = crate::node::config();
        talking.static_peers = vec![bored.address.clone()];
        let talker = Node::start(talking).await;
        talker.wait_peers(1).await;
        for n in 0..150u8 {
            // Shut out meanwhile, perhaps.
            let _ = talker.handle.publish(Gossip::PhaseAttestation(vec![n])).await;
        }
        if behind {
            bored.wait("all messages", |log| log.messages.len() == 150).await;
            assert_eq!(bored.handle.metrics().bans.get(), 0);
        } else {
            bored.wait("the end", |log| log.dropped == [(talker.id(), DropReason::Banned)]).await;
            assert!(bored.handle.metrics().fault(Fault::Noise).get() >= 100);
        }
    }
}
