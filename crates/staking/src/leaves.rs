//! The tree of cumulative amounts under a settlement: sorted pairs, keccak256, as the contract verifies it.

use alloy_primitives::{B256, keccak256};
use serde::{Deserialize, Serialize};
use ssz_derive::{Decode, Encode};

/// Whose account a leaf is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Encode, Decode)]
#[ssz(enum_behaviour = "tag")]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// A prover, by its index in the registry.
    Prover,
    /// A validator, by its index on the beacon chain.
    Validator,
}

/// One account's cumulative amounts, in 10⁻⁹ units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Encode, Decode)]
pub struct Leaf {
    /// Whose.
    pub kind: AccountKind,
    /// Its index.
    pub index: u64,
    /// Rewards ever earned.
    pub rewards: u128,
    /// Penalties ever incurred.
    pub penalties: u128,
}

impl Leaf {
    /// `leafHash` of the contract: keccak256 of keccak256 of the four words.
    #[must_use]
    pub fn hash(&self) -> B256 {
        let mut encoded = [0; 128];
        encoded[31] = match self.kind {
            AccountKind::Prover => 0,
            AccountKind::Validator => 1,
        };
        encoded[56..64].copy_from_slice(&self.index.to_be_bytes());
        encoded[80..96].copy_from_slice(&self.rewards.to_be_bytes());
        encoded[112..].copy_from_slice(&self.penalties.to_be_bytes());
        keccak256(keccak256(encoded))
    }
}

/// A Merkle tree whose nodes hash their children in ascending order, so that a proof needs no directions. A node without a sibling moves up as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafTree {
    /// Leaves first, the root last.
    levels: Vec<Vec<B256>>,
}

impl LeafTree {
    /// The tree over `leaves`, in their order.
    #[must_use]
    pub fn new(leaves: &[Leaf]) -> Self {
        let mut levels = vec![leaves.iter().map(Leaf::hash).collect::<Vec<_>>()];
        while let Some(below) = levels.last().filter(|level| level.len() > 1) {
            levels.push(below.chunks(2).map(|pair| if let [a, b] = pair { parent(*a, *b) } else { pair[0] }).collect());
        }
        Self { levels }
    }

    /// The root; zero if there are no leaves.
    #[must_use]
    pub fn root(&self) -> B256 {
        self.levels.last().and_then(|level| level.first()).copied().unwrap_or_default()
    }

    /// Siblings of leaf `place` from the bottom up; `None` if there is no such leaf.
    #[must_use]
    pub fn proof(&self, place: usize) -> Option<Vec<B256>> {
        self.levels.first().filter(|leaves| place < leaves.len())?;
        let siblings = self.levels.iter().enumerate().filter_map(|(height, level)| level.get((place >> height) ^ 1).copied());
        Some(siblings.collect())
    }
}

fn parent(a: B256, b: B256) -> B256 {
    let (low, high) = if a <= b { (a, b) } else { (b, a) };
    keccak256([low, high].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_leaf_of_every_size_leads_to_the_root(n in 1u64..40) {
            let leaves: Vec<_> =
                (0..n).map(|index| Leaf { kind: AccountKind::Prover, index, rewards: 7, penalties: 1 }).collect();
            let tree = LeafTree::new(&leaves);
            for (place, leaf) in leaves.iter().enumerate() {
                let root = tree.proof(place).unwrap().into_iter().fold(leaf.hash(), parent);
                prop_assert_eq!(root, tree.root());
            }
            prop_assert_eq!(tree.proof(leaves.len()), None);
        }
    }

    #[test]
    fn no_leaves_have_a_zero_root() {
        assert_eq!(LeafTree::new(&[]).root(), B256::ZERO);
    }
}
