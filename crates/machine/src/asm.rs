//! A small RV64IM assembler: programs for tests, benchmarks and examples, written where they are used.

use crate::{
    ElfError, Program,
    decode::{Decoded, Mnemonic},
    layout::{A0, A7, RAM_START, ecall},
};

/// Where the text of assembled programs begins.
pub const TEXT_BASE: u64 = RAM_START;
/// Segments are congruent to their place in the file modulo this, so that user-mode emulators map them too.
const PAGE: usize = 0x1000;

/// A place in the text, known now or later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(usize);

/// A segment of data.
#[derive(Clone, Debug)]
struct Data {
    start: u64,
    bytes: Vec<u8>,
    mem_len: u64,
}

/// Collects instructions and data.
#[derive(Clone, Debug, Default)]
pub struct Assembler {
    code: Vec<u32>,
    data: Vec<Data>,
    /// Index of the bound instruction.
    labels: Vec<Option<usize>>,
    /// Instructions whose immediate is a label's distance.
    fixups: Vec<(usize, Decoded, Label)>,
}

impl Assembler {
    /// An empty program.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a raw word.
    pub fn word(&mut self, word: u32) -> &mut Self {
        self.code.push(word);
        self
    }

    /// Appends an instruction; registers and immediate as the format needs them, see [`encode`].
    pub fn inst(&mut self, mnemonic: Mnemonic, rd: u8, rs1: u8, rs2: u8, imm: i64) -> &mut Self {
        self.word(encode(Decoded { mnemonic, rd, rs1, rs2, imm }))
    }

    /// Register-register operation.
    pub fn r(&mut self, mnemonic: Mnemonic, rd: u8, rs1: u8, rs2: u8) -> &mut Self {
        self.inst(mnemonic, rd, rs1, rs2, 0)
    }

    /// Register-immediate operation, load, or JALR.
    pub fn i(&mut self, mnemonic: Mnemonic, rd: u8, rs1: u8, imm: i64) -> &mut Self {
        self.inst(mnemonic, rd, rs1, 0, imm)
    }

    /// Store of `rs2` at `rs1 + imm`.
    pub fn s(&mut self, mnemonic: Mnemonic, rs2: u8, rs1: u8, imm: i64) -> &mut Self {
        self.inst(mnemonic, 0, rs1, rs2, imm)
    }

    /// LUI or AUIPC; `imm` is a multiple of 4096.
    pub fn u(&mut self, mnemonic: Mnemonic, rd: u8, imm: i64) -> &mut Self {
        self.inst(mnemonic, rd, 0, 0, imm)
    }

    /// A branch to a label.
    pub fn branch(&mut self, mnemonic: Mnemonic, rs1: u8, rs2: u8, target: Label) -> &mut Self {
        self.fixups.push((self.code.len(), Decoded { mnemonic, rd: 0, rs1, rs2, imm: 0 }, target));
        self.word(0)
    }

    /// A jump to a label.
    pub fn jal(&mut self, rd: u8, target: Label) -> &mut Self {
        let jump = Decoded { mnemonic: Mnemonic::Jal, rd, rs1: 0, rs2: 0, imm: 0 };
        self.fixups.push((self.code.len(), jump, target));
        self.word(0)
    }

    /// Loads a constant into a register: one to eight instructions.
    pub fn li(&mut self, rd: u8, value: u64) -> &mut Self {
        let signed = value as i64;
        let low = signed << 52 >> 52;
        if signed == low {
            return self.i(Mnemonic::Addi, rd, 0, low);
        }
        if signed == i64::from(signed as i32) {
            // LUI sign-extends, ADDIW wraps at 32 bits: the sum is right for all of them.
            return self.u(Mnemonic::Lui, rd, i64::from(signed.wrapping_sub(low) as i32)).i(Mnemonic::Addiw, rd, rd, low);
        }
        self.li(rd, (signed.wrapping_sub(low) >> 12) as u64).i(Mnemonic::Slli, rd, rd, 12).i(Mnemonic::Addi, rd, rd, low)
    }

    /// Calls the environment with a number in a7.
    pub fn ecall(&mut self, number: u64) -> &mut Self {
        self.li(A7, number).r(Mnemonic::Ecall, 0, 0, 0)
    }

    /// Halts with an exit code.
    pub fn halt(&mut self, exit_code: u64) -> &mut Self {
        self.li(A0, exit_code).ecall(ecall::HALT)
    }

    /// A new label, not yet bound.
    pub fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// Binds a label to the next instruction.
    pub fn bind(&mut self, label: Label) -> &mut Self {
        self.labels[label.0] = Some(self.code.len());
        self
    }

    /// A label bound to the next instruction.
    pub fn here(&mut self) -> Label {
        let label = self.label();
        self.bind(label);
        label
    }

    /// Address of the next instruction.
    pub fn pc(&self) -> u64 {
        TEXT_BASE + 4 * self.code.len() as u64
    }

    /// Adds a data segment of `bytes`, followed by zeros up to `mem_len` bytes.
    pub fn data(&mut self, start: u64, bytes: impl Into<Vec<u8>>, mem_len: u64) -> &mut Self {
        let bytes = bytes.into();
        let mem_len = mem_len.max(bytes.len() as u64);
        self.data.push(Data { start, bytes, mem_len });
        self
    }

    /// The instruction words.
    ///
    /// # Panics
    /// If a label that is used was never bound.
    pub fn code(&self) -> Vec<u32> {
        let mut code = self.code.clone();
        for (at, inst, label) in &self.fixups {
            let target = self.labels[label.0].expect("every label in use is bound");
            code[*at] = encode(Decoded { imm: 4 * (target as i64 - *at as i64), ..*inst });
        }
        code
    }

    /// The program as an ELF executable, entered at its first instruction.
    ///
    /// # Panics
    /// As [`Assembler::code`].
    pub fn elf(&self) -> Vec<u8> {
        let text: Vec<u8> = self.code().iter().flat_map(|word| word.to_le_bytes()).collect();
        let text = Data { start: TEXT_BASE, mem_len: text.len() as u64, bytes: text };
        let segments: Vec<&Data> = [&text].into_iter().chain(&self.data).collect();

        let mut file = Vec::new();
        file.extend(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
        file.extend([2u16, 243].iter().flat_map(|v| v.to_le_bytes()));
        file.extend(1u32.to_le_bytes());
        file.extend([TEXT_BASE, 64, 0].iter().flat_map(|v| v.to_le_bytes()));
        file.extend(0u32.to_le_bytes());
        file.extend([64u16, 56, segments.len() as u16, 0, 0, 0].iter().flat_map(|v| v.to_le_bytes()));

        let mut offset = (64 + 56 * segments.len()).next_multiple_of(PAGE);
        let mut contents = Vec::new();
        for (i, segment) in segments.iter().enumerate() {
            let at = offset + segment.start as usize % PAGE;
            let flags: u32 = if i == 0 { 0b101 } else { 0b110 };
            file.extend([1u32, flags].iter().flat_map(|v| v.to_le_bytes()));
            let fields = [at as u64, segment.start, segment.start, segment.bytes.len() as u64, segment.mem_len, PAGE as u64];
            file.extend(fields.iter().flat_map(|v| v.to_le_bytes()));
            contents.push((at, &segment.bytes));
            offset = (at + segment.bytes.len()).next_multiple_of(PAGE);
        }
        for (at, bytes) in contents {
            file.resize(at, 0);
            file.extend(bytes);
        }
        file
    }

    /// The loaded program.
    ///
    /// # Errors
    /// As [`Program::from_elf`], if text and data do not fit the memory map.
    ///
    /// # Panics
    /// As [`Assembler::code`].
    pub fn program(&self) -> Result<Program, ElfError> {
        Program::from_elf(&self.elf())
    }
}

/// Encodes an instruction: the inverse of [`crate::decode::decode`]. Bits of the immediate that the format lacks are dropped.
pub fn encode(inst: Decoded) -> u32 {
    use Mnemonic::*;
    let imm = inst.imm as u32;
    let (rd, rs1, rs2) = (u32::from(inst.rd) << 7, u32::from(inst.rs1) << 15, u32::from(inst.rs2) << 20);
    let r = |opcode: u32, funct3: u32, funct7: u32| opcode | rd | funct3 << 12 | rs1 | rs2 | funct7 << 25;
    let i = |opcode: u32, funct3: u32| opcode | rd | funct3 << 12 | rs1 | imm << 20;
    let shift = |opcode: u32, funct3: u32, funct7: u32| opcode | rd | funct3 << 12 | rs1 | (imm & 0x3f) << 20 | funct7 << 25;
    let s = |funct3: u32| 0x23 | (imm & 0x1f) << 7 | funct3 << 12 | rs1 | rs2 | (imm >> 5) << 25;
    let b = |funct3: u32| {
        let low = (imm >> 11 & 1) << 7 | (imm >> 1 & 0xf) << 8;
        0x63 | low | funct3 << 12 | rs1 | rs2 | (imm >> 5 & 0x3f) << 25 | (imm >> 12 & 1) << 31
    };
    match inst.mnemonic {
        Lui => 0x37 | rd | imm & 0xffff_f000,
        Auipc => 0x17 | rd | imm & 0xffff_f000,
        Jal => 0x6f | rd | imm & 0xf_f000 | (imm >> 11 & 1) << 20 | (imm >> 1 & 0x3ff) << 21 | (imm >> 20 & 1) << 31,
        Jalr => i(0x67, 0),
        Beq => b(0),
        Bne => b(1),
        Blt => b(4),
        Bge => b(5),
        Bltu => b(6),
        Bgeu => b(7),
        Lb => i(0x03, 0),
        Lh => i(0x03, 1),
        Lw => i(0x03, 2),
        Ld => i(0x03, 3),
        Lbu => i(0x03, 4),
        Lhu => i(0x03, 5),
        Lwu => i(0x03, 6),
        Sb => s(0),
        Sh => s(1),
        Sw => s(2),
        Sd => s(3),
        Addi => i(0x13, 0),
        Slti => i(0x13, 2),
        Sltiu => i(0x13, 3),
        Xori => i(0x13, 4),
        Ori => i(0x13, 6),
        Andi => i(0x13, 7),
        Slli => shift(0x13, 1, 0),
        Srli => shift(0x13, 5, 0),
        Srai => shift(0x13, 5, 0x20),
        Addiw => i(0x1b, 0),
        Slliw => shift(0x1b, 1, 0),
        Srliw => shift(0x1b, 5, 0),
        Sraiw => shift(0x1b, 5, 0x20),
        Add => r(0x33, 0, 0),
        Sub => r(0x33, 0, 0x20),
        Sll => r(0x33, 1, 0),
        Slt => r(0x33, 2, 0),
        Sltu => r(0x33, 3, 0),
        Xor => r(0x33, 4, 0),
        Srl => r(0x33, 5, 0),
        Sra => r(0x33, 5, 0x20),
        Or => r(0x33, 6, 0),
        And => r(0x33, 7, 0),
        Addw => r(0x3b, 0, 0),
        Subw => r(0x3b, 0, 0x20),
        Sllw => r(0x3b, 1, 0),
        Srlw => r(0x3b, 5, 0),
        Sraw => r(0x3b, 5, 0x20),
        Mul => r(0x33, 0, 1),
        Mulh => r(0x33, 1, 1),
        Mulhsu => r(0x33, 2, 1),
        Mulhu => r(0x33, 3, 1),
        Div => r(0x33, 4, 1),
        Divu => r(0x33, 5, 1),
        Rem => r(0x33, 6, 1),
        Remu => r(0x33, 7, 1),
        Mulw => r(0x3b, 0, 1),
        Divw => r(0x3b, 4, 1),
        Divuw => r(0x3b, 5, 1),
        Remw => r(0x3b, 6, 1),
        Remuw => r(0x3b, 7, 1),
        Fence => 0x0ff0_000f,
        Ecall => 0x73,
        Ebreak => 0x0010_0073,
    }
}
