//! What one execution step leaves behind for the AIRs: the records from which traces are filled.
//!
//! An executor re-run from a checkpoint produces these for one instance; the AIR modules turn them into rows. The order of
//! records inside an instance is execution order (`docs/machine.md`).

/// One access to one word of the address space: registers, RAM or input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Word address: a register number below 32, otherwise byte address / 8.
    pub addr: u64,
    /// Timestamp of the access before this one; 0 if there was none.
    pub prev_ts: u64,
    /// Timestamp of this access: `4 · clock + slot`.
    pub ts: u64,
    /// Value found.
    pub old: u64,
    /// Value left; equal to `old` for a read.
    pub new: u64,
}

/// One executed instruction: a row of the cpu AIR.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuEvent {
    /// 1 for the first instruction.
    pub clock: u64,
    /// Byte address of the instruction.
    pub pc: u64,
    /// Byte address of the next one; equal to `pc` for the halting instruction.
    pub next_pc: u64,
    /// Index of the instruction's row in [`crate::Program`]'s lowered text.
    pub row: usize,
    /// Slot 0: rs1, or a7 for an ecall. `None` if the instruction has no `r1` flag and is no ecall.
    pub rs1: Option<Access>,
    /// Slot 1: rs2, or a0 for an ecall.
    pub rs2: Option<Access>,
    /// Slot 3: rd, or a1 (read) for an ecall.
    pub rd: Option<Access>,
    /// Result of the ALU operation, where there is one.
    pub alu: Option<u64>,
    /// Value loaded (also when rd is x0).
    pub loaded: Option<u64>,
}

/// One operation of an ALU AIR: add, bitwise, shift, compare, mul or div.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AluEvent {
    /// Operation code of `docs/machine.md`.
    pub op: u8,
    /// First operand.
    pub a: u64,
    /// Second operand.
    pub b: u64,
    /// Result.
    pub c: u64,
}

/// One load or store: a row of the word or the subword AIR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadStoreEvent {
    /// Operation code of `docs/machine.md`.
    pub op: u8,
    /// Clock of the instruction.
    pub clock: u64,
    /// Byte address.
    pub addr: u64,
    /// The register value: as loaded (extended) or as to be stored (all 64 bits of rs2).
    pub value: u64,
    /// The word that holds byte `addr`.
    pub first: Access,
    /// The word after it, if the access reaches into it.
    pub second: Option<Access>,
}

/// One keccak-f[1600] call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeccakEvent {
    /// Clock of the ecall.
    pub clock: u64,
    /// Byte address of the state.
    pub addr: u64,
    /// The 25 words, lane `x + 5y` at index `x + 5y`; `old` is the input lane, `new` the output lane.
    pub lanes: [Access; 25],
}

/// One word of the address space over the whole execution: a row of the memory or the image AIR.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WordEvent {
    /// Word address.
    pub addr: u64,
    /// Value before the first instruction.
    pub initial: u64,
    /// Value after the last one.
    pub last: u64,
    /// Timestamp of the last access, 0 if there was none.
    pub last_ts: u64,
}

/// The records of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstanceEvents {
    /// AIR 1.
    Cpu(Vec<CpuEvent>),
    /// AIR 2: for each row of the instance's part of the text, how often it was executed.
    Program(Vec<u64>),
    /// AIR 3: every word of the instance's part of the image, touched or not.
    Image(Vec<WordEvent>),
    /// AIR 4, with the address of the last word of the instance before, if there is one.
    Memory {
        /// `None` for instance 0.
        previous: Option<u64>,
        /// Whether no instance follows.
        is_last: bool,
        /// Touched words by address.
        words: Vec<WordEvent>,
    },
    /// AIR 5 or 6.
    LoadStore(Vec<LoadStoreEvent>),
    /// AIRs 7 to 12.
    Alu(Vec<AluEvent>),
    /// AIRs 13 and 14.
    Keccak(Vec<KeccakEvent>),
}
