//! Memory: what is held is counted, and only what is over and final is forgotten to make room.

use quintet_protocol::JobState;
use quintet_types::{Epoch, Phase};

use crate::world::{World, spec};

#[test]
fn only_finalized_jobs_are_forgotten_to_make_room_and_their_rewards_stay() {
    let mut world = World::new(spec());
    assert_eq!(world.core.held_bytes(), 0);
    let job = world.announce();
    let input = world.core.held_bytes();
    assert!(input > 0, "the input is held");
    world.honest_t1(&job);
    let committed = world.core.held_bytes();
    assert!(committed > input);
    world.honest_t2(&job);
    assert!(world.core.held_bytes() > committed);
    assert_eq!(world.core.bound_memory(0).unwrap(), 0, "an open job is never forgotten");

    let key = world.selected(&job)[0];
    assert_eq!(world.submit(world.full_proof(&job, &key, Phase::T3)), Ok(true));
    world.pass_deadline(&job);
    assert_eq!(world.state(&job), JobState::Finalized(Phase::T3));
    assert_eq!(world.core.bound_memory(0).unwrap(), 0, "its block may still be orphaned");
    world.core.on_finalized(Epoch(9), job.block_root).unwrap();

    let held = world.core.held_bytes();
    let root = world.ledger_root();
    assert_eq!(world.core.bound_memory(held).unwrap(), 0, "there is room");
    assert!(world.core.job(&job).is_some());
    assert_eq!(world.core.bound_memory(held - 1).unwrap(), 1);
    assert!(world.core.job(&job).is_none());
    assert_eq!(world.core.held_bytes(), 0);
    assert_eq!(world.ledger_root(), root, "who was paid stays paid");
    let world = world.restart();
    assert!(world.core.job(&job).is_none() && world.ledger_root() == root, "also after a restart");
}
