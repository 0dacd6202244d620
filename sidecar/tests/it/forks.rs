//! Blocks that leave the head in the middle of a phase, and come back or do not.

use quintet_beacon::{BlockInfo, Reorg, block::Execution, follower::BlockRef};
use quintet_protocol::JobState;
use quintet_sidecar::core::Refusal;
use quintet_types::{Account, Epoch, JobId, Phase, Reason, Reward, Root, Slot, ValidatorIndex};

use crate::world::{World, block, spec};

/// A block without a payload, which gets no job.
pub(crate) fn empty(slot: u64, branch: u8, parent: Root) -> BlockInfo {
    let mut root = Root::repeat_byte(branch);
    root.0[0] = slot as u8;
    BlockInfo { slot: Slot(slot), block_root: root, parent_root: parent, execution: Execution::None, ..block() }
}

fn reference(block: &BlockInfo) -> BlockRef {
    BlockRef { slot: block.slot, root: block.block_root }
}

/// The head goes from the tip of `left` to the tip of `entered`, both of which branch off the parent of the recorded block.
pub(crate) fn switch(world: &mut World, left: &[BlockInfo], entered: &[BlockInfo]) {
    let ancestor = BlockRef { slot: Slot(25), root: block().parent_root };
    let reorg = Reorg {
        old_head: reference(left.last().unwrap()),
        new_head: reference(entered.last().unwrap()),
        common_ancestor: ancestor,
        dropped: left.iter().rev().map(reference).collect(),
    };
    world.core.on_reorg(&reorg, world.clock()).unwrap();
    for block in entered {
        world.head(block);
    }
    world.settle();
}

/// The recorded block and `depth - 1` blocks on it.
fn branch(depth: u64) -> Vec<BlockInfo> {
    let mut blocks = vec![block()];
    for slot in 27..26 + depth {
        blocks.push(empty(slot, 0xaa, blocks.last().unwrap().block_root));
    }
    blocks
}

/// The other branch: one block more.
fn other(depth: u64) -> Vec<BlockInfo> {
    let mut blocks = vec![empty(26, 0xbb, block().parent_root)];
    for slot in 27..=26 + depth {
        blocks.push(empty(slot, 0xbb, blocks.last().unwrap().block_root));
    }
    blocks
}

/// A job in T2 on a branch of `depth` blocks, one prover having missed T1.
fn in_t2(depth: u64) -> (World, JobId) {
    let mut world = World::new(spec());
    let job = world.announce();
    branch(depth).iter().skip(1).for_each(|block| assert_eq!(world.head(block), None));
    let selected = world.selected(&job);
    for key in &selected[..3] {
        assert_eq!(world.submit(world.commitments(&job, key)), Ok(true));
    }
    world.pass_deadline(&job);
    assert_eq!(world.state(&job), JobState::Open(Phase::T2));
    (world, job)
}

#[test]
fn reorgs_of_depth_one_to_three_suspend_a_job_and_the_way_back_resumes_it() {
    for depth in 1..=3 {
        a_job_waits_for_its_block(depth);
        entries_of_an_orphaned_block_vanish(depth);
    }
}

fn a_job_waits_for_its_block(depth: u64) {
    let (mut world, job) = in_t2(depth);
    let selected = world.selected(&job);
    assert_eq!(world.submit(world.partials(&job, &selected[0])), Ok(true));
    let (ledger, deadline) = (world.ledger_root(), world.deadline_ms(&job));
    switch(&mut world, &branch(depth), &other(depth));
    assert!(world.live(&job).job().is_suspended());
    assert!(matches!(world.submit(world.partials(&job, &selected[1])), Err(Refusal::NotOpen(_))));
    // Two deadlines pass, and a restart: nothing happens to it.
    let phase_ms = world.spec().phase_slots * world.spec().slot_duration_ms;
    world.pass_to(deadline + phase_ms + 1000);
    let mut world = world.restart();
    world.settle();
    assert_eq!((world.state(&job), world.ledger_root()), (JobState::Open(Phase::T2), ledger));
    // Its block is back: the deadline is to come, and what was accepted before counts.
    switch(&mut world, &other(depth), &branch(depth));
    assert!(!world.live(&job).job().is_suspended());
    assert_eq!(world.deadline_ms(&job), deadline + 2 * phase_ms);
    for key in &selected[1..] {
        assert_eq!(world.submit(world.partials(&job, key)), Ok(true));
    }
    world.pass_deadline(&job);
    assert_eq!(world.submit(world.full_proof(&job, &selected[0], Phase::T3)), Ok(true));
    world.pass_deadline(&job);
    assert_eq!(world.state(&job), JobState::Finalized(Phase::T3));
    for key in &selected {
        let lines = world.lines(&job, key);
        assert!(lines.contains(&(Phase::T2, Reason::Partials, Reward::from_units(400))), "nobody pays for the wait");
    }
    let tip = branch(depth).last().unwrap().block_root;
    world.core.on_finalized(Epoch(1), tip).unwrap();
    assert_ne!(world.core.books.ledger.totals().len(), 0, "its block is final, and so are its entries");
    assert_eq!(world.core.books.ledger.root(), world.core.books.ledger.finalized_root());
}

fn entries_of_an_orphaned_block_vanish(depth: u64) {
    let (mut world, job) = in_t2(depth);
    let leader = Account::Validator(ValidatorIndex(3));
    assert_eq!(world.account_lines(&job, leader), [(Phase::T1, Reason::IncludedValid, Reward::from_units(9))]);
    let idle = world.selected(&job)[3];
    assert_eq!(world.lines(&job, &idle), [(Phase::T1, Reason::Missed, Reward::from_units(-1))]);
    switch(&mut world, &branch(depth), &other(depth));
    let tip = other(depth).last().unwrap().block_root;
    world.core.on_finalized(Epoch(1), tip).unwrap();
    for _ in 0..2 {
        assert!(world.core.job(&job).is_none());
        assert_eq!(world.core.books.ledger.entries().count(), 0);
        assert!(world.core.books.ledger.totals().is_empty());
        world = world.restart();
    }
}
