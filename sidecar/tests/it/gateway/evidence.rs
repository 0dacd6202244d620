//! Faults as the gateway shows them: evidence that stands for itself, and the retry that leaves the culprit out.

use quintet_api::{Data, EvidenceView, SelectionView, ValidatorEvidence};
use quintet_plonk::Commitment as PlonkCommitment;
use quintet_proving::{commitment_from_wire, commitment_to_wire};
use quintet_types::{
    Ballot, Commitment, JobId, Phase, Reason, Root, SignatureBytes, SignedVote, SigningVariant, ValidatorEquivocation,
    ValidatorIndex, VoteKind,
};
use serde::de::DeserializeOwned;

use super::fixture::{Gateway, config};
use crate::{
    provers::sign_commitments,
    world::{World, commitment, secret, spec},
};

async fn data<T: DeserializeOwned>(gateway: &Gateway, path: &str) -> T {
    serde_json::from_str::<Data<T>>(&gateway.get(path).await.text().await.unwrap()).unwrap().data
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_digest_is_served_as_evidence_and_its_signer_is_named_to_the_retry() {
    let mut world = World::new(spec());
    let job = world.announce();
    let selected = world.selected(&job);
    let culprit = selected[1];
    for key in selected.iter().filter(|key| **key != culprit) {
        assert_eq!(world.submit(world.commitments(&job, key)), Ok(true));
    }
    let owed = world.assignment(&job).to_commit(world.index(&culprit));
    let mut made: Vec<Commitment> = owed.iter().map(|instance| commitment(*instance)).collect();
    let proving = world.proving(&job);
    let id = proving.instance(owed[0]).unwrap();
    let right = commitment_from_wire(id, proving.shape().k, &made[0]).unwrap();
    let points = right.points.iter().rev().copied().collect();
    made[0] = commitment_to_wire(owed[0], &PlonkCommitment { points, ..right }).unwrap();
    let lie = sign_commitments(secret(&culprit), world.spec(), &job, made);
    assert_eq!(world.submit(lie.clone()), Ok(true));
    // T1 ends with a dispute that recomputation settles; nobody proves anything, so there is a second attempt.
    for _ in 0..5 {
        world.pass_deadline(&job);
    }
    let fined = |line: &(Phase, Reason, _)| line.1 == Reason::WrongDigest;
    assert!(world.lines(&job, &culprit).iter().any(fined));
    let next = JobId { attempt: 1, ..job };
    let culprit_index = world.index(&culprit);
    assert!(world.core.job(&next).is_some(), "there is a retry");

    let gateway = Gateway::around(config(), world.core).await;
    let evidence: EvidenceView = data(&gateway, "/v1/evidence").await;
    assert!(evidence.equivocations.is_empty());
    let [found] = &evidence.wrong_digests[..] else { panic!("{evidence:?}") };
    assert!(found.prover == culprit && found.is_consistent());
    assert_eq!((found.instance, found.expected), (owed[0], commitment(owed[0]).digest));
    // What was signed can be told from the evidence alone.
    assert_eq!((found.header(), &found.signature), (lie.header(), lie.signature()));

    let first: SelectionView = data(&gateway, &format!("/v1/jobs/{job}/selection")).await;
    assert_eq!(first.culprits, []);
    let second: SelectionView = data(&gateway, &format!("/v1/jobs/{next}/selection")).await;
    assert_eq!(second.culprits, [culprit_index]);
    assert!(!second.selected.contains(&culprit_index) && !second.reserves.contains(&culprit_index));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn evidence_against_a_validator_is_kept_once_and_outlives_a_restart() {
    let mut world = World::new(spec());
    let job = world.announce();
    let vote = |round, mark| SignedVote {
        ballot: Ballot { job_root: job.root(), phase: Phase::T1, round, bundle_root: Root::repeat_byte(mark) },
        kind: VoteKind::Precommit,
        validator: ValidatorIndex(7),
        signature: SignatureBytes::repeat_byte(mark),
    };
    let evidence = |round| ValidatorEvidence {
        job,
        pubkey: Default::default(),
        signing: SigningVariant::Direct,
        evidence: ValidatorEquivocation::votes(vote(round, 1), vote(round, 2)).unwrap(),
    };
    assert!(world.core.accuse_validator(evidence(0)).unwrap());
    assert!(!world.core.accuse_validator(evidence(1)).unwrap(), "one piece for each job, phase and validator");
    let world = world.restart();
    let gateway = Gateway::around(config(), world.core).await;
    let shown: EvidenceView = data(&gateway, "/v1/evidence").await;
    assert_eq!(shown.validators, [evidence(0)]);
}
