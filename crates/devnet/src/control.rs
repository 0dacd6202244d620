//! What a test or a person can make the chain do.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Orders for the slots to come.
#[derive(Debug)]
pub(crate) struct Control {
    orders: Mutex<Orders>,
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

impl Control {
    pub(crate) fn new(txs_per_block: usize) -> Self {
        Self { orders: Mutex::new(Orders { txs_per_block, ..Orders::default() }) }
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

    /// Takes the plan of the next slot.
    pub(crate) fn next(&self) -> SlotPlan {
        let mut orders = self.lock();
        orders.offline = orders.offline.saturating_sub(1);
        orders.optimistic = orders.optimistic.saturating_sub(1);
        if orders.missed > 0 {
            orders.missed -= 1;
            return SlotPlan::Missed;
        }
        let transactions = if orders.empty > 0 { 0 } else { orders.txs_per_block };
        orders.empty = orders.empty.saturating_sub(1);
        SlotPlan::Block { transactions, reorg_depth: std::mem::take(&mut orders.reorg_depth) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_used_up_slot_by_slot() {
        let control = Control::new(3);
        control.change(|orders| {
            orders.missed = 1;
            orders.empty = 1;
            orders.reorg_depth = 2;
        });
        assert_eq!(control.next(), SlotPlan::Missed);
        assert_eq!(control.next(), SlotPlan::Block { transactions: 0, reorg_depth: 2 });
        assert_eq!(control.next(), SlotPlan::Block { transactions: 3, reorg_depth: 0 });
    }
}
