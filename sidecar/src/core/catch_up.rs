//! Coming back after the others went on: blocks wait for what was decided before them.
//!
//! Who is drawn for a block depends on the jobs before it: who is free, and who did its duties. So the blocks of a chain that went on without this sidecar
//! are taken in one by one, each once the phases that were due well before it are closed.

use quintet_beacon::BlockInfo;
use quintet_types::{BundleEntry, JobId, PhaseBundle, Root, Slot};

use super::{Core, CoreError, LiveJob};
use crate::db;

impl Core {
    /// The job on a block's branch that has to go on before the block can get its own: a phase of it was due a whole phase before the block and is not
    /// closed here. The others had that phase to learn of the end ([`quintet_protocol::BusyBook`]), and drew with it.
    pub fn undecided_before(&self, block: &BlockInfo) -> Option<&JobId> {
        if !self.config.joint {
            return None;
        }
        // A block that follows a gap is taken for a child of the head.
        let parent = if self.chain.block(&block.parent_root).is_some() { block.parent_root } else { self.chain.head };
        let ancestry = self.chain.ancestry(parent);
        let phase_slots = self.config.spec.phase_slots;
        let undecided = |(id, live): &(&JobId, &LiveJob)| {
            let job = live.job();
            let due = if job.state().is_over() { job.ended().filter(|_| live.retry_due) } else { Some(job.deadline()) };
            due.is_some_and(|due| due.plus(phase_slots) <= block.slot) && ancestry.contains(id.slot, &id.block_root)
        };
        self.jobs.iter().find(undecided).map(|(id, _)| id)
    }

    /// From this slot on jobs are kept with everything that others need to come to the same ledger.
    pub fn earliest_slot(&self) -> Slot {
        self.kept_from.max(self.config.first_slot)
    }

    /// The first block ever is where this ledger begins.
    pub(super) fn begin_at(&mut self, slot: Slot) -> Result<(), CoreError> {
        if self.chain.head != Root::ZERO || slot <= self.config.first_slot {
            return Ok(());
        }
        if self.config.first_slot > Slot(0) {
            let first = self.config.first_slot;
            self.tell_warning(format!(
                "the beacon node's blocks begin at slot {slot}, the ledger at {first} (p2p.first_slot): jobs between are missing here; use a node that keeps older blocks, or `quintet-sidecar db restore`"
            ));
        }
        self.keep_from(slot)
    }

    fn keep_from(&mut self, slot: Slot) -> Result<(), CoreError> {
        if slot > self.kept_from {
            self.kept_from = slot;
            self.store.put(&db::BOOKS, &db::KEPT_FROM_KEY, &slot.0.to_le_bytes().to_vec())?;
        }
        Ok(())
    }

    /// Forgets jobs of final blocks: who needs them later has to ask others.
    pub(super) fn forget_for_good(&mut self, jobs: &[JobId]) -> Result<(), CoreError> {
        if let Some(last) = jobs.iter().map(|id| id.slot).max() {
            self.keep_from(last.plus(1))?;
        }
        jobs.iter().try_for_each(|id| self.forget(id))
    }

    /// What a bundle lists and is not here; what is here may still be under verification.
    pub fn absent(&self, bundle: &PhaseBundle) -> Vec<BundleEntry> {
        let live = self.jobs.get(&bundle.job);
        let absent = |entry: &&BundleEntry| live.is_none_or(|live| self.entry(live, bundle.phase, entry).is_none());
        bundle.accepted.iter().filter(absent).copied().collect()
    }
}
