//! RANDAO: mixing in a reveal, and verifying that the proposer made it.

use alloy_primitives::B256;
use quintet_types::{Epoch, PublicKeyBytes, Root, SignatureBytes, compute_domain, compute_signing_root};
use sha2::{Digest as _, Sha256};

use crate::bls;
use crate::spec::ChainSpec;

/// `DOMAIN_RANDAO` of the consensus specs.
pub const DOMAIN_RANDAO: [u8; 4] = [2, 0, 0, 0];
/// `DOMAIN_BEACON_PROPOSER` of the consensus specs.
pub const DOMAIN_BEACON_PROPOSER: [u8; 4] = [0; 4];

/// The mix after a block: the mix before it XOR the SHA-256 of its reveal (`process_randao`).
#[must_use]
pub fn mix_in(mix: B256, reveal: &SignatureBytes) -> B256 {
    mix ^ B256::from_slice(&Sha256::digest(reveal))
}

/// What a proposer signs to make its reveal: the epoch, under the fork version of that epoch.
#[must_use]
pub fn reveal_signing_root(spec: &ChainSpec, epoch: Epoch) -> Root {
    let mut object_root = B256::ZERO;
    object_root[..8].copy_from_slice(&epoch.0.to_le_bytes());
    let domain = compute_domain(DOMAIN_RANDAO, spec.forks.version_at(epoch), spec.genesis_validators_root);
    compute_signing_root(object_root, domain)
}

/// Whether `reveal` is the signature of `proposer` over `epoch`.
#[must_use]
pub fn reveal_is_valid(spec: &ChainSpec, epoch: Epoch, proposer: &PublicKeyBytes, reveal: &SignatureBytes) -> bool {
    bls::verify(proposer, &reveal_signing_root(spec, epoch), reveal)
}

/// Whether `signature` is the signature of `proposer` over the block with root `block_root`.
#[must_use]
pub fn block_signature_is_valid(
    spec: &ChainSpec,
    epoch: Epoch,
    proposer: &PublicKeyBytes,
    block_root: Root,
    signature: &SignatureBytes,
) -> bool {
    let domain = compute_domain(DOMAIN_BEACON_PROPOSER, spec.forks.version_at(epoch), spec.genesis_validators_root);
    bls::verify(proposer, &compute_signing_root(block_root, domain), signature)
}
