//! The beacon node goes away for three phases and comes back; and so does the sidecar itself.

use quintet_protocol::JobState;
use quintet_types::{Epoch, Phase, Reason, Reward, Root};

use crate::{
    forks::{empty, switch},
    world::{World, block, spec},
};

#[test]
fn three_phases_without_a_beacon_node_or_without_the_sidecar_cost_nobody_anything() {
    a_job_goes_on_by_the_clock_while_the_beacon_node_is_away();
    a_block_that_was_orphaned_meanwhile_pays_nobody();
    phases_that_passed_while_the_sidecar_was_down_move();
}

/// The clock, the provers and the sidecar are there: no block is reported from T1 to T3, and yet the job is finalized. When the node is back, blocks are
/// missing between, and even the finalized one is among them: what was recorded stays.
fn a_job_goes_on_by_the_clock_while_the_beacon_node_is_away() {
    let mut world = World::new(spec());
    let job = world.announce();
    world.honest_t1(&job);
    world.honest_t2(&job);
    for key in world.selected(&job) {
        assert_eq!(world.submit(world.full_proof(&job, &key, Phase::T3)), Ok(true));
    }
    world.pass_deadline(&job);
    assert_eq!(world.state(&job), JobState::Finalized(Phase::T3));
    assert!(world.core.books.ledger.entries().all(|entry| entry.amount > Reward::ZERO), "nobody is fined");
    let entries = world.core.books.ledger.entries().count();
    // Slots 27 to 79 were missed.
    assert_eq!(world.head(&empty(80, 0xcc, Root::repeat_byte(0x77))), None);
    let slots_per_epoch = world.spec().slots_per_epoch;
    world.core.on_finalized(Epoch(64 / slots_per_epoch), Root::repeat_byte(0x66)).unwrap();
    for _ in 0..2 {
        assert_eq!(world.core.books.ledger.entries().count(), entries);
        assert_eq!(world.core.books.ledger.root(), world.core.books.ledger.finalized_root());
        assert_eq!(world.state(&job), JobState::Finalized(Phase::T3));
        world = world.restart();
    }
}

/// The node comes back on another branch: the follower says which blocks it left before the gap.
fn a_block_that_was_orphaned_meanwhile_pays_nobody() {
    let mut world = World::new(spec());
    let job = world.announce();
    world.honest_t1(&job);
    switch(&mut world, &[block()], &[empty(80, 0xcc, Root::repeat_byte(0x77))]);
    assert!(world.live(&job).job().is_suspended());
    let slots_per_epoch = world.spec().slots_per_epoch;
    world.core.on_finalized(Epoch(64 / slots_per_epoch), Root::repeat_byte(0x66)).unwrap();
    assert!(world.core.job(&job).is_none());
    assert_eq!(world.core.books.ledger.entries().count(), 0);
}

/// Nobody could submit, so nobody pays; deadlines move by whole phases, and the job is finalized later.
fn phases_that_passed_while_the_sidecar_was_down_move() {
    let mut world = World::new(spec());
    let job = world.announce();
    world.honest_t1(&job);
    let selected = world.selected(&job);
    assert_eq!(world.submit(world.partials(&job, &selected[0])), Ok(true));
    let phase_ms = world.spec().phase_slots * world.spec().slot_duration_ms;
    let deadline = world.deadline_ms(&job);
    world.now = deadline + 3 * phase_ms - 1000;
    let mut world = world.restart();
    world.settle();
    assert_eq!(world.state(&job), JobState::Open(Phase::T2));
    assert_eq!(world.deadline_ms(&job), deadline + 3 * phase_ms);
    assert_eq!(world.live(&job).record.phases.last().unwrap().deadline_ms, deadline + 3 * phase_ms);
    for key in &selected[1..] {
        assert_eq!(world.submit(world.partials(&job, key)), Ok(true));
    }
    world.pass_deadline(&job);
    for key in &selected {
        assert_eq!(world.lines(&job, key), [(Phase::T2, Reason::Partials, Reward::from_units(400))]);
        assert_eq!(world.submit(world.full_proof(&job, key, Phase::T3)), Ok(true));
    }
    world.pass_deadline(&job);
    assert_eq!(world.state(&job), JobState::Finalized(Phase::T3));
}
