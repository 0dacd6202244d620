//! T3 without a full proof, T4, T5, and the second attempt, under both retry policies.

use quintet_plonk::Commitment as PlonkCommitment;
use quintet_protocol::{Failure, JobState};
use quintet_proving::{commitment_from_wire, commitment_to_wire};
use quintet_types::{Commitment, InstanceIndex, JobId, Phase, PublicKeyBytes, Reason, RetryPolicy, Reward, Root, Spec};

use crate::{
    provers::{Share, aggregate, prove, sign_commitments, sign_full, sign_partials},
    recording::recording,
    world::{World, commitment, secret, spec},
};

/// Seats of the four provers: two that commit rightly and then fail to prove, one that lies in T1, one that does nothing at all.
const LIAR: usize = 1;
const IDLE: usize = 2;

pub(crate) fn policy(retry_policy: RetryPolicy) -> Spec {
    Spec { retry_policy, ..spec() }
}

fn right() -> Vec<Option<Root>> {
    recording().commitments.iter().map(|commitment| Some(commitment.digest)).collect()
}

fn fine(phase: Phase, reason: Reason, units: i64) -> (Phase, Reason, Reward) {
    (phase, reason, Reward::from_units(units))
}

/// A well-formed commitment to other columns.
pub(crate) fn lie(world: &World, job: &JobId, instance: InstanceIndex) -> Commitment {
    let proving = world.proving(job);
    let right = commitment_from_wire(proving.instance(instance).unwrap(), 11, &commitment(instance)).unwrap();
    let points = right.points.iter().rev().copied().collect();
    commitment_to_wire(instance, &PlonkCommitment { points, ..right }).unwrap()
}

/// The first attempt up to its failure, with a digest in D that only the liar and the idle prover were to commit to, and that is wrong. Every fall-back
/// is entered, seen, and left by its deadline. Returns the provers and the instance in question.
fn first_attempt_fails(world: &mut World, job: &JobId) -> (Vec<PublicKeyBytes>, InstanceIndex) {
    let selected = world.selected(job);
    let seats = [LIAR as u32, IDLE as u32];
    let mut all = (0..recording().commitments.len() as u32).map(InstanceIndex);
    let only_theirs = |instance: &InstanceIndex| {
        let committing = world.assignment(job).committing_seats(*instance);
        committing.len() == 2 && committing.iter().all(|seat| seats.contains(&u32::from(*seat)))
    };
    let target = all.find(only_theirs).expect("an instance that only these two commit to");
    let owed = world.assignment(job).to_commit(world.index(&selected[LIAR]));
    let lies = owed.iter().map(|i| if *i == target { lie(world, job, *i) } else { commitment(*i) }).collect();
    let lies = sign_commitments(secret(&selected[LIAR]), world.spec(), job, lies);
    assert_eq!(world.submit(lies), Ok(true));
    for seat in [0, 3] {
        assert_eq!(world.submit(world.commitments(job, &selected[seat])), Ok(true));
    }
    world.pass_deadline(job);
    assert_eq!(world.state(job), JobState::Open(Phase::T2));
    let digests = world.live(job).job().digests().to_vec();
    let differing: Vec<_> = digests.iter().zip(right()).enumerate().filter(|(_, (a, b))| **a != *b).map(|(i, _)| i).collect();
    assert_eq!(differing, [target.as_usize()], "nobody contradicted the lie, so it is in D");

    // The recorded partials are of another D, so none verifies; the idle prover sends none at all.
    for seat in [0, LIAR, 3] {
        assert_eq!(world.submit(world.partials(job, &selected[seat])), Ok(true));
    }
    world.pass_deadline(job);
    for (phase, next, units) in [
        (Phase::T3, JobState::Open(Phase::T4), -1),
        (Phase::T4, JobState::Open(Phase::T5), -2),
        (Phase::T5, JobState::Failed(Failure::NoFullProof), -4),
    ] {
        assert_eq!(world.state(job), JobState::Open(phase));
        world.pass_deadline(job);
        assert_eq!(world.state(job), next);
        for key in &selected {
            assert!(world.lines(job, key).contains(&fine(phase, Reason::NonParticipation, units)), "{phase}");
        }
    }
    (selected, target)
}

#[test]
fn t3_fails_and_t4_and_t5_follow_and_the_retry_keeps_d_and_leaves_out_whom_it_must() {
    a_new_set_without_the_liar();
    the_same_set_without_the_liar_and_the_idle();
    what_is_not_recomputed_is_committed_to_anew();
}

fn a_new_set_without_the_liar() {
    let mut world = World::new(policy(RetryPolicy::NewSet));
    let job = world.announce();
    let (selected, _) = first_attempt_fails(&mut world, &job);
    let next = JobId { attempt: 1, ..job };
    assert_eq!(world.state(&next), JobState::Open(Phase::T2), "D is complete, so it begins with T2");
    assert_eq!(world.live(&next).job().digests(), right(), "entries of D are kept, the wrong one is replaced");
    let set = world.selected(&next);
    assert_eq!(set.len(), 3, "half of the seven that are left");
    assert!(!set.contains(&selected[LIAR]));
    assert_ne!(set, selected.iter().filter(|key| **key != selected[LIAR]).copied().collect::<Vec<_>>());
    let of_liar = world.lines(&job, &selected[LIAR]);
    assert_eq!(of_liar[0], fine(Phase::T1, Reason::WrongDigest, -500));
    // The one that was idle in both is fined for it, and drawn again or not as chance has it.
    assert_eq!(
        world.lines(&job, &selected[IDLE])[..2],
        [fine(Phase::T1, Reason::Missed, -1), fine(Phase::T2, Reason::Missed, -3)]
    );
}

fn the_same_set_without_the_liar_and_the_idle() {
    let mut world = World::new(policy(RetryPolicy::SameSet));
    let job = world.announce();
    let (selected, _) = first_attempt_fails(&mut world, &job);
    let next = JobId { attempt: 1, ..job };
    assert_eq!(world.state(&next), JobState::Open(Phase::T2));
    assert_eq!(world.live(&next).job().digests(), right());
    assert_eq!(world.selected(&next), [selected[0], selected[3]]);
    let mut world = world.restart();
    world.settle();
    assert_eq!(world.state(&next), JobState::Open(Phase::T2));
    // The second attempt fails too, and it was the last one.
    for phase in [Phase::T2, Phase::T3, Phase::T4, Phase::T5] {
        assert_eq!(world.state(&next), JobState::Open(phase));
        world.pass_deadline(&next);
    }
    assert_eq!(world.state(&next), JobState::Failed(Failure::NoFullProof));
    assert!(world.core.job(&JobId { attempt: 2, ..job }).is_none());
}

/// A sidecar that recomputes at most ten digests leaves no doubtful one in D: the rest is committed to again, and a restart in between loses nothing.
fn what_is_not_recomputed_is_committed_to_anew() {
    let mut world = World::filling(policy(RetryPolicy::SameSet), 10);
    let job = world.announce();
    first_attempt_fails(&mut world, &job);
    let next = JobId { attempt: 1, ..job };
    assert_eq!(world.state(&next), JobState::Open(Phase::T1));
    let kept = world.live(&next).job().digests().to_vec();
    assert_eq!(kept.iter().flatten().count(), 10);
    assert!(kept.iter().zip(right()).all(|(kept, right)| kept.is_none() || *kept == right), "what is kept is right");
    let mut world = world.restart();
    world.settle();
    assert_eq!(world.live(&next).job().digests(), kept);
    for key in world.selected(&next) {
        assert_eq!(world.submit(world.commitments(&next, &key)), Ok(true));
    }
    world.pass_deadline(&next);
    assert_eq!(world.state(&next), JobState::Open(Phase::T2));
    assert_eq!(world.live(&next).job().digests(), right());
    assert_eq!(world.live(&next).record.settled.len(), recording().commitments.len(), "partials can be judged");
}

/// The second attempt to its end, with proofs under its own challenge.
#[test]
#[ignore = "long: proves a block, a minute of two cores"]
fn a_second_attempt_is_proven_and_finalizes() {
    let mut world = World::new(policy(RetryPolicy::SameSet));
    let job = world.announce();
    first_attempt_fails(&mut world, &job);
    let next = JobId { attempt: 1, ..job };
    let proving = world.proving(&next);
    let digests: Vec<Root> = right().into_iter().flatten().collect();
    let mut shares = Vec::new();
    for key in world.selected(&next) {
        let index = world.index(&key);
        let owed = world.assignment(&next).to_prove(index);
        let partials: Vec<_> = owed.into_iter().map(|instance| prove(&proving, &digests, &key, instance)).collect();
        shares.push(Share { key, partials: partials.clone() });
        assert_eq!(world.submit(sign_partials(secret(&key), world.spec(), &next, partials)), Ok(true));
    }
    world.pass_deadline(&next);
    assert_eq!(world.state(&next), JobState::Open(Phase::T3));
    let key = shares[0].key;
    let proof = aggregate(&proving, &recording().commitments, &shares, &key, &[]);
    assert_eq!(world.submit(sign_full(secret(&key), world.spec(), &next, Phase::T3, proof)), Ok(true));
    world.pass_deadline(&next);
    assert_eq!(world.state(&next), JobState::Finalized(Phase::T3));
}
