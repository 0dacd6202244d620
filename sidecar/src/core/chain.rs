//! The part of the chain that jobs depend on: blocks since finality and their ancestry.

use std::collections::BTreeMap;

use quintet_types::{Root, Slot};
use serde::{Deserialize, Serialize};

/// What is remembered of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockMeta {
    /// Slot.
    pub slot: Slot,
    /// Root of the parent.
    pub parent: Root,
}

/// Blocks since finality, on whatever branch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainView {
    blocks: BTreeMap<Root, BlockMeta>,
    /// Root of the head.
    pub head: Root,
    /// Slot of the head.
    pub head_slot: Slot,
    /// Last finalized slot.
    pub finalized_slot: Slot,
    /// Last finalized block.
    pub finalized_root: Root,
}

impl ChainView {
    /// Adds a block of the canonical chain. It becomes the head unless the head descends from it.
    ///
    /// Blocks come in order; one whose parent is unknown follows blocks that were missed. It is taken for a child of the last head, which whoever
    /// missed them has made sure is still canonical.
    pub fn add(&mut self, root: Root, mut meta: BlockMeta) {
        if let Some(known) = self.blocks.get(&root) {
            if self.ancestry(self.head).contains(known.slot, &root) {
                return;
            }
            meta = *known;
        } else if !self.blocks.contains_key(&meta.parent) && self.head_slot < meta.slot && self.head != Root::ZERO {
            meta.parent = self.head;
        }
        self.blocks.insert(root, meta);
        self.head = root;
        self.head_slot = meta.slot;
    }

    /// A block.
    pub fn block(&self, root: &Root) -> Option<&BlockMeta> {
        self.blocks.get(root)
    }

    /// The head goes back to an ancestor; blocks of the left branch are still known.
    pub fn rewind(&mut self, root: Root, slot: Slot) {
        // Known from now on even if it came before all that was reported: what is not below it is told apart.
        self.blocks.entry(root).or_insert(BlockMeta { slot, parent: Root::ZERO });
        self.head = root;
        self.head_slot = slot;
    }

    /// Blocks from `root` back to the last one known, `root` included, as `(slot, root)`.
    pub fn ancestry(&self, root: Root) -> Ancestry {
        let mut known = BTreeMap::new();
        let mut at = root;
        while let Some(meta) = self.blocks.get(&at) {
            known.insert(meta.slot, at);
            at = meta.parent;
        }
        Ancestry { known, oldest_parent: at }
    }

    /// Everything before the finalized block is forgotten but for one block, which connects the rest.
    pub fn prune(&mut self, keep_from: Slot) {
        self.blocks.retain(|_, meta| meta.slot >= keep_from);
    }
}

/// One branch.
#[derive(Clone, Debug)]
pub struct Ancestry {
    known: BTreeMap<Slot, Root>,
    oldest_parent: Root,
}

impl Ancestry {
    /// Whether the block at `slot` with `root` is on this branch. Blocks older than what is remembered are final, and only final ones are asked for.
    pub fn contains(&self, slot: Slot, root: &Root) -> bool {
        match self.known.first_key_value() {
            Some((oldest, _)) if slot < *oldest => true,
            Some(_) => self.known.get(&slot) == Some(root),
            None => *root == self.oldest_parent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ancestry_tells_branches_apart() {
        let root = Root::repeat_byte;
        let mut chain = ChainView::default();
        chain.add(root(1), BlockMeta { slot: Slot(10), parent: root(0) });
        chain.add(root(2), BlockMeta { slot: Slot(11), parent: root(1) });
        chain.add(root(3), BlockMeta { slot: Slot(12), parent: root(1) });
        let branch = chain.ancestry(root(3));
        assert!(branch.contains(Slot(10), &root(1)) && branch.contains(Slot(12), &root(3)));
        assert!(!branch.contains(Slot(11), &root(2)));
        assert!(branch.contains(Slot(3), &root(9)), "older blocks are final");
    }

    #[test]
    fn a_gap_is_bridged_and_a_repeated_ancestor_moves_no_head() {
        let root = Root::repeat_byte;
        let mut chain = ChainView::default();
        chain.add(root(1), BlockMeta { slot: Slot(10), parent: root(0) });
        chain.add(root(2), BlockMeta { slot: Slot(11), parent: root(1) });
        chain.add(root(9), BlockMeta { slot: Slot(90), parent: root(8) });
        let branch = chain.ancestry(chain.head);
        assert!(
            branch.contains(Slot(11), &root(2)) && !branch.contains(Slot(11), &root(3)),
            "blocks before the gap are told apart"
        );
        chain.add(root(1), BlockMeta { slot: Slot(10), parent: root(0) });
        assert_eq!((chain.head, chain.head_slot), (root(9), Slot(90)));
        // Back on another branch, the same block is the head again.
        chain.rewind(root(1), Slot(10));
        chain.add(root(3), BlockMeta { slot: Slot(12), parent: root(1) });
        chain.rewind(root(1), Slot(10));
        chain.add(root(2), BlockMeta { slot: Slot(11), parent: root(1) });
        assert_eq!(chain.head, root(2));
    }
}
