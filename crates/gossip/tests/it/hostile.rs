//! Peers that speak libp2p well and everything above it badly.

use std::io;
use std::time::Duration;

use async_trait::async_trait;
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, StreamExt};
use libp2p::core::upgrade::Version;
use libp2p::gossipsub::{self, IdentTopic, MessageAuthenticity, ValidationMode};
use libp2p::identity::Keypair;
use libp2p::request_response::{self, ProtocolSupport};
use libp2p::swarm::NetworkBehaviour;
use libp2p::{Multiaddr, PeerId, Swarm, Transport, noise, swarm, tcp, yamux};
use quintet_gossip::wire::requests::{Request, RequestKind};
use quintet_gossip::wire::{chunk, snappy};
use quintet_gossip::{DropReason, Gossip, Status, Topic};

use crate::node::{DIGEST, Node, Serve, config, wait};

/// Sends and takes bytes as they are.
#[derive(Debug, Clone, Default)]
struct Raw;

#[async_trait]
impl request_response::Codec for Raw {
    type Protocol = String;
    type Request = Vec<u8>;
    type Response = Vec<u8>;

    async fn read_request<T: AsyncRead + Unpin + Send>(&mut self, _: &String, io: &mut T) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        io.read_to_end(&mut bytes).await?;
        Ok(bytes)
    }

    async fn read_response<T: AsyncRead + Unpin + Send>(&mut self, protocol: &String, io: &mut T) -> io::Result<Vec<u8>> {
        self.read_request(protocol, io).await
    }

    async fn write_request<T: AsyncWrite + Unpin + Send>(&mut self, _: &String, io: &mut T, bytes: Vec<u8>) -> io::Result<()> {
        io.write_all(&bytes).await
    }

    async fn write_response<T: AsyncWrite + Unpin + Send>(&mut self, _: &String, io: &mut T, bytes: Vec<u8>) -> io::Result<()> {
        io.write_all(&bytes).await
    }
}

#[derive(NetworkBehaviour)]
struct Villain {
    gossipsub: gossipsub::Behaviour,
    status: request_response::Behaviour<Raw>,
    submissions: request_response::Behaviour<Raw>,
}

/// A villain that is connected and, if it `greets`, admitted.
async fn villain(address: &Multiaddr, greets: bool) -> (PeerId, Swarm<Villain>) {
    let key = Keypair::generate_secp256k1();
    let mut gossip = gossipsub::ConfigBuilder::default();
    gossip
        .protocol_id_prefix(format!("/quintet/{DIGEST}/meshsub"))
        .validation_mode(ValidationMode::Anonymous)
        .max_transmit_size(4 << 20)
        .message_id_fn(|message| message.data[..message.data.len().min(20)].to_vec().into());
    let raw = |kind: RequestKind| {
        let protocols = [(kind.protocol(DIGEST), ProtocolSupport::Outbound)];
        request_response::Behaviour::with_codec(Raw, protocols, request_response::Config::default())
    };
    let behaviour = Villain {
        gossipsub: gossipsub::Behaviour::new(MessageAuthenticity::Anonymous, gossip.build().unwrap()).unwrap(),
        status: raw(RequestKind::Status),
        submissions: raw(RequestKind::Submissions),
    };
    let transport = tcp::tokio::Transport::default()
        .upgrade(Version::V1)
        .authenticate(noise::Config::new(&key).unwrap())
        .multiplex(yamux::Config::default())
        .boxed();
    let id = key.public().to_peer_id();
    let mut swarm = Swarm::new(transport, behaviour, id, swarm::Config::with_tokio_executor());
    for topic in Topic::ALL {
        swarm.behaviour_mut().gossipsub.subscribe(&IdentTopic::new(topic.full_name(DIGEST))).unwrap();
    }
    let target = match address.iter().last() {
        Some(libp2p::multiaddr::Protocol::P2p(peer)) => peer,
        _ => panic!("address without peer"),
    };
    swarm.dial(address.clone()).unwrap();
    while !swarm.is_connected(&target) {
        swarm.select_next_some().await;
    }
    if greets {
        let mut greeting = Vec::new();
        let status = Status { fork_digest: DIGEST, ..Status::default() };
        chunk::write_frame(&Request::Status(status).to_ssz(), &mut greeting).unwrap();
        swarm.behaviour_mut().status.send_request(&target, greeting);
    }
    (id, swarm)
}

/// Lets a villain's swarm run until something holds of the node.
async fn run_until(swarm: &mut Swarm<Villain>, what: &str, holds: impl FnMut() -> bool) {
    tokio::select! {
        () = wait(what, holds) => {}
        () = async { loop { swarm.select_next_some().await; } } => {}
    }
}

async fn frames_ban(frames: Vec<Vec<u8>>) {
    let node = Node::start(config()).await;
    let (id, mut swarm) = villain(&node.address, true).await;
    let log = node.log.clone();
    run_until(&mut swarm, "admission", || log.lock().unwrap().connected == [id]).await;
    let topic = IdentTopic::new(Topic::PhaseAttestation.full_name(DIGEST));
    for frame in frames {
        // The villain's gossipsub learns of subscriptions when its swarm runs.
        while swarm.behaviour_mut().gossipsub.publish(topic.clone(), frame.clone()).is_err() {
            let _ = tokio::time::timeout(Duration::from_millis(20), swarm.select_next_some()).await;
        }
    }
    run_until(&mut swarm, "ban", || log.lock().unwrap().dropped == [(id, DropReason::Banned)]).await;
    assert!(log.lock().unwrap().messages.is_empty());
    assert_eq!(node.handle.metrics().topic(Topic::PhaseAttestation).received.get(), 0);
}

#[tokio::test]
async fn bombs_are_not_decompressed_and_ban() {
    // Each claims to hold almost 2³² bytes.
    frames_ban((0..3).map(|n| vec![0xff, 0xff, 0xff, 0xff, 0x0f, n, 0]).collect()).await;
}

#[tokio::test]
async fn garbage_and_messages_beyond_their_size_ban() {
    let large = snappy::compress(&[0; 8193]).unwrap();
    frames_ban(vec![vec![0x80; 40], vec![], large, vec![10, 1, 2]]).await;
}

#[tokio::test]
async fn malformed_requests_ban() {
    let node = Node::start(config()).await;
    let (id, mut swarm) = villain(&node.address, true).await;
    let log = node.log.clone();
    run_until(&mut swarm, "admission", || log.lock().unwrap().connected == [id]).await;
    for bytes in [vec![0xff; 100], vec![0x20, 0xff, 0xff, 0x7f], vec![31, 31]] {
        swarm.behaviour_mut().submissions.send_request(&node.id(), bytes);
    }
    run_until(&mut swarm, "ban", || log.lock().unwrap().dropped == [(id, DropReason::Banned)]).await;
    assert!(log.lock().unwrap().requests.is_empty());
}

#[tokio::test]
async fn something_behind_a_request_is_malformed() {
    let node = Node::start(config()).await;
    let (id, mut swarm) = villain(&node.address, true).await;
    let log = node.log.clone();
    run_until(&mut swarm, "admission", || log.lock().unwrap().connected == [id]).await;
    let mut request = Vec::new();
    chunk::write_frame(&[7; 32], &mut request).unwrap();
    swarm.behaviour_mut().submissions.send_request(&node.id(), request.clone());
    run_until(&mut swarm, "the request", || log.lock().unwrap().requests.len() == 1).await;
    // What nobody reads would fill the stream's window until the answer is written.
    request.extend([0; 1000]);
    for _ in 0..3 {
        swarm.behaviour_mut().submissions.send_request(&node.id(), request.clone());
    }
    run_until(&mut swarm, "ban", || log.lock().unwrap().dropped == [(id, DropReason::Banned)]).await;
    assert_eq!(log.lock().unwrap().requests.len(), 1);
}

#[tokio::test]
async fn who_opens_too_many_streams_loses_the_connection() {
    let node = Node::start_with(config(), |_| None, Serve::Silent).await;
    let (id, mut swarm) = villain(&node.address, true).await;
    let log = node.log.clone();
    run_until(&mut swarm, "admission", || log.lock().unwrap().connected == [id]).await;
    let mut request = Vec::new();
    chunk::write_frame(&[7; 32], &mut request).unwrap();
    for _ in 0..70 {
        swarm.behaviour_mut().submissions.send_request(&node.id(), request.clone());
    }
    run_until(&mut swarm, "the end", || log.lock().unwrap().dropped == [(id, DropReason::Disconnected)]).await;
}

#[tokio::test]
async fn who_does_not_read_is_dropped_when_too_much_waits_for_it() {
    let node = Node::start(config()).await;
    let (id, mut swarm) = villain(&node.address, true).await;
    let topic = node.handle.metrics().topic(Topic::PhaseAttestation);
    run_until(&mut swarm, "the mesh", || topic.mesh.get() == 1).await;
    // The villain's swarm does not run from here on.
    let (mut sent, mut noise) = (0, 1u64);
    while node.log.lock().unwrap().dropped.is_empty() && sent < 6000 {
        let vote = std::iter::repeat_with(|| {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (noise >> 33) as u8
        });
        // Fails when the queue is full.
        let _ = node.handle.publish(Gossip::PhaseAttestation(vote.take(8000).collect())).await;
        sent += 1;
        if sent % 2000 == 0 {
            tokio::time::sleep(Duration::from_millis(800)).await;
        }
    }
    node.wait("the end", |log| log.dropped == [(id, DropReason::Disconnected)]).await;
}

#[tokio::test]
async fn who_does_not_tell_its_status_is_dropped() {
    let mut config = config();
    config.timing.handshake = Duration::from_millis(300);
    let node = Node::start(config).await;
    let (id, mut swarm) = villain(&node.address, false).await;
    let log = node.log.clone();
    run_until(&mut swarm, "drop", || log.lock().unwrap().dropped == [(id, DropReason::NoStatus)]).await;
    assert!(log.lock().unwrap().connected.is_empty());
}
