//! A loaded program: its text, lowered row by row as the `PROGRAM` table has it, and its initial memory.

use std::ops::Range;

use crate::{
    airs::regions::{MAX_REGIONS, occupied},
    decode::{Decoded, Mnemonic, decode},
    elf::{Elf, Segment},
    error::ElfError,
    isa::{flag, op},
    layout::{A0, A1, A7, RAM_END, RAM_START, WORD_BYTES},
};

/// Largest text in bytes.
pub const MAX_TEXT_BYTES: u64 = 16 << 20;
/// Largest sum of the other segments' bytes in the file.
pub const MAX_IMAGE_BYTES: u64 = 64 << 20;

/// A row of the `PROGRAM` table (`docs/machine.md`, "Lowering").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lowered {
    /// Byte address.
    pub pc: u64,
    /// Sum of [`flag`] bits.
    pub flags: u32,
    /// Operation code of [`op`], 0 if there is none.
    pub op: u8,
    /// Destination, 0 without `w`; a1 for an ecall.
    pub rd: u8,
    /// First source, 0 without `r1`; a7 for an ecall.
    pub rs1: u8,
    /// Second source, 0 without `r2`; a0 for an ecall.
    pub rs2: u8,
    /// The immediate as a field element: negative only for the offset of a load or store.
    pub imm: i128,
}

impl Lowered {
    /// Whether all bits of `flags` are set.
    #[inline]
    pub const fn has(&self, flags: u32) -> bool {
        self.flags & flags == flags
    }
}

/// A program ready to be executed and to be committed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    entry: u64,
    text_base: u64,
    code: Vec<u32>,
    rows: Vec<Lowered>,
    image: Vec<(u64, u64)>,
}

impl Program {
    /// Loads a static RV64IM executable.
    ///
    /// # Errors
    /// Whatever makes the file something else, see [`ElfError`]: segments outside RAM or overlapping, other than one
    /// executable segment, a writable text, text that shares an 8-byte word with another segment, sizes beyond
    /// [`MAX_TEXT_BYTES`] and [`MAX_IMAGE_BYTES`], an entry point outside the text, more than [`MAX_REGIONS`] pieces.
    pub fn from_elf(file: &[u8]) -> Result<Self, ElfError> {
        let Elf { entry, mut segments } = Elf::parse(file)?;
        segments.sort_by_key(|segment| segment.start);
        for segment in &segments {
            let end = segment.start.checked_add(segment.mem_len);
            if segment.start < RAM_START || end.is_none_or(|end| end > RAM_END) {
                return Err(ElfError::OutsideRam { start: segment.start, len: segment.mem_len });
            }
        }
        let text = text_segment(&segments)?;
        check_overlap(&segments)?;

        let code: Vec<u32> = text.data.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        let offset = entry.wrapping_sub(text.start);
        if offset >= text.mem_len || !offset.is_multiple_of(4) {
            return Err(ElfError::Entry(entry));
        }
        let rows = code.iter().zip((text.start..).step_by(4)).filter_map(|(word, pc)| lower(pc, *word)).collect();
        let image = image_words(segments.iter().filter(|segment| !segment.executable))?;
        let program = Self { entry, text_base: text.start, code, rows, image };
        match occupied(&program).len() {
            found if found > MAX_REGIONS => Err(ElfError::Pieces { found, max: MAX_REGIONS }),
            _ => Ok(program),
        }
    }

    /// Address of the first instruction.
    pub const fn entry(&self) -> u64 {
        self.entry
    }

    /// First address of the text.
    pub const fn text_base(&self) -> u64 {
        self.text_base
    }

    /// Instruction words of the text, from [`Program::text_base`].
    pub fn code(&self) -> &[u32] {
        &self.code
    }

    /// Word addresses that hold text; no load or store may reach them.
    pub const fn text_words(&self) -> Range<u64> {
        let end = self.text_base + 4 * self.code.len() as u64;
        self.text_base / WORD_BYTES..end.div_ceil(WORD_BYTES)
    }

    /// The valid instructions by pc: all rows of the `PROGRAM` table.
    pub fn rows(&self) -> &[Lowered] {
        &self.rows
    }

    /// Index in [`Program::rows`] of the instruction at `pc`.
    pub fn row_at(&self, pc: u64) -> Option<usize> {
        self.rows.binary_search_by_key(&pc, |row| row.pc).ok()
    }

    /// Initial memory other than zero: `(word address, value)` by address, every word that the file has bytes of.
    pub fn image(&self) -> &[(u64, u64)] {
        &self.image
    }

    /// Initial value of a word if it belongs to the image.
    pub fn image_word(&self, addr: u64) -> Option<u64> {
        self.image.binary_search_by_key(&addr, |word| word.0).ok().map(|i| self.image[i].1)
    }
}

fn text_segment<'a>(segments: &[Segment<'a>]) -> Result<Segment<'a>, ElfError> {
    let mut executable = segments.iter().filter(|segment| segment.executable);
    let text = match (executable.next(), executable.count()) {
        (Some(text), 0) => *text,
        (first, more) => return Err(ElfError::ExecutableSegments(usize::from(first.is_some()) + more)),
    };
    if text.writable {
        return Err(ElfError::WritableText(text.start));
    }
    let len = text.mem_len;
    let whole = len == text.data.len() as u64 && len.is_multiple_of(4) && text.start.is_multiple_of(4);
    if !whole || len > MAX_TEXT_BYTES {
        return Err(ElfError::Text { start: text.start, len, max: MAX_TEXT_BYTES });
    }
    Ok(text)
}

/// Bytes of different segments must be disjoint; around text, whole words must be.
fn check_overlap(segments: &[Segment<'_>]) -> Result<(), ElfError> {
    let end = |segment: &Segment<'_>| segment.start + segment.mem_len;
    for pair in segments.windows(2) {
        let (first, second) = (&pair[0], &pair[1]);
        let touches_text = first.executable || second.executable;
        let limit = if touches_text { end(first).next_multiple_of(WORD_BYTES) } else { end(first) };
        let start = if touches_text { second.start / WORD_BYTES * WORD_BYTES } else { second.start };
        if start < limit {
            return Err(ElfError::Overlap { start: second.start, other: first.start });
        }
    }
    Ok(())
}

/// The words that the segments' file bytes lie in, by address; segments may share a word, not a byte.
fn image_words<'a>(segments: impl Iterator<Item = &'a Segment<'a>> + Clone) -> Result<Vec<(u64, u64)>, ElfError> {
    let bytes = segments.clone().map(|segment| segment.data.len() as u64).sum();
    if bytes > MAX_IMAGE_BYTES {
        return Err(ElfError::ImageTooLarge { bytes, max: MAX_IMAGE_BYTES });
    }
    let mut words: Vec<(u64, u64)> = Vec::with_capacity((bytes / WORD_BYTES) as usize);
    for segment in segments {
        for (byte, addr) in segment.data.iter().zip(segment.start..) {
            let (word, bits) = (addr / WORD_BYTES, u64::from(*byte) << (addr % WORD_BYTES * 8));
            match words.last_mut() {
                Some(last) if last.0 == word => last.1 |= bits,
                _ => words.push((word, bits)),
            }
        }
    }
    Ok(words)
}

/// Lowers an instruction; `None` if the word has no row.
fn lower(pc: u64, word: u32) -> Option<Lowered> {
    use Mnemonic::*;
    use flag::*;
    let decoded = decode(word)?;
    let target = pc.wrapping_add(decoded.imm as u64);
    let wide = |value: u64| i128::from(value);
    let (flags, code, imm) = match decoded.mnemonic {
        Lui => (CONST, 0, wide(decoded.imm as u64)),
        Auipc => (CONST, 0, wide(target)),
        Jal => (JAL, 0, wide(target)),
        Jalr => (R1 | B_IMM | ALU | JALR, op::ADD, wide(decoded.imm as u64)),
        Beq | Bne | Blt | Bge | Bltu | Bgeu => (R1 | R2 | ALU | BRANCH, op_code(decoded.mnemonic), wide(target)),
        Lb | Lh | Lw | Ld | Lbu | Lhu | Lwu => (R1 | LOAD, op_code(decoded.mnemonic), decoded.imm.into()),
        Sb | Sh | Sw | Sd => (R1 | R2 | STORE, op_code(decoded.mnemonic), decoded.imm.into()),
        Addi | Slti | Sltiu | Xori | Ori | Andi | Slli | Srli | Srai | Addiw | Slliw | Srliw | Sraiw => {
            (R1 | B_IMM | ALU, op_code(decoded.mnemonic), wide(decoded.imm as u64))
        }
        Fence => (0, 0, 0),
        Ecall => (ECALL, 0, 0),
        Ebreak => return None,
        _ => (R1 | R2 | ALU, op_code(decoded.mnemonic), 0),
    };
    let Decoded { rd, rs1, rs2, .. } = decoded;
    let written = flags & (STORE | BRANCH | ECALL) == 0 && rd != 0;
    let (rd, rs1, rs2) = if flags == ECALL { (A1, A7, A0) } else { (rd, rs1, rs2) };
    Some(Lowered { pc, flags: flags | if written { W } else { 0 }, op: code, rd, rs1, rs2, imm })
}

/// The operation code behind an instruction; 0 for those that send neither ALU nor LDST.
pub(crate) const fn op_code(mnemonic: Mnemonic) -> u8 {
    use Mnemonic::*;
    match mnemonic {
        Jalr | Add | Addi => op::ADD,
        Sub => op::SUB,
        Addw | Addiw => op::ADDW,
        Subw => op::SUBW,
        And | Andi => op::AND,
        Or | Ori => op::OR,
        Xor | Xori => op::XOR,
        Sll | Slli => op::SLL,
        Srl | Srli => op::SRL,
        Sra | Srai => op::SRA,
        Sllw | Slliw => op::SLLW,
        Srlw | Srliw => op::SRLW,
        Sraw | Sraiw => op::SRAW,
        Blt | Slt | Slti => op::LT,
        Bltu | Sltu | Sltiu => op::LTU,
        Bge => op::GE,
        Bgeu => op::GEU,
        Beq => op::EQ,
        Bne => op::NE,
        Mul => op::MUL,
        Mulh => op::MULH,
        Mulhu => op::MULHU,
        Mulhsu => op::MULHSU,
        Mulw => op::MULW,
        Div => op::DIV,
        Divu => op::DIVU,
        Rem => op::REM,
        Remu => op::REMU,
        Divw => op::DIVW,
        Divuw => op::DIVUW,
        Remw => op::REMW,
        Remuw => op::REMUW,
        Lb => op::LB,
        Lh => op::LH,
        Lw => op::LW,
        Ld => op::LD,
        Lbu => op::LBU,
        Lhu => op::LHU,
        Lwu => op::LWU,
        Sb => op::SB,
        Sh => op::SH,
        Sw => op::SW,
        Sd => op::SD,
        Lui | Auipc | Jal | Fence | Ecall | Ebreak => 0,
    }
}
