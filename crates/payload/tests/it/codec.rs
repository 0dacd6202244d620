//! The encoding: one for each value, and nothing else decodes.

use crate::samples::{capella, fulu, input};
use alloy_primitives::{B256, Bytes, b256};
use proptest::prelude::*;
use quintet_payload::{DecodeError, EncodeError, PayloadInput, PayloadView, Withdrawal, input_root, layout};

#[test]
fn input_roots_of_the_samples_are_fixed() {
    let root = |input: PayloadInput| input_root(&input.encode().unwrap());
    assert_eq!(root(capella()), b256!("6c789c36814971982fe6907d24ef774a908713aaea776880c749cf59a3e923c3"));
    assert_eq!(root(fulu()), b256!("bde06383ee9a608f1be9c6e7518e00496a1cff32ff417d8c2a792b21cb2a0d2c"));
}

#[test]
fn fields_stand_where_the_layout_says() {
    let input = fulu();
    let bytes = input.encode().unwrap();
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    assert_eq!(bytes[..8], *b"QNTPAY\0\x01");
    assert_eq!(word(layout::FORK), 2);
    assert_eq!(bytes[layout::BLOCK_HASH..][..32], input.block_hash.0);
    assert_eq!(bytes[layout::REQUESTS_HASH..][..32], input.requests_hash.0);
    assert_eq!(word(layout::TIMESTAMP), input.timestamp);
    assert_eq!(word(layout::TRANSACTION_COUNT), 1);
    assert_eq!(word(layout::HEAD), input.transactions[0].len() as u64);
    assert_eq!(bytes[layout::HEAD + 8..], input.transactions[0]);
}

#[test]
fn values_out_of_bounds_have_no_encoding() {
    let error = |change: fn(&mut PayloadInput)| {
        let mut input = capella();
        change(&mut input);
        input.encode().unwrap_err()
    };
    assert_eq!(error(|p| p.extra_data = vec![0; 33].into()), EncodeError::ExtraData { len: 33 });
    assert_eq!(error(|p| p.withdrawals = vec![Withdrawal::default(); 17]), EncodeError::Withdrawals { count: 17 });
    assert_eq!(error(|p| p.transactions.push(Bytes::new())), EncodeError::EmptyTransaction { index: 1 });
    let many = (1 << 20) + 1;
    assert_eq!(
        error(|p| p.transactions = vec![Bytes::from_static(b"\x02"); (1 << 20) + 1]),
        EncodeError::Transactions { count: many }
    );
    let long = error(|p| p.transactions.push(vec![1; 1 << 24].into()));
    assert!(matches!(long, EncodeError::TooLong { .. }), "{long:?}");
    let later = |field| EncodeError::FieldOfLaterFork { field };
    assert_eq!(error(|p| p.blob_gas_used = 1), later("blob_gas_used"));
    assert_eq!(error(|p| p.excess_blob_gas = 1), later("excess_blob_gas"));
    assert_eq!(error(|p| p.parent_beacon_block_root = B256::repeat_byte(1)), later("parent_beacon_block_root"));
    assert_eq!(error(|p| p.requests_hash = B256::repeat_byte(1)), later("requests_hash"));
}

#[test]
fn lengths_that_do_not_fit_are_refused() {
    let bytes = capella().encode().unwrap();
    for len in 0..bytes.len() {
        assert!(matches!(PayloadView::parse(&bytes[..len]), Err(DecodeError::Length { .. })), "{len} bytes");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(PayloadView::parse(&longer).unwrap_err(), DecodeError::Length { len: bytes.len() + 1, expected: bytes.len() });
}

#[test]
fn transactions_that_overlap_or_wrap_are_refused() {
    let mut input = capella();
    input.transactions.push(vec![1, 2, 3].into());
    let bytes = input.encode().unwrap();
    for (end, error_at) in [(0, 1), (1, 1), (u64::MAX, usize::MAX)] {
        let mut changed = bytes.clone();
        changed[layout::HEAD + 8..][..8].copy_from_slice(&u64::to_le_bytes(end));
        match PayloadView::parse(&changed).unwrap_err() {
            DecodeError::EmptyTransaction { index } => assert_eq!(index, error_at),
            DecodeError::Length { expected, .. } => assert_eq!(expected, error_at),
            other => panic!("{other:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn decoding_gives_the_value_back(input in input()) {
        let bytes = input.encode().unwrap();
        let view = PayloadView::parse(&bytes).unwrap();
        prop_assert_eq!(view.to_input(), input);
    }

    #[test]
    fn what_decodes_is_its_value_s_only_encoding(input in input(), at: prop::sample::Index, byte: u8, cut: bool) {
        let mut bytes = input.encode().unwrap();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        if let Ok(view) = PayloadView::parse(&bytes) {
            prop_assert_eq!(view.to_input().encode().unwrap(), bytes);
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let _ = PayloadView::parse(&bytes);
    }
}
