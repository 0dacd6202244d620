//! What peers are told of where this sidecar stands, and the memory of what is over.

use quintet_gossip::{Status, fork_digest};
use quintet_node::spec_root;
use quintet_types::{Root, Slot};

use super::Running;

/// Between two looks, ms.
const PAUSE_MS: u64 = 2_000;

/// A head that is this many slots old is not the others'.
const BEHIND_SLOTS: u64 = 8;

/// What was told last.
#[derive(Default)]
pub(super) struct Told {
    at_ms: u64,
    status: Status,
    /// The ledger's root is a hash over all of it, so it is worked out once for each final block.
    ledger: (Slot, Root),
}

impl Running {
    /// Tells peers where this sidecar stands, if that has changed, and forgets what belongs to jobs that are forgotten.
    pub(super) fn tell_status(&mut self, now: u64) {
        if now < self.status.at_ms + PAUSE_MS {
            return;
        }
        self.status.at_ms = now;
        let core = self.joint.shared.read();
        if self.status.status == Status::default() {
            self.status.status.fork_digest = fork_digest(self.spec.genesis_validators_root, spec_root(&self.spec));
        }
        let head_is_old = core.chain.head_slot.plus(BEHIND_SLOTS) < core.slot_at(now);
        self.joint.network.set_behind(head_is_old || !self.late.is_empty());
        let finalized = core.chain.finalized_slot;
        if self.status.ledger.0 != finalized || self.status.ledger.1 == Root::ZERO {
            self.status.ledger = (finalized, core.books.ledger.finalized_root());
        }
        let status = Status {
            fork_digest: self.status.status.fork_digest,
            finalized_root: core.chain.finalized_root,
            finalized_slot: finalized,
            head_slot: core.chain.head_slot,
            ledger_root: self.status.ledger.1,
            earliest_slot: core.earliest_slot(),
        };
        self.held.retain(|_, held| core.job(&held.job).is_some());
        self.certificates.retain(|job, _| core.job(job).is_some());
        drop(core);
        if status != self.status.status {
            self.status.status = status;
            self.joint.network.set_status(status);
        }
    }
}
