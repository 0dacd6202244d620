//! The block tree, its head and its finality. No clock and no network: slots are made when asked for.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use alloy_primitives::B256;
use quintet_types::{Epoch, Root, Slot};

use crate::accounts::{Accounts, gas_of};
use crate::block::{BlockBuilder, StoredBlock};
use crate::config::{DevnetConfig, DevnetError};
use crate::execution::{Context, ExecutionState, GAS_LIMIT};
use crate::validators::Validators;

/// Epochs of blocks that are kept. Older ones are pruned, as nodes do.
const KEPT_EPOCHS: u64 = 128;

/// A checkpoint of the finality gadget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    pub(crate) epoch: Epoch,
    pub(crate) root: Root,
}

/// What a new block changed.
#[derive(Debug)]
pub(crate) struct Advance {
    pub(crate) block: Arc<StoredBlock>,
    pub(crate) epoch_transition: bool,
    /// The head that was left and how many blocks with it, when the block does not build on it.
    pub(crate) reorg: Option<(Arc<StoredBlock>, usize)>,
    pub(crate) finalized: Option<Checkpoint>,
}

/// The chain of a devnet.
#[derive(Debug)]
pub(crate) struct Chain {
    config: DevnetConfig,
    builder: BlockBuilder,
    validators: Validators,
    accounts: Accounts,
    genesis_validators_root: Root,
    blocks: HashMap<Root, Arc<StoredBlock>>,
    canonical: BTreeMap<u64, Root>,
    head: Arc<StoredBlock>,
    justified: Checkpoint,
    finalized: Checkpoint,
}

impl Chain {
    pub(crate) fn new(config: DevnetConfig) -> Result<Self, DevnetError> {
        config.check()?;
        let validators = Validators::interop(config.validators, config.seed)?;
        let genesis_validators_root = validators.root()?;
        let builder = BlockBuilder::new(&config, genesis_validators_root);
        let genesis = Arc::new(builder.genesis(ExecutionState::genesis(config.seed))?);
        let checkpoint = Checkpoint { epoch: Epoch(0), root: genesis.root };
        Ok(Self {
            accounts: Accounts::new(config.seed, config.chain_id, config.calldata),
            config,
            builder,
            validators,
            genesis_validators_root,
            blocks: HashMap::from([(genesis.root, genesis.clone())]),
            canonical: BTreeMap::from([(0, genesis.root)]),
            head: genesis,
            justified: checkpoint,
            finalized: checkpoint,
        })
    }

    pub(crate) const fn config(&self) -> &DevnetConfig {
        &self.config
    }

    pub(crate) const fn builder(&self) -> &BlockBuilder {
        &self.builder
    }

    pub(crate) const fn validators(&self) -> &Validators {
        &self.validators
    }

    pub(crate) const fn genesis_validators_root(&self) -> Root {
        self.genesis_validators_root
    }

    pub(crate) const fn head(&self) -> &Arc<StoredBlock> {
        &self.head
    }

    pub(crate) const fn justified(&self) -> Checkpoint {
        self.justified
    }

    pub(crate) const fn finalized(&self) -> Checkpoint {
        self.finalized
    }

    pub(crate) fn by_root(&self, root: &Root) -> Option<&Arc<StoredBlock>> {
        self.blocks.get(root)
    }

    pub(crate) fn by_state_root(&self, root: &Root) -> Option<&Arc<StoredBlock>> {
        self.blocks.values().find(|block| block.state_root == *root)
    }

    /// The canonical block exactly at `slot`.
    pub(crate) fn at(&self, slot: Slot) -> Option<&Arc<StoredBlock>> {
        self.canonical.get(&slot.0).and_then(|root| self.blocks.get(root))
    }

    /// The last canonical block at or before `slot`.
    pub(crate) fn at_or_before(&self, slot: Slot) -> Option<&Arc<StoredBlock>> {
        self.canonical.range(..=slot.0).next_back().and_then(|(_, root)| self.blocks.get(root))
    }

    /// What duties that are drawn with the first slot of `epoch` hang on: the last canonical block before it, or genesis.
    pub(crate) fn dependent_root(&self, epoch: Epoch) -> Root {
        let before = Slot(epoch.start_slot(self.config.preset.slots_per_epoch).0.saturating_sub(1));
        // Of pruned blocks the oldest that is left stands in, as nodes cannot tell either.
        let oldest = || self.canonical.values().next().copied().unwrap_or_default();
        self.at_or_before(before).map_or_else(oldest, |block| block.root)
    }

    pub(crate) fn is_canonical(&self, block: &StoredBlock) -> bool {
        self.canonical.get(&block.slot.0) == Some(&block.root)
    }

    pub(crate) fn is_finalized(&self, block: &StoredBlock) -> bool {
        let end = self.finalized.epoch.start_slot(self.config.preset.slots_per_epoch);
        self.is_canonical(block) && block.slot <= end
    }

    /// The mix of `epoch` in the state after `block`; `None` when the epoch is not over or too long ago.
    pub(crate) fn mix(&self, block: &Arc<StoredBlock>, epoch: Epoch) -> Option<B256> {
        if epoch > self.builder.epoch(block.slot) {
            return None;
        }
        let mut block = block;
        while self.builder.epoch(block.slot) > epoch {
            block = self.blocks.get(&block.parent_root)?;
        }
        Some(block.mix)
    }

    /// Makes the block of `slot` on the ancestor `reorg_depth` blocks before the head, and makes it the head.
    pub(crate) fn produce(&mut self, slot: Slot, transactions: usize, reorg_depth: usize) -> Result<Advance, DevnetError> {
        let mut parent = self.head.clone();
        for _ in 0..reorg_depth {
            let finalized = self.finalized.epoch.start_slot(self.config.preset.slots_per_epoch);
            let older = self.blocks.get(&parent.parent_root).filter(|_| parent.slot > finalized);
            parent = older.ok_or(DevnetError::ReorgTooDeep { depth: reorg_depth })?.clone();
        }
        let room = (GAS_LIMIT / gas_of(self.config.calldata)) as usize;
        let context = Context {
            timestamp: self.config.timestamp(slot.0),
            prev_randao: parent.mix,
            parent_beacon_block_root: parent.root,
            transactions: transactions.min(room),
            validators: self.validators.count(),
        };
        let (payload, execution) = parent.execution.next(&self.accounts, context)?;
        let block = Arc::new(self.builder.build(slot, &parent, &self.validators, &payload, execution)?);
        let epoch_transition = self.builder.epoch(block.slot) > self.builder.epoch(parent.slot);
        let old_head = std::mem::replace(&mut self.head, block.clone());
        self.blocks.insert(block.root, block.clone());
        self.canonical.split_off(&(parent.slot.0 + 1));
        self.canonical.insert(slot.0, block.root);
        let finalized = if epoch_transition { self.finalize() } else { None };
        let reorg = (reorg_depth > 0).then_some((old_head, reorg_depth));
        Ok(Advance { block, epoch_transition, reorg, finalized })
    }

    /// Full participation is assumed: with the first block of epoch e, e − 1 is justified and e − 2 finalized.
    fn finalize(&mut self) -> Option<Checkpoint> {
        let epoch = self.builder.epoch(self.head.slot);
        let checkpoint = |epoch: Epoch| {
            let block = self.at_or_before(epoch.start_slot(self.config.preset.slots_per_epoch))?;
            Some(Checkpoint { epoch, root: block.root })
        };
        let justified = checkpoint(epoch.minus(1)).filter(|_| epoch.0 >= 2);
        let finalized = checkpoint(epoch.minus(2)).filter(|found| found.epoch > self.finalized.epoch);
        self.justified = justified.unwrap_or(self.justified);
        let finalized = finalized?;
        self.finalized = finalized;
        self.prune();
        Some(finalized)
    }

    fn prune(&mut self) {
        let kept = self.builder.epoch(self.head.slot).minus(KEPT_EPOCHS);
        let first = kept.start_slot(self.config.preset.slots_per_epoch);
        if first.0 > 0 {
            self.canonical = self.canonical.split_off(&first.0);
            self.blocks.retain(|_, block| block.slot >= first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain() -> Chain {
        let config = DevnetConfig { validators: 4, txs_per_block: 1, ..DevnetConfig::default() };
        Chain::new(config).unwrap()
    }

    #[test]
    fn the_same_seed_and_genesis_make_the_same_chain() {
        let config = DevnetConfig { validators: 4, genesis_time: 1000, ..DevnetConfig::default() };
        let run = |seed| {
            let mut chain = Chain::new(DevnetConfig { seed, ..config.clone() }).unwrap();
            chain.produce(Slot(1), 2, 0).unwrap();
            chain.produce(Slot(3), 0, 0).unwrap().block.root
        };
        assert_eq!(run(5), run(5));
        assert_ne!(run(5), run(6));
    }

    #[test]
    fn epochs_finalize_two_later_and_only_once() {
        let mut chain = chain();
        let mut finalized = Vec::new();
        for slot in (1..40).filter(|slot| slot % 8 != 0 || *slot == 8) {
            finalized.extend(chain.produce(Slot(slot), 0, 0).unwrap().finalized.map(|checkpoint| (slot, checkpoint.epoch.0)));
        }
        // Slots 16, 24, 32 are missed: the next block makes the transition.
        assert_eq!(finalized, [(25, 1), (33, 2)]);
        assert_eq!(chain.finalized().root, chain.at(Slot(15)).unwrap().root);
    }

    #[test]
    fn a_reorg_leaves_the_blocks_it_drops_reachable_by_root_only() {
        let mut chain = chain();
        for slot in 1..5 {
            chain.produce(Slot(slot), 1, 0).unwrap();
        }
        let dropped = chain.at(Slot(4)).unwrap().clone();
        let advance = chain.produce(Slot(5), 1, 2).unwrap();
        assert_eq!(advance.block.parent_root, chain.at(Slot(2)).unwrap().root);
        assert_eq!(advance.reorg.map(|(old, depth)| (old.root, depth)), Some((dropped.root, 2)));
        assert!(chain.at(Slot(4)).is_none() && chain.at(Slot(3)).is_none());
        assert!(chain.by_root(&dropped.root).is_some_and(|block| !chain.is_canonical(block)));
        assert!(matches!(chain.produce(Slot(6), 0, 4), Err(DevnetError::ReorgTooDeep { depth: 4 })));
    }
}
