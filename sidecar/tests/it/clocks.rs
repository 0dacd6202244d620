//! Two sidecars that saw the same submissions hold the same ledger, whatever their clocks, the order of arrival, restarts and forks.

use quintet_protocol::JobState;
use quintet_sidecar::core::Refusal;
use quintet_types::{JobId, Phase, Submission};

use crate::{
    forks::{empty, switch},
    provers::sign,
    world::{World, block, secret, spec},
};

/// Both get each submission at the same true moment, in their own order; what is refused because the phase is not open there yet is sent again after
/// `patience_ms`, as a daemon does.
fn broadcast(worlds: &mut [World; 2], at: u64, submissions: &[Submission], patience_ms: u64) {
    for (place, world) in worlds.iter_mut().enumerate() {
        world.pass_to(at);
        let in_order: Vec<&Submission> =
            if place == 0 { submissions.iter().collect() } else { submissions.iter().rev().collect() };
        let early: Vec<&Submission> = in_order
            .into_iter()
            .filter(|submission| match world.submit((*submission).clone()) {
                Ok(new) => {
                    assert!(new);
                    false
                }
                Err(Refusal::NotOpen(_)) => true,
                Err(refusal) => panic!("{refusal}"),
            })
            .collect();
        if !early.is_empty() {
            world.pass_to(at + patience_ms);
        }
        for submission in early {
            assert_eq!(world.submit(submission.clone()), Ok(true));
        }
    }
}

fn all(worlds: &[World; 2], make: impl Fn(&World) -> Vec<Submission>) -> Vec<Submission> {
    let made = make(&worlds[0]);
    assert_eq!(made, make(&worlds[1]), "both gateways ask the same of the same provers");
    made
}

#[test]
fn sidecars_with_other_clocks_orders_restarts_and_forks_hold_the_same_ledger() {
    let mut worlds = [World::new(spec()), World::new(spec())];
    worlds[0].skew_ms = 400;
    worlds[1].skew_ms = -400;
    let job: JobId = worlds.each_mut().map(World::announce)[0];
    let selected = worlds[0].selected(&job);
    let deadline = |worlds: &[World; 2]| worlds[0].deadline_ms(&job);

    // T1: the last prover is silent, the second equivocates, and the third comes in on the deadline to the millisecond.
    let t1 = all(&worlds, |world| selected[..2].iter().map(|key| world.commitments(&job, key)).collect());
    let at = worlds[0].now + 1000;
    broadcast(&mut worlds, at, &t1, 0);
    let Submission::Commitments(mut twice) = t1[1].clone() else { unreachable!() };
    twice.body.commitments = Default::default();
    let twice = sign(secret(&selected[1]), worlds[0].spec(), Submission::Commitments(twice));
    for world in &mut worlds {
        assert!(matches!(world.submit(twice.clone()), Err(Refusal::Duplicate(_))));
    }
    let last = all(&worlds, |world| vec![world.commitments(&job, &selected[2])]);
    let end = deadline(&worlds);
    broadcast(&mut worlds, end, &last, 0);

    // T2 begins at once for the clock that is ahead, and later for the other. One partial of the third is wrong. The second sidecar is killed between
    // acceptance and verification, and loses nothing.
    let t2 = all(&worlds, |world| {
        let mut made: Vec<Submission> = selected.iter().map(|key| world.partials(&job, key)).collect();
        let mut first = true;
        made[2] = world.changed_partials(&job, &selected[2], |partial| {
            if std::mem::take(&mut first) {
                partial.proof[9] ^= 1;
            }
        });
        made
    });
    broadcast(&mut worlds, end + 110, &t2, 1000);
    let [first, second] = worlds;
    let second = second.restart();
    let mut worlds = [first, second];
    for world in &mut worlds {
        world.pass_deadline(&job);
        assert_eq!(world.state(&job), JobState::Open(Phase::T3));
    }

    // T3: nobody can, one instance being without a partial. The first sidecar sees a fork meanwhile, and the way back.
    let [first, _] = &mut worlds;
    let fork = [empty(26, 0xbb, block().parent_root), empty(27, 0xbb, empty(26, 0xbb, block().parent_root).block_root)];
    switch(first, &[block()], &fork);
    assert!(first.live(&job).job().is_suspended());
    switch(first, &fork, &[block()]);
    for world in &mut worlds {
        for phase in [Phase::T3, Phase::T4, Phase::T5] {
            assert_eq!(world.state(&job), JobState::Open(phase));
            world.pass_deadline(&job);
        }
    }
    let [first, second] = &worlds;
    assert_eq!(first.ledger_root(), second.ledger_root());
    assert_eq!(first.core.books.ledger, second.core.books.ledger);
    assert!(first.core.books.ledger.entries().count() > 20);
    let next = JobId { attempt: 1, ..job };
    assert_eq!(first.state(&next), second.state(&next));
    assert_eq!(first.selected(&next), second.selected(&next), "and they agree on whom they ask next");
    assert_eq!(first.live(&next).job().digests(), second.live(&next).job().digests());
}
