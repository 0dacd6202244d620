//! The keys with which validators sign proposals, votes, settlements and their enrolment.
//!
//! A [`ValidatorSigner`] is a back end (keystores of any validator client, Web3Signer, Commit-Boost's signer) behind a [`SigningRecord`]: what a key
//! signs for a turn is on disk before a signature leaves, and no key ever signs two objects for one turn, across restarts and twin instances.
//! What a signature is over depends on the back end: see [`SigningVariant`](quintet_types::SigningVariant).

pub mod config;
mod error;
mod keystores;
mod open;
mod record;
mod remote;
mod request;
mod signer;

pub use error::{Conflict, OpenError, SignError};
pub use keystores::{KeystoreBackend, Layout};
pub use open::open;
pub use record::{Exchange, Imported, MAX_ENTRIES, Permit, Signed, SigningRecord};
pub use remote::{CommitBoostBackend, Web3SignerBackend};
pub use request::{PhaseMessage, SigningRequest, Subject, Turn, ValidatorKey};
pub use signer::{Backend, RecordedSigner, ValidatorSigner};
