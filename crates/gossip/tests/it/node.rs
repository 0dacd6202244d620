//! A node with a sidecar that says to everything what the test wants it to say.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quintet_gossip::peers::isolation::IsolationLimits;
use quintet_gossip::wire::outline::{part, part_names};
use quintet_gossip::wire::requests::Refusal;
use quintet_gossip::{
    DropReason, ForkDigest, Gossip, Multiaddr, Network, NetworkConfig, NetworkEvent, NetworkHandle, NodeKey, Outline, PeerId,
    Request, Status, SubmissionId, Topic, Verdict,
};
use quintet_types::{
    BloomHash, Commitment, Commitments, Decode, Encode, FullProof, InstanceIndex, JobId, PartialProof, PartialProofs, Phase,
    PublicKeyBytes, Root, SignatureBytes, SignedCommitments, SignedFullProof, SignedPartialProofs, Slot, Submission,
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
    /// With what it holds, and as one that knows no outlines.
    Whole,
    /// With what it holds, and with outlines of something else.
    FalseOutlines,
    /// With what it holds, and with parts of something else.
    FalseParts,
    /// With what it holds, and with outlines, but not with parts.
    NoParts,
    /// With what it holds, and with outlines, and not at all where it is asked for parts.
    SilentParts,
}

/// What happened.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) messages: Vec<(PeerId, Gossip)>,
    pub(crate) bodies: Vec<(SubmissionId, PeerId)>,
    pub(crate) missing: Vec<SubmissionId>,
    pub(crate) served: Vec<(PeerId, Root)>,
    /// Parts that were handed out, by submission and place.
    pub(crate) parts: Vec<(Root, u16)>,
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
        self.handle.hold(submission);
        self.log.lock().unwrap().held.insert(id.root(), submission.as_ssz_bytes());
        id
    }

    /// A submission's SSZ, if it is held here.
    pub(crate) fn body(&self, submission: &Submission) -> Option<Vec<u8>> {
        self.log.lock().unwrap().held.get(&SubmissionId::of(submission).root()).cloned()
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
                match answer(&mut log, peer, &request, serve) {
                    Some(response) => responder.respond(response),
                    None => unanswered.push(responder),
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

/// What a node answers; `None` for nothing.
fn answer(log: &mut Log, peer: PeerId, request: &Request, serve: Serve) -> Option<Result<Vec<Vec<u8>>, Refusal>> {
    let held = |root: &Root| log.held.get(root).map(|bytes| Submission::from_ssz_bytes(bytes).unwrap());
    if matches!(request, Request::Submissions(_) | Request::Outline(_) | Request::Parts(_)) {
        match serve {
            Serve::Silent => return None,
            Serve::Nothing => return Some(Ok(vec![])),
            _ => {}
        }
    }
    let items = match request {
        Request::Parts(_) if serve == Serve::SilentParts => return None,
        Request::Submissions(_) if serve == Serve::Lie => vec![submission(99, 10).as_ssz_bytes()],
        Request::Submissions(wanted) => {
            let items: Vec<_> = wanted.roots.iter().filter_map(|root| log.held.get(root).cloned()).collect();
            if !items.is_empty() {
                log.served.extend(wanted.roots.iter().map(|root| (peer, *root)));
            }
            items
        }
        Request::Outline(_) if serve == Serve::Lie => vec![vec![7; 100]],
        Request::Outline(_) if serve == Serve::Whole => vec![],
        // As if the last part were missing.
        Request::Outline(wanted) if serve == Serve::FalseOutlines => {
            let outline = held(&wanted.root).and_then(|submission| {
                let mut names = part_names(&submission)?;
                names.pop();
                Outline::with_names(&submission, &names)
            });
            outline.iter().map(Outline::as_ssz_bytes).collect()
        }
        Request::Outline(wanted) => {
            held(&wanted.root).and_then(|submission| Outline::of(&submission)).iter().map(Outline::as_ssz_bytes).collect()
        }
        Request::Parts(_) if serve == Serve::NoParts => vec![],
        Request::Parts(wanted) if serve == Serve::FalseParts => {
            wanted.indices.iter().map(|index| instance_commitment(1000 + u32::from(*index), 50).as_ssz_bytes()).collect()
        }
        Request::Parts(wanted) => {
            let items: Vec<_> = held(&wanted.root)
                .into_iter()
                .flat_map(|submission| wanted.indices.iter().filter_map(move |index| part(&submission, *index)))
                .collect();
            log.parts.extend(wanted.indices.iter().map(|index| (wanted.root, *index)));
            items
        }
        _ => vec![b"one".to_vec(), b"two".to_vec()],
    };
    Some(Ok(items))
}

/// Bytes that do not compress, the same for the same seed.
fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut state = seed.wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..bytes).map(|_| next()).collect()
}

pub(crate) fn prover(n: u64) -> PublicKeyBytes {
    PublicKeyBytes::from_slice(&[&n.to_le_bytes()[..], &noise(n, 40)].concat())
}

fn signature(n: u64) -> SignatureBytes {
    SignatureBytes::from_slice(&noise(n, 96))
}

/// What all honest provers commit to for an instance: so many bytes of points.
pub(crate) fn instance_commitment(instance: u32, points: usize) -> Commitment {
    Commitment {
        instance: InstanceIndex(instance),
        digest: Root::from_slice(&noise(u64::from(instance) << 32, 32)),
        boundary: (0..4)
            .map(|n| Root::from_slice(&noise(n << 40 | u64::from(instance), 32)))
            .collect::<Vec<_>>()
            .try_into()
            .unwrap(),
        points: noise(u64::from(instance), points).try_into().unwrap(),
    }
}

/// A T1 submission of prover `n`.
pub(crate) fn commitments(n: u64, commitments: Vec<Commitment>) -> Submission {
    Submission::Commitments(SignedCommitments {
        job: JobId::new(Slot(6), Root::repeat_byte(8)),
        phase: Phase::T1,
        prover: prover(n),
        body: Commitments { commitments: commitments.try_into().unwrap(), ..Commitments::default() },
        signature: signature(n),
    })
}

/// A T3 submission of prover `n` of these partials.
pub(crate) fn full_proof(n: u64, ids: Vec<Root>, aggregation: usize) -> Submission {
    Submission::FullProof(SignedFullProof {
        job: JobId::new(Slot(5), Root::repeat_byte(9)),
        phase: Phase::T3,
        prover: prover(n),
        body: FullProof {
            bloom_hash: BloomHash::new(ids.len(), &ids),
            partials: ids.try_into().unwrap(),
            aggregation: noise(n, aggregation).try_into().unwrap(),
            ..FullProof::default()
        },
        signature: signature(n),
    })
}

/// A T2 submission of prover `n` with one partial of this many bytes.
pub(crate) fn submission(n: u64, bytes: usize) -> Submission {
    share(n, 1, bytes)
}

/// A T2 submission of prover `n` with this many partials of this many bytes, none of which compress.
pub(crate) fn share(n: u64, partials: u32, bytes: usize) -> Submission {
    share_of(n, &(0..partials).collect::<Vec<_>>(), bytes)
}

/// A T2 submission of prover `n` with partials of these instances.
pub(crate) fn share_of(n: u64, instances: &[u32], bytes: usize) -> Submission {
    let mut proofs = PartialProofs::default();
    for instance in instances {
        let proof = noise(n << 32 | u64::from(*instance), bytes).try_into().unwrap();
        proofs.proofs.push(PartialProof { instance: InstanceIndex(*instance), proof, ..PartialProof::default() }).unwrap();
    }
    Submission::PartialProofs(SignedPartialProofs {
        job: JobId::new(Slot(5), Root::repeat_byte(9)),
        phase: Phase::T2,
        prover: prover(n),
        body: proofs,
        signature: signature(n),
    })
}

/// The ids of a share's partials.
pub(crate) fn ids(share: &Submission) -> Vec<Root> {
    let Submission::PartialProofs(signed) = share else { panic!("that is no share") };
    signed.body.proofs.iter().map(|partial| partial.id(&signed.job, &signed.prover)).collect()
}
