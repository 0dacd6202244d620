//! Source, "Multi-phase Proof Generation", T1 to T5: a test for each sentence.

use std::collections::BTreeMap;

use quintet_protocol::rewards::{FullProofParts, aggregation_rewards};
use quintet_protocol::{
    Failure, JobState, JudgedCommitments, JudgedFullProof, Observed, PhaseContent, RetryContext, SubmissionLog, checks,
};
use quintet_types::{
    BloomHash, FullProof, InstanceIndex, PartialProof, Phase, ProverIndex, PublicKeyBytes, Reason, RetryPolicy, Reward, Root,
    SignatureBytes, Spec, SubmissionHeader,
};

use crate::support::*;

/// T1: "All selected provers must: Commit to the signed challenge". "PENALTY_T1_PROVER for provers who fail to commit."
#[test]
fn source_t1_provers_who_fail_to_commit_are_penalised() {
    let spec = Spec::default();
    let mut job = open_job(10, 20, &spec);
    let all = selected(&job);
    let closed = close_t1(&mut job, &all[..7], &spec);
    for prover in &all[..7] {
        assert_eq!(of_prover(&closed.entries, *prover, Reason::Missed), Reward::ZERO);
    }
    for prover in &all[7..] {
        assert_eq!(of_prover(&closed.entries, *prover, Reason::Missed), units(-1));
    }
}

/// T1: "(e.g., a polynomial commitment of the sub-AIRs they are responsible for constructing)": all that is assigned,
/// and the right ones.
#[test]
fn source_t1_commitments_cover_the_assigned_instances() {
    let spec = Spec::default();
    let mut job = open_job(10, 20, &spec);
    let all = selected(&job);
    let assignment = job.assignment().unwrap().clone();
    let mut submissions = commitments(&assignment, &all);
    submissions.get_mut(&all[0]).unwrap().claims.pop();
    submissions.get_mut(&all[1]).unwrap().claims[0].1 = Root::ZERO;
    let digests = all_digests(&assignment);
    let closed = close(&mut job, PhaseContent::Commitments { submissions, digests }, &spec);
    assert_eq!(of_prover(&closed.entries, all[0], Reason::Missed), units(-1), "one missing");
    assert_eq!(of_prover(&closed.entries, all[1], Reason::Missed), units(-1), "one wrong");
    assert_eq!(of_prover(&closed.entries, all[1], Reason::WrongDigest), units(-500));
    assert_eq!(of_leader(&closed.entries, Reason::IncludedValid), units(8 * 3));
}

/// T1: "Optionally submit a full proof."
#[test]
fn source_t1_may_carry_a_full_proof_which_finalizes() {
    assert_eq!(self_made(Phase::T1, 1).2, JobState::Finalized(Phase::T1));
}

/// T1: "Only one transaction per prover is allowed."
#[test]
fn source_t1_only_one_transaction_per_prover() {
    let mut log = SubmissionLog::default();
    let header = |body| SubmissionHeader {
        job_root: job_id().root(),
        phase: Phase::T1,
        prover: PublicKeyBytes::ZERO,
        body_root: Root::repeat_byte(body),
    };
    assert_eq!(log.observe(header(1), SignatureBytes::ZERO), Observed::New);
    assert!(matches!(log.observe(header(2), SignatureBytes::ZERO), Observed::Equivocation(_)));
}

/// T1: "The proof must include the prover's public key as a public output to prevent proof stealing." The proof system
/// puts the key among the public inputs; here a partial's id binds it, so that another's partial is not one's own.
#[test]
fn source_t1_a_proof_is_bound_to_its_provers_key() {
    let (key, thief) = (PublicKeyBytes::repeat_byte(1), PublicKeyBytes::repeat_byte(2));
    let partial = PartialProof::default();
    let id = partial.id(&job_id(), &key);
    let body = FullProof {
        partials: vec![id].try_into().unwrap(),
        own: vec![partial].try_into().unwrap(),
        bloom_hash: BloomHash::new(1, []),
        ..FullProof::default()
    };
    let resolve = |key| checks::resolve_full_proof(&body, &job_id(), ProverIndex(1), &key, 1, &BTreeMap::new());
    assert_eq!(resolve(key), Ok(vec![ProverIndex(1)]));
    resolve(thief).unwrap_err();
}

/// Entries, selected provers and state of a job in which `senders` sent a valid full proof in `phase` and one prover
/// sent nothing at all.
fn self_made(phase: Phase, senders: usize) -> (Vec<quintet_types::LedgerEntry>, Vec<ProverIndex>, JobState) {
    let spec = Spec::default();
    let mut job = open_job(10, 20, &spec);
    let all = selected(&job);
    let assignment = job.assignment().unwrap().clone();
    let mut t1 = commitments(&assignment, &all[..9]);
    let digests = all_digests(&assignment);
    if phase == Phase::T1 {
        for prover in &all[..senders] {
            t1.get_mut(prover).unwrap().full_proof = Some(true);
        }
    }
    let mut closed = close(&mut job, PhaseContent::Commitments { submissions: t1, digests }, &spec);
    if phase == Phase::T2 {
        let mut t2 = partials(&assignment, &all[..9]);
        for prover in &all[..senders] {
            t2.get_mut(prover).unwrap().full_proof = Some(true);
        }
        closed = close(&mut job, PhaseContent::Partials(t2), &spec);
    }
    (closed.entries, all, closed.state)
}

/// T1: "REWARD_FULL_PROOF_PROVER_T1 for each selected prover."
#[test]
fn source_t1_full_proof_rewards_each_selected_prover() {
    let (entries, all, _) = self_made(Phase::T1, 1);
    assert!(all.iter().all(|prover| of_prover(&entries, *prover, Reason::SelfMadeProver) == units(9000)));
}

/// T1: "REWARD_FULL_PROOF_VALIDATOR_T1 for the validator."
#[test]
fn source_t1_full_proof_rewards_the_validator_once() {
    let (entries, ..) = self_made(Phase::T1, 3);
    assert_eq!(of_leader(&entries, Reason::SelfMadeValidator), units(1000));
}

/// T1: "REWARD_FULL_PROOF_SENDER_T1 extra for the prover submitting it."
#[test]
fn source_t1_full_proof_rewards_each_sender_extra() {
    let (entries, all, _) = self_made(Phase::T1, 2);
    let sent = |prover: &ProverIndex| of_prover(&entries, *prover, Reason::SelfMadeSender);
    assert_eq!(all[..2].iter().map(sent).collect::<Vec<_>>(), [units(50), units(50)]);
    assert!(all[2..].iter().all(|prover| sent(prover) == Reward::ZERO));
}

/// T1: "Otherwise: REWARD_T1_VALIDATOR × valid commitments for validators." Otherwise only.
#[test]
fn source_t1_otherwise_the_validator_is_paid_by_valid_commitments() {
    let spec = Spec::default();
    let mut job = open_job(10, 20, &spec);
    let all = selected(&job);
    let closed = close_t1(&mut job, &all[..7], &spec);
    assert_eq!(of_leader(&closed.entries, Reason::IncludedValid), units(7 * 3));
    let (with_full_proof, ..) = self_made(Phase::T1, 1);
    assert!(with_full_proof.iter().all(|e| e.reason != Reason::IncludedValid && e.reason != Reason::Missed));
}

/// T2: "Submit their partial proof, referencing the challenges from T1." The challenge is a hash of D, and D is complete
/// when T2 opens; a partial made with another digest is not valid (`PartialProof::digest`, judged by the verifier).
#[test]
fn source_t2_partials_refer_to_the_challenge_of_t1() {
    let spec = Spec::default();
    let job = job_in_t3(10, 20, &spec);
    assert!(job.digests().iter().all(Option::is_some));
    let mut holey = open_job(10, 20, &spec);
    let mut digests = all_digests(holey.assignment().unwrap());
    digests[3] = None;
    let submissions = commitments(holey.assignment().unwrap(), &selected(&holey));
    let closed = close(&mut holey, PhaseContent::Commitments { submissions, digests }, &spec);
    assert_eq!(closed.state, JobState::Failed(Failure::IncompleteD), "no D, no challenge, no T2");
}

/// T2: "Optionally submit a full proof." with REWARD_FULL_PROOF_PROVER_T2, _VALIDATOR_T2 and _SENDER_T2.
#[test]
fn source_t2_full_proof_finalizes_and_has_its_own_rewards() {
    let (entries, all, state) = self_made(Phase::T2, 2);
    assert_eq!(state, JobState::Finalized(Phase::T2));
    assert!(all.iter().all(|prover| of_prover(&entries, *prover, Reason::SelfMadeProver) == units(8000)));
    assert_eq!(of_leader(&entries, Reason::SelfMadeValidator), units(900));
    assert_eq!(of_prover(&entries, all[0], Reason::SelfMadeSender), units(40));
    assert_eq!(of_prover(&entries, all[2], Reason::SelfMadeSender), Reward::ZERO);
    assert!(entries.iter().all(|e| e.reason != Reason::Partials && e.reason != Reason::Missed), "otherwise only");
}

/// Entries of a T2 in which the last of ten provers sends nothing and the first all but one partial.
fn t2() -> (Vec<quintet_types::LedgerEntry>, Vec<ProverIndex>) {
    let spec = Spec::default();
    let mut job = open_job(10, 20, &spec);
    let all = selected(&job);
    close_t1(&mut job, &all, &spec);
    let mut submissions = partials(job.assignment().unwrap(), &all[..9]);
    submissions.get_mut(&all[0]).unwrap().valid.pop();
    (close(&mut job, PhaseContent::Partials(submissions), &spec).entries, all)
}

/// T2: "REWARD_T2_PROVER for provers submitting valid partial proofs."
#[test]
fn source_t2_valid_partials_are_rewarded() {
    let (entries, all) = t2();
    assert_eq!(of_prover(&entries, all[1], Reason::Partials), units(400));
    // Five of six assigned instances: floor(400 · 10⁹ · 5 / 6).
    assert_eq!(of_prover(&entries, all[0], Reason::Partials), Reward(333_333_333_333));
    assert_eq!(of_prover(&entries, all[9], Reason::Partials), Reward::ZERO);
}

/// T2: "PENALTY_T2_PROVER for failed submissions."
#[test]
fn source_t2_failed_submissions_are_penalised() {
    let (entries, all) = t2();
    assert_eq!(of_prover(&entries, all[9], Reason::Missed), units(-3));
    assert_eq!(of_prover(&entries, all[0], Reason::Missed), Reward(-500_000_000), "one of six: 3 / 6");
    assert_eq!(of_prover(&entries, all[1], Reason::Missed), Reward::ZERO);
}

/// T2: "REWARD_T2_VALIDATOR × valid partials for validators."
#[test]
fn source_t2_the_validator_is_paid_by_valid_partials() {
    // Eight whole submissions and one of five sixths.
    assert_eq!(of_leader(&t2().0, Reason::IncludedValid), Reward(3 * 8_000_000_000 + 2_500_000_000));
}

/// T3: "Any prover may submit a full proof".
#[test]
fn source_t3_any_prover_may_submit_a_full_proof() {
    let spec = Spec::default();
    let mut job = job_in_t3(10, 20, &spec);
    let outsider = (0..).map(ProverIndex).find(|prover| !selected(&job).contains(prover)).unwrap();
    let closed = close_full(&mut job, &[outsider], &spec);
    assert_eq!(closed.state, JobState::Finalized(Phase::T3));
    assert_eq!(total(&closed.entries, outsider), units(50 + 40 * 20));
}

/// T3: "including a BloomHash summarizing reused partial proofs."
#[test]
fn source_t3_full_proofs_include_a_bloom_hash_of_the_reused_partials() {
    // Ids are hashes; any will do.
    let parts: Vec<_> = (0..4u64)
        .map(|n| {
            let maker = ProverIndex(n % 2);
            let id = SubmissionHeader {
                job_root: Root::left_padding_from(&[n as u8]),
                phase: Phase::T2,
                prover: PublicKeyBytes::ZERO,
                body_root: Root::ZERO,
            };
            let id = quintet_types::TreeHash::tree_hash_root(&id);
            (id, checks::KnownPartial { instance: InstanceIndex(n as u32), maker })
        })
        .collect();
    let ids: Vec<_> = parts.iter().map(|(id, _)| *id).collect();
    let known: BTreeMap<_, _> = parts.into_iter().collect();
    let of_others: Vec<_> = known.iter().filter(|(_, partial)| partial.maker.0 == 1).map(|(id, _)| id).collect();
    let resolve = |bloom_hash| {
        let body = FullProof { partials: ids.clone().try_into().unwrap(), bloom_hash, ..FullProof::default() };
        checks::resolve_full_proof(&body, &job_id(), ProverIndex(0), &PublicKeyBytes::ZERO, 4, &known)
    };
    resolve(BloomHash::new(4, of_others.iter().copied())).unwrap();
    resolve(BloomHash::new(4, &ids)).unwrap_err();
    resolve(BloomHash::default()).unwrap_err();
}

/// An aggregation with two selected submitters and one that was not selected.
fn aggregated(phase: Phase) -> (Vec<quintet_types::LedgerEntry>, Vec<ProverIndex>) {
    let spec = Spec::default();
    let provers: Vec<_> = [10, 11, 12].map(ProverIndex).to_vec();
    let outsider = ProverIndex(99);
    // Two instances: the first for 10 and 11, the second for 11 and 12.
    let assignment = quintet_protocol::Assignment::explicit(Root::ZERO, provers.clone(), vec![vec![0, 1], vec![1, 2]], 2);
    let proof = |submitter, makers: [usize; 2]| FullProofParts { submitter, makers: makers.map(|seat| provers[seat]).to_vec() };
    let proofs = [proof(provers[0], [0, 1]), proof(provers[1], [0, 1]), proof(outsider, [0, 2])];
    let entries = aggregation_rewards(job_id(), phase, &assignment, &proofs, payees(), &spec).unwrap();
    (entries, [provers, vec![outsider]].concat())
}

/// T3: "REWARD_PROVER_REUSING_T3 × reused partials", "If many valid full proofs are submitted, the above rewards are
/// averaged among them."
#[test]
fn source_t3_reusing_is_rewarded_and_averaged() {
    let (entries, provers) = aggregated(Phase::T3);
    let reusing = provers.iter().map(|p| of_prover(&entries, *p, Reason::Reusing).0).collect::<Vec<_>>();
    // 1, 1, 0 and 2 partials of others, 40 each, over three proofs.
    assert_eq!(reusing, [13_333_333_333, 13_333_333_333, 0, 26_666_666_666]);
}

/// T3: "REWARD_PROVER_REUSED_T3 × times reused by others", averaged.
#[test]
fn source_t3_being_reused_by_others_is_rewarded_and_averaged() {
    let (entries, provers) = aggregated(Phase::T3);
    let reused = provers.iter().map(|p| of_prover(&entries, *p, Reason::Reused)).collect::<Vec<_>>();
    // 10: used by both others. 11: by one of two others. 12: by one of three.
    assert_eq!(reused, [units(40), units(20), Reward(13_333_333_333), Reward::ZERO]);
}

/// T3: "PENALTY_PROVER_NOTREUSED_T3 × times not reused by others", averaged.
#[test]
fn source_t3_not_being_reused_by_others_is_penalised_and_averaged() {
    let (entries, provers) = aggregated(Phase::T3);
    let left_out = provers.iter().map(|p| of_prover(&entries, *p, Reason::NotReused)).collect::<Vec<_>>();
    // 10: one assigned, always used. 11: two assigned, two others' proofs, one use: −3/2. 12: one, three proofs, one
    // use: −2/3, rounded down. Not selected: nothing assigned.
    assert_eq!(left_out, [Reward::ZERO, Reward(-1_500_000_000), Reward(-666_666_667), Reward::ZERO]);
}

/// T3: "REWARD_PROVER_T3 for the submitting prover."
#[test]
fn source_t3_the_submitting_prover_is_rewarded() {
    let (entries, provers) = aggregated(Phase::T3);
    let paid = provers.iter().map(|p| of_prover(&entries, *p, Reason::FullProof)).collect::<Vec<_>>();
    assert_eq!(paid, [units(50), units(50), Reward::ZERO, units(50)]);
}

/// T3: "REWARD_VALIDATOR_T3 × valid full proofs".
#[test]
fn source_t3_the_validator_is_paid_by_valid_full_proofs() {
    assert_eq!(of_leader(&aggregated(Phase::T3).0, Reason::IncludedValid), units(3));
}

/// T3: "PENALTY_PROVER_T3 for non-participation."
#[test]
fn source_t3_non_participation_is_penalised() {
    let (entries, provers) = aggregated(Phase::T3);
    let penalties = provers.iter().map(|p| of_prover(&entries, *p, Reason::NonParticipation)).collect::<Vec<_>>();
    assert_eq!(penalties, [Reward::ZERO, Reward::ZERO, units(-1), Reward::ZERO]);
}

/// T4 / T5: "If T3 fails to finalize a valid proof: Enter T4, then T5 if needed."
#[test]
fn source_t4_and_t5_follow_if_t3_fails() {
    let spec = Spec::default();
    let mut job = job_in_t3(10, 20, &spec);
    assert_eq!(close_full(&mut job, &[], &spec).state, JobState::Open(Phase::T4));
    assert_eq!(close_full(&mut job, &[], &spec).state, JobState::Open(Phase::T5));
    let mut other = job.clone();
    let all = selected(&job);
    assert_eq!(close_full(&mut job, &all[..1], &spec).state, JobState::Finalized(Phase::T5));
    assert_eq!(close_full(&mut other, &[], &spec).state, JobState::Failed(Failure::NoFullProof));
}

/// T4 / T5: "Retry with the same or new prover set (if T5 fails)."
#[test]
fn source_a_retry_has_the_same_or_a_new_prover_set() {
    for policy in [RetryPolicy::SameSet, RetryPolicy::NewSet] {
        let spec = Spec { retry_policy: policy, provers_per_proof: 10, ..Spec::default() };
        let mut job = job_in_t3(10, 20, &spec);
        for _ in 0..3 {
            close_full(&mut job, &[], &spec);
        }
        let (table, busy) = (candidates(40), nobody());
        let context = RetryContext { randao_mix: &MIX, gas_used: MUCH_GAS, candidates: &table, busy: &busy };
        let retry = job.retry(&context, &spec).unwrap();
        let provers = &retry.selection().unwrap().provers;
        assert_eq!(*provers == selected(&job), policy == RetryPolicy::SameSet, "{policy:?}");
        assert_eq!(retry.id().attempt, 1);
    }
}

/// T4 / T5: "Rewards/Penalties are as in T3 but adjusted (decreased/increased) by a defined percentage." The explicit
/// values of the source's table are that adjustment.
#[test]
fn source_t4_and_t5_pay_as_t3_with_their_own_values() {
    let t3 = aggregated(Phase::T3).0;
    for (phase, reusing, reused, prover, penalty) in [(Phase::T4, 30, 30, 40, -2), (Phase::T5, 20, 20, 40, -4)] {
        let (entries, provers) = aggregated(phase);
        assert_eq!(
            entries.iter().map(|e| (e.account, e.reason)).collect::<Vec<_>>(),
            t3.iter().map(|e| (e.account, e.reason)).collect::<Vec<_>>(),
            "the same rules"
        );
        assert_eq!(of_prover(&entries, provers[3], Reason::Reusing), units(reusing).share(2, 3));
        assert_eq!(of_prover(&entries, provers[0], Reason::Reused), units(reused));
        assert_eq!(of_prover(&entries, provers[0], Reason::FullProof), units(prover));
        assert_eq!(of_prover(&entries, provers[2], Reason::NonParticipation), units(penalty));
    }
    // Rewards do not rise and penalties do not fall from phase to phase.
    let spec = Spec::default();
    let [t3, t4, t5] = [Phase::T3, Phase::T4, Phase::T5].map(|phase| spec.aggregation(phase).unwrap());
    for (earlier, later) in [(t3, t4), (t4, t5)] {
        assert!(earlier.reusing >= later.reusing && earlier.reused >= later.reused && earlier.prover >= later.prover);
        assert!(earlier.penalty >= later.penalty && earlier.not_reused >= later.not_reused);
    }
}

/// A full proof that does not verify neither finalizes nor counts, and is a fault of its own.
#[test]
fn false_full_proofs_are_penalised_and_finalize_nothing() {
    let spec = Spec::default();
    let mut job = open_job(10, 20, &spec);
    let all = selected(&job);
    let assignment = job.assignment().unwrap().clone();
    let mut submissions = commitments(&assignment, &all);
    submissions.get_mut(&all[0]).unwrap().full_proof = Some(false);
    let digests = all_digests(&assignment);
    let closed = close(&mut job, PhaseContent::Commitments { submissions, digests }, &spec);
    assert_eq!(closed.state, JobState::Open(Phase::T2));
    assert_eq!(total(&closed.entries, all[0]), units(-50));
    close_t2(&mut job, &all, &spec);
    let content = PhaseContent::FullProofs([(all[1], JudgedFullProof::False)].into());
    let closed = close(&mut job, content, &spec);
    assert_eq!(closed.state, JobState::Open(Phase::T4));
    assert_eq!(of_prover(&closed.entries, all[1], Reason::FalseFullProof), units(-50));
    assert_eq!(of_prover(&closed.entries, all[1], Reason::NonParticipation), units(-1));
}

/// A prover that was not selected can neither earn the sender's reward in T1 nor end the job there.
#[test]
fn outsiders_cannot_send_a_self_made_full_proof() {
    let spec = Spec::default();
    let mut job = open_job(10, 20, &spec);
    let all = selected(&job);
    let assignment = job.assignment().unwrap().clone();
    let outsider = job.selection().unwrap().reserves[0];
    let mut submissions = commitments(&assignment, &all);
    submissions.insert(outsider, JudgedCommitments { claims: Vec::new(), full_proof: Some(true) });
    let digests = all_digests(&assignment);
    let closed = close(&mut job, PhaseContent::Commitments { submissions, digests }, &spec);
    assert_eq!(closed.state, JobState::Open(Phase::T2));
    assert_eq!(total(&closed.entries, outsider), Reward::ZERO);
}
