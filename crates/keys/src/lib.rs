//! BLS12-381 stake keys: signatures, proofs of possession, derivation (EIP-2333/2334) and keystores (EIP-2335).
//!
//! The scheme is that of the consensus layer: minimal public keys (48 bytes, G1), signatures of 96 bytes in G2, the
//! proof-of-possession ciphersuite [`SIGNATURE_DST`]. A [`PublicKey`] or [`Signature`] value is always a point of the
//! prime-order subgroup other than infinity; bytes that are not cannot become one.
//!
//! Everything here runs on the calling thread: the programs decide how many cores verification may take.

mod batch;
mod bytes;
mod derive;
mod error;
mod file;
mod keystore;
mod keystore_dir;
mod lock;
mod password;
mod possession;
mod public;
mod secret;
mod signature;

pub use batch::{BatchVerdict, MAX_BATCH, SignatureSet, verify_batch, verify_batch_with};
pub use derive::{DerivationPath, ETH2_COIN_TYPE, PROVER_USE, PURPOSE_BLS12_381, Seed};
pub use error::{BlsError, KeystoreError, PointFault};
pub use file::{read_capped, write_private};
pub use keystore::{KdfCost, Keystore, MAX_KEYSTORE_BYTES, MAX_WALLET_BYTES, decrypt_wallet, encrypt_wallet};
pub use keystore_dir::{KeyInfo, KeyListing, KeystoreDir, NewKey};
pub use lock::{KeyLock, StakeKey, lock_path};
pub use password::Password;
pub use possession::{POSSESSION_DST, ProofOfPossession};
pub use public::PublicKey;
pub use secret::SecretKey;
pub use signature::{SIGNATURE_DST, Signature};
