//! SHA-256 over tagged, fixed-width parts: every seed and rank of the protocol.
//!
//! Integers enter as 8 bytes, little-endian, whatever their type; a domain tag of 4 bytes comes first.

use quintet_types::Root;
use quintet_types::domain::DomainType;
use sha2::{Digest, Sha256};

/// SHA-256 of `bytes`.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// H(tag ‖ root ‖ integers).
pub(crate) fn tagged(tag: DomainType, root: &Root, integers: &[u64]) -> Root {
    let mut hasher = Sha256::new();
    hasher.update(tag);
    hasher.update(root);
    for integer in integers {
        hasher.update(integer.to_le_bytes());
    }
    Root::from(<[u8; 32]>::from(hasher.finalize()))
}

/// The first 8 bytes of a hash as an integer, for tie-breaking.
pub(crate) fn prefix(root: &Root) -> u64 {
    let bytes = root.first_chunk::<8>().expect("a root has 32 bytes");
    u64::from_le_bytes(*bytes)
}
