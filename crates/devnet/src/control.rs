//! What a test or a person can make the chain do.

use std::sync::{Mutex, MutexGuard, PoisonError};

use quintet_types::Slot;

/// Orders for the slots to come.
#[derive(Debug)]
pub(crate) struct Control {
    orders: Mutex<Orders>,
    rhythm: Rhythm,
}

/// What is to happen in the next slots. Each is used up slot by slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Orders {
    /// So many slots stay without a block.
    pub missed: u64,
    /// So many blocks are without transactions.
    pub empty: u64,
    /// The next block drops so many blocks.
    pub reorg_depth: usize,
    /// For so many slots the API answers 503 and cuts event streams; the chain goes on.
    pub offline: u64,
    /// Heads of so many slots are announced as optimistic, until the orders run out.
    pub optimistic: u64,
    /// Transactions in a block that is not empty.
    pub txs_per_block: usize,
}

/// What to do in one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SlotPlan {
    Missed,
    Block { transactions: usize, reorg_depth: usize },
}

/// What happens again and again without an order. 0 is never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rhythm {
    /// Each slot whose number this divides stays without a block.
    pub missed_every: u64,
    /// Each block at a slot that this divides is without transactions.
    pub empty_every: u64,
    /// Each block at a slot that this divides drops [`Self::reorg_depth`] blocks.
    pub reorg_every: u64,
    /// Blocks that a block drops.
    pub reorg_depth: usize,
}

impl Rhythm {
    fn is_due(every: u64, slot: Slot) -> bool {
        every > 0 && slot.0.is_multiple_of(every)
    }

    /// Depth of the reorg at a slot; none so early that there is too little to drop.
    fn reorg(&self, slot: Slot) -> usize {
        let room = slot.0 > 2 * self.reorg_depth as u64;
        if room && Self::is_due(self.reorg_every, slot) { self.reorg_depth } else { 0 }
    }
}

impl Control {
    pub(crate) fn new(txs_per_block: usize, rhythm: Rhythm) -> Self {
        Self { orders: Mutex::new(Orders { txs_per_block, ..Orders::default() }), rhythm }
    }

    fn lock(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn orders(&self) -> Orders {
        *self.lock()
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Orders)) -> Orders {
        let mut orders = self.lock();
        change(&mut orders);
        *orders
    }

    /// Takes the plan of the next slot, whose number is `slot`.
    pub(crate) fn next(&self, slot: Slot) -> SlotPlan {
        let mut orders = self.lock();
        orders.offline = orders.offline.saturating_sub(1);
        orders.optimistic = orders.optimistic.saturating_sub(1);
        if orders.missed > 0 {
            orders.missed -= 1;
            return SlotPlan::Missed;
        }
        if Rhythm::is_due(self.rhythm.missed_every, slot) {
            return SlotPlan::Missed;
        }
        let empty = orders.empty > 0 || Rhythm::is_due(self.rhythm.empty_every, slot);
        let transactions = if empty { 0 } else { orders.txs_per_block };
        orders.empty = orders.empty.saturating_sub(1);
        let reorg_depth = match std::mem::take(&mut orders.reorg_depth) {
            0 => self.rhythm.reorg(slot),
            ordered => ordered,
        };
        SlotPlan::Block { transactions, reorg_depth }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_used_up_slot_by_slot() {
        let control = Control::new(3, Rhythm::default());
        control.change(|orders| {
            orders.missed = 1;
            orders.empty = 1;
            orders.reorg_depth = 2;
        });
        assert_eq!(control.next(Slot(1)), SlotPlan::Missed);
        assert_eq!(control.next(Slot(2)), SlotPlan::Block { transactions: 0, reorg_depth: 2 });
        assert_eq!(control.next(Slot(3)), SlotPlan::Block { transactions: 3, reorg_depth: 0 });
    }

    #[test]
    fn a_rhythm_repeats_and_orders_come_on_top() {
        let rhythm = Rhythm { missed_every: 4, empty_every: 3, reorg_every: 5, reorg_depth: 2 };
        let control = Control::new(7, rhythm);
        let plain = SlotPlan::Block { transactions: 7, reorg_depth: 0 };
        let plans: Vec<_> = (1..=5).map(|slot| control.next(Slot(slot))).collect();
        let empty = SlotPlan::Block { transactions: 0, reorg_depth: 0 };
        let reorg = SlotPlan::Block { transactions: 7, reorg_depth: 2 };
        assert_eq!(plans, [plain, plain, empty, SlotPlan::Missed, reorg]);
        control.change(|orders| orders.reorg_depth = 1);
        assert_eq!(control.next(Slot(10)), SlotPlan::Block { transactions: 7, reorg_depth: 1 });
    }
}
