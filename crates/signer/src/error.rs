//! Why keys cannot be opened, and why nothing is signed.

use std::path::PathBuf;

use quintet_keys::KeystoreError;
use quintet_types::{PublicKeyBytes, Root, Slot};

use crate::{Turn, keystores::Layout};

/// A key is asked for a second object for a turn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pubkey} signed {recorded} as {turn}; it does not sign {requested} too")]
pub struct Conflict {
    /// The key.
    pub pubkey: PublicKeyBytes,
    /// What both are for.
    pub turn: Turn,
    /// Signing root on record.
    pub recorded: Root,
    /// Signing root asked for.
    pub requested: Root,
}

/// Why there is no signature.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SignError {
    /// The key is not here.
    #[error("no signer has the key {0}")]
    UnknownKey(PublicKeyBytes),
    /// The key signed something else for this turn.
    #[error(transparent)]
    Conflict(Box<Conflict>),
    /// The turn is older than what the record still knows.
    #[error("{turn} is of a slot before {floor}, whose records were removed; nothing is signed for it")]
    BelowFloor {
        /// The turn.
        turn: Box<Turn>,
        /// First slot for which something may be signed.
        floor: Slot,
    },
    /// The domain asked for is not that of the subject: a mistake of the caller.
    #[error("{subject} is not signed under the domain {domain}")]
    WrongDomain {
        /// What was to be signed.
        subject: String,
        /// The domain it came with.
        domain: Root,
    },
    /// The record cannot be written, so nothing may leave.
    #[error("signing record: {0}")]
    Record(String),
    /// This signer cannot do it, whatever it is asked.
    #[error("{signer} cannot sign {what}: {why}")]
    Unsupported {
        /// Which signer.
        signer: String,
        /// What was wanted.
        what: String,
        /// Why not.
        why: &'static str,
    },
    /// The remote signer did not answer in time, or cannot be reached. The same request may be made again.
    #[error("{signer}: {why}")]
    Unreachable {
        /// Which signer.
        signer: String,
        /// What happened.
        why: String,
    },
    /// The remote signer said no.
    #[error("{signer} refused with status {status}: {message}")]
    Refused {
        /// Which signer.
        signer: String,
        /// The HTTP status.
        status: u16,
        /// What it said, shortened.
        message: String,
    },
    /// The remote signer's answer is not of the API.
    #[error("{signer} answered what its API does not have: {why}")]
    Answer {
        /// Which signer.
        signer: String,
        /// What is wrong with it.
        why: String,
    },
    /// The signature does not verify. It was not used.
    #[error("{signer} gave a signature that does not verify for {pubkey}: {hint}")]
    WrongSignature {
        /// Which signer.
        signer: String,
        /// The key.
        pubkey: PublicKeyBytes,
        /// What to look at.
        hint: &'static str,
    },
}

impl SignError {
    /// Whether the same request may succeed a moment later.
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }
}

/// Why a signer or a record cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A folder or file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// A keystore, password or lock is at fault.
    #[error("{path}: {source}")]
    Keystore {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: KeystoreError,
    },
    /// No layout fits.
    #[error(
        "{0} has no keys of a known layout: neither validator_definitions.yml, 0x…/voting-keystore.json, 0x…/keystore.json, \
         direct/accounts/all-accounts.keystore.json nor *.json"
    )]
    NoLayout(PathBuf),
    /// Several layouts fit.
    #[error("{path} has keys of several layouts ({}); name one as `layout`", found.iter().map(Layout::to_string).collect::<Vec<_>>().join(", "))]
    AmbiguousLayout {
        /// The folder.
        path: PathBuf,
        /// What was found.
        found: Vec<Layout>,
    },
    /// The layout named is not there, or has no key.
    #[error("{path} has no keys in the layout of {layout}")]
    NoKeys {
        /// The folder.
        path: PathBuf,
        /// The layout.
        layout: Layout,
    },
    /// A keystore has no password.
    #[error("{keystore} has no password: neither {} is there", tried.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" nor "))]
    NoPassword {
        /// The keystore.
        keystore: PathBuf,
        /// Where it was looked for.
        tried: Vec<PathBuf>,
    },
    /// A keystore holds another key than its place says.
    #[error("{path} holds {actual}, its place says {named}")]
    OtherKey {
        /// The keystore.
        path: PathBuf,
        /// The key in it.
        actual: String,
        /// The key that was expected.
        named: String,
    },
    /// A key is there twice.
    #[error("the key {pubkey} is in both {first} and {second}")]
    Twice {
        /// The key.
        pubkey: PublicKeyBytes,
        /// One place.
        first: String,
        /// The other.
        second: String,
    },
    /// A file is not what it should be.
    #[error("{path}: {why}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The configuration is wrong.
    #[error("{key}: {why}")]
    Config {
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The signing record was copied, or restored from a backup.
    #[error(
        "the signing record in {path} was copied or restored: it may lack what was signed since, or its original may be in use elsewhere. Make sure \
         that nothing else signs with these keys, wait until everything signed is finalized, then take it over"
    )]
    Copied {
        /// The record's folder.
        path: PathBuf,
    },
    /// The signing record is of another network.
    #[error("the signing record in {path} is of the network {recorded}, not {network}")]
    OtherNetwork {
        /// The record's folder.
        path: PathBuf,
        /// Genesis validators root on record.
        recorded: Root,
        /// That of the network.
        network: Root,
    },
    /// The signing record is damaged in its middle.
    #[error("{path} is damaged at byte {offset}: entries that signed something are lost; nothing is signed with it")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        offset: u64,
    },
}

impl OpenError {
    pub(crate) fn io(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    pub(crate) fn keystore(path: &std::path::Path) -> impl FnOnce(KeystoreError) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Keystore { path, source }
    }
}
