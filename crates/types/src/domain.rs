//! Signing domains and signing roots as in the consensus specs (phase0/beacon-chain.md, `compute_domain`,
//! `compute_signing_root`), and the tags that keep our own hashes apart.

use alloy_primitives::FixedBytes;
use ssz_derive::{Decode, Encode};
use tree_hash::TreeHash as _;
use tree_hash_derive::TreeHash;

use crate::{Phase, Root};

/// Four bytes that name what is signed or hashed. Ours start with `0x51` ("Q"), which the consensus specs do not use.
pub type DomainType = [u8; 4];

/// A signing domain: domain type and the first 28 bytes of the fork data root.
pub type Domain = Root;

/// T1 submissions.
pub const DOMAIN_COMMITMENTS: DomainType = [0x51, 0, 0, 0];
/// T2 submissions.
pub const DOMAIN_PARTIAL_PROOFS: DomainType = [0x51, 0, 0, 1];
/// T3, T4 and T5 submissions.
pub const DOMAIN_FULL_PROOF: DomainType = [0x51, 0, 0, 2];
/// Aggregations of sub-blocks.
pub const DOMAIN_AGG_PROOF: DomainType = [0x51, 0, 0, 3];
/// A leader's proposal of the bundle that closes a phase.
pub const DOMAIN_PROPOSAL: DomainType = [0x51, 0, 0, 4];
/// A precommit for a bundle: what its certificate aggregates.
pub const DOMAIN_PRECOMMIT: DomainType = [0x51, 0, 0, 5];
/// Proof of possession of a stake key at registration.
pub const DOMAIN_PROVER_REGISTRATION: DomainType = [0x51, 0, 0, 6];
/// A validator's word on which peer its sidecar is. 0x51000007 and 0x51000008 are the staking contracts': enrolment of validators, and settlements.
pub const DOMAIN_INTRODUCTION: DomainType = [0x51, 0, 0, 9];
/// A prevote on a proposed bundle.
pub const DOMAIN_PREVOTE: DomainType = [0x51, 0, 0, 10];
/// Hash tag of the selection seed.
pub const DOMAIN_SELECTION: DomainType = [0x51, 0, 1, 0];
/// Hash tag of the assignment seed.
pub const DOMAIN_ASSIGN: DomainType = [0x51, 0, 1, 1];
/// Hash tag of the leader ranks of a phase.
pub const DOMAIN_LEADER: DomainType = [0x51, 0, 1, 2];
/// Hash tag of the ranks of provers that submit full proofs without being selected.
pub const DOMAIN_OPEN_RANK: DomainType = [0x51, 0, 1, 3];
/// Hash tag of the order in which partials of one instance are reused.
pub const DOMAIN_REUSE: DomainType = [0x51, 0, 1, 4];
/// Hash tag of the draw of a committee's seats.
pub const DOMAIN_COMMITTEE: DomainType = [0x51, 0, 1, 6];
/// Hash tag of the sub-block aggregators' selection.
pub const DOMAIN_AGGREGATORS: DomainType = [0x51, 0, 1, 5];

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, TreeHash)]
struct ForkData {
    current_version: FixedBytes<4>,
    genesis_validators_root: Root,
}

/// What is signed: the root of an object and the domain it is signed under.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, TreeHash)]
pub struct SigningData {
    /// Hash tree root of the object.
    pub object_root: Root,
    /// The domain.
    pub domain: Domain,
}

/// `compute_domain` of the consensus specs.
pub fn compute_domain(domain_type: DomainType, fork_version: FixedBytes<4>, genesis_validators_root: Root) -> Domain {
    let fork_data_root = ForkData { current_version: fork_version, genesis_validators_root }.tree_hash_root();
    let mut domain = [0u8; 32];
    domain[..4].copy_from_slice(&domain_type);
    domain[4..].copy_from_slice(&fork_data_root[..28]);
    domain.into()
}

/// `compute_signing_root` of the consensus specs, for an object whose hash tree root is `object_root`.
pub fn compute_signing_root(object_root: Root, domain: Domain) -> Root {
    SigningData { object_root, domain }.tree_hash_root()
}

/// The domain type of a prover's submission in `phase`.
pub const fn submission_domain_type(phase: Phase) -> DomainType {
    match phase {
        Phase::T1 => DOMAIN_COMMITMENTS,
        Phase::T2 => DOMAIN_PARTIAL_PROOFS,
        Phase::T3 | Phase::T4 | Phase::T5 => DOMAIN_FULL_PROOF,
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{b256, fixed_bytes};

    use super::*;

    /// The deposit domain of mainnet, as every deposit tool has it: type 0x03000000, version 0, zero root.
    #[test]
    fn deposit_domain_of_mainnet_comes_out() {
        assert_eq!(
            compute_domain([3, 0, 0, 0], fixed_bytes!("00000000"), Root::ZERO),
            b256!("03000000f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a9")
        );
    }

    #[test]
    fn domains_are_distinct() {
        let all = [
            DOMAIN_COMMITMENTS,
            DOMAIN_PARTIAL_PROOFS,
            DOMAIN_FULL_PROOF,
            DOMAIN_AGG_PROOF,
            DOMAIN_PROPOSAL,
            DOMAIN_PRECOMMIT,
            DOMAIN_PREVOTE,
            DOMAIN_PROVER_REGISTRATION,
            DOMAIN_SELECTION,
            DOMAIN_ASSIGN,
            DOMAIN_LEADER,
            DOMAIN_OPEN_RANK,
            DOMAIN_REUSE,
            DOMAIN_AGGREGATORS,
            DOMAIN_COMMITTEE,
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|b| a != b));
        }
    }
}
