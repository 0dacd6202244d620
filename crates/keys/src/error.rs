//! The errors of this crate: one enum for points and signatures, one for everything that touches a keystore.

use std::{io, path::PathBuf};

use blst::BLST_ERROR;

/// Why bytes are not a usable curve point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PointFault {
    /// Flag bits, length or field element are not canonical.
    #[error("not a canonical compressed point")]
    Encoding,
    /// The x coordinate has no point on the curve.
    #[error("not on the curve")]
    NotOnCurve,
    /// The point lies outside the subgroup of prime order.
    #[error("outside the prime-order subgroup")]
    NotInGroup,
    /// The point at infinity, which is no key and no signature.
    #[error("the point at infinity")]
    Infinity,
}

impl From<BLST_ERROR> for PointFault {
    fn from(error: BLST_ERROR) -> Self {
        match error {
            BLST_ERROR::BLST_POINT_NOT_ON_CURVE => Self::NotOnCurve,
            BLST_ERROR::BLST_POINT_NOT_IN_GROUP => Self::NotInGroup,
            BLST_ERROR::BLST_PK_IS_INFINITY => Self::Infinity,
            _ => Self::Encoding,
        }
    }
}

/// What can be wrong with key material, points and derivation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlsError {
    /// Not 32 big-endian bytes of a scalar in `1..r`.
    #[error("secret key is not a scalar in 1..r")]
    SecretKey,
    /// The bytes are no public key.
    #[error("public key is {0}")]
    PublicKey(PointFault),
    /// The bytes are no signature.
    #[error("signature is {0}")]
    Signature(PointFault),
    /// The bytes have the wrong length.
    #[error("expected {expected} bytes, got {got}")]
    Length {
        /// What the type takes.
        expected: usize,
        /// What came.
        got: usize,
    },
    /// An aggregate of nothing was asked for.
    #[error("nothing to aggregate")]
    EmptyAggregate,
    /// A seed shorter than EIP-2333 allows.
    #[error("seed has {got} bytes, EIP-2333 needs 32 at least")]
    ShortSeed {
        /// Length of the seed that came.
        got: usize,
    },
    /// A seed that is not hex.
    #[error("seed is not hexadecimal")]
    SeedNotHex,
    /// A derivation path that does not parse.
    #[error("derivation path {path:?}: {reason}")]
    Path {
        /// The path as given.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The operating system gave no randomness.
    #[error("no randomness from the operating system: {0}")]
    Randomness(String),
}

/// What can go wrong between a keystore on disk and a usable key.
#[derive(Debug, thiserror::Error)]
pub enum KeystoreError {
    /// The file or text is not JSON of the EIP-2335 shape.
    #[error("not an EIP-2335 keystore: {0}")]
    Json(#[from] serde_json::Error),
    /// A version other than 4.
    #[error("keystore version {got}, only 4 (EIP-2335) is supported")]
    Version {
        /// The version found, as JSON.
        got: String,
    },
    /// A field whose value is outside what the EIP or this crate allows.
    #[error("keystore field {field}: {reason}")]
    Field {
        /// Dotted name of the field.
        field: &'static str,
        /// What was expected and what came.
        reason: String,
    },
    /// The checksum does not match: the password is wrong, or the file is damaged.
    #[error("wrong password (or damaged keystore): checksum does not match")]
    WrongPassword,
    /// The decrypted key belongs to another public key than the keystore names.
    #[error("keystore names public key {named}, its secret belongs to {actual}")]
    PublicKeyMismatch {
        /// The key in the file.
        named: String,
        /// The key of the secret.
        actual: String,
    },
    /// An empty password where a new keystore is to be written.
    #[error("password is empty after normalisation")]
    EmptyPassword,
    /// A password file that is not UTF-8.
    #[error("password file {path} is not UTF-8")]
    PasswordNotUtf8 {
        /// The file.
        path: PathBuf,
    },
    /// The file is larger than any keystore, seed or password.
    #[error("{path} is larger than {limit} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// The key is in the folder already.
    #[error("{path} exists already; it was not touched")]
    Exists {
        /// The file that stands there.
        path: PathBuf,
    },
    /// The folder has no such key.
    #[error("no keystore for {public_key} in {dir}")]
    NotFound {
        /// The key asked for.
        public_key: String,
        /// The folder searched.
        dir: PathBuf,
    },
    /// Another running process holds the key.
    #[error("key is in use: {path} is locked by {holder}; two programs signing with one stake key equivocate and are slashed")]
    InUse {
        /// The lock file.
        path: PathBuf,
        /// "process N", as far as the lock file tells.
        holder: String,
    },
    /// The lock file cannot be made or locked (read-only folder, a file system without locks).
    #[error("cannot lock {path}: {source}; give another folder for the lock if this one is read-only")]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Reading or writing failed.
    #[error("{action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The key material itself is at fault.
    #[error(transparent)]
    Bls(#[from] BlsError),
}

impl KeystoreError {
    /// A closure for `map_err` that records what was being done to which file.
    pub(crate) fn io(action: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
