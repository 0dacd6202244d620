//! Memory for submissions is bounded: when it is used up, finalized jobs are forgotten before their time, and then nothing more is taken.

use quintet_types::JobId;

use super::{Core, CoreError};

impl Core {
    /// Bytes of accepted submissions and inputs that are held.
    pub fn held_bytes(&self) -> usize {
        self.jobs().map(|(_, live)| live.bytes + live.input.len()).sum()
    }

    /// Forgets the oldest jobs of finalized blocks that are over until no more than `max_bytes` are held. Balances stay. Returns how many went.
    ///
    /// # Errors
    /// If the store fails.
    pub fn bound_memory(&mut self, max_bytes: usize) -> Result<usize, CoreError> {
        let mut held = self.held_bytes();
        if held <= max_bytes {
            return Ok(0);
        }
        let finalized = self.chain.finalized_slot;
        let done: Vec<(JobId, usize)> = self
            .jobs()
            .take_while(|(id, _)| id.slot <= finalized)
            .filter(|(_, live)| live.job().state().is_over() && !live.retry_due)
            .map(|(id, live)| (*id, live.bytes + live.input.len()))
            .collect();
        let mut forgotten = Vec::new();
        for (id, bytes) in done {
            if held <= max_bytes {
                break;
            }
            held -= bytes;
            forgotten.push(id);
        }
        self.forget_for_good(&forgotten)?;
        Ok(forgotten.len())
    }
}
