//! The AIRs' numbers and which of them proves what.

use std::fmt;

use crate::isa::{access_bytes, op};

/// Number of an AIR; the values are part of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum AirId {
    /// One row an instruction.
    Cpu = 1,
    /// The lowered text.
    Program = 2,
    /// The pinned part of initial memory.
    Image = 3,
    /// Initial and final value of the other touched words.
    Memory = 4,
    /// Aligned 8-byte loads and stores.
    Word = 5,
    /// All other loads and stores.
    Subword = 6,
    /// Addition and subtraction.
    Add = 7,
    /// And, or, xor.
    Bitwise = 8,
    /// Shifts.
    Shift = 9,
    /// Comparisons and branch conditions.
    Compare = 10,
    /// Multiplication.
    Mul = 11,
    /// Division and remainder.
    Div = 12,
    /// The memory accesses of keccak-f.
    KeccakMemory = 13,
    /// The permutation keccak-f.
    Keccak = 14,
}

impl AirId {
    /// All AIRs by number.
    pub const ALL: [Self; 14] = [
        Self::Cpu,
        Self::Program,
        Self::Image,
        Self::Memory,
        Self::Word,
        Self::Subword,
        Self::Add,
        Self::Bitwise,
        Self::Shift,
        Self::Compare,
        Self::Mul,
        Self::Div,
        Self::KeccakMemory,
        Self::Keccak,
    ];

    /// The number.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// Position in [`AirId::ALL`].
    pub const fn position(self) -> usize {
        self as usize - 1
    }

    /// Lower-case name, as in `docs/machine.md`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Program => "program",
            Self::Image => "image",
            Self::Memory => "memory",
            Self::Word => "word",
            Self::Subword => "subword",
            Self::Add => "add",
            Self::Bitwise => "bitwise",
            Self::Shift => "shift",
            Self::Compare => "compare",
            Self::Mul => "mul",
            Self::Div => "div",
            Self::KeccakMemory => "keccak-mem",
            Self::Keccak => "keccak",
        }
    }

    /// The AIR that answers `ALU(code, …)`.
    ///
    /// `None` if the code is no ALU operation.
    #[inline(always)]
    pub const fn of_alu(code: u8) -> Option<Self> {
        Some(match code {
            op::ADD..=op::SUBW => Self::Add,
            op::AND..=op::XOR => Self::Bitwise,
            op::SLL..=op::SRAW => Self::Shift,
            op::LT..=op::NE => Self::Compare,
            op::MUL..=op::MULW => Self::Mul,
            op::DIV..=op::REMUW => Self::Div,
            _ => return None,
        })
    }

    /// The AIR to which the executor gives a load or store of `code` at byte address `addr`.
    #[inline(always)]
    pub const fn of_access(code: u8, addr: u64) -> Self {
        if access_bytes(code) == 8 && addr.is_multiple_of(8) { Self::Word } else { Self::Subword }
    }
}

impl fmt::Display for AirId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<AirId> for u16 {
    fn from(air: AirId) -> Self {
        air.number()
    }
}

impl TryFrom<u16> for AirId {
    type Error = UnknownAir;

    fn try_from(number: u16) -> Result<Self, Self::Error> {
        (number as usize).checked_sub(1).and_then(|i| Self::ALL.get(i)).copied().ok_or(UnknownAir(number))
    }
}

/// A number that is no AIR's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no AIR has the number {0}")]
pub struct UnknownAir(pub u16);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_round_trip() {
        for (i, air) in AirId::ALL.into_iter().enumerate() {
            assert_eq!(air.position(), i);
            assert_eq!(AirId::try_from(air.number()), Ok(air));
        }
        assert_eq!(AirId::try_from(0), Err(UnknownAir(0)));
        assert_eq!(AirId::try_from(15), Err(UnknownAir(15)));
    }
}
