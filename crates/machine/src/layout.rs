//! The memory map and the clock: the constants of `docs/machine.md` that executor and AIRs share.

/// First byte of RAM.
pub const RAM_START: u64 = 0x0001_0000;
/// First byte after RAM.
pub const RAM_END: u64 = 0x1000_0000;
/// First byte of the input region; the word there is the input's length in bytes.
pub const INPUT_START: u64 = 0x2000_0000;
/// First byte after the input region.
pub const INPUT_END: u64 = 0x3000_0000;
/// Longest input in bytes: the region less its length word.
pub const INPUT_MAX_LEN: usize = (INPUT_END - INPUT_START - 8) as usize;

/// Bytes of a word.
pub const WORD_BYTES: u64 = 8;
/// Number of registers; their word addresses are `0..REGISTERS`.
pub const REGISTERS: usize = 32;
/// First word address of RAM.
pub const RAM_WORD_START: u64 = RAM_START / WORD_BYTES;
/// First word address after RAM.
pub const RAM_WORD_END: u64 = RAM_END / WORD_BYTES;
/// First word address of the input region.
pub const INPUT_WORD_START: u64 = INPUT_START / WORD_BYTES;
/// First word address after the input region.
pub const INPUT_WORD_END: u64 = INPUT_END / WORD_BYTES;

/// Clock of the first instruction.
pub const FIRST_CLOCK: u64 = 1;
/// Timestamps per clock.
pub const SLOTS: u64 = 4;
/// Slot of rs1 (a7 for an ecall).
pub const SLOT_RS1: u64 = 0;
/// Slot of rs2 (a0 for an ecall).
pub const SLOT_RS2: u64 = 1;
/// Slot of memory words.
pub const SLOT_MEMORY: u64 = 2;
/// Slot of rd (a1, read, for an ecall).
pub const SLOT_RD: u64 = 3;
/// Longest provable execution: timestamps have 40 bits.
pub const MAX_CYCLES: u64 = (1 << 38) - 1;

/// Register that holds the number of an ecall.
pub const A7: u8 = 17;
/// Register that holds the first argument of an ecall.
pub const A0: u8 = 10;
/// Register that holds the second argument of an ecall.
pub const A1: u8 = 11;

/// Numbers of the ecalls, passed in a7.
pub mod ecall {
    /// End with the exit code in a0.
    pub const HALT: u64 = 0;
    /// Public output: index a0, word a1.
    pub const OUTPUT: u64 = 1;
    /// keccak-f\[1600\] in place on the 25 words at a0.
    pub const KECCAK: u64 = 2;
    /// Log the a1 bytes at a0; no effect on the proof.
    pub const LOG: u64 = 3;
    /// Note the clock under the number a0; no effect on the proof.
    pub const MARK: u64 = 4;
}

/// Lanes of a keccak state.
pub const KECCAK_LANES: usize = 25;
/// Output words an execution may have.
pub const MAX_OUTPUTS: usize = 4096;
