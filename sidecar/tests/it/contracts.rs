//! The staking contracts as a test wants them: what a follower would have read.

use std::sync::Arc;

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolEvent as _;
use quintet_keys::SecretKey;
use quintet_sidecar::staking::StakingRegistry;
use quintet_staking::{
    Change, Checkpoint, Contracts, Deployment, Known, PostedSettlement, Statement, StoredLog, TimedChange,
    bindings::ValidatorSet,
};
use quintet_types::{Epoch, ProverIndex, PublicKeyBytes};

pub(crate) const CHAIN_ID: u64 = 31337;
/// A settlement every two epochs.
pub(crate) const SETTLEMENT_EPOCHS: u64 = 2;
/// What each validator weighs, gwei.
pub(crate) const WEIGHT: u64 = 32_000_000_000;

pub(crate) fn contracts() -> Contracts {
    let [registry, validators, settlement] = [1, 2, 3].map(Address::repeat_byte);
    Contracts { registry, validators, settlement }
}

/// Key of validator `index`.
pub(crate) fn validator(index: u8) -> SecretKey {
    SecretKey::from_bytes(&[0x40 + index; 32]).unwrap()
}

/// Contracts in which these provers registered before anything else, and validators 1 to 4 are enrolled; final up to `until` (Unix seconds).
pub(crate) fn known<'a>(provers: impl IntoIterator<Item = &'a SecretKey>, until: u64) -> Known {
    let mut known = Known { checkpoint: Some(checkpoint(until)), deployment: Some(DEPLOYMENT), ..Known::default() };
    for (index, secret) in (0..).zip(provers) {
        let change = Change::Registered {
            pubkey: secret.public_key().into(),
            owner: Address::ZERO,
            withdrawal_address: Address::ZERO,
            stake: U256::from(1_000_000_000_000_000_000u64),
            activation: Epoch(0),
        };
        known.registry.push(TimedChange { timestamp: 1, prover: ProverIndex(index), change }).unwrap();
    }
    for index in 1..=4 {
        enrol(&mut known, index);
    }
    known
}

pub(crate) fn enrol(known: &mut Known, index: u8) {
    let pubkey: PublicKeyBytes = validator(index).public_key().into();
    let enrolled = ValidatorSet::Enrolled {
        index: index.into(),
        owner: Address::ZERO,
        pubkey: pubkey.to_vec().into(),
        payout: Address::ZERO,
        weight: WEIGHT,
        fromEpoch: 0,
    };
    let log = enrolled.encode_log_data();
    let (topics, data) = (log.topics().to_vec(), log.data.to_vec());
    known.push_member(StoredLog { contract: contracts().validators, timestamp: 1, topics, data }).unwrap();
}

/// The same contracts with a settlement posted.
pub(crate) fn with_posted(known: &Known, statement: &Statement) -> Known {
    let mut known = known.clone();
    known.posted.push(PostedSettlement {
        number: statement.number,
        end_epoch: statement.end_epoch,
        leaves_root: statement.leaves_root,
        ledger_root: statement.ledger_root,
    });
    known
}

pub(crate) fn registry(known: Known) -> Arc<StakingRegistry> {
    Arc::new(StakingRegistry::new(CHAIN_ID, &contracts(), Arc::new(known)))
}

fn checkpoint(timestamp: u64) -> Checkpoint {
    Checkpoint { chain_id: CHAIN_ID, contracts: contracts(), block: 1, hash: B256::ZERO, timestamp }
}

const DEPLOYMENT: Deployment = Deployment {
    genesis_time: 1000,
    seconds_per_slot: 4,
    slots_per_epoch: 8,
    fork_data_root: B256::ZERO,
    settlement_epochs: SETTLEMENT_EPOCHS,
    wei_per_unit: U256::ONE,
    min_members: 3,
    min_total_weight_gwei: 1,
};
