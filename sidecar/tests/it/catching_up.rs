//! Sidecars that were away while the others closed phases, or come afresh, and end with the same ledger; and a peer that lies to them.

use std::time::Duration;

use quintet_beacon::BlockInfo;
use quintet_gossip::wire::requests::{Request, Response};
use quintet_gossip::{DropReason, Network, NetworkConfig, NetworkEvent, NetworkHandle, NodeKey};
use quintet_protocol::JobState;
use quintet_sidecar::service::now_ms;
use quintet_types::{CertifiedBundle, Decode, Encode, JobId, Phase, Root, SignatureBytes, Slot, Spec};
use tokio::task::JoinHandle;

use crate::{
    joint::{Plan, Sidecar, circuits, network, slow_spec, status, until},
    world::{World, block, spec},
};

/// A later block with the same payload.
fn later_block(slot: u64) -> BlockInfo {
    BlockInfo { slot: Slot(slot), block_root: Root::repeat_byte(0x77), parent_root: block().block_root, ..block() }
}

fn is_over(sidecar: &Sidecar, job: &JobId) -> bool {
    sidecar.state(job).is_some_and(JobState::is_over)
}

pub(crate) fn certified(sidecar: &Sidecar) -> Vec<CertifiedBundle> {
    let store = sidecar.shared.read().store().clone();
    let entries = store.range(&quintet_sidecar::db::CERTIFIED, ..);
    entries.map(|entry| CertifiedBundle::from_ssz_bytes(&entry.unwrap().1).unwrap()).collect()
}

/// A node that has a certificate of everything, and none of them holds; ends when it is told goodbye, with the reason.
async fn liar(spec: &Spec, truth: Vec<CertifiedBundle>, others: &[&NetworkHandle]) -> (NetworkHandle, JoinHandle<DropReason>) {
    // The first of all peers is asked first.
    let key = loop {
        let key = NodeKey::generate();
        if others.iter().all(|other| key.peer_id() < other.local_peer_id()) {
            break key;
        }
    };
    let mut config = NetworkConfig::new(key, status(spec));
    config.listen = vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()];
    let (handle, mut events) = Network::start(config).unwrap();
    let lies: Response = truth
        .into_iter()
        .map(|mut certified| {
            certified.certificate.signature = SignatureBytes::repeat_byte(0xc0);
            certified.as_ssz_bytes()
        })
        .collect();
    let ended = tokio::spawn(async move {
        loop {
            match events.recv().await.expect("the liar's network ended") {
                NetworkEvent::Request { request: Request::Bundles(_), responder, .. } => responder.respond(Ok(lies.clone())),
                NetworkEvent::Request { responder, .. } => responder.respond(Ok(vec![vec![7; 100]])),
                NetworkEvent::PeerDropped { reason, .. } => return reason,
                _ => {}
            }
        }
    });
    (handle, ended)
}

/// One validator closes a job by itself; a sidecar that follows comes when all is over, and has a liar for a peer besides.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_follower_works_out_the_same_ledger_and_drops_a_liar() {
    let spec = Spec { slot_duration_ms: 1_000, max_attempts: 1, ..spec() };
    let mut factory = World::new(spec.clone());
    let job = factory.announce();
    let circuits = circuits();
    drop(factory.plan(job));
    let genesis_ms = now_ms() - block().slot.0 * spec.slot_duration_ms;
    let plan = Plan { spec: spec.clone(), genesis_ms, validators: 1, circuits, max_fill: 0, proposer: None };
    let alone = Sidecar::start(Some(0), &plan, tempfile::tempdir().unwrap(), &[]).await;
    alone.head(&block()).await;
    until("the job is planned", 60, || alone.state(&job) == Some(JobState::Open(Phase::T1))).await;
    // The others' commitments are missing, so that D has holes and the job fails.
    alone.submit(factory.commitments(&job, &factory.selected(&job)[0])).await;
    until("the job is over", 60, || is_over(&alone, &job)).await;
    // An agreement that has hardly ended is found by gossip.
    tokio::time::sleep(Duration::from_secs(4)).await;

    let (false_peer, dropped) = liar(&spec, certified(&alone), &[&alone.network]).await;
    let peers = [&false_peer, &alone.network];
    let fresh = Sidecar::start(None, &plan, tempfile::tempdir().unwrap(), &peers).await;
    while fresh.network.peers().await.unwrap().len() < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    fresh.head(&block()).await;
    until("the follower has caught up", 60, || is_over(&fresh, &job)).await;
    assert_eq!(fresh.ledger_root(), alone.ledger_root());
    assert_ne!(fresh.ledger_root(), Root::ZERO);
    assert_eq!(fresh.shared.read().job(&job).unwrap().of_phase(Phase::T1).count(), 1, "the listed submission was pulled");
    let reason = tokio::time::timeout(Duration::from_secs(20), dropped).await.expect("the liar was kept").unwrap();
    assert!(matches!(reason, DropReason::Goodbye(_) | DropReason::Disconnected), "{reason:?}");
    assert!(fresh.network.peers().await.unwrap().iter().all(|peer| peer.peer != false_peer.local_peer_id()));
    fresh.stop().await;
    alone.stop().await;
}

/// Three of four close two jobs, of which the second depends on the end of the first and on a retry; the fourth, and one that never was there, come back to
/// the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: two minutes of phases"]
async fn a_sidecar_that_was_away_for_two_jobs_comes_to_the_same_ledger() {
    let spec = slow_spec();
    let mut factory = World::new(spec.clone());
    let first = factory.announce();
    let selected = factory.selected(&first);
    let circuits = circuits();
    drop(factory.plan(first));
    let genesis_ms = now_ms() - block().slot.0 * spec.slot_duration_ms;
    let plan = Plan { spec: spec.clone(), genesis_ms, validators: 4, circuits, max_fill: 0, proposer: None };
    let mut sidecars = network(&plan).await;
    let away = sidecars.pop().unwrap().stop().await;

    for sidecar in &sidecars {
        sidecar.head(&block()).await;
    }
    let all_in = |phase: Phase| sidecars.iter().all(|sidecar| sidecar.state(&first) == Some(JobState::Open(phase)));
    until("all have planned the job", 60, || all_in(Phase::T1)).await;
    for (place, key) in selected.iter().enumerate() {
        sidecars[place % 3].submit(factory.commitments(&first, key)).await;
    }
    until("all have closed T1", 60, || all_in(Phase::T2)).await;
    for (place, key) in selected.iter().enumerate() {
        sidecars[place % 3].submit(factory.partials(&first, key)).await;
    }
    until("all have closed T2", 60, || all_in(Phase::T3)).await;
    sidecars[2].submit(factory.full_proof(&first, &selected[0], Phase::T3)).await;
    until("the first job is over", 60, || sidecars.iter().all(|sidecar| is_over(sidecar, &first))).await;

    // The provers are free again one phase after the end, and not before.
    let ended = sidecars[0].shared.read().job(&first).unwrap().job().ended().unwrap();
    let next = later_block(ended.0 + spec.phase_slots);
    let wait = (genesis_ms + next.slot.0 * spec.slot_duration_ms).saturating_sub(now_ms());
    tokio::time::sleep(Duration::from_millis(wait)).await;
    for sidecar in &sidecars {
        sidecar.head(&next).await;
    }
    let second = JobId::new(next.slot, next.block_root);
    let retry = second.next_attempt().unwrap();
    until("nobody served the second job, nor its retry", 90, || sidecars.iter().all(|sidecar| is_over(sidecar, &retry))).await;

    let peers: Vec<_> = sidecars.iter().map(|sidecar| &sidecar.network).collect();
    let back = Sidecar::start(Some(3), &plan, away, &peers).await;
    let fresh = Sidecar::start(None, &plan, tempfile::tempdir().unwrap(), &peers).await;
    for sidecar in [&back, &fresh] {
        sidecar.head(&block()).await;
        sidecar.head(&next).await;
    }
    until("both have caught up", 60, || [&back, &fresh].iter().all(|sidecar| is_over(sidecar, &retry))).await;
    let all = || sidecars.iter().chain([&back, &fresh]);
    let root = sidecars[0].ledger_root();
    assert_ne!(root, Root::ZERO);
    assert!(all().all(|sidecar| sidecar.ledger_root() == root), "{:?}", all().map(Sidecar::ledger_root).collect::<Vec<_>>());
    assert!(all().all(|sidecar| certified(sidecar).len() == 5), "three phases, and the first phase of two attempts");
}
