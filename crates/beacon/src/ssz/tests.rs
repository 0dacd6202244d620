//! The SSZ walker against itself: round trips, canonical form, hostile bytes.

use alloy_primitives::{B256, b256, hex};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn pair() -> SszType {
    SszType::container(
        "Pair",
        vec![
            ("number", SszType::Uint(8)),
            ("bytes", SszType::ByteList(Limit::Max(64))),
            ("bits", SszType::Bitlist(Limit::Max(40))),
            ("flag", SszType::Bool),
            ("lists", SszType::list(SszType::ByteList(Limit::Progressive), Limit::Max(8))),
            ("roots", SszType::list(SszType::Bytes(32), Limit::Progressive)),
        ],
    )
}

fn pair_json(number: u64, bytes: &[u8], bits: u8, lists: &[Vec<u8>], roots: usize) -> Value {
    let roots: Vec<_> = (0..roots).map(|i| format!("{:?}", B256::repeat_byte(i as u8))).collect();
    let lists: Vec<_> = lists.iter().map(hex::encode_prefixed).collect();
    json!({
        "number": number.to_string(), "bytes": hex::encode_prefixed(bytes), "bits": hex::encode_prefixed([bits.max(1)]),
        "flag": number.is_multiple_of(2), "lists": lists, "roots": roots,
    })
}

proptest! {
    #[test]
    fn json_and_ssz_are_inverse(
        number in any::<u64>(),
        bytes in proptest::collection::vec(any::<u8>(), 0..64),
        bits in any::<u8>(),
        lists in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..8),
        roots in 0usize..30,
    ) {
        let ty = pair();
        let value = pair_json(number, &bytes, bits, &lists, roots);
        let ssz = from_json(&ty, &value).unwrap();
        prop_assert_eq!(to_json(&ty, &ssz).unwrap(), value);
        let view = View::new(&ty, &ssz).unwrap();
        prop_assert_eq!(view.field("number").unwrap().to_u64().unwrap(), number);
        prop_assert_eq!(view.field("bytes").unwrap().as_bytes(), &bytes[..]);
        prop_assert_eq!(view.field("lists").unwrap().items().unwrap().len(), lists.len());
    }

    #[test]
    fn accepted_bytes_are_canonical(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let ty = pair();
        if check(&ty, &bytes).is_ok() {
            prop_assert_eq!(from_json(&ty, &to_json(&ty, &bytes).unwrap()).unwrap(), bytes);
        }
    }

    #[test]
    fn a_damaged_value_is_refused_or_canonical(position in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let ty = pair();
        let value = pair_json(7, b"quintet", 0b101, &[vec![1], vec![], vec![2, 3]], 3);
        let mut ssz = from_json(&ty, &value).unwrap();
        let at = position.index(ssz.len());
        ssz[at] = byte;
        for bytes in [&ssz[..], &ssz[..cut.index(ssz.len())]] {
            if let Ok(json) = to_json(&ty, bytes) {
                prop_assert_eq!(&from_json(&ty, &json).unwrap()[..], bytes);
            }
        }
    }
}

#[test]
fn faults_name_their_path() {
    let ty = SszType::container("Outer", vec![("inner", pair())]);
    let error = from_json(&ty, &json!({"inner": {"number": "1"}})).unwrap_err();
    assert_eq!((error.path.as_str(), error.fault), ("inner.bytes", SszFault::Missing));
    let mut value = pair_json(1, &[], 1, &[], 0);
    value["lists"] = json!(["0x", "0xzz"]);
    let error = from_json(&ty, &json!({"inner": value})).unwrap_err();
    assert_eq!(error.path, "inner.lists.1");
}

#[test]
fn json_text_is_read_in_any_order_and_must_be_whole() {
    let ty = SszType::container("C", vec![("a", SszType::Uint(8)), ("b", SszType::ByteList(Limit::Max(4)))]);
    let expected = from_json(&ty, &json!({"a": "1", "b": "0x02"})).unwrap();
    let read = |text: &str| from_json_text(&ty, text.as_bytes(), None);
    assert_eq!(read(r#"{"z": [[{}]], "b": "0x02", "a": 1}"#).unwrap(), expected);
    let inside = from_json_text(&ty, br#"{"x": {"data": 1}, "data": {"a": "1", "b": "0x02"}}"#, Some("data"));
    assert_eq!(inside.unwrap(), expected);
    let fault = |text: &str| match read(text).unwrap_err() {
        JsonTextError::Type(error) => (error.path, error.fault),
        JsonTextError::Syntax(error) => panic!("{error}"),
    };
    assert_eq!(fault(r#"{"a": "1", "a": "1", "b": "0x"}"#), ("a".into(), SszFault::Twice));
    assert_eq!(fault(r#"{"a": null, "b": "0x"}"#), ("a".into(), SszFault::Json("a decimal integer")));
    assert_eq!(fault(r#"{"a": -1, "b": "0x"}"#).0, "a");
    assert_eq!(fault(r#"{"a": "1"}"#), ("b".into(), SszFault::Missing));
    for text in [r#"{"a": "1", "b": "0x"} x"#, r#"{"a": "1", "b": "0x""#, "", "\u{0}"] {
        assert!(matches!(read(text), Err(JsonTextError::Syntax(_))), "{text}");
    }
}

#[test]
fn lists_that_are_too_long_are_refused_while_reading() {
    let ty = SszType::list(SszType::Uint(8), Limit::Max(2));
    let endless = format!("[{}", "0,".repeat(1000));
    match from_json_text(&ty, endless.as_bytes(), None).unwrap_err() {
        JsonTextError::Type(error) => assert_eq!(error.fault, SszFault::TooMany { got: 3, limit: 2 }),
        JsonTextError::Syntax(error) => panic!("{error}"),
    }
}

#[test]
fn limits_bitlist_delimiters_and_booleans_are_enforced() {
    let refused = |ty: SszType, bytes: &[u8]| check(&ty, bytes).unwrap_err().fault;
    assert_eq!(refused(SszType::ByteList(Limit::Max(2)), &[1, 2, 3]), SszFault::TooMany { got: 3, limit: 2 });
    assert_eq!(refused(SszType::Bitlist(Limit::Max(8)), &[]), SszFault::NotCanonical("bitlist"));
    assert_eq!(refused(SszType::Bitlist(Limit::Max(8)), &[1, 0]), SszFault::NotCanonical("bitlist"));
    assert_eq!(refused(SszType::Bitlist(Limit::Max(8)), &[0, 2]), SszFault::TooMany { got: 9, limit: 8 });
    assert_eq!(refused(SszType::Bitvector(4), &[0x10]), SszFault::NotCanonical("bitvector"));
    assert_eq!(refused(SszType::Bool, &[2]), SszFault::NotCanonical("boolean"));
    assert!(from_json(&SszType::Uint(8), &json!("18446744073709551616")).is_err());
    assert!(from_json(&SszType::Uint(8), &json!("-1")).is_err());
    assert_eq!(from_json(&SszType::Uint(8), &json!(5)).unwrap(), 5u64.to_le_bytes());
}

/// Computed with an independent implementation of the rules in `ssz/simple-serialize.md`; see the note in `README.md`
/// of the test data.
#[test]
fn roots_of_plain_and_progressive_lists_match_an_independent_computation() {
    let bytes: Vec<u8> = (0..5u64).flat_map(|i| i.to_le_bytes()).collect();
    let plain = SszType::list(SszType::Uint(8), Limit::Max(1 << 40));
    let progressive = SszType::list(SszType::Uint(8), Limit::Progressive);
    assert_eq!(root(&plain, &bytes).unwrap(), PLAIN);
    assert_eq!(root(&progressive, &bytes).unwrap(), PROGRESSIVE);
    let container = SszType::progressive_container(
        "P",
        vec![("a", SszType::Uint(8)), ("b", SszType::ByteList(Limit::Progressive)), ("c", SszType::Bool)],
    );
    let value = json!({"a": "7", "b": hex::encode_prefixed([9; 70]), "c": true});
    assert_eq!(root(&container, &from_json(&container, &value).unwrap()).unwrap(), CONTAINER);
    let bits = SszType::Bitlist(Limit::Progressive);
    assert_eq!(root(&bits, &[0xff, 0x03]).unwrap(), BITS);
}

const PLAIN: B256 = b256!("fd164e04ca741d974504b27e8aa25a70e77ef2dae754378df0552d4baa0b708c");
const PROGRESSIVE: B256 = b256!("b52da986d8c44ac58d43d54d5a6f27363363ad09e1249d211c38c21c5221e5f4");
const CONTAINER: B256 = b256!("bf9fa732d5a1cc76b723fdd9b18e87668923f8b84ecb02b6c83c634037460ea8");
const BITS: B256 = b256!("3310d92ea95acd2753e76d449bd1cdbc90ba8ce90b6e7e51435cf88a5c11436e");
