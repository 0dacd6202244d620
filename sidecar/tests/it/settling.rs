//! Settlements out of the ledger: the same whenever and in whatever order it was filled, and on disk before they are spoken of.

use std::collections::BTreeSet;

use quintet_api::SettlementState;
use quintet_sidecar::core::{BlockMeta, SettlementRefusal};
use quintet_staking::{LedgerSettlement, Signed};
use quintet_types::{
    Account, Epoch, JobId, LedgerEntry, Phase, ProverIndex, Reason, Reward, Root, Slot, TreeHash as _, ValidatorIndex,
};

use crate::{
    contracts::{known, registry, validator, with_posted},
    world::{GENESIS_MS, World, secrets, spec},
};

/// Long after all that happens here.
const LATER: u64 = GENESIS_MS / 1000 + 1_000_000;

pub(crate) fn staked() -> World {
    World::staked(spec(), registry(known(secrets(), LATER)))
}

/// The block at a slot.
fn root_of(slot: u64) -> Root {
    Root::left_padding_from(&slot.to_be_bytes())
}

/// The block at a slot becomes the head.
fn head(world: &mut World, slot: u64) {
    let parent = world.core.chain.head;
    world.core.chain.add(root_of(slot), BlockMeta { slot: Slot(slot), parent });
}

/// Jobs of blocks come to these ends, in this order.
pub(crate) fn earn(world: &mut World, entries: &[LedgerEntry]) {
    let slots: BTreeSet<u64> = entries.iter().map(|entry| entry.job.slot.0).collect();
    slots.into_iter().for_each(|slot| head(world, slot));
    for entry in entries {
        world.core.books.ledger.record(&[*entry]).unwrap();
    }
}

fn entry(slot: u64, account: Account, amount: i64) -> LedgerEntry {
    let job = JobId::new(Slot(slot), root_of(slot));
    LedgerEntry { job, phase: Phase::T2, account, reason: Reason::Partials, amount: Reward(amount) }
}

/// What provers 0 and 1 and validator 3 earned and lost over time: in four periods of sixteen slots, with quiet ones in between.
pub(crate) fn entries() -> Vec<LedgerEntry> {
    let [one, two] = [0, 1].map(|index| Account::Prover(ProverIndex(index)));
    let validator = Account::Validator(ValidatorIndex(3));
    vec![
        entry(3, one, 500),
        entry(3, two, -40),
        entry(20, one, -7),
        entry(20, validator, 9),
        entry(100, two, 11),
        entry(1400, one, 1),
    ]
}

/// All blocks up to `slot` are final.
pub(crate) fn finalize(world: &mut World, slot: u64) {
    head(world, slot);
    world.core.on_finalized(Slot(slot).epoch(8), root_of(slot)).unwrap();
}

fn settlements(world: &World) -> Vec<LedgerSettlement> {
    world.core.settlements.iter().cloned().collect()
}

#[test]
fn the_same_ledger_gives_the_same_settlements_whenever_it_is_looked_at() {
    // Everything at once, after a long time away, and folded together right after.
    let mut late = staked();
    earn(&mut late, &entries());
    finalize(&mut late, 2000);
    let found = settlements(&late);
    let ends: Vec<_> = found.iter().map(|settlement| (settlement.statement.number, settlement.statement.end_epoch)).collect();
    assert_eq!(ends, [(1, Epoch(2)), (2, Epoch(4)), (3, Epoch(14)), (4, Epoch(176))], "quiet periods have none");

    // Step by step, in another order, with restarts.
    let mut early = staked();
    let mut rest = entries();
    for slot in [10, 15, 16, 40, 110, 112, 700, 1407, 1500, 2000] {
        let (due, later): (Vec<_>, Vec<_>) = rest.into_iter().partition(|entry| entry.job.slot.0 <= slot);
        rest = later;
        earn(&mut early, &due.into_iter().rev().collect::<Vec<_>>());
        finalize(&mut early, slot);
        early = early.restart();
    }
    assert_eq!(settlements(&early), found);

    // Cumulative amounts, none of which ever falls.
    let totals: Vec<_> =
        found.iter().map(|s| (s.statement.total_rewards.to::<u128>(), s.statement.total_penalties.to())).collect();
    assert_eq!(totals, [(500, 40u128), (509, 47), (520, 47), (521, 47)]);
    assert_eq!(found[3].leaves.len(), 3);
}

#[test]
fn nothing_is_settled_before_all_before_its_end_is_final_and_over() {
    let mut world = staked();
    earn(&mut world, &entries()[..2]);
    finalize(&mut world, 14);
    assert!(settlements(&world).is_empty(), "slot 15 may still have a block");
    earn(&mut world, &entries()[2..4]);
    let job = world.announce();
    finalize(&mut world, 27);
    assert_eq!(settlements(&world).len(), 1);
    finalize(&mut world, 60);
    assert!(!world.state(&job).is_over());
    assert_eq!(settlements(&world).len(), 1, "the job of slot 26 is not over");
}

#[test]
fn provers_of_a_file_are_not_settled_with() {
    let mut world = World::new(spec());
    earn(&mut world, &entries());
    finalize(&mut world, 2000);
    assert!(settlements(&world).is_empty());
    assert_eq!(world.core.check_statement(1, Root::ZERO), Err(SettlementRefusal::NoContracts));
}

#[test]
fn another_ledger_is_told_apart_and_signatures_survive_a_restart() {
    let (mut world, mut other) = (staked(), staked());
    earn(&mut world, &entries()[..4]);
    earn(&mut other, &entries()[1..4]);
    finalize(&mut world, 50);
    finalize(&mut other, 50);
    let [ours, theirs] = [&world, &other].map(|world| world.core.settlements.get(1).unwrap().statement.tree_hash_root());
    let refused = world.core.check_statement(1, theirs).unwrap_err();
    assert_eq!(refused, SettlementRefusal::OtherStatement { number: 1, ours, theirs });
    assert_eq!(world.core.check_statement(9, theirs), Err(SettlementRefusal::Unknown(9)));

    let signing_root = world.core.check_statement(1, ours).unwrap();
    let sign = |index: u8| {
        let secret = validator(index);
        (ValidatorIndex(index.into()), Signed { pubkey: secret.public_key().into(), signature: secret.sign(&signing_root.0) })
    };
    let (new, pending) = world.core.add_signatures(1, [sign(1), sign(9), sign(1)]).unwrap();
    pending.wait().unwrap();
    assert_eq!(new, [ValidatorIndex(1)], "9 is a stranger, and 1 signs once");
    world = world.restart();
    assert_eq!(world.core.check_signer(1, ValidatorIndex(1)), Err(SettlementRefusal::Duplicate(ValidatorIndex(1))));
    assert_eq!(world.core.check_signer(1, ValidatorIndex(9)), Err(SettlementRefusal::NotEnrolled(ValidatorIndex(9))));
    assert_eq!(world.core.settlement_detail(1, 0, 9).unwrap().signers.len(), 1);
    assert_eq!(settlements(&world).len(), 2);
}

#[test]
fn what_the_contract_has_is_held_against_the_own_ledger() {
    let source = registry(known(secrets(), LATER));
    let mut world = World::staked(spec(), source.clone());
    earn(&mut world, &entries()[..4]);
    finalize(&mut world, 50);
    let [first, second] = [1, 2].map(|number| world.core.settlements.get(number).unwrap().statement);
    let state = |world: &World, number| world.core.settlement_detail(number, 0, 0).unwrap().settlement.state;
    assert_eq!(state(&world, 1), SettlementState::Collecting);

    let posted = with_posted(&source.known(), &first);
    let foreign = quintet_staking::Statement { leaves_root: Root::repeat_byte(1), ..second };
    source.update(std::sync::Arc::new(with_posted(&posted, &foreign)));
    assert_eq!((state(&world, 1), state(&world, 2)), (SettlementState::Posted, SettlementState::Differs));
    assert_eq!(world.core.check_statement(1, first.tree_hash_root()), Err(SettlementRefusal::Posted(1)));
    let account = Account::Prover(ProverIndex(0));
    assert_eq!(world.core.claim_view(&account, None).unwrap().settlement, 1, "nobody can claim from what differs");
    assert_eq!(world.core.claim_view(&account, Some(2)), Err("settlement 2 is not posted".into()));
}
