//! What a lowered instruction says: flags, operation codes, and the arithmetic behind the operations.

/// Bits of [`crate::Lowered::flags`].
pub mod flag {
    /// Reads rs1 into a.
    pub const R1: u32 = 1 << 0;
    /// Reads rs2.
    pub const R2: u32 = 1 << 1;
    /// Writes rd.
    pub const W: u32 = 1 << 2;
    /// Operand b is the immediate.
    pub const B_IMM: u32 = 1 << 3;
    /// Sends `ALU(op, a, b, c)`.
    pub const ALU: u32 = 1 << 4;
    /// Jumps to the immediate if c is 1.
    pub const BRANCH: u32 = 1 << 5;
    /// Jumps to the immediate, rd ← pc + 4.
    pub const JAL: u32 = 1 << 6;
    /// Jumps to c without its lowest bit, rd ← pc + 4.
    pub const JALR: u32 = 1 << 7;
    /// rd ← immediate.
    pub const CONST: u32 = 1 << 8;
    /// rd ← memory.
    pub const LOAD: u32 = 1 << 9;
    /// memory ← rs2.
    pub const STORE: u32 = 1 << 10;
    /// Environment call.
    pub const ECALL: u32 = 1 << 11;
    /// Number of flags.
    pub const COUNT: usize = 12;
}

/// Operation codes (`op`) of the ALU and LDST messages.
#[allow(missing_docs, reason = "the names are the instructions'")]
pub mod op {
    pub const ADD: u8 = 1;
    pub const SUB: u8 = 2;
    pub const ADDW: u8 = 3;
    pub const SUBW: u8 = 4;
    pub const AND: u8 = 8;
    pub const OR: u8 = 9;
    pub const XOR: u8 = 10;
    pub const SLL: u8 = 16;
    pub const SRL: u8 = 17;
    pub const SRA: u8 = 18;
    pub const SLLW: u8 = 19;
    pub const SRLW: u8 = 20;
    pub const SRAW: u8 = 21;
    pub const LT: u8 = 24;
    pub const LTU: u8 = 25;
    pub const GE: u8 = 26;
    pub const GEU: u8 = 27;
    pub const EQ: u8 = 28;
    pub const NE: u8 = 29;
    pub const MUL: u8 = 32;
    pub const MULH: u8 = 33;
    pub const MULHU: u8 = 34;
    pub const MULHSU: u8 = 35;
    pub const MULW: u8 = 36;
    pub const DIV: u8 = 40;
    pub const DIVU: u8 = 41;
    pub const REM: u8 = 42;
    pub const REMU: u8 = 43;
    pub const DIVW: u8 = 44;
    pub const DIVUW: u8 = 45;
    pub const REMW: u8 = 46;
    pub const REMUW: u8 = 47;
    pub const LB: u8 = 64;
    pub const LH: u8 = 65;
    pub const LW: u8 = 66;
    pub const LD: u8 = 67;
    pub const LBU: u8 = 68;
    pub const LHU: u8 = 69;
    pub const LWU: u8 = 70;
    pub const SB: u8 = 72;
    pub const SH: u8 = 73;
    pub const SW: u8 = 74;
    pub const SD: u8 = 75;
}

/// Result of an ALU operation, as the unprivileged ISA defines it (division by zero and overflow included).
///
/// Returns 0 for a code that is no ALU operation.
#[inline(always)]
pub fn alu(code: u8, a: u64, b: u64) -> u64 {
    let word = |value: u32| value as i32 as i64 as u64;
    let (a32, b32) = (a as u32, b as u32);
    match code {
        op::ADD => a.wrapping_add(b),
        op::SUB => a.wrapping_sub(b),
        op::ADDW => word(a32.wrapping_add(b32)),
        op::SUBW => word(a32.wrapping_sub(b32)),
        op::AND => a & b,
        op::OR => a | b,
        op::XOR => a ^ b,
        op::SLL => a.wrapping_shl(b32),
        op::SRL => a.wrapping_shr(b32),
        op::SRA => (a as i64).wrapping_shr(b32) as u64,
        op::SLLW => word(a32.wrapping_shl(b32)),
        op::SRLW => word(a32.wrapping_shr(b32)),
        op::SRAW => (a as i32).wrapping_shr(b32) as i64 as u64,
        op::LT => u64::from((a as i64) < (b as i64)),
        op::LTU => u64::from(a < b),
        op::GE => u64::from((a as i64) >= (b as i64)),
        op::GEU => u64::from(a >= b),
        op::EQ => u64::from(a == b),
        op::NE => u64::from(a != b),
        op::MUL => a.wrapping_mul(b),
        op::MULH => ((i128::from(a as i64) * i128::from(b as i64)) >> 64) as u64,
        op::MULHU => ((u128::from(a) * u128::from(b)) >> 64) as u64,
        op::MULHSU => ((i128::from(a as i64) * i128::from(b)) >> 64) as u64,
        op::MULW => word(a32.wrapping_mul(b32)),
        op::DIV if b == 0 => u64::MAX,
        op::DIV => (a as i64).wrapping_div(b as i64) as u64,
        op::DIVU => a.checked_div(b).unwrap_or(u64::MAX),
        op::REM if b == 0 => a,
        op::REM => (a as i64).wrapping_rem(b as i64) as u64,
        op::REMU => a.checked_rem(b).unwrap_or(a),
        op::DIVW if b32 == 0 => u64::MAX,
        op::DIVW => word((a as i32).wrapping_div(b as i32) as u32),
        op::DIVUW => word(a32.checked_div(b32).unwrap_or(u32::MAX)),
        op::REMW if b32 == 0 => word(a32),
        op::REMW => word((a as i32).wrapping_rem(b as i32) as u32),
        op::REMUW => word(a32.checked_rem(b32).unwrap_or(a32)),
        _ => 0,
    }
}

/// Bytes that a load or store reaches; 0 for a code that is neither.
#[inline(always)]
pub const fn access_bytes(code: u8) -> u64 {
    match code {
        op::LB | op::LBU | op::SB => 1,
        op::LH | op::LHU | op::SH => 2,
        op::LW | op::LWU | op::SW => 4,
        op::LD | op::SD => 8,
        _ => 0,
    }
}

/// The register value of a load whose bytes are the low bytes of `raw`.
#[inline(always)]
pub const fn extend(code: u8, raw: u64) -> u64 {
    match code {
        op::LB => raw as i8 as i64 as u64,
        op::LH => raw as i16 as i64 as u64,
        op::LW => raw as i32 as i64 as u64,
        op::LBU => raw as u8 as u64,
        op::LHU => raw as u16 as u64,
        op::LWU => raw as u32 as u64,
        _ => raw,
    }
}
