//! Bundles that do and do not continue a job, and who owes what.

use quintet_protocol::Job;
use quintet_protocol::checks::{check_bundle, may_accuse};
use quintet_types::{
    BundleEntry, EquivocationEvidence, JobId, LateEquivocation, Phase, PhaseBundle, ProverIndex, PublicKeyBytes, Root, Slot,
    Spec, SubmissionHeader,
};

use crate::support::*;

fn key(prover: ProverIndex) -> PublicKeyBytes {
    PublicKeyBytes::left_padding_from(&prover.0.to_be_bytes())
}

fn bundle(job: &Job, provers: &[ProverIndex]) -> PhaseBundle {
    let phase = job.phase().unwrap();
    let mut accepted: Vec<_> = provers.iter().map(|p| BundleEntry { prover: key(*p), body_root: Root::ZERO }).collect();
    accepted.sort_unstable();
    let digests = if phase == Phase::T1 { vec![Root::repeat_byte(1); job.digests().len()] } else { Vec::new() };
    PhaseBundle {
        job: *job.id(),
        phase,
        previous: job.last_bundle(),
        attesters: Default::default(),
        leader: LEADER,
        rank: 0,
        slot: job.deadline(),
        plan_root: job.plan_root(),
        accepted: accepted.try_into().unwrap(),
        digests: digests.try_into().unwrap(),
        agg_proofs: Vec::new().try_into().unwrap(),
        equivocations: Default::default(),
        late_equivocations: Default::default(),
    }
}

fn verdict(bundle: &PhaseBundle, job: &Job, spec: &Spec) -> Result<(), String> {
    let keys: Vec<_> = selected(job).into_iter().map(key).collect();
    check_bundle(bundle, job, |key| keys.contains(key), spec).map_err(|error| error.to_string())
}

#[test]
fn a_bundle_that_continues_the_job_passes_and_others_do_not() {
    let spec = Spec::default();
    let job = open_job(10, 20, &spec);
    let good = bundle(&job, &selected(&job));
    assert_eq!(verdict(&good, &job, &spec), Ok(()));
    let mut repeated = good.clone();
    repeated.accepted.push(good.accepted[9]).unwrap();
    let mut short = good.clone();
    short.digests = vec![Root::ZERO; 19].try_into().unwrap();
    for (wrong, why) in [
        (PhaseBundle { job: JobId { attempt: 1, ..good.job }, ..good.clone() }, "job"),
        (PhaseBundle { phase: Phase::T2, ..good.clone() }, "phase"),
        (PhaseBundle { previous: Root::repeat_byte(9), ..good.clone() }, "predecessor"),
        (PhaseBundle { plan_root: Root::ZERO, ..good.clone() }, "plan"),
        (PhaseBundle { slot: good.slot.plus(1), ..good.clone() }, "slot"),
        (PhaseBundle { slot: Slot(good.slot.0 - 1), ..good.clone() }, "slot"),
        (repeated, "rise"),
        (short, "digests"),
    ] {
        let error = verdict(&wrong, &job, &spec).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn evidence_in_a_bundle_is_of_two_bodies_for_a_phase_of_this_job_that_is_open_or_over() {
    let spec = Spec::default();
    let job = open_job(10, 20, &spec);
    let provers = selected(&job);
    let evidence = |job_root, phase, prover: ProverIndex, bodies: [u8; 2]| {
        let header = |body| SubmissionHeader { job_root, phase, prover: key(prover), body_root: Root::repeat_byte(body) };
        EquivocationEvidence {
            header_1: header(bodies[0]),
            signature_1: Default::default(),
            header_2: header(bodies[1]),
            signature_2: Default::default(),
        }
    };
    let root = job.id().root();
    let of = |list: Vec<EquivocationEvidence>| {
        let bundle = PhaseBundle { equivocations: list.try_into().unwrap(), ..bundle(&job, &provers) };
        verdict(&bundle, &job, &spec)
    };
    let good = |prover| evidence(root, Phase::T1, prover, [1, 2]);
    assert_eq!(of(vec![good(ProverIndex(1)), good(ProverIndex(2))]), Ok(()));
    for (wrong, why) in [
        (vec![good(ProverIndex(2)), good(ProverIndex(1))], "rise"),
        (vec![good(ProverIndex(1)), good(ProverIndex(1))], "rise"),
        (vec![evidence(Root::ZERO, Phase::T1, ProverIndex(1), [1, 2])], "evidence"),
        (vec![evidence(root, Phase::T2, ProverIndex(1), [1, 2])], "evidence"),
        (vec![evidence(root, Phase::T1, ProverIndex(1), [2, 2])], "evidence"),
    ] {
        let error = of(wrong).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn evidence_about_earlier_jobs_is_of_recent_blocks_or_earlier_attempts() {
    let spec = Spec::default();
    let job = open_job(10, 20, &spec);
    let id = *job.id();
    let about = |of: JobId, phase, signed: JobId| {
        let header = |body| SubmissionHeader {
            job_root: signed.root(),
            phase,
            prover: key(ProverIndex(1)),
            body_root: Root::repeat_byte(body),
        };
        let evidence = EquivocationEvidence {
            header_1: header(1),
            signature_1: Default::default(),
            header_2: header(2),
            signature_2: Default::default(),
        };
        let list = vec![LateEquivocation { job: of, evidence }].try_into().unwrap();
        verdict(&PhaseBundle { late_equivocations: list, ..bundle(&job, &[]) }, &job, &spec).is_ok()
    };
    let back = |slots: u64| JobId::new(Slot(id.slot.0.saturating_sub(slots)), Root::repeat_byte(9));
    let window = 2 * spec.slots_per_epoch;
    assert!(id.slot.0 > window, "the test's block has blocks before it");
    for (of, holds) in [(back(1), true), (back(window), true), (back(window + 1), false), (back(0), false), (id, false)] {
        assert_eq!(about(of, Phase::T2, of), holds, "{of}");
        assert!(!about(of, Phase::T3, of), "aggregates may differ");
    }
    assert!(!about(back(1), Phase::T1, back(2)), "another job's header");
    let later = JobId { attempt: 1, ..id };
    assert!(may_accuse(&later, &id, &spec) && !may_accuse(&id, &later, &spec));
}

#[test]
fn a_bundle_may_come_early_where_that_is_allowed() {
    let spec = Spec { early_close: true, ..Spec::default() };
    let job = open_job(10, 20, &spec);
    let early = PhaseBundle { slot: Slot(job.deadline().0 - 1), ..bundle(&job, &[]) };
    assert_eq!(verdict(&early, &job, &spec), Ok(()));
}

#[test]
fn at_most_eight_full_proofs_of_others_fit_and_no_partials_of_others() {
    let spec = Spec::default();
    let mut job = open_job(10, 20, &spec);
    let all = selected(&job);
    let others: Vec<_> = (1000..1009).map(ProverIndex).collect();
    close_t1(&mut job, &all, &spec);
    verdict(&bundle(&job, &[&all[..], &others[..1]].concat()), &job, &spec).unwrap_err();
    close_t2(&mut job, &all, &spec);
    assert_eq!(verdict(&bundle(&job, &[&all[..], &others[..8]].concat()), &job, &spec), Ok(()));
    verdict(&bundle(&job, &[&all[..], &others[..]].concat()), &job, &spec).unwrap_err();
}

#[test]
fn empty_shares_are_not_due_in_t2() {
    let spec = Spec { redundancy_factor: 1, t1_redundancy: 1, ..Spec::default() };
    let mut job = open_job(10, 4, &spec);
    let all = selected(&job);
    assert_eq!(job.due().len(), 10);
    close_t1(&mut job, &all, &spec);
    assert_eq!(job.due().len(), 4);
    close_t2(&mut job, &all, &spec);
    assert_eq!(job.due().len(), 10);
    close_full(&mut job, &all, &spec);
    assert!(job.due().is_empty(), "it is over");
}

#[test]
fn zero_digests_in_a_bundle_are_holes() {
    let spec = Spec::default();
    let job = open_job(10, 20, &spec);
    let mut bundle = bundle(&job, &[]);
    bundle.digests[3] = Root::ZERO;
    let settled = bundle.settled_digests();
    assert_eq!((settled[2], settled[3]), (Some(Root::repeat_byte(1)), None));
}
