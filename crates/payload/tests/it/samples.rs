//! The sample blocks as inputs of the check, and random inputs whose block hash alloy computed.

use alloy_consensus::Header;
use alloy_eips::eip4895;
use alloy_primitives::{Address, B64, B256, Bloom, Bytes, U256, b256};
use alloy_trie::root::{ordered_trie_root, ordered_trie_root_encoded};
use proptest::prelude::*;
use quintet_payload::{PayloadFork, PayloadInput, Withdrawal};
use serde_json::Value;

/// SHA-256 of nothing: the requests hash of a block without requests (EIP-7685).
const NO_REQUESTS: B256 = b256!("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");

/// Lodestar and EthereumJS, Capella, one contract call.
pub(crate) fn capella() -> PayloadInput {
    from_json(include_str!("../data/block-capella-26.json"), PayloadFork::Capella)
}

/// libbeacon and EthereumJS, Fulu, one contract call, no requests.
pub(crate) fn fulu() -> PayloadInput {
    from_json(include_str!("../data/block-fulu-26.json"), PayloadFork::Electra)
}

fn from_json(text: &str, fork: PayloadFork) -> PayloadInput {
    let block: Value = serde_json::from_str(text).unwrap();
    let message = &block["data"]["message"];
    let payload = &message["body"]["execution_payload"];
    let hash = |value: &Value| value.as_str().unwrap().parse::<B256>().unwrap();
    let number = |field: &str| payload[field].as_str().unwrap().parse::<u64>().unwrap();
    let bytes = |value: &Value| value.as_str().unwrap().parse::<Bytes>().unwrap();
    assert!(payload["withdrawals"].as_array().unwrap().is_empty());
    PayloadInput {
        fork,
        parent_hash: hash(&payload["parent_hash"]),
        fee_recipient: payload["fee_recipient"].as_str().unwrap().parse().unwrap(),
        state_root: hash(&payload["state_root"]),
        receipts_root: hash(&payload["receipts_root"]),
        logs_bloom: payload["logs_bloom"].as_str().unwrap().parse::<Bloom>().unwrap().into(),
        prev_randao: hash(&payload["prev_randao"]),
        block_number: number("block_number"),
        gas_limit: number("gas_limit"),
        gas_used: number("gas_used"),
        timestamp: number("timestamp"),
        extra_data: bytes(&payload["extra_data"]),
        base_fee_per_gas: payload["base_fee_per_gas"].as_str().unwrap().parse().unwrap(),
        block_hash: hash(&payload["block_hash"]),
        blob_gas_used: if fork.has_blobs() { number("blob_gas_used") } else { 0 },
        excess_blob_gas: if fork.has_blobs() { number("excess_blob_gas") } else { 0 },
        parent_beacon_block_root: if fork.has_blobs() { hash(&message["parent_root"]) } else { B256::ZERO },
        requests_hash: if fork.has_requests() { NO_REQUESTS } else { B256::ZERO },
        withdrawals: Vec::new(),
        transactions: payload["transactions"].as_array().unwrap().iter().map(bytes).collect(),
    }
}

/// The header's hash by alloy's header and tries.
pub(crate) fn alloy_hash(input: &PayloadInput) -> B256 {
    let withdrawals: Vec<_> = input
        .withdrawals
        .iter()
        .map(|w| eip4895::Withdrawal {
            index: w.index,
            validator_index: w.validator_index,
            address: w.address,
            amount: w.amount,
        })
        .collect();
    let (blobs, requests) = (input.fork.has_blobs(), input.fork.has_requests());
    Header {
        parent_hash: input.parent_hash,
        beneficiary: input.fee_recipient,
        state_root: input.state_root,
        transactions_root: ordered_trie_root_encoded(&input.transactions),
        receipts_root: input.receipts_root,
        logs_bloom: Bloom::new(input.logs_bloom),
        number: input.block_number,
        gas_limit: input.gas_limit,
        gas_used: input.gas_used,
        timestamp: input.timestamp,
        extra_data: input.extra_data.clone(),
        mix_hash: input.prev_randao,
        nonce: B64::ZERO,
        base_fee_per_gas: Some(input.base_fee_per_gas.to::<u64>()),
        withdrawals_root: Some(ordered_trie_root(&withdrawals)),
        blob_gas_used: blobs.then_some(input.blob_gas_used),
        excess_blob_gas: blobs.then_some(input.excess_blob_gas),
        parent_beacon_block_root: blobs.then_some(input.parent_beacon_block_root),
        requests_hash: requests.then_some(input.requests_hash),
        ..Header::default()
    }
    .hash_slow()
}

/// Numbers of every byte length.
pub(crate) fn number() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0..64u32).prop_map(|(number, shift)| number >> shift)
}

fn hash() -> impl Strategy<Value = B256> {
    any::<[u8; 32]>().prop_map(B256::new)
}

fn withdrawal() -> impl Strategy<Value = Withdrawal> {
    (number(), number(), any::<[u8; 20]>(), number()).prop_map(|(index, validator_index, address, amount)| Withdrawal {
        index,
        validator_index,
        address: Address::new(address),
        amount,
    })
}

fn fork() -> impl Strategy<Value = PayloadFork> {
    prop_oneof![Just(PayloadFork::Capella), Just(PayloadFork::Deneb), Just(PayloadFork::Electra)]
}

/// Any valid value, with a base fee that alloy's header can hold and the hash that alloy computes.
pub(crate) fn input() -> impl Strategy<Value = PayloadInput> {
    let hashes = (hash(), hash(), hash(), hash(), hash(), hash());
    let numbers = [number(), number(), number(), number(), number(), number(), number()];
    let rest = (any::<[u8; 20]>(), any::<u64>(), prop::collection::vec(any::<u8>(), 0..=32));
    let withdrawals = prop::collection::vec(withdrawal(), 0..=16);
    let transactions = prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..20);
    (fork(), hashes, numbers, rest, withdrawals, transactions).prop_map(
        |(fork, hashes, numbers, (address, bloom, extra), withdrawals, transactions)| {
            let (blobs, requests) = (u64::from(fork.has_blobs()), fork.has_requests());
            let mut input = PayloadInput {
                fork,
                parent_hash: hashes.0,
                fee_recipient: Address::new(address),
                state_root: hashes.1,
                receipts_root: hashes.2,
                logs_bloom: core::array::from_fn(|i| (bloom >> (i % 61)) as u8),
                prev_randao: hashes.3,
                block_number: numbers[0],
                gas_limit: numbers[1],
                gas_used: numbers[2],
                timestamp: numbers[3],
                extra_data: extra.into(),
                base_fee_per_gas: U256::from(numbers[4]),
                block_hash: B256::ZERO,
                blob_gas_used: blobs * numbers[5],
                excess_blob_gas: blobs * numbers[6],
                parent_beacon_block_root: if blobs == 1 { hashes.4 } else { B256::ZERO },
                requests_hash: if requests { hashes.5 } else { B256::ZERO },
                withdrawals,
                transactions: transactions.into_iter().map(Into::into).collect(),
            };
            input.block_hash = alloy_hash(&input);
            input
        },
    )
}
