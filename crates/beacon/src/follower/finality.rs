//! Finality: by event where one comes, otherwise by asking once an epoch.

use alloy_primitives::B256;
use quintet_types::Epoch;

use super::event::ChainEvent;
use super::run::{Follower, Stopped};
use crate::ids::StateId;

impl Follower {
    /// Asks for the finalized checkpoint when the head has entered another epoch, or the stream was opened anew. Events
    /// may be lost, or not be among the topics that the node understands.
    pub(super) async fn check_finality(&mut self) -> Result<(), Stopped> {
        let Some(head) = self.chain.head().map(|block| block.slot) else { return Ok(()) };
        let epoch = self.client.spec().epoch_of(head);
        if self.finality_checked == Some(epoch) {
            return Ok(());
        }
        match self.client.finality(StateId::Head).await {
            Ok(checkpoints) => {
                self.finality_checked = Some(epoch);
                if let Some(finalized) = checkpoints.map(|checkpoints| checkpoints.finalized) {
                    self.on_finalized(Epoch(finalized.epoch), finalized.root).await?;
                }
            }
            Err(error) => tracing::debug!(%error, "cannot ask for finality"),
        }
        Ok(())
    }

    /// Reports a finalized checkpoint, each epoch once, and forgets the blocks before it.
    pub(super) async fn on_finalized(&mut self, epoch: Epoch, block_root: B256) -> Result<(), Stopped> {
        // Epoch 0 is final from the beginning.
        if epoch <= self.finalized {
            return Ok(());
        }
        self.finalized = epoch;
        self.report(ChainEvent::Finalized { epoch, block_root }).await?;
        self.chain.prune(epoch.start_slot(self.client.spec().preset.slots_per_epoch));
        Ok(())
    }
}
