//! The interpreter: registers, the clock and the loop over pre-decoded instructions.

use std::sync::Arc;

use super::{
    code::{Code, DISCARD, Inst, NO_TARGET},
    memory::{Cell, Fault, Memory},
    outputs::Outputs,
    record::Recorder,
};
use crate::{
    Access, AirId, AluEvent, CpuEvent, LoadStoreEvent, Program, Trap, TrapKind,
    decode::{Mnemonic, decode},
    isa::{access_bytes, alu, extend, op},
    layout::{REGISTERS, SLOT_MEMORY, SLOT_RD, SLOT_RS1, SLOT_RS2, SLOTS},
};

/// Registers by number; 32 swallows writes to x0, the rest makes indexing with 6 bits free of checks.
pub(crate) type Registers = [Cell; 64];

/// The machine between two instructions.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(super) code: Arc<Code>,
    pub(crate) registers: Registers,
    /// Index of the next instruction.
    pub(crate) index: usize,
    /// Clock of the last instruction, 0 before the first.
    pub(crate) clock: u64,
    pub(crate) memory: Memory,
    /// Operations so far by [`AirId::position`]; of the keccak AIRs only keccak counts, of cpu, program, image and memory none.
    pub(crate) operations: [u64; AirId::ALL.len()],
    pub(crate) exit_code: Option<u64>,
    pub(crate) outputs: Outputs,
}

/// Outcome of one instruction.
pub(super) type Step = Result<(), TrapKind>;

impl Machine {
    /// The machine before the first instruction.
    pub(crate) fn new(program: &Program, code: Arc<Code>, memory: Memory) -> Self {
        Self {
            index: ((program.entry() - code.base) / 4) as usize,
            code,
            registers: [Cell::default(); 64],
            clock: 0,
            memory,
            operations: [0; AirId::ALL.len()],
            exit_code: None,
            outputs: Outputs::default(),
        }
    }

    /// Runs until the program has halted, the clock has reached `until`, or the recorder wants nothing more.
    pub(crate) fn run<R: Recorder>(&mut self, until: u64, recorder: &mut R) -> Result<(), Trap> {
        let code = Arc::clone(&self.code);
        while self.clock < until && self.exit_code.is_none() && !recorder.done() {
            let index = self.index;
            let inst = &code.insts[index];
            self.clock += 1;
            if let Err(kind) = self.step(index, inst, recorder) {
                return Err(self.trap_at(index, kind));
            }
        }
        Ok(())
    }

    /// The pre-decoded text.
    pub(crate) fn code(&self) -> &Arc<Code> {
        &self.code
    }

    /// A trap at the next instruction.
    pub(crate) fn trap(&self, kind: TrapKind) -> Trap {
        self.trap_at(self.index, kind)
    }

    fn trap_at(&self, index: usize, kind: TrapKind) -> Trap {
        let instruction = self.memory.program().code().get(index).copied();
        Trap { pc: self.code.pc(index), clock: self.clock, instruction, kind }
    }

    #[inline(always)]
    fn step<R: Recorder>(&mut self, index: usize, inst: &Inst, recorder: &mut R) -> Step {
        use Mnemonic::*;
        recorder.fetched(index);
        self.index = index + 1;
        let mut event = CpuEvent { clock: self.clock, pc: self.code.pc(index), row: index, ..CpuEvent::default() };
        match inst.mnemonic {
            Addi => self.immediate::<{ op::ADD }, R>(inst, &mut event, recorder),
            Slti => self.immediate::<{ op::LT }, R>(inst, &mut event, recorder),
            Sltiu => self.immediate::<{ op::LTU }, R>(inst, &mut event, recorder),
            Xori => self.immediate::<{ op::XOR }, R>(inst, &mut event, recorder),
            Ori => self.immediate::<{ op::OR }, R>(inst, &mut event, recorder),
            Andi => self.immediate::<{ op::AND }, R>(inst, &mut event, recorder),
            Slli => self.immediate::<{ op::SLL }, R>(inst, &mut event, recorder),
            Srli => self.immediate::<{ op::SRL }, R>(inst, &mut event, recorder),
            Srai => self.immediate::<{ op::SRA }, R>(inst, &mut event, recorder),
            Addiw => self.immediate::<{ op::ADDW }, R>(inst, &mut event, recorder),
            Slliw => self.immediate::<{ op::SLLW }, R>(inst, &mut event, recorder),
            Srliw => self.immediate::<{ op::SRLW }, R>(inst, &mut event, recorder),
            Sraiw => self.immediate::<{ op::SRAW }, R>(inst, &mut event, recorder),
            Add => self.register::<{ op::ADD }, R>(inst, &mut event, recorder),
            Sub => self.register::<{ op::SUB }, R>(inst, &mut event, recorder),
            Sll => self.register::<{ op::SLL }, R>(inst, &mut event, recorder),
            Slt => self.register::<{ op::LT }, R>(inst, &mut event, recorder),
            Sltu => self.register::<{ op::LTU }, R>(inst, &mut event, recorder),
            Xor => self.register::<{ op::XOR }, R>(inst, &mut event, recorder),
            Srl => self.register::<{ op::SRL }, R>(inst, &mut event, recorder),
            Sra => self.register::<{ op::SRA }, R>(inst, &mut event, recorder),
            Or => self.register::<{ op::OR }, R>(inst, &mut event, recorder),
            And => self.register::<{ op::AND }, R>(inst, &mut event, recorder),
            Addw => self.register::<{ op::ADDW }, R>(inst, &mut event, recorder),
            Subw => self.register::<{ op::SUBW }, R>(inst, &mut event, recorder),
            Sllw => self.register::<{ op::SLLW }, R>(inst, &mut event, recorder),
            Srlw => self.register::<{ op::SRLW }, R>(inst, &mut event, recorder),
            Sraw => self.register::<{ op::SRAW }, R>(inst, &mut event, recorder),
            Mul => self.register::<{ op::MUL }, R>(inst, &mut event, recorder),
            Mulh => self.register::<{ op::MULH }, R>(inst, &mut event, recorder),
            Mulhsu => self.register::<{ op::MULHSU }, R>(inst, &mut event, recorder),
            Mulhu => self.register::<{ op::MULHU }, R>(inst, &mut event, recorder),
            Div => self.register::<{ op::DIV }, R>(inst, &mut event, recorder),
            Divu => self.register::<{ op::DIVU }, R>(inst, &mut event, recorder),
            Rem => self.register::<{ op::REM }, R>(inst, &mut event, recorder),
            Remu => self.register::<{ op::REMU }, R>(inst, &mut event, recorder),
            Mulw => self.register::<{ op::MULW }, R>(inst, &mut event, recorder),
            Divw => self.register::<{ op::DIVW }, R>(inst, &mut event, recorder),
            Divuw => self.register::<{ op::DIVUW }, R>(inst, &mut event, recorder),
            Remw => self.register::<{ op::REMW }, R>(inst, &mut event, recorder),
            Remuw => self.register::<{ op::REMUW }, R>(inst, &mut event, recorder),
            Beq => self.branch::<{ op::EQ }, R>(inst, &mut event, recorder)?,
            Bne => self.branch::<{ op::NE }, R>(inst, &mut event, recorder)?,
            Blt => self.branch::<{ op::LT }, R>(inst, &mut event, recorder)?,
            Bge => self.branch::<{ op::GE }, R>(inst, &mut event, recorder)?,
            Bltu => self.branch::<{ op::LTU }, R>(inst, &mut event, recorder)?,
            Bgeu => self.branch::<{ op::GEU }, R>(inst, &mut event, recorder)?,
            Lb => self.load::<{ op::LB }, R>(inst, &mut event, recorder)?,
            Lh => self.load::<{ op::LH }, R>(inst, &mut event, recorder)?,
            Lw => self.load::<{ op::LW }, R>(inst, &mut event, recorder)?,
            Ld => self.load::<{ op::LD }, R>(inst, &mut event, recorder)?,
            Lbu => self.load::<{ op::LBU }, R>(inst, &mut event, recorder)?,
            Lhu => self.load::<{ op::LHU }, R>(inst, &mut event, recorder)?,
            Lwu => self.load::<{ op::LWU }, R>(inst, &mut event, recorder)?,
            Sb => self.store::<{ op::SB }, R>(inst, &mut event, recorder)?,
            Sh => self.store::<{ op::SH }, R>(inst, &mut event, recorder)?,
            Sw => self.store::<{ op::SW }, R>(inst, &mut event, recorder)?,
            Sd => self.store::<{ op::SD }, R>(inst, &mut event, recorder)?,
            Lui | Auipc => event.rd = self.write(inst.rd, inst.imm),
            Jal => {
                event.rd = self.write(inst.rd, self.code.pc(index + 1));
                self.jump(inst)?;
            }
            Jalr => self.jump_register(index, inst, &mut event, recorder)?,
            Fence => {}
            Ecall => self.ecall(index, &mut event, recorder)?,
            Ebreak => return Err(self.not_executable(index)),
        }
        if R::CPU {
            event.next_pc = self.code.pc(self.index);
            recorder.cpu(event);
        }
        Ok(())
    }

    /// Reads a register.
    #[inline(always)]
    pub(super) fn read(&mut self, register: u8, slot: u64) -> Access {
        let ts = SLOTS * self.clock + slot;
        let cell = &mut self.registers[usize::from(register & 63)];
        let access = Access { addr: register.into(), prev_ts: cell.ts, ts, old: cell.value, new: cell.value };
        cell.ts = ts;
        access
    }

    /// Writes a register; `None` for x0.
    #[inline(always)]
    fn write(&mut self, register: u8, value: u64) -> Option<Access> {
        let ts = SLOTS * self.clock + SLOT_RD;
        let cell = &mut self.registers[usize::from(register & 63)];
        let access = Access { addr: register.into(), prev_ts: cell.ts, ts, old: cell.value, new: value };
        *cell = Cell { value, ts };
        (register != DISCARD).then_some(access)
    }

    /// Counts and reports an ALU operation, returns its result.
    #[inline(always)]
    fn operate<const OP: u8, R: Recorder>(&mut self, a: u64, b: u64, recorder: &mut R) -> u64 {
        let c = alu(OP, a, b);
        if let Some(air) = const { AirId::of_alu(OP) } {
            self.operations[air.position()] += 1;
            if R::OPERATIONS {
                recorder.alu(air, AluEvent { op: OP, a, b, c });
            }
        }
        c
    }

    #[inline(always)]
    fn immediate<const OP: u8, R: Recorder>(&mut self, inst: &Inst, event: &mut CpuEvent, recorder: &mut R) {
        let rs1 = self.read(inst.rs1, SLOT_RS1);
        let c = self.operate::<OP, R>(rs1.old, inst.imm, recorder);
        event.rs1 = Some(rs1);
        event.alu = Some(c);
        event.rd = self.write(inst.rd, c);
    }

    #[inline(always)]
    fn register<const OP: u8, R: Recorder>(&mut self, inst: &Inst, event: &mut CpuEvent, recorder: &mut R) {
        let rs1 = self.read(inst.rs1, SLOT_RS1);
        let rs2 = self.read(inst.rs2, SLOT_RS2);
        let c = self.operate::<OP, R>(rs1.old, rs2.old, recorder);
        event.rs1 = Some(rs1);
        event.rs2 = Some(rs2);
        event.alu = Some(c);
        event.rd = self.write(inst.rd, c);
    }

    #[inline(always)]
    fn branch<const OP: u8, R: Recorder>(&mut self, inst: &Inst, event: &mut CpuEvent, recorder: &mut R) -> Step {
        let rs1 = self.read(inst.rs1, SLOT_RS1);
        let rs2 = self.read(inst.rs2, SLOT_RS2);
        let c = self.operate::<OP, R>(rs1.old, rs2.old, recorder);
        event.rs1 = Some(rs1);
        event.rs2 = Some(rs2);
        event.alu = Some(c);
        if c == 1 { self.jump(inst) } else { Ok(()) }
    }

    /// Goes to the resolved target of the instruction just fetched.
    #[inline(always)]
    fn jump(&mut self, inst: &Inst) -> Step {
        if inst.target == NO_TARGET {
            let pc = self.code.pc(self.index - 1);
            return Err(bad_target(pc.wrapping_add(inst.imm)));
        }
        self.index = inst.target as usize;
        Ok(())
    }

    #[inline(always)]
    fn jump_register<R: Recorder>(&mut self, index: usize, inst: &Inst, event: &mut CpuEvent, recorder: &mut R) -> Step {
        let rs1 = self.read(inst.rs1, SLOT_RS1);
        let c = self.operate::<{ op::ADD }, R>(rs1.old, inst.imm, recorder);
        event.rs1 = Some(rs1);
        event.alu = Some(c);
        event.rd = self.write(inst.rd, self.code.pc(index + 1));
        let target = c & !1;
        let offset = target.wrapping_sub(self.code.base);
        // The last entry of the code is no instruction.
        if !offset.is_multiple_of(4) || offset / 4 >= self.code.insts.len() as u64 - 1 {
            return Err(bad_target(target));
        }
        self.index = (offset / 4) as usize;
        Ok(())
    }

    #[inline(always)]
    fn load<const OP: u8, R: Recorder>(&mut self, inst: &Inst, event: &mut CpuEvent, recorder: &mut R) -> Step {
        let rs1 = self.read(inst.rs1, SLOT_RS1);
        // A sum that wraps around lies within 2^11 of 0 or 2^64, where there is no memory.
        let addr = rs1.old.wrapping_add(inst.imm);
        let first = self.access::<OP>(addr, addr / 8, |old| old)?;
        let shift = addr % 8 * 8;
        let mut raw = first.old >> shift;
        let mut second = None;
        if addr % 8 + access_bytes(OP) > 8 {
            let access = self.access::<OP>(addr, addr / 8 + 1, |old| old)?;
            // The shift is not 0: an aligned access does not reach into a second word.
            raw |= access.old << (64 - shift);
            second = Some(access);
        }
        let value = extend(OP, raw);
        self.accessed::<OP, R>(LoadStoreEvent { op: OP, clock: self.clock, addr, value, first, second }, recorder);
        event.rs1 = Some(rs1);
        event.loaded = Some(value);
        event.rd = self.write(inst.rd, value);
        Ok(())
    }

    #[inline(always)]
    fn store<const OP: u8, R: Recorder>(&mut self, inst: &Inst, event: &mut CpuEvent, recorder: &mut R) -> Step {
        let rs1 = self.read(inst.rs1, SLOT_RS1);
        let rs2 = self.read(inst.rs2, SLOT_RS2);
        let addr = rs1.old.wrapping_add(inst.imm);
        let value = rs2.old;
        let mask = u64::MAX >> (64 - 8 * access_bytes(OP));
        let shift = addr % 8 * 8;
        let first = self.access::<OP>(addr, addr / 8, |old| old & !(mask << shift) | (value & mask) << shift)?;
        let mut second = None;
        if addr % 8 + access_bytes(OP) > 8 {
            let merge = |old| old & !(mask >> (64 - shift)) | (value & mask) >> (64 - shift);
            second = Some(self.access::<OP>(addr, addr / 8 + 1, merge)?);
        }
        self.accessed::<OP, R>(LoadStoreEvent { op: OP, clock: self.clock, addr, value, first, second }, recorder);
        event.rs1 = Some(rs1);
        event.rs2 = Some(rs2);
        Ok(())
    }

    /// Accesses a word for a load or store of `OP` at byte address `addr`.
    #[inline(always)]
    fn access<const OP: u8>(&mut self, addr: u64, word: u64, merge: impl FnOnce(u64) -> u64) -> Result<Access, TrapKind> {
        self.touch(word, merge).map_err(|fault| fault_kind(fault, addr, access_bytes(OP)))
    }

    /// Accesses a word of memory.
    #[inline(always)]
    pub(super) fn touch(&mut self, word: u64, merge: impl FnOnce(u64) -> u64) -> Result<Access, Fault> {
        let ts = SLOTS * self.clock + SLOT_MEMORY;
        let cell = self.memory.cell(word)?;
        let (old, prev_ts) = (cell.value, cell.ts);
        let new = merge(old);
        *cell = Cell { value: new, ts };
        Ok(Access { addr: word, prev_ts, ts, old, new })
    }

    /// Counts and reports a load or store.
    #[inline(always)]
    fn accessed<const OP: u8, R: Recorder>(&mut self, event: LoadStoreEvent, recorder: &mut R) {
        let air = AirId::of_access(OP, event.addr);
        self.operations[air.position()] += 1;
        if R::OPERATIONS {
            recorder.load_store(air, event);
        }
    }

    #[cold]
    fn not_executable(&self, index: usize) -> TrapKind {
        match self.memory.program().code().get(index) {
            None => TrapKind::OutsideText { target: self.code.pc(index) },
            Some(word) if decode(*word).is_some() => TrapKind::Breakpoint,
            Some(_) => TrapKind::UnknownInstruction,
        }
    }

    /// The registers' cells without the one that swallows writes to x0.
    pub(crate) fn architectural(&self) -> &[Cell] {
        &self.registers[..REGISTERS]
    }
}

#[cold]
fn bad_target(target: u64) -> TrapKind {
    if target.is_multiple_of(4) { TrapKind::OutsideText { target } } else { TrapKind::MisalignedPc { target } }
}

#[cold]
pub(super) fn fault_kind(fault: Fault, addr: u64, bytes: u64) -> TrapKind {
    match fault {
        Fault::Outside => TrapKind::OutsideMemory { addr, bytes },
        Fault::Text => TrapKind::TextAccess { addr, bytes },
    }
}
