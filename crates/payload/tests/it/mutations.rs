//! Whatever changes in the input changes the verdict: each field, each byte.

use crate::samples::{capella, fulu, input};
use alloy_primitives::{Address, B256, Bytes};
use proptest::prelude::*;
use quintet_payload::{CheckError, PayloadFork, PayloadInput, SoftKeccak, Withdrawal, check_bytes};

type Mutation = (&'static str, fn(&mut PayloadInput));

fn flip(hash: &mut B256) {
    hash.0[31] ^= 1;
}

/// Each field that every fork has, changed.
const COMMON: &[Mutation] = &[
    ("parent_hash", |p| flip(&mut p.parent_hash)),
    ("fee_recipient", |p| p.fee_recipient.0.0[0] ^= 0x80),
    ("state_root", |p| flip(&mut p.state_root)),
    ("receipts_root", |p| flip(&mut p.receipts_root)),
    ("logs_bloom", |p| p.logs_bloom[255] ^= 1),
    ("prev_randao", |p| flip(&mut p.prev_randao)),
    ("block_number", |p| p.block_number += 1),
    ("gas_limit", |p| p.gas_limit -= 1),
    ("gas_used", |p| p.gas_used += 1),
    ("timestamp", |p| p.timestamp += 1),
    ("extra_data", |p| p.extra_data = Bytes::from_static(b"\0")),
    ("base_fee_per_gas", |p| p.base_fee_per_gas += alloy_primitives::U256::from(1)),
    ("block_hash", |p| flip(&mut p.block_hash)),
    ("a transaction's byte", |p| {
        let mut bytes = p.transactions[0].to_vec();
        bytes[7] ^= 1;
        p.transactions[0] = bytes.into();
    }),
    ("a transaction dropped", |p| p.transactions.clear()),
    ("a transaction doubled", |p| p.transactions.push(p.transactions[0].clone())),
    ("a transaction split in two", |p| {
        let rest = p.transactions[0].slice(40..);
        p.transactions[0] = p.transactions[0].slice(..40);
        p.transactions.push(rest);
    }),
    ("a withdrawal added", |p| {
        p.withdrawals.push(Withdrawal { index: 0, validator_index: 1, address: Address::ZERO, amount: 2 });
    }),
];

/// Fields that Electra has beyond Capella.
const ELECTRA: &[Mutation] = &[
    ("blob_gas_used", |p| p.blob_gas_used = 131_072),
    ("excess_blob_gas", |p| p.excess_blob_gas += 1),
    ("parent_beacon_block_root", |p| flip(&mut p.parent_beacon_block_root)),
    ("requests_hash", |p| flip(&mut p.requests_hash)),
    ("fork Deneb", |p| {
        p.fork = PayloadFork::Deneb;
        p.requests_hash = B256::ZERO;
    }),
    ("fork Capella", |p| {
        p.fork = PayloadFork::Capella;
        p.requests_hash = B256::ZERO;
        p.parent_beacon_block_root = B256::ZERO;
    }),
];

fn rejected(sample: &PayloadInput, mutations: &[Mutation]) {
    for (what, mutate) in mutations {
        let mut input = sample.clone();
        mutate(&mut input);
        let result = check_bytes::<SoftKeccak>(&input.encode().unwrap());
        assert!(matches!(result, Err(CheckError::BlockHash { .. })), "{what}: {result:?}");
    }
}

#[test]
fn every_field_of_a_real_block_counts() {
    rejected(&capella(), COMMON);
    rejected(&fulu(), COMMON);
    rejected(&fulu(), ELECTRA);
}

#[test]
fn a_capella_block_is_no_block_of_a_later_fork() {
    let deneb: Mutation = ("Deneb", |p| p.fork = PayloadFork::Deneb);
    let electra: Mutation = ("Electra", |p| p.fork = PayloadFork::Electra);
    rejected(&capella(), &[deneb, electra]);
}

#[test]
fn every_byte_of_a_real_input_counts() {
    for sample in [capella(), fulu()] {
        let bytes = sample.encode().unwrap();
        for i in 0..bytes.len() {
            for bit in [0, 7] {
                let mut changed = bytes.clone();
                changed[i] ^= 1 << bit;
                assert!(check_bytes::<SoftKeccak>(&changed).is_err(), "byte {i}, bit {bit}");
            }
        }
    }
}

#[test]
fn exit_codes_tell_malformed_inputs_from_wrong_hashes() {
    let code = |bytes: &[u8]| check_bytes::<SoftKeccak>(bytes).unwrap_err().exit_code();
    let bytes = fulu().encode().unwrap();
    let with = |offset: usize, word: u64| {
        let mut bytes = bytes.clone();
        bytes[offset..offset + 8].copy_from_slice(&word.to_le_bytes());
        bytes
    };
    assert_eq!(code(&[]), 0x10);
    assert_eq!(code(&bytes[..bytes.len() - 1]), 0x10);
    assert_eq!(code(&vec![0; (1 << 24) + 1]), 0x11);
    assert_eq!(code(&with(0, 0)), 0x12);
    assert_eq!(code(&with(8, 3)), 0x13);
    assert_eq!(code(&with(456, 33)), 0x14);
    assert_eq!(code(&with(464, 1)), 0x15);
    assert_eq!(code(&with(640, 17)), 0x16);
    assert_eq!(code(&with(648, (1 << 20) + 1)), 0x17);
    assert_eq!(code(&with(656, 0)), 0x18);
    assert_eq!(code(&with(528, 0)), 0x20);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn changed_bytes_never_pass(input in input(), at: prop::sample::Index, xor in 1..=255u8) {
        let mut bytes = input.encode().unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= xor;
        prop_assert!(check_bytes::<SoftKeccak>(&bytes).is_err());
    }
}
