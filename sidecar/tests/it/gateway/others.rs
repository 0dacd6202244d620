//! Leaders, certificates, reuse, peers and validators as the gateway shows them: alone, and with others.

use std::time::Duration;

use quintet_agreement::{Enrolled, Member};
use quintet_api::{CertificateState, CertificateView, Data, Direction, JobDetail, JobReuse, PeersView, ValidatorsView};
use quintet_gossip::{ForkDigest, Network, NetworkConfig, NetworkHandle, NodeKey, Status};
use quintet_keys::SecretKey;
use quintet_sidecar::joint::Board;
use quintet_store::Batch;
use quintet_types::{
    BundleCertificate, CertifiedBundle, Encode as _, InstanceIndex, Phase, SignatureBytes, SigningVariant, ValidatorIndex,
};
use serde::de::DeserializeOwned;

use super::fixture::{Gateway, config};
use crate::world::{World, spec};

async fn data<T: DeserializeOwned>(gateway: &Gateway, path: &str) -> T {
    let text = gateway.get(path).await.text().await.unwrap();
    serde_json::from_str::<Data<T>>(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}")).data
}

fn validator(index: u8) -> SecretKey {
    SecretKey::from_bytes(&[index + 1; 32]).unwrap()
}

/// Three of equal weight: two are not more than two thirds.
fn enrolled() -> Enrolled {
    let member = |index: u8| Member {
        index: ValidatorIndex(index.into()),
        key: validator(index).public_key(),
        weight: 32_000_000_000,
        variant: SigningVariant::Direct,
    };
    Enrolled::new((2..5).map(member).collect()).unwrap()
}

async fn node(peers: &[&NetworkHandle]) -> NetworkHandle {
    let mut config =
        NetworkConfig::new(NodeKey::generate(), Status { fork_digest: ForkDigest::default(), ..Status::default() });
    config.listen = vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()];
    config.timing.tick = Duration::from_millis(50);
    for peer in peers {
        config.static_peers.extend(peer.listen_addresses().await.unwrap());
    }
    let (handle, mut events) = Network::start(config).unwrap();
    tokio::spawn(async move { while events.recv().await.is_some() {} });
    handle
}

#[tokio::test]
async fn a_sidecar_alone_says_that_it_is_alone() {
    let (gateway, job) = Gateway::with_job(config()).await;
    let peers: PeersView = data(&gateway, "/v1/node/peers").await;
    assert_eq!(peers, PeersView { alone: true, ..PeersView::default() });
    let validators: ValidatorsView = data(&gateway, "/v1/validators").await;
    assert!(validators.alone && !validators.votes && validators.total_weight == 0);
    assert_eq!(validators.validators.iter().map(|one| one.index).collect::<Vec<_>>(), [ValidatorIndex(3)]);

    let certificates: Vec<CertificateView> = data(&gateway, &format!("/v1/jobs/{job}/certificates")).await;
    let [t1] = &certificates[..] else { panic!("{certificates:?}") };
    assert_eq!(
        (t1.phase, t1.state, t1.leader, t1.rank),
        (Phase::T1, CertificateState::Alone, Some(ValidatorIndex(3)), Some(0))
    );
    assert!(t1.signers.is_empty() && t1.signature.is_none() && t1.extensions == 0);
    let reuse: JobReuse = data(&gateway, &format!("/v1/jobs/{job}/reuse")).await;
    assert!(reuse.full_proofs.is_empty() && reuse.provers.is_empty());
    assert!(!gateway.metrics().await.contains("quintet_sidecar_gossip_"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reuse_names_the_maker_of_every_part_and_phases_name_their_leader() {
    let mut world = World::new(spec());
    let job = world.announce();
    world.honest_t1(&job);
    world.honest_t2(&job);
    let aggregator = world.selected(&job)[0];
    let full_proof = world.full_proof(&job, &aggregator, Phase::T3);
    assert_eq!(world.submit(full_proof), Ok(true));
    world.pass_deadline(&job);
    let makers: Vec<_> = (0..world.assignment(&job).num_instances() as u32)
        .map(|instance| usize::from(world.assignment(&job).proving_seats(InstanceIndex(instance))[0]))
        .map(|seat| world.core.prover_key(world.assignment(&job).provers()[seat]))
        .collect();

    let gateway = Gateway::around(config(), world.core).await;
    let reuse: JobReuse = data(&gateway, &format!("/v1/jobs/{job}/reuse")).await;
    let [one] = &reuse.full_proofs[..] else { panic!("{reuse:?}") };
    assert_eq!((one.phase, one.prover, one.included), (Phase::T3, aggregator, true));
    let named: Vec<_> = one.makers.iter().map(|place| reuse.provers[*place as usize]).collect();
    assert_eq!(named, makers, "each instance has one prover here, so it is reused by every full proof");

    let detail: JobDetail = data(&gateway, &format!("/v1/jobs/{job}")).await;
    assert_eq!(detail.phases.len(), 3);
    for phase in &detail.phases {
        assert_eq!((phase.leader, phase.rank, phase.certificate), (Some(ValidatorIndex(3)), Some(0), CertificateState::Alone));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_validators_and_certificates_are_shown_and_counted() {
    let ours = node(&[]).await;
    let mut named = NetworkConfig::new(NodeKey::generate(), Status { fork_digest: ForkDigest::default(), ..Status::default() });
    named.agent = "somebody/2".into();
    named.static_peers = ours.listen_addresses().await.unwrap();
    let (theirs, mut events) = Network::start(named).unwrap();
    tokio::spawn(async move { while events.recv().await.is_some() {} });

    // A job whose T1 was closed by a bundle, with a certificate of all three under it.
    let mut world = World::new(spec());
    let job = world.announce();
    world.honest_t1(&job);
    world.core.config.joint = true;
    let store = world.core.store().clone();
    let bundle = store
        .range(&quintet_sidecar::db::CLOSED, ..)
        .map(|entry| serde_json::from_slice::<quintet_sidecar::core::ClosedRecord>(&entry.unwrap().1).unwrap().bundle)
        .next()
        .unwrap();
    let attesters: Vec<_> = (2..5).map(ValidatorIndex).collect();
    let certificate = BundleCertificate {
        ballot: bundle.ballot(4),
        attesters: attesters.clone().try_into().unwrap(),
        signature: SignatureBytes::repeat_byte(7),
    };
    let key = (job.slot.0, job.root().0, Phase::T1.number());
    let mut batch = Batch::new();
    batch.put(&quintet_sidecar::db::CERTIFIED, &key, &CertifiedBundle { bundle, certificate }.as_ssz_bytes());
    store.commit(batch).unwrap();

    let board = Board::new(ours.clone(), enrolled(), Some(ValidatorIndex(3)));
    let gateway = Gateway::among(config(), world.core, board).await;
    gateway.app.metrics.gossip.show(ours.metrics());

    let mut peers: PeersView = data(&gateway, "/v1/node/peers").await;
    for _ in 0..200 {
        if peers.peers.iter().any(|peer| peer.agent.is_some()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        peers = data(&gateway, "/v1/node/peers").await;
    }
    assert!(!peers.alone && !peers.isolated);
    assert_eq!(peers.peer_id, Some(ours.local_peer_id().to_string()));
    assert!(peers.addresses[0].ends_with(&format!("/p2p/{}", ours.local_peer_id())));
    let [peer] = &peers.peers[..] else { panic!("{peers:?}") };
    assert_eq!((&peer.peer_id, peer.direction), (&theirs.local_peer_id().to_string(), Direction::Inbound));
    assert_eq!((peer.agent.as_deref(), peer.points), (Some("somebody/2"), 0));
    let now = quintet_sidecar::service::now_ms();
    assert!(peer.connected_ms <= now && peer.connected_ms + 60_000 > now);

    let validators: ValidatorsView = data(&gateway, "/v1/validators").await;
    assert!(!validators.alone && validators.votes);
    assert_eq!((validators.own, validators.total_weight), (ValidatorIndex(3), 96_000_000_000));
    assert_eq!(validators.validators.iter().map(|one| one.index).collect::<Vec<_>>(), attesters);
    assert_eq!(validators.validators[0].pubkey, Some(validator(2).public_key().into()));
    assert_eq!(validators.validators[0].heard_ms, None, "nobody has spoken yet");

    let certificates: Vec<CertificateView> = data(&gateway, &format!("/v1/jobs/{job}/certificates")).await;
    let [t1, t2] = &certificates[..] else { panic!("{certificates:?}") };
    assert_eq!((t1.state, t1.round, t1.weight), (CertificateState::Certified, Some(4), 96_000_000_000));
    assert_eq!((&t1.signers, t1.signature), (&attesters, Some(SignatureBytes::repeat_byte(7))));
    assert_eq!((t2.phase, t2.round, t2.leader), (Phase::T2, None, None), "nobody agrees on it in this test");

    let metrics = gateway.metrics().await;
    for line in [
        "quintet_sidecar_gossip_peers 1",
        "quintet_sidecar_gossip_peer_scores{band=\"graylisted\"} 0",
        "quintet_sidecar_gossip_messages_total{topic=\"phase_bundle\",verdict=\"rejected\"} 0",
        "quintet_sidecar_gossip_requests_total{request=\"status\",result=\"received\"}",
        "quintet_sidecar_gossip_bans_total 0",
        "quintet_sidecar_agreement_certificate_seconds_count 0",
        "quintet_sidecar_agreement_uncertified_total 0",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    let received =
        |name: &str| metrics.lines().find(|line| line.starts_with(name)).unwrap().rsplit(' ').next().unwrap().to_owned();
    assert_ne!(received("quintet_sidecar_gossip_bytes_total{direction=\"in\",of=\"requests\"}"), "0", "statuses were told");

    ours.shutdown().await;
    let away = gateway.get("/v1/node/peers").await;
    assert_eq!(away.status(), 503, "a network that has ended is said to have");
    theirs.shutdown().await;
}
