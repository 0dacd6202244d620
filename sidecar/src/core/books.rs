//! The books: ledger, histories and who is busy. All of it follows from the records of closed phases.

use quintet_protocol::{BusyBook, HistoryBook, Ledger};
use serde::{Deserialize, Serialize};

use super::{ClosedRecord, CoreError};

/// The books as of some record of [`crate::db::CLOSED`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Books {
    /// Number of the first record that is not in here.
    pub next: u64,
    /// Rewards and penalties.
    pub ledger: Ledger,
    /// Past duties.
    pub history: HistoryBook,
    /// Who works on what.
    pub busy: BusyBook,
}

impl Books {
    /// Adds what followed from a closed phase.
    ///
    /// # Errors
    /// If entries contradict those that are there.
    pub fn apply(&mut self, number: u64, record: &ClosedRecord) -> Result<(), CoreError> {
        if number < self.next {
            return Ok(());
        }
        self.ledger.record_with(&record.job, &record.entries)?;
        if !record.outcomes.is_empty() {
            self.history.record(record.slot, record.job, record.phase, record.outcomes.clone());
        }
        if let Some(ended) = record.ended {
            self.busy.end(&record.job, ended);
        }
        self.next = number + 1;
        Ok(())
    }
}
