//! From the root of a new head to the blocks that lead to it: fetched, verified, reported in order.

use std::sync::Arc;

use alloy_primitives::B256;
use quintet_types::Slot;

use super::event::{BlockRef, ChainEvent, Head, RejectReason, Reorg};
use super::run::{Follower, Stopped};
use super::verify::{Verdict, verify};
use crate::block::{BlockInfo, Execution};
use crate::error::Error;
use crate::ids::BlockId;

/// A quarter of the slots whose blocks are kept at most while finality fails.
const MAX_KEPT: usize = 256;

/// Rejected roots that are remembered.
const MAX_REJECTED: usize = 1024;

impl Follower {
    /// Fetches, verifies and reports the branch that ends in `head`, in parts if it is long. The inner error says that a
    /// node could not be asked.
    pub(super) async fn adopt(&mut self, head: BlockRef) -> Result<Result<(), Error>, Stopped> {
        let way = match self.way_to(head).await {
            Ok(way) => way,
            Err(error) => return Ok(Err(error)),
        };
        for part in &way.parts {
            if let Err(error) = self.adopt_part(part.end, part.blocks, part.end.root == head.root).await? {
                return Ok(Err(error));
            }
            if self.head_root() != Some(part.end.root) {
                // Rejected: what follows it is not adopted either.
                return Ok(Ok(()));
            }
            if part.end.root != head.root {
                self.passed(part.end, way.finalized).await?;
            }
        }
        self.check_finality().await?;
        Ok(Ok(()))
    }

    async fn adopt_part(&mut self, head: BlockRef, limit: usize, is_last: bool) -> Result<Result<(), Error>, Stopped> {
        let mut branch = match self.fetch_branch(head, limit).await {
            Ok(branch) => branch,
            Err(error) => return Ok(Err(error)),
        };
        if let Some(rejected) =
            branch.iter().map(|block| block.parent_root).chain([head.root]).find(|root| self.rejected.contains(root))
        {
            if !self.rejected.contains(&head.root) {
                self.reject(head, RejectReason::Ancestor(rejected)).await?;
            }
            return Ok(Ok(()));
        }
        let gap = branch.last().is_some_and(|oldest| self.chain.get(&oldest.parent_root).is_none());
        if gap && let Some(old_head) = self.chain.head().map(|block| BlockRef::from(&**block)) {
            let before = branch.last().map_or(head, BlockRef::from);
            let (after, dropped) = match self.last_canonical().await {
                Ok(found) => found.unwrap_or((old_head, Vec::new())),
                Err(error) => return Ok(Err(error)),
            };
            self.chain.clear();
            if !dropped.is_empty() {
                self.metrics.reorgs.inc();
                let reorg = Reorg { old_head, new_head: head, common_ancestor: after, dropped };
                self.report(ChainEvent::Reorg(reorg)).await?;
            }
            self.report(ChainEvent::Gap { after, before }).await?;
        }
        while let Some(block) = branch.pop() {
            let reference = BlockRef::from(&block);
            let parent = self.chain.get(&block.parent_root).map(|known| known.block.clone());
            let verdict = match verify(&self.client, block, parent.as_deref()).await {
                Ok(verdict) => verdict,
                Err(error) => return Ok(Err(error)),
            };
            match verdict {
                Verdict::Accepted { known, mismatches } => {
                    for event in mismatches {
                        tracing::error!(?event, "RANDAO mixes differ");
                        self.metrics.randao_mismatches.inc();
                        self.report(event).await?;
                    }
                    if let Execution::Promised(_) = known.block.execution {
                        self.without_payload.push(reference);
                    }
                    self.chain.insert(known);
                }
                Verdict::Rejected(reason) => {
                    self.reject(reference, reason).await?;
                    return Ok(Ok(()));
                }
            }
        }
        self.switch_to(head.root, is_last).await?;
        Ok(Ok(()))
    }

    /// Blocks from `head` back to, but without, the last one known, at most `limit`; newest first.
    async fn fetch_branch(&self, head: BlockRef, limit: usize) -> Result<Vec<BlockInfo>, Error> {
        let mut branch: Vec<BlockInfo> = Vec::new();
        let mut root = head.root;
        while branch.len() < limit
            && self.chain.get(&root).is_none()
            && !self.rejected.contains(&root)
            && (branch.is_empty() || self.config.resume_from != Some(root))
        {
            let Some(block) = self.client.block_with_payload(BlockId::Root(root)).await? else {
                if branch.is_empty() {
                    return Err(Error::Answer {
                        endpoint: self.client.transport.preferred_label().to_owned(),
                        path: format!("/eth/v2/beacon/blocks/{root:?}"),
                        reason: "the head is not there".into(),
                    });
                }
                // Pruned history: this is as far back as it goes.
                break;
            };
            root = block.parent_root;
            let is_genesis = block.slot.0 == 0;
            branch.push(block);
            if is_genesis {
                break;
            }
        }
        Ok(branch)
    }

    /// Where a gap begins: the newest reported block that is still canonical, and those after it that are not, newest first. `None` if there was none.
    async fn last_canonical(&self) -> Result<Option<(BlockRef, Vec<BlockRef>)>, Error> {
        let mut dropped: Vec<BlockRef> = Vec::new();
        let mut at = self.chain.head().cloned();
        let mut parent = None;
        while let Some(block) = at {
            let reference = BlockRef::from(&*block);
            if !self.is_orphaned(reference).await? {
                return Ok(Some((reference, dropped)));
            }
            dropped.push(reference);
            // All that we know was left: of the block before it only the root is known.
            parent = Some(BlockRef { slot: Slot(block.slot.0.saturating_sub(1)), root: block.parent_root });
            at = self.chain.get(&block.parent_root).map(|known| known.block.clone());
        }
        Ok(parent.map(|parent| (parent, dropped)))
    }

    /// Whether the node says that a block is not canonical. A node that knows nothing of it and has no other at its slot has pruned it: no reason to
    /// think so.
    async fn is_orphaned(&self, block: BlockRef) -> Result<bool, Error> {
        if let Some(header) = self.client.header(BlockId::Root(block.root)).await? {
            return Ok(!header.data.canonical);
        }
        Ok(self.client.header(BlockId::Slot(block.slot)).await?.is_some())
    }

    async fn switch_to(&mut self, root: B256, is_last: bool) -> Result<(), Stopped> {
        let old = self.chain.head().map(|block| BlockRef::from(&**block));
        let switch = self.chain.switch_to(root);
        self.began = true;
        if let (Some(old_head), Some(common), Some(new)) = (old, &switch.common, self.chain.head())
            && !switch.dropped.is_empty()
        {
            self.metrics.reorgs.inc();
            let reorg = Reorg {
                old_head,
                new_head: BlockRef::from(&**new),
                common_ancestor: BlockRef::from(&**common),
                dropped: switch.dropped.iter().map(|block| BlockRef::from(&**block)).collect(),
            };
            self.report(ChainEvent::Reorg(reorg)).await?;
        }
        let count = switch.adopted.len();
        for (index, known) in switch.adopted.into_iter().enumerate() {
            self.metrics.heads.inc();
            self.metrics.head_slot.set(i64::try_from(known.block.slot.0).unwrap_or(i64::MAX));
            let head = Head { block: known.block, mix_confirmed: known.mix_confirmed, is_tip: is_last && index + 1 == count };
            self.report(ChainEvent::Head(head)).await?;
        }
        // Finality may fail for long; memory must not grow with it.
        if let Some(head) = self.chain.head() {
            let keep = 4 * self.config.max_backfill.min(MAX_KEPT) as u64;
            self.chain.prune(Slot(head.slot.0.saturating_sub(keep)));
        }
        Ok(())
    }

    /// Gloas: looks for payloads that had not arrived with their block.
    pub(super) async fn fetch_payloads(&mut self) -> Result<(), Stopped> {
        let Some(head) = self.chain.head().map(|block| block.slot) else { return Ok(()) };
        let keep = 2 * self.client.spec().preset.slots_per_epoch;
        let waiting = std::mem::take(&mut self.without_payload);
        for reference in waiting {
            let Some(known) = self.chain.get(&reference.root) else { continue };
            if reference.slot.plus(keep) < head {
                continue;
            }
            match self.client.payload_of(&known.block).await {
                Ok(Some(payload)) => {
                    let block = BlockInfo { execution: Execution::Payload(Arc::new(payload)), ..(*known.block).clone() };
                    if let Err(error) = block.verify_execution() {
                        self.reject(reference, RejectReason::Payload(error.to_string())).await?;
                        continue;
                    }
                    let block = Arc::new(block);
                    self.chain.replace(block.clone());
                    self.report(ChainEvent::PayloadAvailable(block)).await?;
                }
                Ok(None) | Err(_) => self.without_payload.push(reference),
            }
        }
        Ok(())
    }

    pub(super) async fn reject(&mut self, block: BlockRef, reason: RejectReason) -> Result<(), Stopped> {
        tracing::error!(slot = %block.slot, root = ?block.root, ?reason, "block of the beacon node rejected");
        self.metrics.rejected_blocks.inc();
        if self.rejected.len() >= MAX_REJECTED {
            self.rejected.clear();
        }
        self.rejected.insert(block.root);
        self.report(ChainEvent::Rejected { block, reason }).await
    }
}
