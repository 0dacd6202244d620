//! Everything that can go wrong between an ELF file and a plan.

use thiserror::Error;

use crate::{AirId, decode::decode};

/// Why bytes are no program for this machine.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ElfError {
    /// The file ends before a structure does.
    #[error("{what} at offset {offset} needs {len} bytes, the file has {file_len}")]
    Truncated {
        /// The structure.
        what: &'static str,
        /// Where it begins.
        offset: u64,
        /// Its size.
        len: u64,
        /// Size of the file.
        file_len: u64,
    },
    /// A header field has a value that this machine does not take.
    #[error("{field} is {found:#x}, expected {expected}")]
    Header {
        /// Name of the field, as in the ELF specification.
        field: &'static str,
        /// Its value.
        found: u64,
        /// What would have been accepted.
        expected: &'static str,
    },
    /// A segment is not inside RAM.
    #[error("segment {start:#x}..+{len:#x} is not inside RAM")]
    OutsideRam {
        /// First address.
        start: u64,
        /// Size in memory.
        len: u64,
    },
    /// Segments overlap, or one reaches into an 8-byte word of the text.
    #[error("segment at {start:#x} overlaps the one at {other:#x}")]
    Overlap {
        /// First address of the later segment.
        start: u64,
        /// First address of the earlier one.
        other: u64,
    },
    /// There must be exactly one executable segment.
    #[error("{0} executable segments, expected one")]
    ExecutableSegments(usize),
    /// The executable segment is writable too.
    #[error("the executable segment at {0:#x} is writable")]
    WritableText(u64),
    /// The text is not a whole number of instructions at a multiple of 4, is empty or too large.
    #[error("text {start:#x}..+{len:#x}: expected whole instructions at a multiple of 4, at most {max:#x} bytes, no zero fill")]
    Text {
        /// First address.
        start: u64,
        /// Size in memory.
        len: u64,
        /// Largest size.
        max: u64,
    },
    /// The image is too large.
    #[error("{bytes:#x} bytes of initial memory, at most {max:#x} are allowed")]
    ImageTooLarge {
        /// Size of all segments outside text.
        bytes: u64,
        /// Largest size.
        max: u64,
    },
    /// Text and image lie in too many pieces: the proof has room for so many only.
    #[error("text and initial memory lie in {found} pieces, at most {max} are allowed")]
    Pieces {
        /// Number of ranges of words that touch no other.
        found: usize,
        /// Largest number.
        max: usize,
    },
    /// The entry point is no instruction.
    #[error("entry point {0:#x} is not an instruction of the text")]
    Entry(u64),
}

/// Why an execution stopped short of a halt, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("pc {pc:#x} ({}), clock {clock}: {kind}", describe(*.instruction))]
pub struct Trap {
    /// Address of the instruction.
    pub pc: u64,
    /// Its clock.
    pub clock: u64,
    /// Its word; `None` if the pc is not in the text.
    pub instruction: Option<u32>,
    /// What is wrong.
    pub kind: TrapKind,
}

fn describe(instruction: Option<u32>) -> String {
    match instruction {
        None => "no instruction".to_owned(),
        Some(word) => match decode(word) {
            Some(decoded) => format!("{} {word:#010x}", decoded.mnemonic),
            None => format!("{word:#010x}"),
        },
    }
}

/// What an instruction did wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TrapKind {
    /// The word is no instruction of RV64IM.
    #[error("unknown instruction")]
    UnknownInstruction,
    /// EBREAK.
    #[error("breakpoint")]
    Breakpoint,
    /// A jump to an address that is no multiple of 4.
    #[error("jump to misaligned pc {target:#x}")]
    MisalignedPc {
        /// Where it would go.
        target: u64,
    },
    /// A jump, or a step past the last instruction, out of the text.
    #[error("jump out of text to {target:#x}")]
    OutsideText {
        /// Where it would go.
        target: u64,
    },
    /// A load or store that is not wholly inside RAM or the input region; wrap-around included.
    #[error("access to {bytes} bytes at {addr:#x}, outside memory")]
    OutsideMemory {
        /// First byte.
        addr: u64,
        /// Size.
        bytes: u64,
    },
    /// A load or store of text.
    #[error("access to {bytes} bytes of text at {addr:#x}")]
    TextAccess {
        /// First byte.
        addr: u64,
        /// Size.
        bytes: u64,
    },
    /// An ecall with an unknown number.
    #[error("unknown ecall {number}")]
    UnknownEcall {
        /// Value of a7.
        number: u64,
    },
    /// A keccak-f state that is not 8-byte aligned.
    #[error("keccak state at {addr:#x} is not aligned to 8 bytes")]
    MisalignedKeccak {
        /// Value of a0.
        addr: u64,
    },
    /// An output index that was written before.
    #[error("output {index} written twice")]
    DuplicateOutput {
        /// Value of a0.
        index: u64,
    },
    /// An output index beyond the largest.
    #[error("output {index}, at most {max} outputs are allowed")]
    OutputIndex {
        /// Value of a0.
        index: u64,
        /// Number of outputs allowed.
        max: u64,
    },
    /// An output index below the highest was not written before the halt.
    #[error("output {index} is missing at the halt")]
    OutputGap {
        /// The lowest missing index.
        index: u64,
    },
    /// The limit on cycles was reached.
    #[error("no halt within {limit} cycles")]
    CycleLimit {
        /// The limit.
        limit: u64,
    },
}

/// Why an execution failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ExecutorError {
    /// The input does not fit into its region.
    #[error("input of {len} bytes, at most {max} are allowed")]
    InputTooLong {
        /// Its length.
        len: usize,
        /// Largest length.
        max: usize,
    },
    /// The program did something that is an error.
    #[error(transparent)]
    Trap(#[from] Trap),
}

/// Why there is no plan, or no instance.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlanError {
    /// No k of the range keeps the full proof within the limit.
    #[error("the full proof has {bytes} bytes in {partials} partial proofs at k = {k}, at most {max_bytes} bytes are allowed")]
    PlanTooLarge {
        /// The last k tried.
        k: u32,
        /// Partial proofs at that k.
        partials: u64,
        /// Their size.
        bytes: u64,
        /// The limit.
        max_bytes: u64,
    },
    /// A k for which some AIR cannot hold one operation, or which is out of all reason.
    #[error("k = {k}, expected {min}..={max}")]
    UnsupportedK {
        /// The k.
        k: u32,
        /// Smallest.
        min: u32,
        /// Largest.
        max: u32,
    },
    /// More instances than a plan's list can hold.
    #[error("{count} instances do not fit into a plan")]
    TooManyInstances {
        /// How many there are.
        count: usize,
    },
    /// The plan has no such instance.
    #[error("the plan has no instance {index} of {air}")]
    NoInstance {
        /// The AIR.
        air: AirId,
        /// Index within the AIR.
        index: u32,
    },
    /// A re-execution differed from the counting one: the checkpoint is damaged.
    #[error("re-execution for {air} {index} gave {found} operations, expected {expected}")]
    Diverged {
        /// The AIR.
        air: AirId,
        /// Index within the AIR.
        index: u32,
        /// Operations recorded.
        found: u64,
        /// Operations planned.
        expected: u64,
    },
    /// A re-execution stopped although the counting one did not.
    #[error(transparent)]
    Trap(#[from] Trap),
}
