//! Keystore files come from outside: whatever they hold, parsing gives a value or an error, never a panic, and a value
//! that parses can be tried without taking the machine down.

use proptest::prelude::*;
use quintet_keys::{KdfCost, Keystore, KeystoreError, Password, SecretKey};
use serde_json::{Map, Value, json};

fn honest() -> Value {
    let secret = SecretKey::from_bytes(&[3; 32]).unwrap();
    let cost = KdfCost::Scrypt { log_n: 2, r: 1, p: 1 };
    let keystore = Keystore::encrypt(&secret, &Password::new("p"), cost, None, Some("d".into())).unwrap();
    serde_json::from_str(&keystore.to_json()).unwrap()
}

/// Any JSON value a few levels deep, with the format's own words strewn in.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "crypto",
        "kdf",
        "checksum",
        "cipher",
        "function",
        "params",
        "message",
        "scrypt",
        "pbkdf2",
        "sha256",
        "aes-128-ctr",
        "hmac-sha256",
        "dklen",
        "n",
        "r",
        "p",
        "c",
        "prf",
        "salt",
        "iv",
        "pubkey",
        "path",
        "uuid",
        "version",
        "1d85ae20-35c5-4611-98e8-aa14a633906f",
        "0x",
        "0xzz",
        "",
    ])
    .prop_map(str::to_owned);
    let text = prop_oneof![word.clone(), "[0-9a-f]{0,70}", ".*"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(json!(4)),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 8, move |inner| {
        let entries = prop::collection::vec((word.clone(), inner.clone()), 0..8);
        prop_oneof![
            prop::collection::vec(inner, 0..5).prop_map(Value::from),
            entries.prop_map(|entries| Value::from(entries.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// All places of a document, as JSON pointers.
fn pointers(value: &Value, at: String, out: &mut Vec<String>) {
    out.push(at.clone());
    if let Value::Object(map) = value {
        for (name, inner) in map {
            pointers(inner, format!("{at}/{name}"), out);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_are_parsed_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Keystore::from_json(&bytes).is_err());
    }

    #[test]
    fn any_json_is_parsed_or_refused(value in any_json()) {
        let _ = Keystore::from_json(value.to_string().as_bytes());
    }

    #[test]
    fn a_keystore_with_any_part_replaced_or_removed_never_panics(
        value in any_json(), place in any::<prop::sample::Index>(), remove in any::<bool>(),
    ) {
        let mut document = honest();
        let mut places = Vec::new();
        pointers(&document, String::new(), &mut places);
        let pointer = place.get(&places);
        match pointer.rsplit_once('/') {
            Some((parent, name)) if remove => {
                document.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
            }
            _ => *document.pointer_mut(pointer).unwrap() = value,
        }
        if let Ok(keystore) = Keystore::from_json(document.to_string().as_bytes()) {
            // Costs within the limits may still be slow: only cheap ones are tried here.
            let cheap = match keystore.kdf_cost() {
                KdfCost::Scrypt { log_n, r, p } => log_n < 12 && r < 16 && p < 4,
                KdfCost::Pbkdf2 { rounds } => rounds < 10_000,
            };
            if cheap {
                let _ = keystore.decrypt(&Password::new("p"));
            }
            prop_assert_eq!(&Keystore::from_json(keystore.to_json().as_bytes()).unwrap(), &keystore);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_secret_survives_any_password(
        mut secret in any::<[u8; 32]>(), text in "\\PC{1,20}", scrypt in any::<bool>(),
    ) {
        secret[0] &= 0x3f;
        secret[31] |= 1;
        let secret = SecretKey::from_bytes(&secret).unwrap();
        let cost = if scrypt {
            KdfCost::Scrypt { log_n: 3, r: 2, p: 1 }
        } else {
            KdfCost::Pbkdf2 { rounds: 2 }
        };
        let keystore = Keystore::encrypt(&secret, &Password::new(&text), cost, None, None).unwrap();
        let read = Keystore::from_json(keystore.to_json().as_bytes()).unwrap();
        prop_assert_eq!(&read, &keystore);
        let opened = read.decrypt(&Password::new(&text)).unwrap();
        prop_assert_eq!(*opened.expose_bytes(), *secret.expose_bytes());
        let wrong = read.decrypt(&Password::new(&format!("{text}x")));
        prop_assert!(matches!(wrong, Err(KeystoreError::WrongPassword)));
    }
}

#[test]
fn every_refusal_names_its_field() {
    let cases = [
        ("/crypto/kdf/function", json!("argon2"), "crypto.kdf.function"),
        ("/crypto/kdf/params/n", json!(1000), "crypto.kdf.params.n"),
        ("/crypto/kdf/params/n", json!(1u64 << 31), "kdf.params"),
        ("/crypto/kdf/params/r", json!(-1), "crypto.kdf.params.r"),
        ("/crypto/kdf/params/p", json!("1"), "crypto.kdf.params.p"),
        ("/crypto/kdf/params/dklen", json!(16), "crypto.kdf.params.dklen"),
        ("/crypto/kdf/params/salt", json!("xy"), "crypto.kdf.params.salt"),
        ("/crypto/checksum/function", json!("sha1"), "crypto.checksum.function"),
        ("/crypto/checksum/message", json!("00"), "crypto.checksum.message"),
        ("/crypto/cipher/function", json!("aes-256-ctr"), "crypto.cipher.function"),
        ("/crypto/cipher/params/iv", json!("00"), "crypto.cipher.params.iv"),
        ("/crypto/cipher/message", json!("00"), "crypto.cipher.message"),
        ("/pubkey", json!("00"), "pubkey"),
    ];
    for (pointer, value, field) in cases {
        let mut document = honest();
        *document.pointer_mut(pointer).unwrap() = value;
        let error = Keystore::from_json(document.to_string().as_bytes()).unwrap_err().to_string();
        assert!(error.contains(field), "{pointer}: {error}");
    }
    let mut document = honest();
    document["version"] = json!(3);
    let error = Keystore::from_json(document.to_string().as_bytes()).unwrap_err();
    assert!(matches!(error, KeystoreError::Version { .. }));
}
