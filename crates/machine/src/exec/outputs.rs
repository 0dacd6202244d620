//! What an execution says to the outside: public output words, and log lines and marks that no proof sees.

use crate::{TrapKind, layout::MAX_OUTPUTS};

/// Bytes of log that are kept.
const MAX_LOG_BYTES: usize = 64 << 10;
/// Profile marks that are kept.
const MAX_MARKS: usize = 1 << 16;

/// Output words by index, and the unproven side channels.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outputs {
    words: Vec<Option<u64>>,
    log: Vec<u8>,
    marks: Vec<Mark>,
}

/// A profile mark: the guest was here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The guest's number for the place (a0).
    pub id: u64,
    /// When it was there.
    pub clock: u64,
}

impl Outputs {
    /// Sets an output word.
    pub(crate) fn set(&mut self, index: u64, word: u64) -> Result<(), TrapKind> {
        let at = usize::try_from(index).ok().filter(|at| *at < MAX_OUTPUTS);
        let at = at.ok_or(TrapKind::OutputIndex { index, max: MAX_OUTPUTS as u64 })?;
        if self.words.len() <= at {
            self.words.resize(at + 1, None);
        }
        match self.words[at].replace(word) {
            None => Ok(()),
            Some(_) => Err(TrapKind::DuplicateOutput { index }),
        }
    }

    /// All words, if there is none missing before the last.
    pub(crate) fn complete(&self) -> Result<Vec<u64>, TrapKind> {
        let words = self.words.iter().zip(0..);
        words.map(|(word, index)| word.ok_or(TrapKind::OutputGap { index })).collect()
    }

    /// Appends to the log as long as there is room.
    pub(crate) fn log(&mut self, bytes: impl Iterator<Item = u8>) {
        let room = MAX_LOG_BYTES - self.log.len();
        self.log.extend(bytes.take(room));
    }

    /// Notes a mark as long as there is room.
    pub(crate) fn mark(&mut self, mark: Mark) {
        if self.marks.len() < MAX_MARKS {
            self.marks.push(mark);
        }
    }

    /// The log and the marks.
    pub(crate) fn into_side_channels(self) -> (Vec<u8>, Vec<Mark>) {
        (self.log, self.marks)
    }
}
