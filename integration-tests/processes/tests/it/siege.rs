//! Four sidecars as processes, and strangers that speak their network's language: of another network, with garbage, with lies that look well, with messages
//! that nobody needs, each from a network of its own. And one sidecar that is cut off from the others.

use std::time::{Duration, Instant};

use quintet_api::JobState;
use quintet_gossip::{
    DropReason, ForkDigest, Gossip, Network, NetworkConfig, NetworkEvent, NetworkHandle, NodeKey, Status, fork_digest,
};
use quintet_node::spec_root;
use quintet_types::{
    Attestation, Ballot, BundleEntry, Encode, JobId, Phase, PhaseBundle, Proposal, PublicKeyBytes, Root, SignatureBytes,
    SignedProposal, SignedVote, Slot, Spec, ValidatorIndex, VoteKind,
};
use tokio::sync::mpsc;

use crate::joined::{COUNT, Joined};
use crate::net::phase_slots;
use crate::relay::Relay;

/// Messages of the flood.
const FLOOD: usize = 20_000;

/// A node that knows the address of one sidecar.
struct Stranger {
    network: NetworkHandle,
    events: mpsc::Receiver<NetworkEvent>,
    /// Where it seems to come from.
    _relay: Relay,
}

impl Stranger {
    /// Comes from the `place`-th network to the first sidecar.
    async fn new(net: &Joined, place: usize, digest: ForkDigest) -> Self {
        let relay = Relay::start(place, place, net.sidecars[0].p2p).await;
        let mut config = NetworkConfig::new(NodeKey::generate(), Status { fork_digest: digest, ..Status::default() });
        let address = format!("/ip4/{}/tcp/{}", relay.address.ip(), relay.address.port());
        config.static_peers = vec![address.parse().unwrap()];
        let (network, events) = Network::start(config).unwrap();
        Self { network, events, _relay: relay }
    }

    /// Waits until the sidecar has let it in. Whether it has.
    async fn is_let_in(&mut self) -> bool {
        let met = async {
            while let Some(event) = self.events.recv().await {
                if matches!(event, NetworkEvent::PeerConnected { .. }) {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), met).await.is_ok()
    }

    /// Whether the sidecar has hung up.
    fn is_dropped(&mut self) -> bool {
        std::iter::from_fn(|| self.events.try_recv().ok()).any(|event| matches!(event, NetworkEvent::PeerDropped { .. }))
    }

    /// Says something, once somebody listens.
    async fn say(&self, gossip: Gossip) -> bool {
        for _ in 0..100 {
            if self.network.publish(gossip.clone()).await.is_ok() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    }

    /// Says one thing after the other until the sidecar hangs up. How many it said.
    async fn say_until_dropped(&mut self, mut what: impl FnMut(usize) -> Gossip) -> usize {
        for number in 0..50 {
            if self.is_dropped() {
                return number;
            }
            self.say(what(number)).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the sidecar listens to anything");
    }
}

/// What this network is called.
async fn digest(net: &Joined) -> ForkDigest {
    let mut spec = net.clients[0].spec().await.unwrap();
    spec.genesis_validators_root = net.clients[0].identity().await.unwrap().genesis_validators_root;
    fork_digest(spec.genesis_validators_root, spec_root(&spec))
}

/// Processor time that a process has had.
fn cpu(net: &Joined, name: &str) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", net.children.id(name).unwrap())).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    // Fields 14 and 15 of the line, in hundredths of a second on Linux.
    let ticks: u64 = fields[11..13].iter().map(|text| text.parse::<u64>().unwrap()).sum();
    Duration::from_millis(10 * ticks)
}

fn noise(seed: usize, length: usize) -> Vec<u8> {
    let mut state = seed as u64 + 1;
    let step = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..length).map(step).collect()
}

/// A vote on a job that nobody knows.
fn useless(number: usize) -> Gossip {
    let job_root = Root::from_slice(&noise(number, 32));
    let ballot = Ballot { job_root, phase: Phase::T2, round: 0, bundle_root: Root::ZERO };
    let vote = SignedVote {
        ballot,
        kind: VoteKind::Prevote,
        validator: ValidatorIndex(number as u64 % COUNT as u64),
        signature: SignatureBytes::repeat_byte(7),
    };
    Gossip::PhaseAttestation(Attestation::Vote(vote).as_ssz_bytes())
}

/// A bundle for an open phase of a job, large, by a leader who did not sign it.
fn forged(job: JobId, leader: u64, number: usize) -> Gossip {
    let mut accepted: Vec<BundleEntry> = (0..4_000)
        .map(|place| BundleEntry {
            prover: PublicKeyBytes::from_slice(&noise(number * 5_000 + place, 48)),
            body_root: Root::ZERO,
        })
        .collect();
    accepted.sort_unstable();
    let bundle = PhaseBundle {
        job,
        phase: Phase::T1,
        previous: Root::ZERO,
        attesters: Default::default(),
        leader: ValidatorIndex(leader),
        rank: 0,
        slot: Slot(1),
        plan_root: Root::ZERO,
        accepted: accepted.try_into().unwrap(),
        digests: Default::default(),
        agg_proofs: Default::default(),
        equivocations: Default::default(),
        late_equivocations: Default::default(),
    };
    let proposal = Proposal {
        job_root: job.root(),
        phase: bundle.phase,
        round: 0,
        polka: 0,
        bundle_root: bundle.root(),
        proposer: bundle.leader,
    };
    let signature = SignatureBytes::repeat_byte(0x80);
    let (previous, polka) = Default::default();
    Gossip::PhaseBundle(SignedProposal { proposal, bundle, previous, polka, signature }.as_ssz_bytes())
}

async fn peers(net: &Joined, place: usize) -> usize {
    net.clients[place].peers().await.unwrap().peers.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: two minutes of strangers"]
async fn strangers_cost_little_and_stop_nothing() {
    let mut net = Joined::start(phase_slots(30), &["--set=limits.fill=0"], |spec: &mut Spec| spec.max_attempts = 1).await;
    let ours = digest(&net).await;
    let open = |state| state == JobState::T1;
    let job = net.until(0, 1, 180, open).await[0];

    let mut lost = Stranger::new(&net, 40, ForkDigest([9; 4].into())).await;
    let reason = loop {
        match lost.events.recv().await.unwrap() {
            NetworkEvent::PeerConnected { .. } => panic!("a node of another network is a peer"),
            NetworkEvent::PeerDropped { reason, .. } => break reason,
            _ => {}
        }
    };
    assert!(matches!(reason, DropReason::WrongNetwork | DropReason::Goodbye(_)), "{reason:?}");
    assert_eq!(peers(&net, 0).await, COUNT - 1);

    let (mut said, mut banned) = (0, 0);
    let before = cpu(&net, "sidecar-0");
    for leader in 0..COUNT as u64 {
        let mut liar = Stranger::new(&net, 42 + leader as usize, ours).await;
        assert!(liar.is_let_in().await);
        for number in 0..8 {
            said += usize::from(liar.say(forged(job, leader, number)).await);
            tokio::time::sleep(Duration::from_millis(200)).await;
            if liar.is_dropped() {
                banned += 1;
                break;
            }
        }
    }
    let took = cpu(&net, "sidecar-0") - before;
    println!(
        "forged bundles of 4,000 lines: {said} said, {} ms of processor time; {banned} liars of {COUNT} shut out",
        took.as_millis()
    );
    // Who is not the round's leader is passed over, unread.
    let is_open = net.jobs(0, open).await.contains(&job);
    assert!(banned == 1 || !is_open, "the leader's signature is looked at, and does not hold");

    let mut garbage = Vec::new();
    for _ in 0..8 {
        let mut stranger = Stranger::new(&net, 41, ours).await;
        if !stranger.is_let_in().await {
            break;
        }
        garbage.push(stranger.say_until_dropped(|number| Gossip::PhaseBundle(noise(number, 300_000))).await);
    }
    println!("garbage of 300 kB: {garbage:?} messages by strangers of one address, until that was shut out");
    assert!(garbage.len() <= 5 && garbage.iter().all(|said| *said <= 5), "{garbage:?}");

    let idle = (cpu(&net, "sidecar-0"), Instant::now());
    tokio::time::sleep(Duration::from_secs(10)).await;
    let idle = (cpu(&net, "sidecar-0") - idle.0).div_f64(idle.1.elapsed().as_secs_f64());
    let mut flood = Stranger::new(&net, 50, ours).await;
    assert!(flood.is_let_in().await);
    flood.say(useless(FLOOD)).await;
    let before = (cpu(&net, "sidecar-0"), Instant::now());
    let (mut sent, mut dropped) = (0, false);
    for number in 0..FLOOD {
        dropped = flood.is_dropped();
        if dropped {
            break;
        }
        sent += usize::from(flood.network.publish(useless(number)).await.is_ok());
    }
    // What was sent at once still waits to be looked at.
    let until = Instant::now() + Duration::from_secs(30);
    while !dropped {
        assert!(Instant::now() < until, "whoever says nothing of use is shut out");
        tokio::time::sleep(Duration::from_millis(100)).await;
        dropped = flood.is_dropped();
    }
    let (took, wall) = (cpu(&net, "sidecar-0") - before.0, before.1.elapsed());
    println!(
        "useless votes: {sent} sent, shut out after {:.1} s, {} ms of processor time of the sidecar, {} ms a second when nobody does that",
        wall.as_secs_f64(),
        took.as_millis(),
        idle.as_millis(),
    );
    assert!(took < Duration::from_micros(500) * sent as u32 + idle.mul_f64(wall.as_secs_f64()) * 2, "half a millisecond each");

    let job = net.until(0, 1, 300, |state| state == JobState::Failed).await[0];
    net.agreed(&job).await;
    net.stop().await;
}

/// No links at all for one of four: it says so, in its log, its metrics and its gateway, and nobody else does; and takes it back when it has company.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: minutes of silence"]
async fn a_sidecar_that_is_surrounded_by_silence_says_so() {
    let last = COUNT - 1;
    let mut net = Joined::start(phase_slots(4), &["--set=limits.fill=0"], |spec: &mut Spec| spec.max_attempts = 1).await;
    let until = Instant::now() + Duration::from_secs(60);
    for place in 0..COUNT {
        while peers(&net, place).await < last {
            assert!(Instant::now() < until, "sidecar {place} has not met the others");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    let isolated = async |net: &Joined| {
        let mut places = Vec::new();
        for place in 0..COUNT {
            if net.clients[place].peers().await.unwrap().isolated {
                places.push(place);
            }
        }
        places
    };
    tokio::time::sleep(Duration::from_secs(70)).await;
    assert!(isolated(&net).await.is_empty(), "all are well connected");
    net.set_up(&[last], false);
    let since = Instant::now();
    while isolated(&net).await != [last] {
        net.children.check().unwrap();
        assert!(since.elapsed() < Duration::from_secs(240), "{:?}", isolated(&net).await);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    println!("noticed after {} s", since.elapsed().as_secs());
    let log = |place: usize| std::fs::read_to_string(net.files.log(&format!("sidecar-{place}"))).unwrap();
    assert!(log(last).contains("this sidecar looks cut off from the others"));
    assert!((0..last).all(|place| !log(place).contains("looks cut off")), "the three have each other");
    net.set_up(&[last], true);
    let since = Instant::now();
    while !isolated(&net).await.is_empty() {
        assert!(since.elapsed() < Duration::from_secs(240), "still cut off");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let job = net.until(last, 1, 180, |state| state == JobState::Failed).await[0];
    net.agreed(&job).await;
    net.stop().await;
}
