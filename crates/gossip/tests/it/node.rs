//! A node with a sidecar that says to everything what the test wants it to say.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quintet_gossip::peers::isolation::IsolationLimits;
use quintet_gossip::{
    DropReason, ForkDigest, Gossip, Multiaddr, Network, NetworkConfig, NetworkEvent, NetworkHandle, NodeKey, PeerId, Request,
    Status, SubmissionId, Topic, Verdict,
};
use quintet_types::submission::{PartialProof, SignedPartialProofs};
use quintet_types::{
    Encode, InstanceIndex, JobId, PartialProofs, Phase, PublicKeyBytes, Root, SignatureBytes, Slot, Submission,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How a node answers those who want a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Serve {
    /// With what it holds.
    Held,
    /// That it has nothing.
    Nothing,
    /// Not at all.
    Silent,
    /// With another submission.
    Lie,
}

/// What happened.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) messages: Vec<(PeerId, Gossip)>,
    pub(crate) bodies: Vec<(SubmissionId, PeerId)>,
    pub(crate) missing: Vec<SubmissionId>,
    pub(crate) served: Vec<(PeerId, Root)>,
    pub(crate) requests: Vec<Request>,
    pub(crate) connected: Vec<PeerId>,
    pub(crate) dropped: Vec<(PeerId, DropReason)>,
    pub(crate) isolated: Vec<bool>,
    held: HashMap<Root, Vec<u8>>,
}

/// What the node says to messages; `None` for nothing.
pub(crate) type Judge = fn(&Gossip) -> Option<Verdict>;

pub(crate) struct Node {
    pub(crate) handle: NetworkHandle,
    pub(crate) log: Arc<Mutex<Log>>,
    pub(crate) address: Multiaddr,
    sidecar: JoinHandle<()>,
}

pub(crate) const DIGEST: ForkDigest = ForkDigest(quintet_types::FixedBytes([1, 2, 3, 4]));

/// Quick and without rules that a single machine breaks.
pub(crate) fn config() -> NetworkConfig {
    let status = Status { fork_digest: DIGEST, head_slot: Slot(7), ..Status::default() };
    let mut config = NetworkConfig::new(NodeKey::generate(), status);
    config.listen = vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()];
    config.limits.per_address = 64;
    config.limits.address_ban_after = 0;
    config.limits.isolation =
        IsolationLimits { peers: 0, groups: 0, after: Duration::from_secs(1), silence: Duration::from_secs(3600) };
    config.timing.tick = Duration::from_millis(50);
    config.timing.back_off = Duration::from_millis(100);
    config.timing.back_off_most = Duration::from_millis(400);
    config
}

pub(crate) fn accept(_: &Gossip) -> Option<Verdict> {
    Some(Verdict::Accept)
}

impl Node {
    pub(crate) async fn start(config: NetworkConfig) -> Self {
        Self::start_with(config, accept, Serve::Held).await
    }

    pub(crate) async fn start_with(config: NetworkConfig, judge: Judge, serve: Serve) -> Self {
        let listens = !config.listen.is_empty();
        let (handle, events) = Network::start(config).unwrap();
        let log = Arc::new(Mutex::new(Log::default()));
        let sidecar = tokio::spawn(sidecar(handle.clone(), events, log.clone(), judge, serve));
        let mut address = Multiaddr::empty();
        while listens && address.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
            address = handle.listen_addresses().await.unwrap().first().cloned().unwrap_or_else(Multiaddr::empty);
        }
        Self { handle, log, address, sidecar }
    }

    /// Several nodes; `links` says for each whom of those before it dials.
    pub(crate) async fn start_all(links: &[&[usize]]) -> Vec<Self> {
        let mut nodes: Vec<Self> = Vec::new();
        for links in links {
            let mut config = config();
            config.static_peers = links.iter().map(|other| nodes[*other].address.clone()).collect();
            nodes.push(Self::start(config).await);
        }
        for (place, node) in nodes.iter().enumerate() {
            let degree = links[place].len() + links.iter().filter(|links| links.contains(&place)).count();
            node.wait_peers(degree).await;
        }
        nodes
    }

    pub(crate) fn id(&self) -> PeerId {
        self.handle.local_peer_id()
    }

    pub(crate) fn hold(&self, submission: &Submission) -> SubmissionId {
        let id = SubmissionId::of(submission);
        self.log.lock().unwrap().held.insert(id.root(), submission.as_ssz_bytes());
        id
    }

    /// Waits until something holds of the log.
    pub(crate) async fn wait(&self, what: &str, mut holds: impl FnMut(&Log) -> bool) {
        wait(what, || holds(&self.log.lock().unwrap())).await;
    }

    /// Waits until the node has this many peers, all of them in the meshes of all topics.
    pub(crate) async fn wait_peers(&self, peers: usize) {
        let (metrics, peers) = (self.handle.metrics(), peers as u64);
        let meshed = || Topic::ALL.iter().all(|topic| metrics.topic(*topic).mesh.get() >= peers);
        wait("peers and meshes", || metrics.peers.get() >= peers && meshed()).await;
    }

    pub(crate) async fn stop(self) {
        self.handle.shutdown().await;
        self.sidecar.await.unwrap();
    }
}

/// Waits until something holds.
pub(crate) async fn wait(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    // Far longer than anything takes, since test machines are slow now and then.
    assert!(tokio::time::timeout(Duration::from_secs(30), waiting).await.is_ok(), "waited in vain for: {what}");
}

async fn sidecar(
    handle: NetworkHandle,
    mut events: mpsc::Receiver<NetworkEvent>,
    log: Arc<Mutex<Log>>,
    judge: Judge,
    serve: Serve,
) {
    let mut unanswered = Vec::new();
    while let Some(event) = events.recv().await {
        let mut log = log.lock().unwrap();
        match event {
            NetworkEvent::Message { id, from, topic, gossip, .. } => {
                assert_eq!(gossip.topic(), topic);
                if let Some(mut verdict) = judge(&gossip) {
                    if let Gossip::Submission(announced) = &gossip
                        && verdict == Verdict::Accept
                        && log.held.contains_key(&announced.root())
                    {
                        verdict = Verdict::Held;
                    }
                    handle.verdict(id, verdict);
                }
                log.messages.push((from, gossip));
            }
            NetworkEvent::Body { id, from, bytes, .. } => {
                log.bodies.push((id, from));
                log.held.insert(id.root(), bytes);
            }
            NetworkEvent::BodyMissing { id } => log.missing.push(id),
            NetworkEvent::Request { peer, request, responder } => {
                if let Request::Submissions(wanted) = &request {
                    let roots: Vec<Root> = wanted.roots.iter().copied().collect();
                    match serve {
                        Serve::Held => {
                            let items: Vec<_> = roots.iter().filter_map(|root| log.held.get(root).cloned()).collect();
                            if !items.is_empty() {
                                log.served.extend(roots.iter().map(|root| (peer, *root)));
                            }
                            responder.respond(Ok(items));
                        }
                        Serve::Nothing => responder.respond(Ok(vec![])),
                        Serve::Silent => unanswered.push(responder),
                        Serve::Lie => responder.respond(Ok(vec![submission(99, 10).as_ssz_bytes()])),
                    }
                } else {
                    responder.respond(Ok(vec![b"one".to_vec(), b"two".to_vec()]));
                }
                log.requests.push(request);
            }
            NetworkEvent::PeerConnected { peer, .. } => log.connected.push(peer),
            NetworkEvent::PeerDropped { peer, reason } => log.dropped.push((peer, reason)),
            NetworkEvent::PeerStatus { .. } => {}
            NetworkEvent::Isolated(_) => log.isolated.push(true),
            NetworkEvent::Reconnected => log.isolated.push(false),
        }
    }
}

/// A T2 submission of prover `n` with one partial of this many bytes.
pub(crate) fn submission(n: u64, bytes: usize) -> Submission {
    share(n, 1, bytes)
}

/// A T2 submission of prover `n` with this many partials of this many bytes, none of which compress.
pub(crate) fn share(n: u64, partials: u32, bytes: usize) -> Submission {
    let mut state = n + 1;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    let mut prover = [0; 48];
    prover[..8].copy_from_slice(&n.to_le_bytes());
    let mut proofs = PartialProofs::default();
    for instance in 0..partials {
        let proof: Vec<u8> = (0..bytes).map(|_| noise()).collect();
        let partial =
            PartialProof { instance: InstanceIndex(instance), proof: proof.try_into().unwrap(), ..PartialProof::default() };
        proofs.proofs.push(partial).unwrap();
    }
    Submission::PartialProofs(SignedPartialProofs {
        job: JobId::new(Slot(5), Root::repeat_byte(9)),
        phase: Phase::T2,
        prover: PublicKeyBytes::from(prover),
        body: proofs,
        signature: SignatureBytes::repeat_byte(7),
    })
}
