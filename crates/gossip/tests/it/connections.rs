//! Connections: other networks, restarts, limits, farewells, being cut off.

use std::time::Duration;

use quintet_gossip::peers::conduct::Fault;
use quintet_gossip::peers::isolation::IsolationLimits;
use quintet_gossip::{DropReason, ForkDigest, Goodbye, Gossip, Multiaddr, NodeKey, Topic};

use crate::node::{Node, config, wait};

#[tokio::test]
async fn a_node_of_another_network_is_refused_and_not_dialled_again() {
    let node = Node::start(config()).await;
    let mut other = config();
    other.status.fork_digest = ForkDigest([9; 4].into());
    other.static_peers = vec![node.address.clone()];
    let other = Node::start(other).await;
    node.wait("refusal", |log| log.dropped == [(other.id(), DropReason::WrongNetwork)]).await;
    other.wait("refusal", |log| log.dropped.len() == 1).await;
    // Several times the back-off.
    tokio::time::sleep(Duration::from_secs(1)).await;
    for node in [&node, &other] {
        assert_eq!(node.handle.metrics().wrong_network.get(), 1);
        assert!(node.log.lock().unwrap().connected.is_empty());
        assert!(node.handle.peers().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn static_peers_find_each_other_again_after_a_restart() {
    let mut keeper = config();
    let key = NodeKey::generate();
    let mut mortal = config();
    mortal.node_key = key.clone();
    let first = Node::start(mortal).await;
    keeper.static_peers = vec![first.address.clone()];
    let keeper = Node::start(keeper).await;
    keeper.wait("connection", |log| log.connected.len() == 1).await;
    let port: Multiaddr = first.address.iter().take(2).collect();
    first.stop().await;
    keeper.wait("farewell", |log| log.dropped == [(key.peer_id(), DropReason::Goodbye(Goodbye::Shutdown))]).await;
    // Long enough for a few attempts to fail.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut again = config();
    again.node_key = key;
    again.listen = vec![port];
    let again = Node::start(again).await;
    keeper.wait("connection after the restart", |log| log.connected.len() == 2).await;
    again.wait_peers(1).await;
    again.handle.publish(Gossip::PhaseAttestation(vec![1])).await.unwrap();
    keeper.wait("message after the restart", |log| log.messages.len() == 1).await;
}

#[tokio::test]
async fn an_address_gets_a_bounded_number_of_connections() {
    let mut crowded = config();
    crowded.limits.per_address = 2;
    let crowded = Node::start(crowded).await;
    let mut others = Vec::new();
    for _ in 0..4 {
        let mut other = config();
        other.listen = vec![];
        other.static_peers = vec![crowded.address.clone()];
        others.push(Node::start(other).await);
    }
    wait("refusals", || crowded.handle.metrics().denied.get() >= 2).await;
    wait("two peers", || crowded.handle.metrics().peers.get() == 2).await;
}

#[tokio::test]
async fn a_peer_is_listed_with_what_it_says_it_is_as_plain_text() {
    let node = Node::start(config()).await;
    let mut other = config();
    other.agent = format!("odd\u{1b}[31m\n/1{}", "x".repeat(200));
    other.static_peers = vec![node.address.clone()];
    let other = Node::start(other).await;
    node.wait_peers(1).await;
    let mut agent = None;
    for _ in 0..100 {
        agent = node.handle.peers().await.unwrap().pop().and_then(|info| info.agent);
        if agent.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let agent = agent.unwrap();
    assert!(agent.starts_with("odd[31m/1x") && agent.len() == 64, "{agent:?}");
    let listed = other.handle.peers().await.unwrap().remove(0);
    assert!(listed.outbound && listed.connected < Duration::from_secs(60));
    let scores: Vec<u64> = node.handle.metrics().scores.iter().map(|gauge| gauge.get()).collect();
    assert_eq!(scores.iter().sum::<u64>(), 1, "{scores:?}");
}

#[tokio::test]
async fn a_full_node_takes_no_more_peers() {
    let mut full = config();
    (full.limits.peers, full.limits.target_peers) = (2, 2);
    let full = Node::start(full).await;
    let mut others = Vec::new();
    for _ in 0..4 {
        let mut other = config();
        other.bootnodes = vec![full.address.clone()];
        others.push(Node::start(other).await);
    }
    wait("two peers", || full.handle.metrics().peers.get() == 2).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(full.handle.peers().await.unwrap().len(), 2);
}

#[tokio::test]
async fn quic_is_spoken_where_it_is_switched_on() {
    let mut first = config();
    first.quic = true;
    first.listen = vec!["/ip4/127.0.0.1/udp/0/quic-v1".parse().unwrap()];
    let first = Node::start(first).await;
    let mut second = config();
    second.quic = true;
    second.static_peers = vec![first.address.clone()];
    let second = Node::start(second).await;
    second.wait_peers(1).await;
    second.handle.publish(Gossip::PhaseAttestation(vec![1])).await.unwrap();
    first.wait("message", |log| log.messages.len() == 1).await;
    assert!(first.handle.metrics().bytes_in.get() > 0);
    assert!(second.handle.peers().await.unwrap()[0].address.to_string().contains("quic"));
}

#[tokio::test]
async fn being_cut_off_is_noticed() {
    let mut lonely = config();
    lonely.limits.isolation =
        IsolationLimits { peers: 1, groups: 1, after: Duration::from_millis(200), silence: Duration::from_millis(300) };
    let lonely = Node::start(lonely).await;
    lonely.wait("notice", |log| log.isolated == [true]).await;
    assert_eq!(lonely.handle.metrics().isolated.get(), 1);
    let mut friend = config();
    friend.static_peers = vec![lonely.address.clone()];
    let friend = Node::start(friend).await;
    lonely.wait("company", |log| log.isolated == [true, false]).await;
    lonely.handle.phase_passed();
    lonely.wait("silence", |log| log.isolated == [true, false, true]).await;
    friend.wait_peers(1).await;
    friend.handle.publish(Gossip::PhaseAttestation(vec![1])).await.unwrap();
    lonely.wait("a word", |log| log.isolated == [true, false, true, false]).await;
}

/// A process that is killed forgets whom it pruned from its meshes, and grafts itself again at once: nobody is to take it for a liar.
#[test]
fn a_node_that_is_killed_and_started_again_keeps_its_peers() {
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let (survivor, key) = (runtime(), NodeKey::generate());
    let keeper = survivor.block_on(Node::start(config()));
    let start = || {
        let process = runtime();
        let mut config = config();
        config.node_key = key.clone();
        config.static_peers = vec![keeper.address.clone()];
        let node = process.block_on(Node::start(config));
        (process, node)
    };
    let (process, node) = start();
    process.block_on(node.wait_peers(1));
    // Slow enough to be pruned.
    (0..6).for_each(|_| node.handle.report(keeper.id(), Fault::Silent));
    let metrics = node.handle.metrics().clone();
    let pruned = || Topic::ALL.iter().all(|topic| metrics.topic(*topic).mesh.get() == 0);
    process.block_on(wait("pruning", pruned));
    process.shutdown_background();
    survivor.block_on(keeper.wait("the end", |log| log.dropped.len() == 1));

    let (process, again) = start();
    survivor.block_on(keeper.wait("connection after the restart", |log| log.connected.len() == 2));
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!((keeper.handle.metrics().bans.get(), keeper.handle.metrics().peers.get()), (0, 1));
    process.block_on(again.handle.publish(Gossip::PhaseAttestation(vec![1]))).unwrap();
    survivor.block_on(keeper.wait("message after the restart", |log| log.messages.len() == 1));
}
