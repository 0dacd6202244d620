//! Submissions over HTTP: every refusal, the cheaper before the dearer, and a flood that costs nobody else anything.

use std::time::{Duration, Instant};

use quintet_api::{Accepted, Data};
use quintet_sidecar::service::now_ms;
use quintet_types::{
    Commitment, Commitments, Encode as _, InstanceIndex, JobId, Phase, Root, SignedCommitments, SignedPartialProofs, Slot,
};

use super::fixture::{Gateway, config, signed};

struct Poster<'a> {
    gateway: &'a Gateway,
    client: reqwest::Client,
    job: JobId,
}

impl Poster<'_> {
    async fn bytes(&self, kind: &str, kind_of: &str, body: Vec<u8>) -> (u16, String) {
        let url = self.gateway.url(&format!("/v1/jobs/{}/{kind}", self.job));
        let response = self.client.post(url).header("content-type", kind_of).body(body).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    async fn t1(&self, submission: &SignedCommitments) -> (u16, String) {
        self.bytes("commitments", "application/octet-stream", submission.as_ssz_bytes()).await
    }
}

/// A commitment whose digest is not that of its points.
fn wrong_digest() -> Commitment {
    Commitment {
        instance: InstanceIndex(0),
        digest: Root::repeat_byte(1),
        boundary: vec![Root::ZERO; 4].try_into().unwrap(),
        points: vec![0; 64].try_into().unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_check_refuses_in_its_turn_and_the_cheaper_one_first() {
    let mut config = config();
    config.limits.commitments_bytes = 64 << 10;
    config.limits.body_memory_bytes = 64 << 20;
    let (gateway, job) = Gateway::with_job(config).await;
    let spec = gateway.app.spec.clone();
    let poster = Poster { gateway: &gateway, client: reqwest::Client::new(), job };
    let (selected, other) = gateway.selected(&job);
    let refused = |got: (u16, String), status: u16, words: &str| {
        assert!(got.0 == status && got.1.contains(words), "expected {status} {words:?}, got {got:?}");
    };

    // Size before decoding: this is no SSZ either.
    refused(poster.bytes("commitments", "application/octet-stream", vec![0xff; 70 << 10]).await, 413, "65536 are allowed");
    // Decoding before the job: what does not decode names none.
    refused(poster.bytes("commitments", "application/octet-stream", vec![0xff; 700]).await, 400, "not the expected SSZ");
    refused(poster.bytes("commitments", "application/json", b"{}".to_vec()).await, 400, "not the expected JSON");
    refused(poster.bytes("commitments", "text/plain", b"{}".to_vec()).await, 415, "send application/json");

    // Job and phase before assignment: the sender is not selected.
    let empty = Commitments::default;
    let unknown = JobId { slot: Slot(1), ..job };
    let of_unknown = Poster { gateway: &gateway, client: reqwest::Client::new(), job: unknown };
    refused(of_unknown.t1(&signed(unknown, other, empty(), &spec)).await, 404, "there is no job");
    refused(poster.t1(&signed(unknown, other, empty(), &spec)).await, 400, "the path names job");
    let early = SignedPartialProofs {
        job,
        phase: Phase::T2,
        prover: other.public_key().into(),
        body: Default::default(),
        signature: Default::default(),
    };
    refused(poster.bytes("partial_proofs", "application/octet-stream", early.as_ssz_bytes()).await, 409, "T2 of job");

    // Assignment before the signature: it is a false one.
    let mut unselected = signed(job, other, empty(), &spec);
    unselected.signature = Default::default();
    refused(poster.t1(&unselected).await, 403, "was not selected");
    let beyond = Commitments {
        commitments: vec![Commitment { instance: InstanceIndex(9999), ..wrong_digest() }].try_into().unwrap(),
        ..empty()
    };
    let mut beyond = signed(job, selected[0], beyond, &spec);
    beyond.signature = Default::default();
    refused(poster.t1(&beyond).await, 400, "9999");

    // The signature before the digest.
    let lie = Commitments { commitments: vec![wrong_digest()].try_into().unwrap(), ..empty() };
    let mut forged = signed(job, selected[0], lie.clone(), &spec);
    forged.signature = signed(job, selected[1], lie.clone(), &spec).signature;
    refused(poster.t1(&forged).await, 400, "the signature is not valid");
    let (status, text) = poster.t1(&signed(job, selected[0], lie, &spec)).await;
    assert!(status == 400 && !text.contains("signature"), "{status} {text}");

    // Good, the same again, and another body: the first one counts.
    let good = signed(job, selected[0], empty(), &spec);
    let accepted: Data<Accepted> = serde_json::from_str(&poster.t1(&good).await.1).unwrap();
    assert!(accepted.data.new);
    let again: Data<Accepted> = serde_json::from_str(&poster.t1(&good).await.1).unwrap();
    assert!(!again.data.new && again.data.body_root == accepted.data.body_root);
    // A repetition is told before its signature is looked at; it is the same submission whoever sends it.
    let mut unsigned = good.clone();
    unsigned.signature = Default::default();
    assert_eq!(poster.t1(&unsigned).await.0, 200);
    let body = Commitments { full_proof: vec![1; 10].try_into().unwrap(), ..empty() };
    let mut second = signed(job, selected[0], body.clone(), &spec);
    second.signature = Default::default();
    refused(poster.t1(&second).await, 400, "the signature is not valid");
    assert_eq!(gateway.app.shared.read().evidence().count(), 0, "anybody could have sent that");
    refused(poster.t1(&signed(job, selected[0], body, &spec)).await, 409, "another body");
    let evidence = gateway.get("/v1/evidence").await.text().await.unwrap();
    assert!(evidence.contains("header_1") && evidence.contains("wrong_digests"), "{evidence}");
    // With evidence at hand a third body is refused without a look at its signature.
    let body = Commitments { full_proof: vec![2; 10].try_into().unwrap(), ..empty() };
    let mut third = signed(job, selected[0], body, &spec);
    third.signature = Default::default();
    refused(poster.t1(&third).await, 409, "another body");

    // JSON does as well.
    let json = serde_json::to_vec(&signed(job, selected[1], empty(), &spec)).unwrap();
    assert_eq!(poster.bytes("commitments", "application/json", json).await.0, 200);

    // Everything that was acknowledged is on disk.
    let job_root = job.root().0;
    let store = gateway.app.shared.read().store().clone();
    assert_eq!(store.prefix(&quintet_sidecar::db::SUBMISSIONS, &job_root).count(), 2);
    let text = gateway.metrics().await;
    for result in ["accepted", "repeated", "duplicate", "signature", "not_selected", "not_open", "unknown_job", "malformed"] {
        assert!(text.contains(&format!("result=\"{result}\"")), "{result} is not counted");
    }

    // A phase does not end while a submission that was in time is being decided.
    let arrival = gateway.app.intake.arrive();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(gateway.app.intake.horizon(), arrival.ms());
    drop(arrival);
    let now = now_ms();
    assert!(gateway.app.intake.horizon() >= now);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_wrong_proofs_from_one_key_makes_nobody_else_late() {
    let mut config = config();
    config.limits.submissions_per_second = 1;
    config.limits.submissions_burst = 4;
    let (gateway, job) = Gateway::with_job(config).await;
    let spec = gateway.app.spec.clone();
    let (selected, _) = gateway.selected(&job);
    // Self-made full proofs that are garbage, each with a good signature: the dearest that one key can send.
    let body = |n: u8| Commitments { full_proof: vec![n; 5_000].try_into().unwrap(), ..Commitments::default() };
    let flood: Vec<Vec<u8>> = (0..30).map(|n| signed(job, selected[0], body(n), &spec).as_ssz_bytes()).collect();
    let url = gateway.url(&format!("/v1/jobs/{job}/commitments"));
    let client = reqwest::Client::new();
    let post = |body: Vec<u8>| {
        let request = client.post(&url).header("content-type", "application/octet-stream").body(body);
        async move { request.send().await.unwrap().status().as_u16() }
    };
    let flooder = futures::future::join_all(flood.into_iter().map(post));
    let others = async {
        let mut slowest = Duration::ZERO;
        for secret in &selected[1..] {
            let started = Instant::now();
            let submission = signed(job, secret, Commitments::default(), &spec).as_ssz_bytes();
            assert_eq!(post(submission).await, 200, "others are served as ever");
            slowest = slowest.max(started.elapsed());
        }
        slowest
    };
    let (statuses, slowest) = tokio::join!(flooder, others);
    let count = |status: u16| statuses.iter().filter(|s| **s == status).count();
    assert_eq!(count(200), 1, "one is taken: {statuses:?}");
    assert_eq!(count(200) + count(409) + count(429), 30, "{statuses:?}");
    // The phase is as long as the test likes; on an idle machine it is a fraction of a second.
    assert!(slowest < Duration::from_secs(20), "{slowest:?}");
    let core = gateway.app.shared.read();
    let live = core.job(&job).unwrap();
    assert_eq!(live.of_phase(Phase::T1).count(), selected.len());
    assert!(live.bytes < 12_000, "the flood holds no more than one submission");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prover_over_its_rate_waits_and_nobody_can_use_up_anothers() {
    let mut config = config();
    config.limits.submissions_per_second = 1;
    config.limits.submissions_burst = 2;
    let (gateway, job) = Gateway::with_job(config).await;
    let spec = gateway.app.spec.clone();
    let (selected, _) = gateway.selected(&job);
    let client = reqwest::Client::new();
    let post = async |submission: &SignedCommitments| {
        let url = gateway.url(&format!("/v1/jobs/{job}/commitments"));
        let request = client.post(url).header("content-type", "application/octet-stream").body(submission.as_ssz_bytes());
        request.send().await.unwrap()
    };
    // Others send in its name, with false signatures.
    for n in 0..10 {
        let body = Commitments { full_proof: vec![n; 10].try_into().unwrap(), ..Commitments::default() };
        let mut forged = signed(job, selected[0], body, &spec);
        forged.signature = Default::default();
        assert_eq!(post(&forged).await.status(), 400);
    }
    // Lies with a good signature cost its share, and then it has to wait.
    let lie = Commitments { commitments: vec![wrong_digest()].try_into().unwrap(), ..Commitments::default() };
    let lie = signed(job, selected[0], lie, &spec);
    let mut passed = 0;
    let waits = loop {
        let answer = post(&lie).await;
        if answer.status() != 400 {
            break answer;
        }
        passed += 1;
        assert!(passed < 10, "it never has to wait");
    };
    assert!(passed >= 2, "a burst is allowed");
    assert_eq!((waits.status().as_u16(), waits.headers()["retry-after"].to_str().unwrap()), (429, "1"));
    let good = signed(job, selected[0], Commitments::default(), &spec);
    assert_eq!(post(&signed(job, selected[1], Commitments::default(), &spec)).await.status(), 200);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(post(&good).await.status(), 200);
}
