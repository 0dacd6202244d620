//! A daemon that is killed at random moments and started again never signs two bodies for one job and phase.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use quintet_api::JobState;
use quintet_types::{Decode as _, Phase, Root, SignedCommitments, SignedFullProof, SignedPartialProofs, Submission};
use rand::RngExt as _;

use crate::net::Net;
use crate::proxy::{Posted, Proxy};

/// Longest life of a daemon before it is killed, in milliseconds.
const LIFE_MS: u64 = 6_000;
/// How long to wait for something to be sent, in milliseconds.
const PATIENCE_MS: u64 = 120_000;

/// Bodies' roots and the signatures over them.
type Bodies = BTreeSet<(Root, Vec<u8>)>;

fn decode(posted: &Posted) -> Submission {
    let kind = posted.path.rsplit('/').next().unwrap();
    match kind {
        "commitments" => Submission::Commitments(SignedCommitments::from_ssz_bytes(&posted.body).unwrap()),
        "partial_proofs" => Submission::PartialProofs(SignedPartialProofs::from_ssz_bytes(&posted.body).unwrap()),
        "full_proofs" => Submission::FullProof(SignedFullProof::from_ssz_bytes(&posted.body).unwrap()),
        other => panic!("{other}"),
    }
}

/// Runs one job with a daemon that is killed `kills` times while it is open, and looks at everything that it ever posted.
async fn killed(kills: usize) {
    let mut net = Net::start(4, 1, 400, |spec| spec.provers_per_proof = 2).await;
    let job = net.first_job().await;
    let (id, victim) = (job.summary.job, job.selected[0]);
    let gateway = net.gateway.clone();
    net.daemon("other", &job.selected[1], &gateway, &["--aggregate"]);
    let proxy = Proxy::start(&gateway).await;
    let mut random = rand::rng();
    proxy.set_lossy(true);
    for kill in 0..kills {
        net.daemon("victim", &victim, &proxy.url, &["--aggregate"]);
        // Every other time at any moment, else around the moment at which it sends something.
        let before = proxy.posted().len();
        let life = if kill % 2 == 0 { random.random_range(100..LIFE_MS) } else { PATIENCE_MS };
        let end = Instant::now() + Duration::from_millis(life);
        while Instant::now() < end && proxy.posted().len() == before {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(0..100))).await;
        net.children.kill("victim").await.unwrap();
    }
    proxy.set_lossy(false);
    let state = net.client.job(&id).await.unwrap().summary.state;
    let before: Vec<Posted> = proxy.posted();
    println!("{state:?} after {kills} kills, {} posts", before.len());
    assert!(!before.is_empty(), "it was never given the time to send anything");
    net.daemon("victim", &victim, &proxy.url, &["--aggregate"]);
    // With the key and without the record one could equivocate: such a daemon sees the other's work, and refuses.
    net.until(&id, Duration::from_secs(300), |state| state != JobState::T1).await;
    let (success, said) = net.twin(&victim, Duration::from_secs(60)).await;
    assert!(!success && said.contains("Another process has the key"), "{said}");
    let detail = net.until(&id, Duration::from_secs(600), JobState::is_final).await;
    assert_eq!(detail.summary.state, JobState::Finalized, "{detail:#?}");

    let mut signed: BTreeMap<(String, Phase), Bodies> = BTreeMap::new();
    for posted in proxy.posted() {
        assert!(posted.code == 200 || posted.code >= 400, "{}", posted.code);
        let submission = decode(&posted);
        assert_eq!(*submission.prover(), victim);
        let place = (submission.job().to_string(), submission.phase());
        signed.entry(place).or_default().insert((submission.header().body_root, submission.signature().0.to_vec()));
    }
    for (place, bodies) in &signed {
        assert_eq!(bodies.len(), 1, "{place:?} was signed with {} bodies", bodies.len());
        let on_record = std::fs::read_dir(net.record(&victim)).unwrap().filter_map(Result::ok);
        let name = format!("-{}.ssz", place.1);
        assert!(on_record.into_iter().any(|file| file.file_name().to_string_lossy().ends_with(&name)), "{place:?}");
    }
    for phase in [Phase::T1, Phase::T2] {
        assert!(signed.contains_key(&(id.to_string(), phase)), "{phase} was never submitted");
    }
    let faults = net.client.ledger_entries(&id).await.unwrap();
    assert!(faults.iter().all(|entry| entry.reason != quintet_types::Reason::Equivocation), "{faults:?}");
    net.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: a daemon starts seven times and proves a block"]
async fn a_killed_daemon_never_equivocates() {
    killed(6).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: kills a daemon 200 times"]
async fn a_daemon_that_is_killed_two_hundred_times_never_equivocates() {
    for _ in 0..5 {
        killed(40).await;
    }
}
