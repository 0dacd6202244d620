//! Branches against a scripted node.

use std::{collections::HashSet, sync::Mutex};

use alloy_primitives::{Address, Bytes, LogData, U256};
use alloy_sol_types::SolEvent;
use quintet_types::{Epoch, Slot, Spec, ValidatorIndex, spec::Network};

use super::*;
use crate::{
    Checkpoint, OrderError,
    bindings::{ProverRegistry as Registry, ValidatorSet},
    registry_moment,
};

const CONTRACTS: Contracts =
    Contracts { registry: Address::repeat_byte(1), validators: Address::repeat_byte(2), settlement: Address::repeat_byte(3) };
const DEPLOYED_AT: u64 = 2;

/// A node with blocks that are ten seconds apart; it counts what it is asked.
#[derive(Default)]
struct Script {
    blocks: HashMap<B256, (Header, Vec<StoredLog>)>,
    asked: Mutex<Vec<B256>>,
    gone: Mutex<HashSet<B256>>,
}

#[async_trait]
impl Blocks for Script {
    fn shown(&self) -> &str {
        "script:1"
    }

    async fn header(&self, _: &Contracts, hash: B256) -> Result<Option<Header>, FollowError> {
        self.asked.lock().unwrap().push(hash);
        let gone = self.gone.lock().unwrap().contains(&hash);
        Ok(self.blocks.get(&hash).filter(|_| !gone).map(|(header, _)| *header))
    }

    async fn logs_in(&self, _: &Contracts, block: &BlockRef) -> Result<Vec<StoredLog>, FollowError> {
        self.asked.lock().unwrap().push(block.hash);
        Ok(self.blocks[&block.hash].1.clone())
    }
}

fn log(contract: Address, number: u64, event: &impl SolEvent) -> StoredLog {
    let data: LogData = event.encode_log_data();
    StoredLog { contract, timestamp: number * 10, topics: data.topics().to_vec(), data: data.data.to_vec() }
}

/// Prover `index` registers with a key of `byte`s, in block `number`.
fn registered(number: u64, index: u64, byte: u8) -> StoredLog {
    let event = Registry::Registered {
        index,
        owner: Address::ZERO,
        pubkey: Bytes::from(vec![byte; 48]),
        withdrawalAddress: Address::ZERO,
        stake: U256::from(1_000_000_000_000_000_000u64),
        activationEpoch: 1,
    };
    log(CONTRACTS.registry, number, &event)
}

fn enrolled(number: u64, index: u64) -> StoredLog {
    let event = ValidatorSet::Enrolled {
        index,
        owner: Address::ZERO,
        pubkey: Bytes::from(vec![9; 48]),
        payout: Address::ZERO,
        weight: 32,
        fromEpoch: 1,
    };
    log(CONTRACTS.validators, number, &event)
}

impl Script {
    /// A block with `name` on top of `parent`.
    fn block(&mut self, name: u8, parent: u8, number: u64, logs: Vec<StoredLog>) {
        let (hash, parent) = (B256::repeat_byte(name), B256::repeat_byte(parent));
        let block = BlockRef { number, hash, timestamp: number * 10 };
        self.blocks.insert(hash, (Header { block, parent, touched: !logs.is_empty() }, logs));
    }

    /// Blocks 2 to 9, and two branches from 6 on: a registration in 3 and 5, then another prover as the third on each branch, and a validator on one.
    fn two_branches() -> Self {
        let mut script = Self::default();
        script.block(0xee, 0xdd, 1, vec![]);
        script.block(2, 0xee, 2, vec![]);
        script.block(3, 2, 3, vec![registered(3, 0, 0xa0)]);
        script.block(4, 3, 4, vec![]);
        script.block(5, 4, 5, vec![registered(5, 1, 0xa1)]);
        script.block(0x16, 5, 6, vec![registered(6, 2, 0xb2)]);
        script.block(0x17, 0x16, 7, vec![enrolled(7, 40)]);
        script.block(0x18, 0x17, 8, vec![]);
        script.block(0x26, 5, 6, vec![registered(6, 2, 0xc2)]);
        script.block(0x27, 0x26, 7, vec![registered(7, 3, 0xc3)]);
        script.block(0x28, 0x27, 8, vec![]);
        script
    }

    /// What a sidecar knows that holds blocks up to `name` (an ancestor of all) for final.
    fn known(&self, name: Option<u8>) -> Known {
        let mut known = Known::default();
        let Some(name) = name else { return known };
        for at in DEPLOYED_AT as u8..=name {
            for log in &self.blocks[&B256::repeat_byte(at)].1 {
                known.push(&CONTRACTS, log).unwrap();
            }
        }
        let BlockRef { number: block, hash, timestamp } = self.blocks[&B256::repeat_byte(name)].0.block;
        known.checkpoint = Some(Checkpoint { chain_id: 1, contracts: CONTRACTS, block, hash, timestamp });
        known
    }

    async fn ask(&self, branches: &mut Branches, known: &Known, tip: u8, moment: u64) -> Result<Arc<StateAt>, BranchError> {
        branches.state_at(self, (&CONTRACTS, DEPLOYED_AT), known, B256::repeat_byte(tip), moment).await
    }

    fn taken(&self) -> usize {
        std::mem::take(&mut *self.asked.lock().unwrap()).len()
    }
}

fn keys(state: &StateAt) -> Vec<u8> {
    state.provers.iter().map(|prover| prover.pubkey.0[0]).collect()
}

#[tokio::test]
async fn two_branches_give_two_answers_and_one_gives_the_same_however_far_finality_is_known() {
    let script = Script::two_branches();
    for finality in [None, Some(2), Some(3), Some(4), Some(5)] {
        let known = script.known(finality);
        let mut branches = Branches::default();
        for _ in 0..2 {
            let one = script.ask(&mut branches, &known, 0x18, 75).await.unwrap();
            assert_eq!((keys(&one), one.moment), (vec![0xa0, 0xa1, 0xb2], 75), "{finality:?}");
            assert!(one.members.get(ValidatorIndex(40)).is_some());
            let other = script.ask(&mut branches, &known, 0x28, 75).await.unwrap();
            assert_eq!(keys(&other), [0xa0, 0xa1, 0xc2, 0xc3], "{finality:?}");
            assert_eq!(other.members.iter().count(), 0);
        }
        // Later blocks are not yet there at an earlier moment, and the moment itself is too late.
        let early = script.ask(&mut branches, &known, 0x28, 70).await.unwrap();
        assert_eq!(keys(&early), [0xa0, 0xa1, 0xc2]);
        assert_eq!(known, script.known(finality), "what is final is as it was");
    }
    // And what a sidecar says that has seen the branch become final.
    let mut known = script.known(Some(5));
    for name in [0x16, 0x17] {
        for log in &script.blocks[&B256::repeat_byte(name)].1 {
            known.push(&CONTRACTS, log).unwrap();
        }
    }
    let mut branches = Branches::default();
    assert_eq!(known.state_before(75), *script.ask(&mut branches, &script.known(Some(2)), 0x18, 75).await.unwrap());
}

#[tokio::test]
async fn blocks_are_read_once_and_what_became_final_is_forgotten() {
    let script = Script::two_branches();
    let (mut branches, known) = (Branches::default(), script.known(Some(2)));
    script.ask(&mut branches, &known, 0x17, 75).await.unwrap();
    // Headers of 17, 16, 5, 4, 3, and logs of those that may have any.
    assert_eq!(script.taken(), 5 + 4);
    script.ask(&mut branches, &known, 0x18, 75).await.unwrap();
    assert_eq!(script.taken(), 1, "one header more");
    script.ask(&mut branches, &known, 0x28, 75).await.unwrap();
    assert_eq!(script.taken(), 3 + 2, "the common part is known");
    // A restart knows nothing, and finds the same.
    let again = script.ask(&mut Branches::default(), &known, 0x18, 75).await.unwrap();
    assert_eq!(again, script.ask(&mut branches, &known, 0x18, 75).await.unwrap());

    let later = script.known(Some(5));
    script.ask(&mut branches, &later, 0x18, 75).await.unwrap();
    assert!(branches.blocks.values().all(|cached| cached.header.block.number > 5));
    // Blocks that a node gave up are still known here.
    script.gone.lock().unwrap().extend([0x16, 0x17, 0x18].map(B256::repeat_byte));
    script.ask(&mut branches, &later, 0x18, 65).await.unwrap();
    let missing = script.ask(&mut Branches::default(), &later, 0x18, 65).await.unwrap_err();
    assert!(matches!(missing, BranchError::Missing { block, .. } if block == B256::repeat_byte(0x18)), "{missing}");
    assert!(missing.is_of_one_node());
}

#[tokio::test]
async fn a_branch_without_the_final_block_is_told_apart() {
    let mut script = Script::two_branches();
    let mut known = script.known(Some(5));
    for log in &script.blocks[&B256::repeat_byte(0x16)].1 {
        known.push(&CONTRACTS, log).unwrap();
    }
    let hash = B256::repeat_byte(0x16);
    known.checkpoint = known.checkpoint.map(|five| Checkpoint { block: 6, hash, timestamp: 60, ..five });
    let mut branches = Branches::default();
    assert_eq!(keys(&script.ask(&mut branches, &known, 0x18, 75).await.unwrap()), [0xa0, 0xa1, 0xb2]);
    let detached = script.ask(&mut branches, &known, 0x28, 75).await.unwrap_err();
    let wanted = (6, hash, B256::repeat_byte(0x26));
    assert!(
        matches!(detached, BranchError::Detached { number, known, got, .. } if (number, known, got) == wanted),
        "{detached}"
    );
    assert!(!detached.is_of_one_node());
    // The final block itself, and one below it.
    assert_eq!(keys(&script.ask(&mut branches, &known, 0x16, 75).await.unwrap()), [0xa0, 0xa1, 0xb2]);
    assert!(matches!(script.ask(&mut branches, &known, 5, 75).await, Err(BranchError::Detached { .. })));

    // Numbers that do not fit, and logs that do not follow.
    script.block(0x31, 0x18, 12, vec![]);
    let torn = script.ask(&mut branches, &known, 0x31, 75).await.unwrap_err();
    assert!(matches!(torn, BranchError::Follow(FollowError::Inconsistent { .. })), "{torn}");
    script.block(0x32, 0x18, 9, vec![registered(9, 7, 1)]);
    let gap = script.ask(&mut branches, &known, 0x32, 95).await.unwrap_err();
    let BranchError::Follow(FollowError::Order(OrderError::Registration { expected: 3, .. })) = gap else { panic!("{gap}") };
}

#[tokio::test]
async fn a_branch_is_not_followed_for_ever() {
    let mut script = Script::default();
    let name = |number: u64| B256::from(U256::from(number) + U256::from(1));
    for number in 0..=MAX_BRANCH as u64 + 1 {
        let block = BlockRef { number, hash: name(number), timestamp: number };
        script.blocks.insert(name(number), (Header { block, parent: name(number.wrapping_sub(1)), touched: false }, vec![]));
    }
    let mut known = Known::default();
    let checkpoint = Checkpoint { chain_id: 1, contracts: CONTRACTS, block: 0, hash: name(0), timestamp: 0 };
    known.checkpoint = Some(checkpoint);
    let mut branches = Branches::default();
    let ask = |number| name(number);
    let place = (&CONTRACTS, DEPLOYED_AT);
    branches.state_at(&script, place, &known, ask(MAX_BRANCH as u64), 9).await.unwrap();
    let deep = branches.state_at(&script, place, &known, ask(MAX_BRANCH as u64 + 1), 9).await.unwrap_err();
    assert!(matches!(deep, BranchError::TooDeep { .. }), "{deep}");
}

#[test]
fn the_moment_that_counts_is_the_start_of_an_epoch() {
    let spec = Spec { slots_per_epoch: 4, slot_duration_ms: 2000, registry_lookback_epochs: 4, ..Network::Mainnet.spec() };
    assert_eq!(registry_moment(Slot(4 * 9), 100, &spec), 100 + 2 * 4 * 5);
    assert_eq!(registry_moment(Slot(4 * 9 + 3), 100, &spec), 100 + 2 * 4 * 5);
    assert_eq!(registry_moment(Epoch(3).start_slot(4), 100, &spec), 100, "before there were four");
}
