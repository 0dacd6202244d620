//! The job's states: deadlines, uncertified phases, reorgs, retries.

use std::collections::BTreeSet;

use quintet_protocol::{
    Closing, Failure, Job, JobState, JudgedCommitments, JudgedPartials, PhaseContent, RetryContext, select,
};
use quintet_types::{InstanceIndex, Phase, ProverIndex, Reason, RetryPolicy, Reward, Root, Slot, Spec};

use crate::support::*;

#[test]
fn deadlines_count_slots_from_the_block() {
    let spec = Spec { t1_delay_slots: 2, phase_slots: 3, ..Spec::default() };
    let mut job = open_job(10, 20, &spec);
    let all = selected(&job);
    let mut deadlines = vec![job.deadline()];
    close_t1(&mut job, &all, &spec);
    deadlines.push(job.deadline());
    close_t2(&mut job, &all, &spec);
    for _ in 0..3 {
        deadlines.push(job.deadline());
        close_full(&mut job, &[], &spec);
    }
    // S + T1_DELAY_SLOTS + i · PHASE_SLOTS, whether or not those slots have blocks.
    let expected: Vec<_> = (1..=5).map(|i| SLOT.plus(2 + 3 * i)).collect();
    assert_eq!(deadlines, expected);
    assert_eq!(job.ended(), expected.last().copied());
}

#[test]
fn closing_early_starts_the_next_phase_early() {
    let spec = Spec { phase_slots: 8, ..Spec::default() };
    let mut job = open_job(10, 20, &spec);
    let assignment = job.assignment().unwrap().clone();
    let content = PhaseContent::Commitments {
        submissions: commitments(&assignment, assignment.provers()),
        digests: all_digests(&assignment),
    };
    let slot = SLOT.plus(2);
    let closing = Closing { phase: Phase::T1, slot, bundle_root: Root::ZERO, payees: payees(), content };
    job.close(&closing, &spec).unwrap();
    assert_eq!(job.deadline(), SLOT.plus(10));
}

#[test]
fn an_uncertified_phase_costs_nobody_and_moves_later_deadlines() {
    let spec = Spec { max_uncertified: 2, ..Spec::default() };
    let mut job = open_job(10, 20, &spec);
    let before = job.deadline();
    job.extend(&spec).unwrap();
    assert_eq!((job.phase(), job.deadline()), (Some(Phase::T1), before.plus(1)));
    let all = selected(&job);
    let closed = close_t1(&mut job, &all, &spec);
    assert!(all.iter().all(|prover| total(&closed.entries, *prover).is_zero()));
    assert_eq!(job.deadline(), before.plus(2));
    job.extend(&spec).unwrap();
    job.extend(&spec).unwrap();
    assert_eq!(job.state(), JobState::Failed(Failure::Uncertified), "not for ever");
    job.extend(&spec).unwrap_err();
}

#[test]
fn a_bundle_of_another_phase_changes_nothing() {
    let spec = Spec::default();
    let mut job = open_job(10, 20, &spec);
    let before = job.clone();
    for (phase, content) in [
        (Phase::T2, PhaseContent::Partials([].into())),
        (Phase::T1, PhaseContent::Partials([].into())),
        (Phase::T1, PhaseContent::Commitments { submissions: [].into(), digests: vec![None; 19] }),
        (Phase::T3, PhaseContent::FullProofs([].into())),
    ] {
        let closing = Closing { phase, slot: SLOT, bundle_root: Root::ZERO, payees: payees(), content };
        job.close(&closing, &spec).unwrap_err();
        assert_eq!(job, before);
    }
}

#[test]
fn too_few_provers_leave_a_job_unserved_without_money() {
    let spec = Spec::default();
    let selection = select(&job_id(), &MIX, MUCH_GAS, &candidates(3), &nobody(), &spec);
    let mut job = Job::new(job_id(), selection, &spec);
    assert_eq!(job.state(), JobState::Unserved);
    job.open(Root::ZERO, 5, &spec).unwrap_err();
    job.abandon().unwrap_err();
    assert!(job.state().is_over());
}

#[test]
fn an_empty_block_is_proven_by_the_fewest_provers() {
    let spec = Spec::default();
    let selection = select(&job_id(), &MIX, 0, &candidates(100), &nobody(), &spec).unwrap();
    assert_eq!(selection.provers.len() as u64, spec.min_provers);
}

#[test]
fn an_empty_share_owes_a_signed_empty_t1_and_nothing_in_t2() {
    let spec = Spec { redundancy_factor: 1, t1_redundancy: 1, ..Spec::default() };
    let mut job = open_job(10, 4, &spec);
    let all = selected(&job);
    let loads = job.assignment().unwrap().proving_loads();
    let idle: Vec<_> = all.iter().zip(&loads).filter(|(_, load)| **load == 0).map(|(p, _)| *p).collect();
    assert_eq!(idle.len(), 6);
    let silent = idle[0];
    let submitting: Vec<_> = all.iter().copied().filter(|prover| *prover != silent).collect();
    let closed = close_t1(&mut job, &submitting, &spec);
    assert_eq!(total(&closed.entries, silent), units(-1));
    assert_eq!(total(&closed.entries, idle[1]), Reward::ZERO);
    assert_eq!(of_leader(&closed.entries, Reason::IncludedValid), units(9 * 3), "an empty T1 is a valid one");
    let busy: Vec<_> = all.iter().copied().filter(|prover| !idle.contains(prover)).collect();
    let closed = close_t2(&mut job, &busy, &spec);
    assert!(idle.iter().all(|prover| total(&closed.entries, *prover).is_zero()));
    assert!(closed.outcomes.iter().all(|outcome| !idle.contains(&outcome.prover)), "no duty, no history");
}

#[test]
fn a_prover_that_missed_t1_may_still_earn_t2() {
    let spec = Spec::default();
    let mut job = open_job(10, 20, &spec);
    let all = selected(&job);
    assert_eq!(total(&close_t1(&mut job, &all[1..], &spec).entries, all[0]), units(-1));
    assert_eq!(total(&close_t2(&mut job, &all, &spec).entries, all[0]), units(400));
}

#[test]
fn partials_of_unassigned_instances_earn_nothing() {
    let spec = Spec::default();
    let mut job = open_job(10, 20, &spec);
    let all = selected(&job);
    close_t1(&mut job, &all, &spec);
    let everything: Vec<_> = (0..20).map(InstanceIndex).collect();
    let submission = JudgedPartials { valid: everything.repeat(2), full_proof: None };
    let closed = close(&mut job, PhaseContent::Partials([(all[0], submission)].into()), &spec);
    assert_eq!(total(&closed.entries, all[0]), units(400), "as for the assigned ones, each once");
}

#[test]
fn extra_commitments_fill_holes_and_are_neither_paid_nor_penalised() {
    let spec = Spec::default();
    let mut job = open_job(10, 20, &spec);
    let all = selected(&job);
    let assignment = job.assignment().unwrap().clone();
    let reserve = job.selection().unwrap().reserves[0];
    let mut submissions = commitments(&assignment, &all);
    let claims = vec![(InstanceIndex(3), digest(InstanceIndex(3)))];
    submissions.insert(reserve, JudgedCommitments { claims, full_proof: None });
    let digests = all_digests(&assignment);
    let closed = close(&mut job, PhaseContent::Commitments { submissions, digests }, &spec);
    assert_eq!(total(&closed.entries, reserve), Reward::ZERO);
    assert_eq!(of_leader(&closed.entries, Reason::IncludedValid), units(30));
}

#[test]
fn a_reorg_suspends_and_the_way_back_resumes() {
    let spec = Spec::default();
    for depth in 1..=3u64 {
        let mut job = open_job(10, 20, &spec);
        let all = selected(&job);
        close_t1(&mut job, &all, &spec);
        let deadline = job.deadline();
        job.suspend();
        assert!(job.is_suspended());
        let now = deadline.plus(depth - 1);
        job.resume(now, &spec);
        assert_eq!((job.is_suspended(), job.phase()), (false, Some(Phase::T2)));
        assert!(job.deadline() > now, "the phase is open again");
        let closed = close_t2(&mut job, &all, &spec);
        assert_eq!(closed.state, JobState::Open(Phase::T3));
    }
}

#[test]
fn a_short_absence_moves_no_deadline() {
    let spec = Spec { phase_slots: 4, ..Spec::default() };
    let mut job = open_job(10, 20, &spec);
    let deadline = job.deadline();
    job.suspend();
    job.resume(Slot(deadline.0 - 1), &spec);
    assert_eq!(job.deadline(), deadline);
}

#[test]
fn a_plan_that_cannot_be_made_ends_the_job_without_money_or_retry() {
    let spec = Spec::default();
    let spec_ = Spec { provers_per_proof: 10, ..spec.clone() };
    let table = candidates(40);
    let mut job = Job::new(job_id(), select(&job_id(), &MIX, MUCH_GAS, &table, &nobody(), &spec_), &spec);
    job.open(Root::ZERO, 0, &spec).unwrap_err();
    job.abandon().unwrap();
    assert_eq!(job.state(), JobState::Failed(Failure::NoPlan));
    let busy = nobody();
    let context = RetryContext { randao_mix: &MIX, gas_used: MUCH_GAS, candidates: &table, busy: &busy };
    assert!(job.retry(&context, &spec).is_none());
}

/// A job that failed after T5; `silent` missed T1 and T2, the first prover committed to a wrong digest.
fn failed(spec: &Spec, silent: usize) -> (Job, Vec<ProverIndex>) {
    let mut job = open_job(10, 20, spec);
    let all = selected(&job);
    let assignment = job.assignment().unwrap().clone();
    let mut submissions = commitments(&assignment, &all[..10 - silent]);
    submissions.get_mut(&all[0]).unwrap().claims[0].1 = Root::ZERO;
    let digests = all_digests(&assignment);
    close(&mut job, PhaseContent::Commitments { submissions, digests }, spec);
    close_t2(&mut job, &all[..10 - silent], spec);
    for _ in 0..3 {
        close_full(&mut job, &[], spec);
    }
    (job, all)
}

#[test]
fn a_retry_keeps_d_and_starts_at_t2_without_the_culprits() {
    for policy in [RetryPolicy::SameSet, RetryPolicy::NewSet] {
        let spec = Spec { retry_policy: policy, provers_per_proof: 10, ..Spec::default() };
        let (job, all) = failed(&spec, 2);
        let (table, busy) = (candidates(40), nobody());
        let context = RetryContext { randao_mix: &MIX, gas_used: MUCH_GAS, candidates: &table, busy: &busy };
        let mut retry = job.retry(&context, &spec).unwrap();
        let provers = retry.selection().unwrap().provers.clone();
        assert!(!provers.contains(&all[0]), "the culprit is left out");
        if policy == RetryPolicy::SameSet {
            assert_eq!(provers, all[1..8], "so are those that missed both T1 and T2");
        }
        assert_eq!(retry.state(), JobState::Announced);
        retry.open(job.plan_root(), 20, &spec).unwrap();
        assert_eq!(retry.phase(), Some(Phase::T2));
        assert_eq!(retry.digests(), job.digests());
        assert_eq!(retry.deadline(), job.ended().unwrap().plus(1));
        assert_eq!(retry.last_bundle(), job.last_bundle());
        close_t2(&mut retry, &provers, &spec);
        assert_eq!(close_full(&mut retry, &provers[..1], &spec).state, JobState::Finalized(Phase::T3));
    }
}

#[test]
fn a_culprit_stays_barred_when_a_later_attempt_commits_to_doubted_entries_anew() {
    let spec = Spec { provers_per_proof: 10, ..Spec::default() };
    let (mut job, all) = failed(&spec, 2);
    job.doubt([InstanceIndex(4)]);
    let (table, busy) = (candidates(40), nobody());
    let context = RetryContext { randao_mix: &MIX, gas_used: MUCH_GAS, candidates: &table, busy: &busy };
    let mut retry = job.retry(&context, &spec).unwrap();
    retry.open(job.plan_root(), 20, &spec).unwrap();
    assert_eq!(retry.phase(), Some(Phase::T1));
    assert_eq!(retry.digests().iter().filter(|digest| digest.is_none()).count(), 1);
    let provers = selected(&retry);
    close_t1(&mut retry, &provers, &spec);
    assert_eq!(retry.phase(), Some(Phase::T2));
    assert!(retry.culprits().contains(&all[0]));
}

#[test]
fn a_retry_after_holes_starts_at_t1_and_asks_for_the_rest() {
    let spec = Spec::default();
    let mut job = open_job(10, 20, &spec);
    let assignment = job.assignment().unwrap().clone();
    let mut digests = all_digests(&assignment);
    digests[5] = None;
    let submissions = commitments(&assignment, assignment.provers());
    let closed = close(&mut job, PhaseContent::Commitments { submissions, digests }, &spec);
    assert_eq!(closed.state, JobState::Failed(Failure::IncompleteD));
    let (table, busy) = (candidates(40), nobody());
    let context = RetryContext { randao_mix: &MIX, gas_used: MUCH_GAS, candidates: &table, busy: &busy };
    let mut retry = job.retry(&context, &spec).unwrap();
    retry.open(job.plan_root(), 20, &spec).unwrap();
    assert_eq!(retry.phase(), Some(Phase::T1));
    assert_eq!(retry.digests().iter().filter(|digest| digest.is_none()).count(), 1);
}

#[test]
fn there_are_at_most_max_attempts() {
    let spec = Spec { provers_per_proof: 10, max_attempts: 3, ..Spec::default() };
    let (table, busy) = (candidates(40), nobody());
    let context = RetryContext { randao_mix: &MIX, gas_used: MUCH_GAS, candidates: &table, busy: &busy };
    let mut job = failed(&spec, 0).0;
    for attempt in 1..3 {
        job = job.retry(&context, &spec).unwrap();
        assert_eq!(job.id().attempt, attempt);
        job.open(Root::ZERO, 20, &spec).unwrap();
        close_t2(&mut job, &[], &spec);
        for _ in 0..3 {
            close_full(&mut job, &[], &spec);
        }
    }
    assert!(job.retry(&context, &spec).is_none());
}

/// With a new set that is when too many are busy, with the same one when too many did nothing.
#[test]
fn a_retry_without_enough_provers_is_unserved() {
    for (retry_policy, silent, busy) in [(RetryPolicy::NewSet, 0, 38), (RetryPolicy::SameSet, 8, 0)] {
        let spec = Spec { retry_policy, provers_per_proof: 10, ..Spec::default() };
        let (job, _) = failed(&spec, silent);
        let table = candidates(40);
        let busy: BTreeSet<_> = (0..busy).map(ProverIndex).collect();
        let context = RetryContext { randao_mix: &MIX, gas_used: MUCH_GAS, candidates: &table, busy: &busy };
        let retry = job.retry(&context, &spec).unwrap();
        assert_eq!(retry.state(), JobState::Unserved, "{retry_policy:?}");
        assert!(retry.retry(&context, &spec).is_none());
    }
}

/// A unanimous wrong digest shows only when honest partials fail in T2; correcting it names who had signed it.
#[test]
fn a_digest_that_turns_out_wrong_is_corrected_for_the_retry() {
    let spec = Spec::default();
    let mut job = open_job(10, 20, &spec);
    let assignment = job.assignment().unwrap().clone();
    let wrong = InstanceIndex(4);
    let mut submissions = commitments(&assignment, assignment.provers());
    for submission in submissions.values_mut() {
        for claim in submission.claims.iter_mut().filter(|(instance, _)| *instance == wrong) {
            claim.1 = Root::ZERO;
        }
    }
    let mut digests = all_digests(&assignment);
    digests[4] = Some(Root::ZERO);
    close(&mut job, PhaseContent::Commitments { submissions, digests }, &spec);
    assert!(job.culprits().is_empty());
    let culprits = job.correct(wrong, digest(wrong)).unwrap();
    let committers: BTreeSet<_> =
        assignment.committing_seats(wrong).iter().map(|&seat| assignment.provers()[seat as usize]).collect();
    assert_eq!(culprits, committers);
    assert_eq!(job.correct(wrong, digest(wrong)).unwrap(), BTreeSet::new(), "named once");
    assert_eq!(job.digests()[4], Some(digest(wrong)));
    job.correct(InstanceIndex(20), Root::ZERO).unwrap_err();
}

#[test]
fn a_job_survives_being_stored() {
    let spec = Spec::default();
    let job = job_in_t3(10, 20, &spec);
    let stored = serde_json::to_string(&job).unwrap();
    assert_eq!(serde_json::from_str::<Job>(&stored).unwrap(), job);
}
