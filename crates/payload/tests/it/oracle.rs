//! Real blocks and alloy's own header, RLP and tries agree with the check.

use crate::samples::{alloy_hash, capella, fulu, input};
use alloy_primitives::U256;
use proptest::prelude::*;
use quintet_payload::{PayloadInput, PayloadOutput, SoftKeccak, check_bytes};

fn outputs(input: &PayloadInput) -> PayloadOutput {
    check_bytes::<SoftKeccak>(&input.encode().unwrap()).unwrap()
}

#[test]
fn real_blocks_are_accepted() {
    for input in [capella(), fulu()] {
        assert_eq!(alloy_hash(&input), input.block_hash);
        let expected = PayloadOutput {
            block_hash: input.block_hash.0,
            parent_hash: input.parent_hash.0,
            state_root: input.state_root.0,
            block_number: 26,
            gas_used: 70_271,
        };
        assert_eq!(outputs(&input), expected);
    }
}

#[test]
fn output_words_of_a_real_block_are_those_documented() {
    let words = outputs(&capella()).to_words();
    // 0x26977fd1c0ce462b…, read little-endian
    assert_eq!(words[0], 0x2b46_cec0_d17f_9726);
    assert_eq!(words[12..], [26, 70_271]);
    assert_eq!(PayloadOutput::from_words(&words).to_words(), words);
}

#[test]
fn base_fees_above_64_bits_change_the_hash() {
    let mut hashes = Vec::new();
    for shift in [0, 7, 8, 63, 64, 71, 72, 128, 200, 255] {
        let mut input = capella();
        input.base_fee_per_gas = U256::from(1) << shift;
        match check_bytes::<SoftKeccak>(&input.encode().unwrap()) {
            Err(quintet_payload::CheckError::BlockHash { computed, .. }) => hashes.push(computed),
            other => panic!("{other:?}"),
        }
        if shift < 64 {
            assert_eq!(alloy_hash(&input).0, *hashes.last().unwrap());
        }
    }
    let distinct: std::collections::BTreeSet<_> = hashes.iter().collect();
    assert_eq!(distinct.len(), hashes.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn alloy_and_the_check_agree_on_random_payloads(input in input()) {
        prop_assert_eq!(outputs(&input).block_hash, input.block_hash.0);
    }
}
