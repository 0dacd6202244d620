//! Keys in signers that are reached over HTTP.

mod commit_boost;
mod http;
mod jwt;
mod web3signer;

pub use commit_boost::CommitBoostBackend;
pub use web3signer::Web3SignerBackend;

/// Most bytes of an answer that carries a signature.
const MAX_SIGNATURE_BYTES: usize = 16 << 10;
/// Most bytes of a list of keys: some 100,000.
const MAX_KEYS_BYTES: usize = 32 << 20;

/// Sorts keys, without those that are not wanted.
fn wanted(
    mut keys: Vec<quintet_types::PublicKeyBytes>,
    only: &[quintet_types::PublicKeyBytes],
) -> Vec<quintet_types::PublicKeyBytes> {
    keys.retain(|key| only.is_empty() || only.contains(key));
    keys.sort();
    keys.dedup();
    keys
}
