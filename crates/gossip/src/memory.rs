//! Memory that peers make a node hold: taken from budgets that all peers share, and given back when what is held is dropped.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many bytes and no more, whoever holds them.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Semaphore>);

impl Budget {
    /// Nothing is taken yet.
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))))
    }

    /// Room for so many bytes, if there is.
    pub fn take(&self, bytes: usize) -> Option<Room> {
        let bytes = u32::try_from(bytes).ok()?;
        self.0.clone().try_acquire_many_owned(bytes).ok().map(|permit| Room { budget: self.clone(), permit })
    }

    /// Bytes that are left.
    pub fn left(&self) -> usize {
        self.0.available_permits()
    }
}

/// A part of a budget, which has it back when this is dropped.
#[derive(Debug)]
pub struct Room {
    budget: Budget,
    permit: OwnedSemaphorePermit,
}

impl Room {
    /// Takes so many bytes more; `false`, and nothing is taken, if they are not there.
    pub fn grow(&mut self, bytes: usize) -> bool {
        let more = self.budget.take(bytes);
        let taken = more.is_some();
        more.into_iter().for_each(|more| self.permit.merge(more.permit));
        taken
    }

    /// Takes over another part of the same budget.
    pub fn join(&mut self, other: Self) {
        self.permit.merge(other.permit);
    }

    /// A part of it, to be held by itself; all of it if it is smaller.
    pub fn split(&mut self, bytes: usize) -> Self {
        let bytes = bytes.min(self.permit.num_permits());
        let part = self.permit.split(bytes).unwrap_or_else(|| unreachable!("it is not larger than the whole"));
        Self { budget: self.budget.clone(), permit: part }
    }

    /// Gives so many bytes back, or all if there are fewer.
    pub fn shrink(&mut self, bytes: usize) {
        drop(self.split(bytes));
    }
}

/// Something with the room that it takes.
#[derive(Debug)]
pub struct Held<T> {
    /// What is held.
    pub content: T,
    /// As much as it takes.
    pub room: Room,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_or_given_back_can_be_taken_again_and_no_more() {
        let budget = Budget::new(10);
        let mut one = budget.take(4).unwrap();
        assert!(budget.take(7).is_none());
        assert!(one.grow(5));
        assert!(!one.grow(2));
        assert_eq!(budget.left(), 1);
        one.shrink(6);
        assert_eq!(budget.left(), 7);
        one.shrink(100);
        assert_eq!(budget.left(), 10);
        assert!(one.grow(10));
        drop(one);
        assert_eq!(budget.left(), 10);
        assert!(budget.take(usize::MAX).is_none());
    }
}
