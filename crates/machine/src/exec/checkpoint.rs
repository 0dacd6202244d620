//! Snapshots of the machine along an execution, few enough and small enough to keep.
//!
//! A checkpoint holds what changed in memory since the one before it, so that all of them together are no larger than
//! the words accessed between them. When there are too many, every other one is folded into its successor and the
//! interval doubles.

use super::{
    machine::Machine,
    memory::{Cell, Touched},
};
use crate::{AirId, layout::SLOTS};

/// The machine after the instruction with a certain clock.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoint {
    pub(crate) clock: u64,
    index: usize,
    registers: Vec<Cell>,
    /// Operations before it by [`AirId::position`].
    operations: [u64; AirId::ALL.len()],
    /// Words accessed since the checkpoint before, by address.
    touched: Vec<Touched>,
}

impl Checkpoint {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.registers.len() * size_of::<Cell>() + self.touched.len() * size_of::<Touched>()
    }

    /// Operations of an AIR before the checkpoint.
    fn operations_of(&self, air: AirId) -> u64 {
        match air {
            AirId::Cpu => self.clock,
            AirId::KeccakMemory => self.operations[AirId::Keccak.position()],
            _ => self.operations[air.position()],
        }
    }
}

/// How many checkpoints there may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) first_interval: u64,
    /// Even.
    pub(crate) count: usize,
    pub(crate) bytes: usize,
}

/// The checkpoints of one execution; the first is before the first instruction.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoints {
    limits: Limits,
    interval: u64,
    bytes: usize,
    list: Vec<Checkpoint>,
}

impl Checkpoints {
    pub(crate) fn new(limits: Limits, machine: &mut Machine) -> Self {
        let mut checkpoints = Self { limits, interval: limits.first_interval, bytes: 0, list: Vec::new() };
        checkpoints.push(machine);
        checkpoints
    }

    /// The clock at which the next checkpoint is due.
    pub(crate) fn next(&self) -> u64 {
        self.list.last().map_or(0, |last| last.clock.saturating_add(self.interval))
    }

    /// Adds the machine as it is now.
    pub(crate) fn push(&mut self, machine: &mut Machine) {
        let since = self.list.last().map_or(0, |last| SLOTS * last.clock + SLOTS - 1);
        let checkpoint = Checkpoint {
            clock: machine.clock,
            index: machine.index,
            registers: machine.architectural().to_vec(),
            operations: machine.operations,
            touched: machine.memory.end_epoch(since),
        };
        self.bytes += checkpoint.bytes();
        self.list.push(checkpoint);
        // Only with an odd number is the last one kept, to which the interval refers.
        while self.list.len() % 2 == 1 && self.list.len() > 2 && self.too_many() {
            self.thin();
        }
    }

    fn too_many(&self) -> bool {
        self.list.len() > self.limits.count || self.bytes > self.limits.bytes
    }

    /// Folds every other checkpoint into its successor.
    fn thin(&mut self) {
        let mut folded: Option<Checkpoint> = None;
        let mut kept = Vec::with_capacity(self.list.len() / 2 + 1);
        for (i, mut checkpoint) in std::mem::take(&mut self.list).into_iter().enumerate() {
            if i % 2 == 1 {
                folded = Some(checkpoint);
                continue;
            }
            if let Some(older) = folded.take() {
                checkpoint.touched = merge(&older.touched, &checkpoint.touched);
            }
            kept.push(checkpoint);
        }
        self.list = kept;
        self.interval = self.interval.saturating_mul(2);
        self.bytes = self.list.iter().map(Checkpoint::bytes).sum();
    }

    /// Brings a machine before its first instruction to the last checkpoint with at most `operations` operations of `air`
    /// before it; returns how many those are.
    pub(crate) fn restore(&self, machine: &mut Machine, air: AirId, operations: u64) -> u64 {
        // The first checkpoint has no operations before it.
        let end = self.list.partition_point(|checkpoint| checkpoint.operations_of(air) <= operations);
        for checkpoint in &self.list[..end] {
            machine.memory.restore(&checkpoint.touched);
        }
        let Some(checkpoint) = self.list[..end].last() else { return 0 };
        machine.clock = checkpoint.clock;
        machine.index = checkpoint.index;
        machine.operations = checkpoint.operations;
        machine.registers[..checkpoint.registers.len()].copy_from_slice(&checkpoint.registers);
        checkpoint.operations_of(air)
    }

    /// Number of checkpoints and their size in bytes.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.list.len(), self.bytes)
    }
}

/// The union of two lists by address; where both have a word, the newer's counts.
fn merge(older: &[Touched], newer: &[Touched]) -> Vec<Touched> {
    let mut merged = Vec::with_capacity(older.len().max(newer.len()));
    let (mut older, mut newer) = (older.iter().peekable(), newer.iter().peekable());
    while let Some(new) = newer.peek() {
        match older.peek() {
            Some(old) if old.addr < new.addr => merged.extend(older.next().copied()),
            Some(old) if old.addr == new.addr => {
                older.next();
            }
            _ => merged.extend(newer.next().copied()),
        }
    }
    merged.extend(older.copied());
    merged.shrink_to_fit();
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_keeps_the_newer_word() {
        let word = |addr, ts| Touched { addr, cell: Cell { value: ts * 10, ts } };
        let merged = merge(&[word(1, 1), word(3, 1), word(9, 1)], &[word(2, 2), word(3, 2), word(4, 2)]);
        assert_eq!(merged, [word(1, 1), word(2, 2), word(3, 2), word(4, 2), word(9, 1)]);
    }
}
