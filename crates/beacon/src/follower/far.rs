//! A head far from the last known block: the way to it is found by headers, and its blocks are taken in parts, oldest first.
//!
//! So the memory that is used does not grow with the distance, and the consumer sees blocks become final as it goes on, instead of having to keep what
//! belongs to all of them until the head is reached.

use quintet_types::{Epoch, Slot};

use super::event::BlockRef;
use super::run::{Follower, Stopped};
use crate::error::Error;
use crate::ids::{BlockId, StateId};

/// Some blocks of one branch.
#[derive(Debug)]
pub(super) struct Part {
    /// The last of them.
    pub(super) end: BlockRef,
    /// How many there may be.
    pub(super) blocks: usize,
}

/// From the last known block to a head.
#[derive(Debug)]
pub(super) struct Way {
    /// Oldest first.
    pub(super) parts: Vec<Part>,
    /// What was final when the way was found.
    pub(super) finalized: Option<Epoch>,
}

impl Follower {
    /// The way to `head`: one part, unless it is far away.
    pub(super) async fn way_to(&self, head: BlockRef) -> Result<Way, Error> {
        let at_once = |blocks| Way { parts: vec![Part { end: head, blocks }], finalized: None };
        let (most, part) = (self.config.max_backfill.max(1), self.config.part_blocks.max(1));
        // With nothing to begin at, the first head is where we begin.
        if !self.began && self.config.resume_from.is_none() && self.config.begin_at.is_none() {
            return Ok(at_once(1));
        }
        let near = self.chain.head().is_some_and(|known| head.slot <= known.slot.plus(part as u64));
        if near || most <= part {
            return Ok(at_once(most));
        }
        let way = self.headers(head, most).await?;
        if way.len() <= part {
            return Ok(at_once(way.len().max(1)));
        }
        let finalized = self.client.finality(StateId::Head).await?.map(|checkpoints| Epoch(checkpoints.finalized.epoch));
        tracing::info!(blocks = way.len(), head = %head.slot, "catching up with the chain");
        let parts = way.chunks(part).filter_map(|part| Some(Part { end: *part.last()?, blocks: part.len() })).collect();
        Ok(Way { parts, finalized })
    }

    /// Headers on the way, oldest first. Blocks are verified when they are fetched, so a header that lies costs no more than time.
    async fn headers(&self, head: BlockRef, most: usize) -> Result<Vec<BlockRef>, Error> {
        let (mut way, mut root) = (Vec::new(), head.root);
        while way.len() < most
            && self.chain.get(&root).is_none()
            && !self.rejected.contains(&root)
            && self.config.resume_from != Some(root)
        {
            // Pruned history: this is as far back as it goes.
            let Some(header) = self.client.header(BlockId::Root(root)).await? else { break };
            let message = &header.data.header.message;
            let slot = Slot(message.slot);
            way.push(BlockRef { slot, root });
            root = message.parent_root;
            if slot.0 == 0 || self.config.begin_at.is_some_and(|begin| slot <= begin) {
                break;
            }
        }
        way.reverse();
        Ok(way)
    }

    /// A part of the way is behind us: as far as it is final that is reported, and its blocks are forgotten.
    pub(super) async fn passed(&mut self, end: BlockRef, finalized: Option<Epoch>) -> Result<(), Stopped> {
        let slots_per_epoch = self.client.spec().preset.slots_per_epoch;
        // It is on the branch of the finalized block, and not after it.
        if finalized.is_some_and(|epoch| end.slot <= epoch.start_slot(slots_per_epoch)) {
            return self.on_finalized(self.client.spec().epoch_of(end.slot), end.root).await;
        }
        Ok(())
    }
}
