//! Keystores of EIP-2335, version 4: a secret key under a password, in JSON that other Ethereum tools read and write.

mod cipher;
mod json;
mod kdf;
mod wallet;

use std::path::Path;

use subtle::ConstantTimeEq;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    BlsError, DerivationPath, KeystoreError, Password, PublicKey, SecretKey,
    file::{read_capped, write_private},
    secret::random_bytes,
};
use kdf::Kdf;

pub use kdf::KdfCost;
pub use wallet::{MAX_WALLET_BYTES, decrypt_wallet, encrypt_wallet};

/// Largest keystore taken, in bytes. Real ones have about 1 kB.
pub const MAX_KEYSTORE_BYTES: u64 = 64 * 1024;

/// An encrypted secret key. What is inside comes out with [`Keystore::decrypt`] only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keystore {
    kdf: Kdf,
    checksum: [u8; 32],
    iv: [u8; 16],
    ciphertext: [u8; 32],
    description: Option<String>,
    public_key: Option<PublicKey>,
    path: String,
    uuid: Uuid,
}

impl Keystore {
    /// Encrypts a key under a password, with fresh salt, IV and uuid. `path` is where it was derived, if it was.
    ///
    /// # Errors
    /// [`KeystoreError::EmptyPassword`], [`KeystoreError::Field`] for a cost out of range.
    pub fn encrypt(
        secret: &SecretKey,
        password: &Password,
        cost: KdfCost,
        path: Option<&DerivationPath>,
        description: Option<String>,
    ) -> Result<Self, KeystoreError> {
        if password.is_empty() {
            return Err(KeystoreError::EmptyPassword);
        }
        let (mut salt, mut iv, mut uuid) = (vec![0; 32], [0; 16], [0; 16]);
        random_bytes(&mut salt)?;
        random_bytes(&mut iv)?;
        random_bytes(&mut uuid)?;
        let kdf = Kdf::new(cost, salt)?;
        let derived = kdf.derive(password)?;
        let mut text = secret.expose_bytes();
        cipher::apply(&derived, &iv, &mut *text);
        Ok(Self {
            checksum: cipher::checksum(&derived, &*text),
            kdf,
            iv,
            // Ciphertext by now, so a plain copy is harmless.
            ciphertext: *text,
            description,
            public_key: Some(secret.public_key()),
            path: path.map(DerivationPath::to_string).unwrap_or_default(),
            uuid: uuid::Builder::from_random_bytes(uuid).into_uuid(),
        })
    }

    /// Decrypts the key. Takes as long as the file's cost says: about a second for the usual ones.
    ///
    /// # Errors
    /// [`KeystoreError::WrongPassword`]; [`KeystoreError::PublicKeyMismatch`] if the file names another key.
    pub fn decrypt(&self, password: &Password) -> Result<SecretKey, KeystoreError> {
        let derived = self.kdf.derive(password)?;
        let checksum = cipher::checksum(&derived, &self.ciphertext);
        if !bool::from(checksum.ct_eq(&self.checksum)) {
            return Err(KeystoreError::WrongPassword);
        }
        let mut text = Zeroizing::new(self.ciphertext);
        cipher::apply(&derived, &self.iv, &mut *text);
        let secret = SecretKey::from_bytes(&text)?;
        let actual = secret.public_key();
        match self.public_key {
            Some(named) if named != actual => {
                Err(KeystoreError::PublicKeyMismatch { named: named.to_string(), actual: actual.to_string() })
            }
            _ => Ok(secret),
        }
    }

    /// Parses a keystore. Every field is checked here, so that [`Keystore::decrypt`] meets sane numbers only.
    ///
    /// # Errors
    /// [`KeystoreError::Json`], [`KeystoreError::Version`], [`KeystoreError::Field`], [`KeystoreError::Bls`].
    pub fn from_json(text: &[u8]) -> Result<Self, KeystoreError> {
        json::parse(text)
    }

    /// The JSON form, pretty-printed.
    #[must_use]
    pub fn to_json(&self) -> String {
        json::render(self)
    }

    /// Reads a keystore file.
    ///
    /// # Errors
    /// As [`Keystore::from_json`], and [`KeystoreError::Io`], [`KeystoreError::TooLarge`].
    pub fn read(path: &Path) -> Result<Self, KeystoreError> {
        Self::from_json(&read_capped(path, MAX_KEYSTORE_BYTES)?)
    }

    /// Writes a keystore file as [`write_private`] does: mode 0600, atomic, flushed, never over another file.
    ///
    /// # Errors
    /// [`KeystoreError::Exists`], [`KeystoreError::Io`].
    pub fn write(&self, path: &Path) -> Result<(), KeystoreError> {
        write_private(path, self.to_json().as_bytes())
    }

    /// The public key that the file names; the field is optional in the EIP.
    #[must_use]
    pub fn public_key(&self) -> Option<&PublicKey> {
        self.public_key.as_ref()
    }

    /// Where the key was derived; empty if it was not.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The keystore's own identity (not the key's).
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        self.uuid
    }

    /// Free text of whoever made it.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// What deriving the password costs.
    #[must_use]
    pub fn kdf_cost(&self) -> KdfCost {
        self.kdf.cost()
    }

    /// The same keystore with its public key filled in, for files that leave it out.
    pub(crate) fn naming(mut self, key: PublicKey) -> Self {
        self.public_key = Some(key);
        self
    }
}

impl From<BlsError> for json::FieldFault {
    fn from(error: BlsError) -> Self {
        Self(error.to_string())
    }
}
