//! The published vectors: EIP-2333, EIP-2335, and signatures of the consensus specs' BLS suite.

use quintet_keys::{Keystore, Password, PublicKey, SecretKey, Seed, Signature};
use serde_json::Value;

fn load(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    hex::decode(value.as_str().unwrap()).unwrap().try_into().unwrap()
}

#[test]
fn eip2335_scrypt_keystore_opens() {
    opens(include_str!("../vectors/eip2335-scrypt.json"));
}

#[test]
fn eip2335_pbkdf2_keystore_opens() {
    opens(include_str!("../vectors/eip2335-pbkdf2.json"));
}

fn opens(json: &str) {
    let keystore = Keystore::from_json(json.as_bytes()).unwrap();
    let secret = keystore.decrypt(&Password::new("𝔱𝔢𝔰𝔱𝔭𝔞𝔰𝔰𝔴𝔬𝔯𝔡🔑")).unwrap();
    assert_eq!(hex::encode(*secret.expose_bytes()), "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f");
    // Written again, the file says the same.
    assert_eq!(load(&keystore.to_json()), load(json));
}

/// A decimal number as 32 big-endian bytes.
fn scalar(decimal: &str) -> [u8; 32] {
    let mut out = [0u8; 32];
    for digit in decimal.bytes() {
        let mut carry = u16::from(digit - b'0');
        for byte in out.iter_mut().rev() {
            carry += u16::from(*byte) * 10;
            *byte = carry as u8;
            carry >>= 8;
        }
        assert_eq!(carry, 0);
    }
    out
}

#[test]
fn eip2333_keys_are_derived() {
    let cases = load(include_str!("../vectors/eip2333.json"));
    let cases = cases["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let text = |name: &str| case[name].as_str().unwrap();
        let master = Seed::from_hex(text("seed")).unwrap().master_key().unwrap();
        assert_eq!(*master.expose_bytes(), scalar(text("master_SK")));
        let index = case["child_index"].as_u64().unwrap() as u32;
        assert_eq!(*master.derive_child(index).expose_bytes(), scalar(text("child_SK")));
    }
}

#[test]
fn consensus_signatures_are_reproduced() {
    let suite = load(include_str!("../vectors/bls.json"));
    let list = |name: &str| suite[name].as_array().unwrap().clone();
    let messages: Vec<[u8; 32]> = list("messages").iter().map(array).collect();
    let mut keys = Vec::new();
    for (i, secret) in list("secret_keys").iter().enumerate() {
        let secret = SecretKey::from_bytes(&array(secret)).unwrap();
        let key = secret.public_key();
        assert_eq!(key.to_bytes(), array(&suite["public_keys"][i]));
        for (m, message) in messages.iter().enumerate() {
            let expected = array(&suite["signatures"][i][m]);
            assert_eq!(secret.sign(message).to_bytes(), expected);
            assert!(Signature::from_bytes(&expected).unwrap().verify(message, &key));
        }
        keys.push(key);
    }
    for (m, message) in messages.iter().enumerate() {
        let parts: Vec<_> = (0..3).map(|i| Signature::from_bytes(&array(&suite["signatures"][i][m])).unwrap()).collect();
        let aggregate = Signature::aggregate(&parts).unwrap();
        assert_eq!(aggregate.to_bytes(), array(&suite["aggregates"][m]));
        assert!(aggregate.fast_aggregate_verify(message, &keys));
    }
    let each_its_own = Signature::from_bytes(&array(&suite["aggregate_verify"])).unwrap();
    assert!(each_its_own.aggregate_verify(messages.iter().zip(&keys)));
}

#[test]
fn keys_round_trip_through_text() {
    let key = SecretKey::from_bytes(&[5; 32]).unwrap().public_key();
    assert_eq!(key.to_string().parse::<PublicKey>().unwrap(), key);
    assert_eq!(key.to_string()[2..].parse::<PublicKey>().unwrap(), key);
    assert!("0x12".parse::<PublicKey>().is_err() && "no hex".parse::<PublicKey>().is_err());
}
