//! Provers from the staking contracts: the same as from a file, and nobody rather than others while it is not known who counts.

use std::sync::Arc;

use quintet_agreement::Enrolled;
use quintet_protocol::JobState;
use quintet_sidecar::{
    core::CoreError,
    joint::{Enrolment, enrolled::NotEnrolled},
    registry::{BlockAt, ProverSource as _},
    service::must_wait,
    staking::{StakingRegistry, Wanted},
};
use quintet_staking::{BranchError, Known};
use quintet_types::{Phase, Root, Slot, Spec};

use crate::{
    contracts::{WEIGHT, enrol, known, registry, validator},
    forks::empty,
    world::{GENESIS_MS, World, block, secrets, spec},
};

/// Long after the recorded block.
const LATER: u64 = GENESIS_MS / 1000 + 10_000;
/// Start of the epoch of the recorded block (slot 26 of 4 s, epochs of 8): with a lookback of 0 what counts is the registry before that.
const EPOCH_START: u64 = GENESIS_MS / 1000 + 24 * 4;

fn at(slot: u64) -> BlockAt {
    BlockAt { slot: Slot(slot), tip: Root::ZERO }
}

#[test]
fn contracts_and_file_give_the_same_provers_and_the_same_selection() {
    let mut from_file = World::new(spec());
    let mut staked = World::staked(spec(), registry(known(secrets(), LATER)));
    let file = from_file.core.provers().to_vec();
    assert_eq!(staked.core.provers(), file);
    let jobs = [&mut from_file, &mut staked].map(|world| world.head(&block()).unwrap());
    assert_eq!(jobs[0], jobs[1]);
    let selections = [&from_file, &staked].map(|world| world.live(&jobs[0]).job().selection().cloned());
    assert!(selections[0].is_some());
    assert_eq!(selections[0], selections[1]);
}

#[test]
fn a_registration_after_the_moment_that_counts_changes_nothing() {
    let mut contracts = known(&secrets()[..6], LATER);
    let before = World::staked(spec(), registry(contracts.clone())).core.provers().to_vec();
    let late = known(secrets(), LATER).registry;
    for change in &late.changes()[6..] {
        let timestamp = EPOCH_START;
        contracts.registry.push(quintet_staking::TimedChange { timestamp, ..*change }).unwrap();
    }
    let source = registry(contracts);
    let counting = source.provers_for(&at(26), GENESIS_MS / 1000, &spec()).unwrap();
    assert_eq!(counting, before);
    assert_eq!(source.latest().len(), secrets().len(), "they have their places already");
    let next = source.provers_for(&at(32), GENESIS_MS / 1000, &spec()).unwrap();
    assert_eq!(next.len(), secrets().len());
}

#[test]
fn while_the_registry_is_not_final_nobody_is_drawn_and_nobody_else_either() {
    let source = registry(known(secrets(), EPOCH_START - 1));
    let mut world = World::staked(spec(), Arc::clone(&source) as _);
    let begin = world.core.slot_start_ms(Slot(26).plus(spec().t1_delay_slots));
    let waits = must_wait(&world.core, &block(), begin - 1).unwrap();
    assert!(waits.contains("slot 26") && waits.contains("not final"), "{waits}");
    assert_eq!(must_wait(&world.core, &block(), begin), None, "a job would begin now");

    let job = world.head(&block()).unwrap();
    assert_eq!(world.state(&job), JobState::Unserved);
    let note = world.live(&job).record.note.clone().unwrap();
    assert!(note.starts_with("nobody is drawn: ") && note.contains("rpc_urls"), "{note}");
    assert_eq!(world.core.blocks_without_registry, 1);
    world.settle();
    assert_eq!(world.core.books.ledger.entries().count(), 0, "and nobody pays");

    // The node has caught up: the next block is served as if nothing had been.
    source.update(Arc::new(known(secrets(), LATER)));
    world.core.contracts_changed();
    assert_eq!(must_wait(&world.core, &block(), 0), None);
    let (mut served, mut expected) = (block(), World::new(spec()));
    served.block_root.0[0] ^= 1;
    let selections = [&mut world, &mut expected].map(|world| {
        let job = world.head(&served).unwrap();
        world.live(&job).job().selection().cloned()
    });
    assert!(selections[0].is_some());
    assert_eq!(selections[0], selections[1]);
}

/// What the recorded block's branch is asked about.
fn wanted() -> Wanted {
    Wanted { tip: block().payload().unwrap().parent_hash, moment: EPOCH_START }
}

/// The branch's contracts: these provers registered long before the moment.
fn branch(source: &StakingRegistry, provers: usize) {
    let state = known(&secrets()[..provers], 0).state_before(EPOCH_START);
    source.answer(wanted(), Ok(Arc::new(state)));
}

#[test]
fn a_chain_that_does_not_finalize_draws_from_the_blocks_own_branch() {
    // Finality ends before the second half of the provers came.
    let source = registry(known(&secrets()[..2], EPOCH_START - 500));
    let mut world = World::staked(spec(), Arc::clone(&source) as _);
    let waits = must_wait(&world.core, &block(), 0).unwrap();
    assert!(waits.contains("is being read"), "{waits}");
    assert_eq!(source.wanted(), [wanted()]);
    must_wait(&world.core, &block(), 0).unwrap();
    assert_eq!(source.wanted().len(), 1, "asked once");

    source.answer(wanted(), Err(BranchError::TooDeep { tip: wanted().tip }));
    assert!(source.wanted().is_empty());
    let waits = must_wait(&world.core, &block(), 0).unwrap();
    assert!(waits.contains("32768 blocks"), "{waits}");
    assert_eq!(source.wanted(), [wanted()], "and asked again");

    branch(&source, secrets().len());
    world.core.contracts_changed();
    assert_eq!(must_wait(&world.core, &block(), 0), None);
    assert!(source.wanted().is_empty());
    let job = world.announce();
    let (mut expected, mut fewer) = (
        World::new(spec()),
        World::staked(spec(), {
            let source = registry(known(&secrets()[..2], EPOCH_START - 500));
            branch(&source, secrets().len() - 1);
            source
        }),
    );
    assert_eq!(expected.announce(), job);
    let selection = |world: &World| world.live(&job).job().selection().cloned();
    assert_eq!(selection(&world), selection(&expected), "the same provers as from a final registry");
    fewer.head(&block()).unwrap();
    assert_ne!(fewer.live(&job).record.candidates, world.live(&job).record.candidates, "another branch, other candidates");

    // Provers whose registration is not final can do their duties.
    world.honest_t1(&job);
    expected.honest_t1(&job);
    assert_eq!(world.ledger_root(), expected.ledger_root());

    // Finality comes: nothing changes, and the branch's answers are gone.
    source.update(Arc::new(known(secrets(), LATER)));
    world.core.contracts_changed();
    assert_eq!(world.core.provers(), expected.core.provers());
    assert_eq!(must_wait(&world.core, &block(), 0), None);
    let world = world.restart();
    assert_eq!(selection(&world), selection(&expected));
}

#[test]
fn the_contracts_validators_take_part_as_they_stood_on_the_blocks_own_branch() {
    let source = registry(known(secrets(), LATER));
    let mut world = World::staked(spec(), Arc::clone(&source) as _);
    let job = world.announce();
    let open = world.core.open_phases().into_iter().find(|open| open.job == job).unwrap();
    assert_eq!(open.at, BlockAt::from(&block()));
    let enrolment = Enrolment::contract();
    let enrolled = enrolment.of(&world.core, &open.at).unwrap();
    let members = |enrolled: &Enrolled| enrolled.members().iter().map(|one| (one.index.0, one.weight)).collect::<Vec<_>>();
    assert_eq!(members(&enrolled), [1, 2, 3, 4].map(|index| (index, WEIGHT)));
    assert_eq!(enrolled.members()[1].key, validator(2).public_key());
    assert_eq!(enrolment.of(&world.core, &open.at).unwrap(), enrolled, "the next phase has the same");

    // Another branch has one more, and it is asked about first.
    let source = registry(known(secrets(), EPOCH_START - 500));
    let world = World::staked(spec(), Arc::clone(&source) as _);
    assert!(matches!(enrolment.of(&world.core, &open.at), Err(NotEnrolled::NotKnown(_))));
    let mut further = known(secrets(), 0);
    enrol(&mut further, 9);
    source.answer(wanted(), Ok(Arc::new(further.state_before(EPOCH_START))));
    assert_eq!(members(&enrolment.of(&world.core, &open.at).unwrap()).last(), Some(&(9, WEIGHT)));

    let nobody = Known { members: Default::default(), member_logs: Vec::new(), ..known(secrets(), LATER) };
    let world = World::staked(spec(), registry(nobody));
    assert!(matches!(enrolment.of(&world.core, &open.at), Err(NotEnrolled::Committee { .. })));
    assert!(matches!(enrolment.of(&World::new(spec()).core, &open.at), Err(NotEnrolled::NoContract)));
}

#[test]
fn blocks_that_get_no_job_wait_like_all_others_and_a_file_makes_nobody_wait() {
    let world = World::new(spec());
    assert_eq!(must_wait(&world.core, &block(), 0), None);
    let lagging = World::staked(spec(), registry(known(secrets(), 0)));
    assert!(must_wait(&lagging.core, &empty(27, 1, block().block_root), 0).is_some());
    // Where the first phase begins with the block there is half a slot to wait.
    let hasty = Spec { t1_delay_slots: 0, ..spec() };
    let lagging = World::staked(hasty, registry(known(secrets(), 0)));
    let start = lagging.core.slot_start_ms(Slot(26));
    assert!(must_wait(&lagging.core, &block(), start + 1999).is_some());
    assert_eq!(must_wait(&lagging.core, &block(), start + 2000), None);
}

#[test]
fn a_ledger_is_not_continued_with_the_provers_of_another_registry() {
    let mut world = World::staked(spec(), registry(known(secrets(), LATER)));
    world.announce();
    world = world.restart();
    assert!(world.core.jobs().all(|(_, live)| live.job().phase() == Some(Phase::T1)));
    let error = world.reopen_with_file().unwrap_err();
    assert!(matches!(&error, CoreError::OtherRegistry { configured, .. } if configured == "a registry file"), "{error}");
    assert!(error.to_string().contains("data_dir"), "{error}");
}
