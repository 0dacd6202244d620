//! Keystores of version 3 ("Web3 Secret Storage"): read only.

use aes::Aes128;
use alloy_primitives::{Address, keccak256};
use ctr::{
    Ctr128BE,
    cipher::{KeyIvInit as _, StreamCipher as _},
};
use hmac::Hmac;
use serde::Deserialize;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// Most memory that scrypt may take, bytes.
const MAX_SCRYPT_BYTES: u64 = 512 << 20;
/// Most work of scrypt, blocks.
const MAX_SCRYPT_WORK: u64 = 1 << 24;
/// Most rounds of PBKDF2.
const MAX_ROUNDS: u32 = 1 << 24;

/// Why a keystore gives no key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    WrongPassword,
    Field(String),
}

/// What was in it.
pub(super) struct Opened {
    pub(super) secret: Zeroizing<[u8; 32]>,
    /// Not every wallet writes it.
    pub(super) address: Option<Address>,
}

#[derive(Deserialize)]
struct Document {
    version: u64,
    #[serde(default)]
    address: Option<String>,
    #[serde(alias = "Crypto")]
    crypto: Crypto,
}

#[derive(Deserialize)]
struct Crypto {
    cipher: String,
    cipherparams: CipherParams,
    ciphertext: String,
    #[serde(flatten)]
    kdf: Kdf,
    mac: String,
}

#[derive(Deserialize)]
struct CipherParams {
    iv: String,
}

#[derive(Deserialize)]
#[serde(tag = "kdf", content = "kdfparams", rename_all = "lowercase")]
enum Kdf {
    Scrypt { dklen: u64, n: u64, r: u32, p: u32, salt: String },
    Pbkdf2 { dklen: u64, c: u32, prf: String, salt: String },
}

/// Decrypts a keystore.
pub(super) fn open(text: &[u8], password: &[u8]) -> Result<Opened, Fault> {
    let document: Document = serde_json::from_slice(text).map_err(|error| Fault::Field(error.to_string()))?;
    if document.version != 3 {
        return Err(Fault::Field(format!("version {}, execution accounts have version 3", document.version)));
    }
    let Crypto { cipher, cipherparams, ciphertext, kdf, mac } = document.crypto;
    if cipher != "aes-128-ctr" {
        return Err(Fault::Field(format!("cipher {cipher:?}, only aes-128-ctr is known")));
    }
    let (iv, ciphertext, mac) =
        (fixed::<16>("iv", &cipherparams.iv)?, fixed::<32>("ciphertext", &ciphertext)?, fixed::<32>("mac", &mac)?);
    let derived = kdf.derive(password)?;
    let computed = keccak256([&derived[16..], &ciphertext[..]].concat());
    if !bool::from(computed.as_slice().ct_eq(&mac)) {
        return Err(Fault::WrongPassword);
    }
    let mut secret = Zeroizing::new(ciphertext);
    let (key, _) = derived.split_at(16);
    Ctr128BE::<Aes128>::new(key.into(), (&iv).into()).apply_keystream(&mut *secret);
    let address = document.address.filter(|text| !text.is_empty()).map(|text| fixed::<20>("address", &text).map(Address::from));
    Ok(Opened { secret, address: address.transpose()? })
}

impl Kdf {
    fn derive(&self, password: &[u8]) -> Result<Zeroizing<[u8; 32]>, Fault> {
        let refused = |what: String| Fault::Field(format!("kdfparams: {what}"));
        let mut out = Zeroizing::new([0; 32]);
        let (Self::Scrypt { dklen, salt, .. } | Self::Pbkdf2 { dklen, salt, .. }) = self;
        // A longer output has these 32 bytes as its prefix.
        if *dklen < 32 {
            return Err(refused(format!("dklen {dklen}, at least 32 is needed")));
        }
        let salt = decode("salt", salt)?;
        match self {
            Self::Scrypt { n, r, p, .. } => {
                let blocks = n.saturating_mul(u64::from(*r));
                let sane = n.is_power_of_two()
                    && *n > 1
                    && *r > 0
                    && *p > 0
                    && blocks.saturating_mul(128) <= MAX_SCRYPT_BYTES
                    && blocks.saturating_mul(u64::from(*p)) <= MAX_SCRYPT_WORK;
                if !sane {
                    return Err(refused(format!("scrypt with n = {n}, r = {r}, p = {p}")));
                }
                // Below 32, as the memory is bounded.
                let log_n = n.trailing_zeros() as u8;
                let params = scrypt::Params::new(log_n, *r, *p, 32).map_err(|error| refused(error.to_string()))?;
                scrypt::scrypt(password, &salt, &params, &mut *out).map_err(|error| refused(error.to_string()))?;
            }
            Self::Pbkdf2 { c, prf, .. } => {
                if prf != "hmac-sha256" || !(1..=MAX_ROUNDS).contains(c) {
                    return Err(refused(format!("{c} rounds of {prf}")));
                }
                pbkdf2::pbkdf2::<Hmac<Sha256>>(password, &salt, *c, &mut *out).map_err(|error| refused(error.to_string()))?;
            }
        }
        Ok(out)
    }
}

fn decode(field: &str, text: &str) -> Result<Vec<u8>, Fault> {
    hex::decode(text.strip_prefix("0x").unwrap_or(text)).map_err(|error| Fault::Field(format!("{field}: {error}")))
}

fn fixed<const N: usize>(field: &str, text: &str) -> Result<[u8; N], Fault> {
    let bytes = decode(field, text)?;
    bytes.try_into().map_err(|bytes: Vec<u8>| Fault::Field(format!("{field}: {} bytes, expected {N}", bytes.len())))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Made with Python's hashlib, OpenSSL and @noble/hashes; the password of all is "testpassword".
    pub(crate) const SECRET: &str = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";
    pub(crate) const SCRYPT: &str = r#"{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"740770fce12ce862af21264dab25f1da"},
        "ciphertext":"cdf99125d8a94a7452004003ba9baeb1f159584b46f18be44c037dc74d3c9353","kdf":"scrypt",
        "kdfparams":{"dklen":32,"n":4096,"r":8,"p":1,"salt":"25710c2ccd7c610b24d068af83b959b7a0e5f40641f0c82daeb1345766191034"},
        "mac":"45cd31202eafa60d6061ab7b5c11fe8d10ab0fb9a3a0669e567924b98c38633b"},"id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}"#;
    const PBKDF2: &str = r#"{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"740770fce12ce862af21264dab25f1da"},
        "ciphertext":"ae1f16be0a2198cccb23e1f0a6f115007dc24ad324d215fa7239b50aec98bed0","kdf":"pbkdf2",
        "kdfparams":{"c":1000,"dklen":32,"prf":"hmac-sha256","salt":"25710c2ccd7c610b24d068af83b959b7a0e5f40641f0c82daeb1345766191034"},
        "mac":"7b3be26e4dfa009288a1e3c81a5133f51516e4249151a541a8cf61befedc0961"},"id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}"#;
    /// From the definition of Web3 Secret Storage. Its other vector has scrypt parameters that RFC 7914 rules out.
    const PUBLISHED: &str = r#"{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"6087dab2f9fdbbfaddc31a909735c1e6"},
        "ciphertext":"5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46","kdf":"pbkdf2",
        "kdfparams":{"c":262144,"dklen":32,"prf":"hmac-sha256","salt":"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"},
        "mac":"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"},"id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}"#;

    fn opened(text: &str) -> Result<String, Fault> {
        open(text.as_bytes(), b"testpassword").map(|opened| hex::encode(*opened.secret))
    }

    #[test]
    fn keystores_with_both_derivations_open_with_their_password_alone() {
        assert_eq!(opened(SCRYPT).as_deref(), Ok(SECRET));
        assert_eq!(opened(PBKDF2).as_deref(), Ok(SECRET));
        assert!(matches!(open(SCRYPT.as_bytes(), b"another"), Err(Fault::WrongPassword)));
    }

    #[test]
    #[ignore = "long: a quarter of a million rounds without optimisation"]
    fn the_published_vector_opens() {
        assert_eq!(opened(PUBLISHED).as_deref(), Ok(SECRET));
    }

    #[test]
    fn absurd_and_foreign_files_are_refused_before_any_work() {
        for (from, to) in [
            (r#""version":3"#, r#""version":4"#),
            ("aes-128-ctr", "aes-256-gcm"),
            (r#""n":4096"#, r#""n":1073741824"#),
            (r#""n":4096"#, r#""n":3"#),
            (r#""p":1"#, r#""p":0"#),
            (r#""dklen":32"#, r#""dklen":16"#),
            (r#""kdf":"scrypt""#, r#""kdf":"argon2""#),
            (r#""iv":"74"#, r#""iv":""#),
        ] {
            assert!(matches!(opened(&SCRYPT.replacen(from, to, 1)), Err(Fault::Field(_))), "{to}");
        }
        assert!(matches!(opened(&PBKDF2.replacen("1000", "0", 1)), Err(Fault::Field(_))));
        assert!(matches!(opened("{}"), Err(Fault::Field(_))));
    }
}
