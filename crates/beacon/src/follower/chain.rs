//! The blocks since the last finalized one, and how to get from one head to another.

use std::collections::HashMap;
use std::sync::Arc;

use alloy_primitives::B256;
use quintet_types::Slot;

use crate::block::BlockInfo;

/// A block with what verification found.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) block: Arc<BlockInfo>,
    pub(super) mix_confirmed: bool,
}

/// Recent blocks by root, on all branches.
#[derive(Debug, Default)]
pub(super) struct RecentChain {
    blocks: HashMap<B256, Known>,
    head: Option<B256>,
}

/// The way from one head to another.
#[derive(Debug)]
pub(super) struct Switch {
    /// Last block of both branches; `None` when there was no head or the branches do not meet.
    pub(super) common: Option<Arc<BlockInfo>>,
    /// Blocks left, newest first.
    pub(super) dropped: Vec<Arc<BlockInfo>>,
    /// Blocks entered, oldest first.
    pub(super) adopted: Vec<Known>,
}

impl RecentChain {
    pub(super) fn get(&self, root: &B256) -> Option<&Known> {
        self.blocks.get(root)
    }

    pub(super) fn head(&self) -> Option<&Arc<BlockInfo>> {
        self.head.and_then(|root| self.blocks.get(&root)).map(|known| &known.block)
    }

    pub(super) fn insert(&mut self, known: Known) {
        self.blocks.insert(known.block.block_root, known);
    }

    /// Replaces a block by the same block with its payload.
    pub(super) fn replace(&mut self, block: Arc<BlockInfo>) {
        if let Some(known) = self.blocks.get_mut(&block.block_root) {
            known.block = block;
        }
    }

    /// Forgets all blocks: what follows has no connection to them.
    pub(super) fn clear(&mut self) {
        self.blocks.clear();
        self.head = None;
    }

    /// Moves the head to `root`, which must have been inserted.
    pub(super) fn switch_to(&mut self, root: B256) -> Switch {
        let ancestry = |mut root: B256| {
            let mut path = Vec::new();
            while let Some(known) = self.blocks.get(&root) {
                path.push(known.clone());
                root = known.block.parent_root;
            }
            path
        };
        let mut adopted = ancestry(root);
        let mut dropped = self.head.map(ancestry).unwrap_or_default();
        let mut common = None;
        while let (Some(new), Some(old)) = (adopted.last(), dropped.last())
            && new.block.block_root == old.block.block_root
        {
            common = adopted.pop().map(|known| known.block);
            dropped.pop();
        }
        if common.is_none() && !dropped.is_empty() {
            // Branches that do not meet: blocks that both walks end at were pruned.
            dropped.clear();
        }
        self.head = Some(root);
        adopted.reverse();
        Switch { common, dropped: dropped.into_iter().map(|known| known.block).collect(), adopted }
    }

    /// Forgets blocks before `slot`, except the head.
    pub(super) fn prune(&mut self, slot: Slot) {
        let head = self.head;
        self.blocks.retain(|root, known| known.block.slot >= slot || Some(*root) == head);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::Execution;
    use crate::fork::Fork;
    use quintet_types::{SignatureBytes, ValidatorIndex};

    fn block(root: u8, parent: u8, slot: u64) -> Known {
        let block = BlockInfo {
            fork: Fork::Fulu,
            slot: Slot(slot),
            proposer_index: ValidatorIndex(0),
            block_root: B256::repeat_byte(root),
            parent_root: B256::repeat_byte(parent),
            state_root: B256::ZERO,
            randao_reveal: SignatureBytes::ZERO,
            signature: SignatureBytes::ZERO,
            randao_mix: None,
            execution: Execution::None,
        };
        Known { block: Arc::new(block), mix_confirmed: false }
    }

    fn slots(blocks: &[Arc<BlockInfo>]) -> Vec<u64> {
        blocks.iter().map(|block| block.slot.0).collect()
    }

    fn adopted(switch: &Switch) -> Vec<u64> {
        switch.adopted.iter().map(|known| known.block.slot.0).collect()
    }

    #[test]
    fn a_longer_chain_is_adopted_oldest_first() {
        let mut chain = RecentChain::default();
        for known in [block(1, 0, 1), block(2, 1, 2), block(3, 2, 3)] {
            chain.insert(known);
        }
        assert_eq!(adopted(&chain.switch_to(B256::repeat_byte(1))), [1]);
        let switch = chain.switch_to(B256::repeat_byte(3));
        assert_eq!((adopted(&switch), slots(&switch.dropped)), (vec![2, 3], vec![]));
    }

    #[test]
    fn a_reorg_names_what_is_dropped_and_can_come_back() {
        let mut chain = RecentChain::default();
        for known in [block(1, 0, 1), block(2, 1, 2), block(3, 2, 3), block(4, 1, 4)] {
            chain.insert(known);
        }
        chain.switch_to(B256::repeat_byte(3));
        let switch = chain.switch_to(B256::repeat_byte(4));
        assert_eq!((adopted(&switch), slots(&switch.dropped)), (vec![4], vec![3, 2]));
        assert_eq!(switch.common.unwrap().slot, Slot(1));
        let back = chain.switch_to(B256::repeat_byte(3));
        assert_eq!((adopted(&back), slots(&back.dropped)), (vec![2, 3], vec![4]));
    }

    #[test]
    fn pruning_keeps_the_head() {
        let mut chain = RecentChain::default();
        chain.insert(block(1, 0, 1));
        chain.insert(block(2, 1, 2));
        chain.switch_to(B256::repeat_byte(2));
        chain.prune(Slot(9));
        assert!(chain.get(&B256::repeat_byte(1)).is_none());
        assert_eq!(chain.head().unwrap().slot, Slot(2));
    }
}
