//! A job from announcement to its retry, with provers that are silent, lie or send garbage, and a restart after every step.

use quintet_protocol::JobState;
use quintet_sidecar::core::Refusal;
use quintet_types::{JobId, Phase, Reason, Reward, SignedAggProof, Submission};

use crate::{
    provers::{sign, sign_commitments},
    world::{World, commitment, secret, spec},
};

/// Everything that a restart must not change.
fn state(world: &World, job: &JobId) -> (JobState, Vec<Option<quintet_types::Root>>, quintet_types::Root, usize) {
    let live = world.live(job);
    (live.job().state(), live.job().digests().to_vec(), world.ledger_root(), live.received.len())
}

fn restarted(world: World, job: &JobId) -> World {
    let before = state(&world, job);
    let mut world = world.restart();
    assert_eq!(state(&world, job), before, "a restart changes nothing");
    // Plans, challenges and verdicts come back by the same work as before.
    world.settle();
    world
}

#[test]
fn a_job_with_liars_is_closed_fined_and_tried_again_and_restarts_change_nothing() {
    let mut world = World::new(spec());
    let job = world.announce();
    let selected = world.selected(&job);
    assert_eq!(selected.len(), 4);
    let mut world = restarted(world, &job);

    // T1: two honest, one that lies about a digest it is free to choose, one that is silent.
    let honest = world.commitments(&job, &selected[0]);
    assert_eq!(world.submit(honest.clone()), Ok(true));
    assert_eq!(world.submit(honest.clone()), Ok(false), "the same again is no second one");
    let second = world.commitments(&job, &selected[1]);
    world.submit(second).unwrap();
    let mut lie = commitment(world.assignment(&job).to_commit(world.index(&selected[2]))[0]);
    lie.points = lie.points.iter().rev().copied().collect::<Vec<_>>().try_into().unwrap();
    let lie = sign_commitments(secret(&selected[2]), world.spec(), &job, vec![lie]);
    assert!(matches!(world.submit(lie), Err(Refusal::Malformed(_))), "the digest is not that of the points");

    // No block is split, so there is nothing to join.
    let unsplit =
        SignedAggProof { job, phase: Phase::T1, prover: selected[0], body: Default::default(), signature: Default::default() };
    assert_eq!(world.submit(Submission::AggProof(unsplit)), Err(Refusal::Undivided(job)));

    // Refused: a foreign signature, a body of another job, an unselected prover.
    let Submission::Commitments(mut stolen) = honest.clone() else { unreachable!() };
    stolen.prover = selected[3];
    assert!(matches!(world.submit(Submission::Commitments(stolen.clone())), Err(Refusal::Signature(_))));
    stolen.job = JobId { attempt: 1, ..job };
    assert!(matches!(world.submit(Submission::Commitments(stolen)), Err(Refusal::UnknownJob(_))));
    let mut world = restarted(world, &job);

    // Equivocation: an empty second body of prover 0. The first counts, the second is evidence.
    let Submission::Commitments(mut twice) = honest else { unreachable!() };
    twice.body.commitments = Default::default();
    let twice = sign(secret(&selected[0]), world.spec(), Submission::Commitments(twice));
    assert!(matches!(world.submit(twice), Err(Refusal::Duplicate(_))));
    assert_eq!(world.core.evidence().count(), 1);
    let mut world = restarted(world, &job);
    assert_eq!(world.core.evidence().count(), 1);

    // The deadline passes: the sidecar fills the holes that the silent ones leave.
    world.pass_deadline(&job);
    assert_eq!(world.state(&job), JobState::Open(Phase::T2));
    assert!(world.live(&job).job().digests().iter().all(Option::is_some));
    assert!(world.live(&job).round.is_some(), "there is a challenge");
    let unit = |amount: i64| Reward(amount * quintet_types::REWARD_SCALE);
    let spec = world.spec().clone();
    let fine = (Phase::T1, Reason::Equivocation, unit(spec.penalty_equivocation));
    assert_eq!(world.lines(&job, &selected[0]), [fine]);
    assert_eq!(world.lines(&job, &selected[1]), []);
    for place in [2, 3] {
        let missed = (Phase::T1, Reason::Missed, unit(spec.penalty_t1_prover));
        assert_eq!(world.lines(&job, &selected[place]), [missed]);
    }
    let mut world = restarted(world, &job);

    // T2: garbage of a wrong and of a right length, and silence. Nobody proves anything.
    let short = world.changed_partials(&job, &selected[0], |partial| partial.proof = vec![7; 10].try_into().unwrap());
    world.submit(short).unwrap();
    let long = world.changed_partials(&job, &selected[1], |partial| partial.proof.iter_mut().for_each(|byte| *byte = 7));
    world.submit(long).unwrap();
    world.settle();
    let mut world = restarted(world, &job);
    let late = world.partials(&job, &selected[2]);
    world.pass_deadline(&job);
    assert!(matches!(world.submit(late), Err(Refusal::NotOpen(_))));
    for prover in &selected {
        let missed = (Phase::T2, Reason::Missed, unit(spec.penalty_t2_prover));
        assert!(world.lines(&job, prover).contains(&missed), "prover {prover}");
    }

    // T3 to T5 pass without a full proof; the next attempt keeps D and begins with T2.
    for phase in [Phase::T3, Phase::T4, Phase::T5] {
        assert_eq!(world.state(&job), JobState::Open(phase));
        world = restarted(world, &job);
        world.pass_deadline(&job);
    }
    assert!(matches!(world.state(&job), JobState::Failed(_)));
    let next = JobId { attempt: 1, ..job };
    let live = world.core.job(&next).expect("there is a second attempt");
    assert_eq!(live.job().state(), JobState::Open(Phase::T2));
    assert_eq!(live.job().digests(), world.live(&job).job().digests());
    let world = restarted(world, &next);
    assert_eq!(world.state(&next), JobState::Open(Phase::T2));
}
