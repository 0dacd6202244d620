//! Keys of execution accounts: from a keystore, a file or the environment.

use std::path::{Path, PathBuf};

use alloy_consensus::SignableTransaction;
use alloy_primitives::{Address, Signature};
use async_trait::async_trait;
use k256::ecdsa::SigningKey;
use quintet_keys::{KeystoreError, read_capped};
use zeroize::Zeroizing;

use super::keystore;

/// Longest key or password file taken.
const MAX_KEY_FILE: u64 = 4096;
/// Longest keystore taken.
const MAX_KEYSTORE: u64 = 64 * 1024;

/// Where an account's key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A keystore of version 3, as execution clients and wallets write them.
    Keystore {
        /// The keystore.
        file: PathBuf,
        /// Its password, as the file's first line.
        password_file: PathBuf,
    },
    /// A file with the key as hex.
    File(PathBuf),
    /// An environment variable with the key as hex.
    Environment(String),
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] KeystoreError),
    /// The environment variable is not set.
    #[error("the environment variable {0} is not set")]
    NotSet(String),
    /// Not 32 bytes of hex, or zero, or not below the order of the group. What was found is not repeated.
    #[error("{0} holds no secp256k1 key (64 hexadecimal digits)")]
    Malformed(String),
    /// The keystore cannot be understood.
    #[error("{}: {reason}", path.display())]
    Keystore {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The keystore's password is another one.
    #[error("{}: wrong password", .0.display())]
    WrongPassword(PathBuf),
    /// The keystore names another account than its key's.
    #[error("{} names account {named}, its key is that of {actual}", path.display())]
    OtherAccount {
        /// The file.
        path: PathBuf,
        /// What it says.
        named: Address,
        /// What it holds.
        actual: Address,
    },
}

impl KeySource {
    /// Loads the key. A keystore takes as long as its cost says.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn load(&self) -> Result<LocalKey, KeyError> {
        match self {
            Self::File(path) => LocalKey::from_hex(&read_text(path)?, &path.display().to_string()),
            Self::Environment(name) => {
                let text = std::env::var(name).map(Zeroizing::new).map_err(|_| KeyError::NotSet(name.clone()))?;
                LocalKey::from_hex(&text, &format!("the environment variable {name}"))
            }
            Self::Keystore { file, password_file } => {
                let password = read_text(password_file)?;
                let password = password.lines().next().unwrap_or_default();
                let text = read_capped(file, MAX_KEYSTORE)?;
                let opened = keystore::open(&text, password.as_bytes()).map_err(|fault| match fault {
                    keystore::Fault::WrongPassword => KeyError::WrongPassword(file.clone()),
                    keystore::Fault::Field(reason) => KeyError::Keystore { path: file.clone(), reason },
                })?;
                let key =
                    LocalKey::from_bytes(&opened.secret).ok_or_else(|| KeyError::Malformed(file.display().to_string()))?;
                match opened.address {
                    Some(named) if named != key.address() => {
                        Err(KeyError::OtherAccount { path: file.clone(), named, actual: key.address() })
                    }
                    _ => Ok(key),
                }
            }
        }
    }
}

fn read_text(path: &Path) -> Result<Zeroizing<String>, KeyError> {
    let bytes = read_capped(path, MAX_KEY_FILE)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| KeyError::Malformed(path.display().to_string()))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// A key in memory. Wiped on drop; its `Debug` shows the account.
#[derive(Clone)]
pub struct LocalKey {
    key: SigningKey,
    address: Address,
}

impl LocalKey {
    /// From 32 bytes; `None` if they are no key.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let key = SigningKey::from_slice(bytes).ok()?;
        let point = key.verifying_key().to_encoded_point(false);
        let address = Address::from_raw_public_key(&point.as_bytes()[1..]);
        Some(Self { key, address })
    }

    /// From hex, with or without 0x; `place` is named in the error.
    ///
    /// # Errors
    /// [`KeyError::Malformed`].
    pub fn from_hex(text: &str, place: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut *bytes)
            .ok()
            .and_then(|()| Self::from_bytes(&bytes))
            .ok_or_else(|| KeyError::Malformed(place.to_owned()))
    }

    /// The account.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.address
    }
}

impl std::fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LocalKey({})", self.address)
    }
}

#[async_trait]
impl alloy_network::TxSigner<Signature> for LocalKey {
    fn address(&self) -> Address {
        self.address
    }

    async fn sign_transaction(&self, tx: &mut dyn SignableTransaction<Signature>) -> alloy_signer::Result<Signature> {
        let hash = tx.signature_hash();
        let (signature, recovery) = self.key.sign_prehash_recoverable(hash.as_slice())?;
        Ok(Signature::from_bytes_and_parity(&signature.to_bytes(), recovery.is_y_odd()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::address;

    /// The first account of every development node.
    const KEY: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

    #[test]
    fn a_key_is_the_account_it_is_known_for() {
        let key = LocalKey::from_hex(KEY, "here").unwrap();
        assert_eq!(key.address(), address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266"));
        assert_eq!(format!("{key:?}"), "LocalKey(0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266)");
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_repeated() {
        for text in ["", "0x12", &"00".repeat(32), &"ff".repeat(32), &"zz".repeat(32)] {
            let error = LocalKey::from_hex(text, "the file").unwrap_err().to_string();
            assert_eq!(error, "the file holds no secp256k1 key (64 hexadecimal digits)");
        }
        let source = KeySource::Environment("QUINTET_NO_SUCH_VARIABLE".into());
        assert!(matches!(source.load(), Err(KeyError::NotSet(_))));
    }

    #[test]
    fn a_file_and_a_keystore_give_the_same_key() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        std::fs::write(place("key"), format!("{}\n", keystore::tests::SECRET)).unwrap();
        std::fs::write(place("store"), keystore::tests::SCRYPT).unwrap();
        std::fs::write(place("password"), "testpassword\n").unwrap();
        let file = KeySource::File(place("key")).load().unwrap();
        let source = |password: &str| KeySource::Keystore { file: place("store"), password_file: place(password) };
        assert_eq!(source("password").load().unwrap().address(), file.address());
        assert!(matches!(source("key").load(), Err(KeyError::WrongPassword(_))));
        assert!(matches!(source("none").load(), Err(KeyError::File(_))));
    }
}
