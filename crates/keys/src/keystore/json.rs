//! The JSON shape of EIP-2335, taken apart field by field so that an error names the field.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Kdf, KdfCost, Keystore, cipher};
use crate::{KeystoreError, Password, PublicKey, bytes::decode_hex, secret::random_bytes};

/// The version this crate speaks.
const VERSION: u64 = 4;
/// The four names that the EIP defines.
const SCRYPT: &str = "scrypt";
const PBKDF2: &str = "pbkdf2";
const PRF: &str = "hmac-sha256";
const SHA256: &str = "sha256";
const AES_128_CTR: &str = "aes-128-ctr";

/// Why a field was refused, before its name is known.
pub(super) struct FieldFault(pub(super) String);

impl FieldFault {
    fn at(self, field: &'static str) -> KeystoreError {
        KeystoreError::Field { field, reason: self.0 }
    }
}

#[derive(Serialize, Deserialize)]
struct Document {
    crypto: Crypto,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// Optional in the EIP; some tools write an empty string.
    #[serde(default)]
    pubkey: String,
    /// Required by the EIP, left out by some tools.
    #[serde(default)]
    path: String,
    uuid: Uuid,
    version: u64,
}

#[derive(Serialize, Deserialize)]
struct Crypto {
    kdf: Module,
    checksum: Module,
    cipher: Module,
}

#[derive(Serialize, Deserialize)]
struct Module {
    function: String,
    params: Value,
    #[serde(default)]
    message: String,
}

impl Module {
    fn new(function: &str, params: Value, message: &[u8]) -> Self {
        Self { function: function.to_owned(), params, message: hex::encode(message) }
    }

    fn expect(&self, field: &'static str, function: &str) -> Result<(), KeystoreError> {
        if self.function == function {
            return Ok(());
        }
        let reason = format!("{:?}, only {function:?} is supported", self.function);
        Err(KeystoreError::Field { field, reason })
    }
}

pub(super) fn parse(text: &[u8]) -> Result<Keystore, KeystoreError> {
    let Document { crypto, description, pubkey, path, uuid, version: _ } = serde_json::from_value(versioned(text)?)?;
    let Sealed { kdf, checksum, iv, ciphertext } = crypto.open()?;
    let public_key = match pubkey.as_str() {
        "" => None,
        text => Some(text.parse::<PublicKey>().map_err(|error| FieldFault::from(error).at("pubkey"))?),
    };
    let ciphertext = array(ciphertext).map_err(|fault| fault.at("crypto.cipher.message"))?;
    Ok(Keystore { kdf, checksum, iv, ciphertext, description, public_key, path, uuid })
}

/// The part of a keystore that hides something, whatever that is.
pub(super) struct Sealed {
    pub(super) kdf: Kdf,
    pub(super) checksum: [u8; 32],
    pub(super) iv: [u8; 16],
    pub(super) ciphertext: Vec<u8>,
}

/// The `crypto` of a document that has one, with a secret of any length.
pub(super) fn parse_sealed(text: &[u8]) -> Result<Sealed, KeystoreError> {
    #[derive(Deserialize)]
    struct Outer {
        crypto: Crypto,
    }
    serde_json::from_value::<Outer>(versioned(text)?)?.crypto.open()
}

/// Any JSON of version 4.
fn versioned(text: &[u8]) -> Result<Value, KeystoreError> {
    let value: Value = serde_json::from_slice(text)?;
    // Before the shape: a version 3 file (an execution-layer wallet) should be called that.
    match value.get("version") {
        Some(version) if version.as_u64() == Some(VERSION) => Ok(value),
        Some(other) => Err(KeystoreError::Version { got: other.to_string() }),
        None => Err(KeystoreError::Version { got: "missing".to_owned() }),
    }
}

impl Crypto {
    fn open(&self) -> Result<Sealed, KeystoreError> {
        self.checksum.expect("crypto.checksum.function", SHA256)?;
        self.cipher.expect("crypto.cipher.function", AES_128_CTR)?;
        let iv = text_param(&self.cipher.params, "iv").map_err(|fault| fault.at("crypto.cipher.params.iv"))?;
        let message = decode_hex(&self.cipher.message);
        Ok(Sealed {
            kdf: parse_kdf(&self.kdf)?,
            checksum: fixed(&self.checksum.message).map_err(|fault| fault.at("crypto.checksum.message"))?,
            iv: fixed(iv).map_err(|fault| fault.at("crypto.cipher.params.iv"))?,
            ciphertext: message.map_err(|error| FieldFault(error.to_string()).at("crypto.cipher.message"))?,
        })
    }
}

fn parse_kdf(kdf: &Module) -> Result<Kdf, KeystoreError> {
    let number = |name: &'static str, field| {
        let value = kdf.params.get(name).unwrap_or(&Value::Null);
        value
            .as_u64()
            .and_then(|value| u32::try_from(value).ok())
            .ok_or_else(|| FieldFault(format!("expected a number below 2^32, got {value}")).at(field))
    };
    let dklen = number("dklen", "crypto.kdf.params.dklen")?;
    if dklen < 32 {
        return Err(FieldFault(format!("{dklen}, at least 32 is needed")).at("crypto.kdf.params.dklen"));
    }
    let cost = match kdf.function.as_str() {
        SCRYPT => {
            let n = number("n", "crypto.kdf.params.n")?;
            if !n.is_power_of_two() {
                return Err(FieldFault(format!("{n} is no power of two")).at("crypto.kdf.params.n"));
            }
            KdfCost::Scrypt {
                // Below 32, as n is a u32.
                log_n: n.trailing_zeros() as u8,
                r: number("r", "crypto.kdf.params.r")?,
                p: number("p", "crypto.kdf.params.p")?,
            }
        }
        PBKDF2 => {
            let prf = text_param(&kdf.params, "prf").map_err(|fault| fault.at("crypto.kdf.params.prf"))?;
            if prf != PRF {
                return Err(FieldFault(format!("{prf:?}, only {PRF:?} is supported")).at("crypto.kdf.params.prf"));
            }
            KdfCost::Pbkdf2 { rounds: number("c", "crypto.kdf.params.c")? }
        }
        other => {
            return Err(
                FieldFault(format!("{other:?}, only {SCRYPT:?} and {PBKDF2:?} are supported")).at("crypto.kdf.function")
            );
        }
    };
    let salt = text_param(&kdf.params, "salt").map_err(|fault| fault.at("crypto.kdf.params.salt"))?;
    let salt = decode_hex(salt).map_err(|error| FieldFault(error.to_string()).at("crypto.kdf.params.salt"))?;
    Kdf::new(cost, salt)
}

fn text_param<'a>(params: &'a Value, name: &str) -> Result<&'a str, FieldFault> {
    let value = params.get(name).unwrap_or(&Value::Null);
    value.as_str().ok_or_else(|| FieldFault(format!("expected text, got {value}")))
}

/// Hex of exactly `N` bytes.
fn fixed<const N: usize>(text: &str) -> Result<[u8; N], FieldFault> {
    array(decode_hex(text).map_err(|error| FieldFault(error.to_string()))?)
}

fn array<const N: usize>(bytes: Vec<u8>) -> Result<[u8; N], FieldFault> {
    let got = bytes.len();
    bytes.try_into().map_err(|_| FieldFault(format!("expected {N} bytes, got {got}")))
}

pub(super) fn render(keystore: &Keystore) -> String {
    let document = Document {
        crypto: seal(&keystore.kdf, &keystore.checksum, &keystore.iv, &keystore.ciphertext),
        description: keystore.description.clone(),
        // The EIP's own files have no prefix here.
        pubkey: keystore.public_key.map(|key| hex::encode(key.to_bytes())).unwrap_or_default(),
        path: keystore.path.clone(),
        uuid: keystore.uuid,
        version: VERSION,
    };
    serde_json::to_string_pretty(&document).expect("strings and numbers always serialise")
}

/// A document of version 4 around a secret of any length.
pub(super) fn render_sealed(plain: &[u8], password: &Password, cost: KdfCost) -> Result<String, KeystoreError> {
    let (mut salt, mut iv, mut uuid) = (vec![0; 32], [0; 16], [0; 16]);
    random_bytes(&mut salt)?;
    random_bytes(&mut iv)?;
    random_bytes(&mut uuid)?;
    let kdf = Kdf::new(cost, salt)?;
    let derived = kdf.derive(password)?;
    let mut text = Zeroizing::new(plain.to_vec());
    cipher::apply(&derived, &iv, &mut text);
    let crypto = seal(&kdf, &cipher::checksum(&derived, &text), &iv, &text);
    let uuid = uuid::Builder::from_random_bytes(uuid).into_uuid();
    Ok(json!({ "crypto": crypto, "path": "", "uuid": uuid, "version": VERSION }).to_string())
}

fn seal(kdf: &Kdf, checksum: &[u8; 32], iv: &[u8; 16], ciphertext: &[u8]) -> Crypto {
    let salt = hex::encode(kdf.salt());
    let kdf = match kdf.cost() {
        KdfCost::Scrypt { log_n, r, p } => {
            Module::new(SCRYPT, json!({ "dklen": 32, "n": 1u64 << log_n, "r": r, "p": p, "salt": salt }), &[])
        }
        KdfCost::Pbkdf2 { rounds } => Module::new(PBKDF2, json!({ "dklen": 32, "c": rounds, "prf": PRF, "salt": salt }), &[]),
    };
    Crypto {
        kdf,
        checksum: Module::new(SHA256, json!({}), checksum),
        cipher: Module::new(AES_128_CTR, json!({ "iv": hex::encode(iv) }), ciphertext),
    }
}
