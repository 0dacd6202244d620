//! What a proof of possession is bound to: one purpose, chain, contract and owner.

use alloy_primitives::{Address, B256, keccak256};
use quintet_types::domain::{DOMAIN_PROVER_REGISTRATION, DomainType};

/// Proof of possession of a validator's key at its enrolment.
pub const DOMAIN_VALIDATOR_ENROLMENT: DomainType = [0x51, 0, 0, 7];
/// A settlement of the ledger.
pub const DOMAIN_SETTLEMENT: DomainType = [0x51, 0, 0, 8];

/// `possessionBinding(owner)` of the prover registry at `contract`.
#[must_use]
pub fn prover_possession_binding(chain_id: u64, contract: Address, owner: Address) -> B256 {
    binding(DOMAIN_PROVER_REGISTRATION, chain_id, contract, owner)
}

/// `possessionBinding(owner)` of the validator set at `contract`.
#[must_use]
pub fn validator_possession_binding(chain_id: u64, contract: Address, owner: Address) -> B256 {
    binding(DOMAIN_VALIDATOR_ENROLMENT, chain_id, contract, owner)
}

/// `keccak256(abi.encode(bytes4, uint256, address, address))`.
fn binding(purpose: DomainType, chain_id: u64, contract: Address, owner: Address) -> B256 {
    let mut encoded = [0; 128];
    encoded[..4].copy_from_slice(&purpose);
    encoded[56..64].copy_from_slice(&chain_id.to_be_bytes());
    encoded[76..96].copy_from_slice(contract.as_slice());
    encoded[108..].copy_from_slice(owner.as_slice());
    keccak256(encoded)
}
