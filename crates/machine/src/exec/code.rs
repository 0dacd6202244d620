//! Text made ready for the interpreter: fixed-size records, jump targets resolved to indices.

use crate::{
    Program,
    decode::{Decoded, Mnemonic, decode},
};

/// Where a write to x0 goes: a register that nothing reads.
pub(crate) const DISCARD: u8 = 32;
/// A jump target that is no instruction of the text.
pub(crate) const NO_TARGET: u32 = u32::MAX;

/// One instruction for the interpreter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inst {
    /// Immediate; for LUI and AUIPC the value written.
    pub(crate) imm: u64,
    /// Index of a branch's or JAL's target.
    pub(crate) target: u32,
    /// `Ebreak` stands for everything that cannot be executed.
    pub(crate) mnemonic: Mnemonic,
    /// Destination, or [`DISCARD`].
    pub(crate) rd: u8,
    pub(crate) rs1: u8,
    pub(crate) rs2: u8,
}

/// The pre-decoded text, with one entry more than instructions, which cannot be executed.
#[derive(Debug)]
pub(crate) struct Code {
    pub(crate) base: u64,
    pub(crate) insts: Vec<Inst>,
}

impl Code {
    pub(crate) fn new(program: &Program) -> Self {
        let base = program.text_base();
        let len = program.code().len() as u64;
        let stop = Inst { imm: 0, target: NO_TARGET, mnemonic: Mnemonic::Ebreak, rd: DISCARD, rs1: 0, rs2: 0 };
        let insts = program.code().iter().enumerate().map(|(index, word)| {
            let pc = base + 4 * index as u64;
            decode(*word).map_or(stop, |decoded| prepare(decoded, pc, base, len))
        });
        Self { base, insts: insts.chain([stop]).collect() }
    }

    pub(crate) const fn pc(&self, index: usize) -> u64 {
        self.base + 4 * index as u64
    }
}

fn prepare(decoded: Decoded, pc: u64, base: u64, len: u64) -> Inst {
    use Mnemonic::*;
    let Decoded { mnemonic, rd, rs1, rs2, imm } = decoded;
    let offset = pc.wrapping_add(imm as u64).wrapping_sub(base);
    let target = if offset.is_multiple_of(4) && offset / 4 < len { (offset / 4) as u32 } else { NO_TARGET };
    Inst {
        imm: if mnemonic == Auipc { pc.wrapping_add(imm as u64) } else { imm as u64 },
        target: if matches!(mnemonic, Jal | Beq | Bne | Blt | Bge | Bltu | Bgeu) { target } else { NO_TARGET },
        mnemonic,
        rd: if rd == 0 { DISCARD } else { rd },
        rs1,
        rs2,
    }
}
