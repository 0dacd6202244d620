//! What validators sign for a settlement.

use alloy_primitives::{Address, U128};
use quintet_types::{Epoch, Root, domain::compute_signing_root};
use ssz_derive::{Decode, Encode};
use tree_hash::TreeHash as _;
use tree_hash_derive::TreeHash;

/// One settlement of one contract on one chain; its hash tree root is signed under [`crate::DOMAIN_SETTLEMENT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, TreeHash)]
pub struct Statement {
    /// The execution chain.
    pub chain_id: u64,
    /// The settlement contract.
    pub contract: Address,
    /// 1 for the first settlement; no gaps.
    pub number: u64,
    /// Everything before this epoch is in the leaves.
    pub end_epoch: Epoch,
    /// Root of the [`crate::LeafTree`].
    pub leaves_root: Root,
    /// Sum of the leaves' rewards, in 10⁻⁹ units.
    pub total_rewards: U128,
    /// Sum of the leaves' penalties, in 10⁻⁹ units.
    pub total_penalties: U128,
    /// Root of the ledger.
    pub ledger_root: Root,
}

impl Statement {
    /// What is signed; `domain` is that of [`crate::DOMAIN_SETTLEMENT`].
    #[must_use]
    pub fn signing_root(&self, domain: Root) -> Root {
        compute_signing_root(self.tree_hash_root(), domain)
    }
}
