//! The RLP writer against alloy-rlp: numbers of every length, strings, list headers.

use crate::samples::number;
use alloy_primitives::U256;
use alloy_rlp::{Encodable, Header, encode};
use proptest::prelude::*;
use quintet_payload::rlp::{Writer, header_len, prepend_list_header, string_len};

fn written(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut buffer = vec![0xee; 70_000];
    let mut writer = Writer::new(&mut buffer, 0);
    write(&mut writer);
    let len = writer.position();
    buffer.truncate(len);
    buffer
}

#[test]
fn numbers_at_the_ends_of_every_length_agree() {
    for bits in 0..=256 {
        for number in [U256::MAX.checked_shr(bits).unwrap_or_default(), U256::from(1).checked_shl(bits).unwrap_or_default()] {
            assert_eq!(written(|out| out.number_256(&number.to_le_bytes())), encode(number), "{number}");
            if let Ok(number) = u64::try_from(number) {
                assert_eq!(written(|out| out.number(number)), encode(number), "{number}");
            }
        }
    }
}

#[test]
fn strings_of_every_header_length_agree() {
    for len in [0, 1, 2, 32, 54, 55, 56, 57, 255, 256, 257, 65_535, 65_536] {
        for byte in [0, 0x7f, 0x80, 0xff] {
            let bytes = vec![byte; len];
            let expected = encode(&bytes[..]);
            assert_eq!(written(|out| out.string(&bytes)), expected, "{len} times {byte:#x}");
            assert_eq!(string_len(&bytes), expected.len());
        }
    }
    assert_eq!(written(|out| out.fixed(&[7; 20])), encode([7u8; 20]));
}

#[test]
fn list_headers_end_where_the_payload_starts() {
    for len in [0, 1, 55, 56, 255, 256, 65_535] {
        let mut expected = Vec::new();
        Header { list: true, payload_length: len }.encode(&mut expected);
        let mut buffer = vec![0; 3 + len];
        let start = prepend_list_header(&mut buffer, 3, 3 + len);
        assert_eq!(buffer[start..3], expected[..], "{len} bytes");
        assert_eq!(header_len(len), expected.len());
    }
}

proptest! {
    #[test]
    fn random_numbers_agree(small in number(), large: [u64; 4]) {
        prop_assert_eq!(written(|out| out.number(small)), encode(small));
        let large = U256::from_limbs(large);
        prop_assert_eq!(written(|out| out.number_256(&large.to_le_bytes())), encode(large));
    }

    #[test]
    fn random_strings_agree(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut expected = Vec::new();
        bytes.as_slice().encode(&mut expected);
        prop_assert_eq!(written(|out| out.string(&bytes)), expected);
    }
}
