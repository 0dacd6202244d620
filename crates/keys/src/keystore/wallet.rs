//! Prysm's wallet: all keys of a validator client in one file, in the envelope of EIP-2335 around a list instead of one key.
//!
//! `direct/accounts/all-accounts.keystore.json` has the `crypto` of a keystore; what comes out is JSON, `private_keys` and `public_keys`, base64 each
//! (Prysm, `validator/keymanager/local`).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{cipher, json};
use crate::{BlsError, KeystoreError, Password, PublicKey, SecretKey};

/// Largest wallet taken, in bytes: about 5,000 keys.
pub const MAX_WALLET_BYTES: u64 = 2 << 20;

/// What Prysm encrypts. Borrowed from the decrypted text, so that no second copy of it is made.
#[derive(Deserialize)]
struct Accounts<'a> {
    #[serde(borrow)]
    private_keys: Vec<&'a str>,
    #[serde(borrow, default)]
    public_keys: Vec<&'a str>,
}

/// Decrypts a wallet of Prysm: the keys in its order.
///
/// # Errors
/// [`KeystoreError::WrongPassword`]; [`KeystoreError::Json`] and [`KeystoreError::Field`] for a file of another shape;
/// [`KeystoreError::PublicKeyMismatch`] if a key is not the one that the wallet says.
pub fn decrypt_wallet(text: &[u8], password: &Password) -> Result<Vec<SecretKey>, KeystoreError> {
    let sealed = json::parse_sealed(text)?;
    let derived = sealed.kdf.derive(password)?;
    let checksum = cipher::checksum(&derived, &sealed.ciphertext);
    if !bool::from(checksum.ct_eq(&sealed.checksum)) {
        return Err(KeystoreError::WrongPassword);
    }
    let mut plain = Zeroizing::new(sealed.ciphertext);
    cipher::apply(&derived, &sealed.iv, &mut plain);
    let accounts: Accounts<'_> = serde_json::from_slice(&plain).map_err(|_| field("content", "no list of private_keys"))?;
    if !accounts.public_keys.is_empty() && accounts.public_keys.len() != accounts.private_keys.len() {
        return Err(field("content", "private_keys and public_keys differ in number"));
    }
    let secrets = accounts.private_keys.iter().map(|text| secret(text)).collect::<Result<Vec<_>, _>>()?;
    for (secret, named) in secrets.iter().zip(&accounts.public_keys) {
        let (actual, named) = (secret.public_key(), public(named)?);
        if actual != named {
            return Err(KeystoreError::PublicKeyMismatch { named: named.to_string(), actual: actual.to_string() });
        }
    }
    Ok(secrets)
}

/// Encrypts keys as a wallet that Prysm reads, under PBKDF2 as Prysm has it.
///
/// # Errors
/// [`KeystoreError::Field`] for a cost out of range, [`KeystoreError::Bls`] without randomness.
pub fn encrypt_wallet(secrets: &[SecretKey], password: &Password, cost: super::KdfCost) -> Result<String, KeystoreError> {
    let quoted = |bytes: &[u8]| Zeroizing::new(format!("\"{}\"", STANDARD.encode(bytes)));
    let list =
        |items: Vec<Zeroizing<String>>| Zeroizing::new(items.iter().map(|item| item.as_str()).collect::<Vec<_>>().join(","));
    let private = list(secrets.iter().map(|secret| quoted(&*secret.expose_bytes())).collect());
    let public = list(secrets.iter().map(|secret| quoted(&secret.public_key().to_bytes())).collect());
    let plain = Zeroizing::new(format!("{{\"private_keys\":[{}],\"public_keys\":[{}]}}", *private, *public));
    json::render_sealed(plain.as_bytes(), password, cost)
}

fn field(field: &'static str, reason: &str) -> KeystoreError {
    KeystoreError::Field { field, reason: reason.to_owned() }
}

fn secret(text: &str) -> Result<SecretKey, KeystoreError> {
    // The decoder wants room for what it cannot know to be padding.
    let mut bytes = Zeroizing::new([0u8; 36]);
    let length = STANDARD.decode_slice(text, &mut *bytes).map_err(|_| field("private_keys", "no base64 of 32 bytes"))?;
    let scalar = bytes[..length].first_chunk::<32>().filter(|_| length == 32);
    Ok(SecretKey::from_bytes(scalar.ok_or_else(|| field("private_keys", "no base64 of 32 bytes"))?)?)
}

fn public(text: &str) -> Result<PublicKey, KeystoreError> {
    let bytes = STANDARD.decode(text).map_err(|_| field("public_keys", "no base64"))?;
    PublicKey::try_from(bytes.as_slice()).map_err(|error: BlsError| field("public_keys", &error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KdfCost;

    /// Made by Prysm, with an empty password; from Commit-Boost's test data (MIT or Apache-2.0).
    const WALLET: &[u8] = include_bytes!("../../tests/vectors/prysm-wallet.json");

    #[test]
    fn wallet_made_by_prysm_opens() {
        let keys = decrypt_wallet(WALLET, &Password::new("")).unwrap();
        let keys: Vec<_> = keys.iter().map(|key| key.public_key().to_string()).collect();
        let expected = [
            "0x883827193f7627cd04e621e1e8d56498362a52b2a30c9a1c72036eb935c4278dee23d38a24d2f7dda62689886f0c39f4",
            "0xb3a22e4a673ac7a153ab5b3c17a4dbef55f7e47210b20c0cbb0e66df5b36bb49ef808577610b034172e955d2312a61b9",
        ];
        assert_eq!(keys.len(), 2);
        assert!(expected.iter().all(|key| keys.iter().any(|found| found == key)), "{keys:?}");
    }

    #[test]
    fn own_wallets_open_with_their_password_only() {
        let secrets = [SecretKey::generate().unwrap(), SecretKey::generate().unwrap()];
        let wallet = encrypt_wallet(&secrets, &Password::new("one"), KdfCost::Pbkdf2 { rounds: 16 }).unwrap();
        let opened = decrypt_wallet(wallet.as_bytes(), &Password::new("one\n")).unwrap();
        assert!(opened.iter().zip(&secrets).all(|(a, b)| a.public_key() == b.public_key()));
        assert!(matches!(decrypt_wallet(wallet.as_bytes(), &Password::new("two")), Err(KeystoreError::WrongPassword)));
        let keystore = crate::Keystore::from_json(wallet.as_bytes()).unwrap_err();
        assert!(matches!(keystore, KeystoreError::Field { field: "crypto.cipher.message", .. }), "{keystore}");
    }

    #[test]
    fn what_is_no_wallet_is_refused() {
        let one = SecretKey::generate().unwrap();
        let keystore = crate::Keystore::encrypt(&one, &Password::new("p"), KdfCost::DEVNET, None, None).unwrap();
        let error = decrypt_wallet(keystore.to_json().as_bytes(), &Password::new("p")).unwrap_err();
        assert!(matches!(error, KeystoreError::Field { field: "content", .. }), "{error}");
        for text in ["", "{}", "[]", r#"{"version":4}"#, r#"{"version":3,"crypto":{}}"#] {
            assert!(decrypt_wallet(text.as_bytes(), &Password::new("p")).is_err(), "{text}");
        }
    }
}
