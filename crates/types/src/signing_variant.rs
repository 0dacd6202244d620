//! Which root a validator's signature is over: signers that guard the consensus layer's keys wrap what others ask them to sign.
//!
//! Our own root of a message is that of the consensus specs, `compute_signing_root(object, domain)` under a domain of ours. A signer that holds the
//! key itself signs that. Commit-Boost's signer signs only under a domain type of its own, so what it is given as "data" is our root, and what it signs
//! is a root around it. Our domain, and with it the network, is inside in every variant: no signature of one kind passes as one of another.
//!
//! A key has one variant, fixed when it is enrolled. Signatures of one message under different variants are of different roots; an aggregate of them is
//! checked with one public key sum for each variant that occurs.

use std::fmt;
use std::str::FromStr;

use alloy_primitives::{FixedBytes, b256};
use serde::{Deserialize, Serialize};
use tree_hash::TreeHash as _;
use tree_hash_derive::TreeHash;

use crate::domain::{Domain, DomainType, compute_domain, compute_signing_root};
use crate::{Root, Spec, TypesError};

/// Commit-Boost's domain type for proposer commitments.
pub const DOMAIN_COMMIT_BOOST: DomainType = [0x6d, 0x6d, 0x6f, 0x43];

/// Quintet's signing id at Commit-Boost, which the operator names in the module's section: keccak256 of `quintet/validator/v1`.
pub const COMMIT_BOOST_SIGNING_ID: Root = b256!("0x72a07b8c9514b372563512be8c17fbea662d7adf9cc2e581ca24c2ddd5786d44");

/// How a validator's key signs.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SigningVariant {
    /// The consensus specs' signing root: keystores, and remote signers that know Quintet's messages.
    #[default]
    Direct,
    /// Commit-Boost's signer: data, signing id, nonce (0) and chain id under `0x6D6D6F43`.
    CommitBoost,
    /// Web3Signer's Commit-Boost interface: the data alone under `0x6D6D6F43`.
    Web3signer,
}

/// Commit-Boost's `PropCommitSigningInfo`. Its chain id is a `uint256`, whose leaf is that of a smaller integer of the same value.
#[derive(TreeHash)]
struct PropCommitSigningInfo {
    data: Root,
    module_signing_id: Root,
    nonce: u64,
    chain_id: u64,
}

/// The domain that Commit-Boost signs under. The root of the genesis validators is left out of it, as for builders.
pub fn commit_boost_domain(genesis_fork_version: FixedBytes<4>) -> Domain {
    compute_domain(DOMAIN_COMMIT_BOOST, genesis_fork_version, Root::ZERO)
}

/// What Commit-Boost signs when a module asks for `data`.
pub fn commit_boost_signing_root(
    data: Root,
    module_signing_id: Root,
    nonce: u64,
    chain_id: u64,
    genesis_fork_version: FixedBytes<4>,
) -> Root {
    let info = PropCommitSigningInfo { data, module_signing_id, nonce, chain_id };
    compute_signing_root(info.tree_hash_root(), commit_boost_domain(genesis_fork_version))
}

impl SigningVariant {
    /// All variants.
    pub const ALL: [Self; 3] = [Self::Direct, Self::CommitBoost, Self::Web3signer];

    /// The root that a signature of this variant is over. `signing_root` is ours, of `compute_signing_root`.
    pub fn wrap(self, signing_root: Root, spec: &Spec) -> Root {
        let version = spec.genesis_fork_version;
        match self {
            Self::Direct => signing_root,
            Self::CommitBoost => {
                commit_boost_signing_root(signing_root, COMMIT_BOOST_SIGNING_ID, 0, spec.deposit_chain_id, version)
            }
            Self::Web3signer => compute_signing_root(signing_root, commit_boost_domain(version)),
        }
    }

    /// [`Self::wrap`] around the signing root of an object.
    pub fn signing_root(self, object_root: Root, domain: Domain, spec: &Spec) -> Root {
        self.wrap(compute_signing_root(object_root, domain), spec)
    }

    /// The name in configuration and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::CommitBoost => "commit_boost",
            Self::Web3signer => "web3signer",
        }
    }
}

impl fmt::Display for SigningVariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SigningVariant {
    type Err = TypesError;

    fn from_str(text: &str) -> Result<Self, TypesError> {
        let found = Self::ALL.into_iter().find(|variant| variant.name() == text);
        found.ok_or_else(|| TypesError::UnknownSigningVariant(text.chars().take(40).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{fixed_bytes, keccak256};

    #[test]
    fn signing_id_is_the_hash_of_its_text() {
        assert_eq!(COMMIT_BOOST_SIGNING_ID, keccak256("quintet/validator/v1"));
    }

    /// The values of Web3Signer's own `SigningRootGeneratorTest`.
    #[test]
    fn domain_is_commit_boosts() {
        let mainnet = b256!("0x6d6d6f43f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a9");
        let holesky = b256!("0x6d6d6f435b83a23759c560b2d0c64576e1dcfc34ea94c4988f3e0d9f77f05387");
        let sepolia = b256!("0x6d6d6f43d3010778cd08ee514b08fe67b6c503b510987a4ce43f42306d97c67c");
        assert_eq!(commit_boost_domain(fixed_bytes!("00000000")), mainnet);
        assert_eq!(commit_boost_domain(fixed_bytes!("01017000")), holesky);
        assert_eq!(commit_boost_domain(fixed_bytes!("90000069")), sepolia);
    }

    #[test]
    fn roots_of_all_variants_differ_and_depend_on_network_and_object() {
        let spec = Spec::default();
        let mut roots = Vec::new();
        for object in [1, 2].map(Root::repeat_byte) {
            for domain in [3, 4].map(Root::repeat_byte) {
                roots.extend(SigningVariant::ALL.map(|variant| variant.signing_root(object, domain, &spec)));
            }
        }
        let other = Spec { deposit_chain_id: 2, genesis_fork_version: fixed_bytes!("00000001"), ..spec };
        let one = |variant: SigningVariant| variant.signing_root(Root::repeat_byte(1), Root::repeat_byte(3), &other);
        roots.extend([SigningVariant::CommitBoost, SigningVariant::Web3signer].map(one));
        let count = roots.len();
        roots.sort();
        roots.dedup();
        assert_eq!(roots.len(), count);
        assert_eq!(one(SigningVariant::Direct), compute_signing_root(Root::repeat_byte(1), Root::repeat_byte(3)));
    }

    #[test]
    fn names_read_back() {
        for variant in SigningVariant::ALL {
            assert_eq!(variant.to_string().parse(), Ok(variant));
            assert_eq!(serde_json::to_string(&variant).unwrap(), format!("\"{variant}\""));
        }
        assert!("dirk".parse::<SigningVariant>().is_err());
    }
}
