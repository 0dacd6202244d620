//! RV64IM: from an instruction word to a mnemonic, register numbers and an immediate.

use std::fmt;

/// Declares the mnemonics once, with their printed names.
macro_rules! mnemonics {
    ($($name:ident = $text:literal),* $(,)?) => {
        /// The instructions of RV64IM.
        #[allow(missing_docs, reason = "the names are the instructions'")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Mnemonic { $($name),* }

        impl Mnemonic {
            /// All instructions.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// As an assembler writes it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }
    };
}

mnemonics! {
    Lui = "lui", Auipc = "auipc", Jal = "jal", Jalr = "jalr",
    Beq = "beq", Bne = "bne", Blt = "blt", Bge = "bge", Bltu = "bltu", Bgeu = "bgeu",
    Lb = "lb", Lh = "lh", Lw = "lw", Ld = "ld", Lbu = "lbu", Lhu = "lhu", Lwu = "lwu",
    Sb = "sb", Sh = "sh", Sw = "sw", Sd = "sd",
    Addi = "addi", Slti = "slti", Sltiu = "sltiu", Xori = "xori", Ori = "ori", Andi = "andi",
    Slli = "slli", Srli = "srli", Srai = "srai",
    Addiw = "addiw", Slliw = "slliw", Srliw = "srliw", Sraiw = "sraiw",
    Add = "add", Sub = "sub", Sll = "sll", Slt = "slt", Sltu = "sltu", Xor = "xor", Srl = "srl", Sra = "sra",
    Or = "or", And = "and",
    Addw = "addw", Subw = "subw", Sllw = "sllw", Srlw = "srlw", Sraw = "sraw",
    Mul = "mul", Mulh = "mulh", Mulhsu = "mulhsu", Mulhu = "mulhu",
    Div = "div", Divu = "divu", Rem = "rem", Remu = "remu",
    Mulw = "mulw", Divw = "divw", Divuw = "divuw", Remw = "remw", Remuw = "remuw",
    Fence = "fence", Ecall = "ecall", Ebreak = "ebreak",
}

impl fmt::Display for Mnemonic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A decoded instruction; fields that the format lacks are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// What it does.
    pub mnemonic: Mnemonic,
    /// Destination register.
    pub rd: u8,
    /// First source register.
    pub rs1: u8,
    /// Second source register.
    pub rs2: u8,
    /// Sign-extended immediate, or the shift amount.
    pub imm: i64,
}

/// Decodes an instruction word.
///
/// `None` if the word is no instruction of RV64IM: compressed, atomic, floating-point, CSR and reserved encodings.
pub fn decode(word: u32) -> Option<Decoded> {
    use Mnemonic::*;
    let funct3 = (word >> 12) & 7;
    let funct7 = word >> 25;
    let pick = |names: [Option<Mnemonic>; 8]| names[funct3 as usize];
    match word & 0x7f {
        0x37 => Some(u_type(word, Lui)),
        0x17 => Some(u_type(word, Auipc)),
        0x6f => Some(Decoded { mnemonic: Jal, rd: rd(word), rs1: 0, rs2: 0, imm: imm_j(word) }),
        0x67 if funct3 == 0 => Some(i_type(word, Jalr)),
        0x63 => pick([Some(Beq), Some(Bne), None, None, Some(Blt), Some(Bge), Some(Bltu), Some(Bgeu)]).map(|m| Decoded {
            mnemonic: m,
            rd: 0,
            rs1: rs1(word),
            rs2: rs2(word),
            imm: imm_b(word),
        }),
        0x03 => pick([Some(Lb), Some(Lh), Some(Lw), Some(Ld), Some(Lbu), Some(Lhu), Some(Lwu), None]).map(|m| i_type(word, m)),
        0x23 => pick([Some(Sb), Some(Sh), Some(Sw), Some(Sd), None, None, None, None]).map(|m| Decoded {
            mnemonic: m,
            rd: 0,
            rs1: rs1(word),
            rs2: rs2(word),
            imm: imm_s(word),
        }),
        0x13 => match (funct3, word >> 26) {
            (1, 0x00) => Some(shift(word, Slli, 0x3f)),
            (5, 0x00) => Some(shift(word, Srli, 0x3f)),
            (5, 0x10) => Some(shift(word, Srai, 0x3f)),
            _ => pick([Some(Addi), None, Some(Slti), Some(Sltiu), Some(Xori), None, Some(Ori), Some(Andi)])
                .map(|m| i_type(word, m)),
        },
        0x1b => match (funct3, funct7) {
            (0, _) => Some(i_type(word, Addiw)),
            (1, 0x00) => Some(shift(word, Slliw, 0x1f)),
            (5, 0x00) => Some(shift(word, Srliw, 0x1f)),
            (5, 0x20) => Some(shift(word, Sraiw, 0x1f)),
            _ => None,
        },
        0x33 => match funct7 {
            0x00 => pick([Some(Add), Some(Sll), Some(Slt), Some(Sltu), Some(Xor), Some(Srl), Some(Or), Some(And)]),
            0x20 => pick([Some(Sub), None, None, None, None, Some(Sra), None, None]),
            0x01 => pick([Some(Mul), Some(Mulh), Some(Mulhsu), Some(Mulhu), Some(Div), Some(Divu), Some(Rem), Some(Remu)]),
            _ => None,
        }
        .map(|m| r_type(word, m)),
        0x3b => match funct7 {
            0x00 => pick([Some(Addw), Some(Sllw), None, None, None, Some(Srlw), None, None]),
            0x20 => pick([Some(Subw), None, None, None, None, Some(Sraw), None, None]),
            0x01 => pick([Some(Mulw), None, None, None, Some(Divw), Some(Divuw), Some(Remw), Some(Remuw)]),
            _ => None,
        }
        .map(|m| r_type(word, m)),
        // The base ISA asks implementations to ignore the other fields of FENCE.
        0x0f if funct3 == 0 => Some(bare(Fence)),
        0x73 => match word {
            0x0000_0073 => Some(bare(Ecall)),
            0x0010_0073 => Some(bare(Ebreak)),
            _ => None,
        },
        _ => None,
    }
}

const fn bare(mnemonic: Mnemonic) -> Decoded {
    Decoded { mnemonic, rd: 0, rs1: 0, rs2: 0, imm: 0 }
}

const fn r_type(word: u32, mnemonic: Mnemonic) -> Decoded {
    Decoded { mnemonic, rd: rd(word), rs1: rs1(word), rs2: rs2(word), imm: 0 }
}

const fn i_type(word: u32, mnemonic: Mnemonic) -> Decoded {
    Decoded { mnemonic, rd: rd(word), rs1: rs1(word), rs2: 0, imm: ((word as i32) >> 20) as i64 }
}

const fn u_type(word: u32, mnemonic: Mnemonic) -> Decoded {
    Decoded { mnemonic, rd: rd(word), rs1: 0, rs2: 0, imm: (word & 0xffff_f000) as i32 as i64 }
}

const fn shift(word: u32, mnemonic: Mnemonic, mask: u32) -> Decoded {
    Decoded { mnemonic, rd: rd(word), rs1: rs1(word), rs2: 0, imm: ((word >> 20) & mask) as i64 }
}

const fn rd(word: u32) -> u8 {
    ((word >> 7) & 0x1f) as u8
}

const fn rs1(word: u32) -> u8 {
    ((word >> 15) & 0x1f) as u8
}

const fn rs2(word: u32) -> u8 {
    ((word >> 20) & 0x1f) as u8
}

const fn imm_s(word: u32) -> i64 {
    ((((word as i32) >> 25) << 5) | ((word >> 7) & 0x1f) as i32) as i64
}

const fn imm_b(word: u32) -> i64 {
    let low = ((word >> 7) & 0x1e) | ((word >> 20) & 0x7e0) | ((word << 4) & 0x800);
    ((((word as i32) >> 31) << 12) | low as i32) as i64
}

const fn imm_j(word: u32) -> i64 {
    let low = ((word >> 20) & 0x7fe) | ((word >> 9) & 0x800) | (word & 0xf_f000);
    ((((word as i32) >> 31) << 20) | low as i32) as i64
}
