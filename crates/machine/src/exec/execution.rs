//! One execution from start to halt: what it counted, and the means to replay any part of it.

use std::{ops::Range, sync::Arc};

use super::{
    checkpoint::{Checkpoints, Limits},
    code::Code,
    machine::Machine,
    memory::{Cell, Memory, TouchedPage},
    outputs::Mark,
    record::{Profile, Recorder},
};
use crate::{
    AirId, ExecutorError, Lowered, Program, Trap, TrapKind, WordEvent,
    layout::{INPUT_MAX_LEN, MAX_CYCLES},
};

/// Bounds of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Instructions after which the execution counts as failed; at most [`MAX_CYCLES`].
    pub max_cycles: u64,
    /// Checkpoints kept, rounded down to an even number, at least 2.
    pub max_checkpoints: usize,
    /// Bytes of checkpoints kept, as long as there are more than two.
    pub checkpoint_bytes: usize,
    /// Instructions between the first checkpoints; doubles as the execution grows longer.
    pub first_interval: u64,
}

impl Default for Options {
    /// 2^32 cycles; 256 checkpoints in 512 MiB, every 4096 cycles at first.
    fn default() -> Self {
        Self { max_cycles: 1 << 32, max_checkpoints: 256, checkpoint_bytes: 512 << 20, first_interval: 1 << 12 }
    }
}

/// A finished execution.
#[derive(Debug)]
pub struct Execution {
    program: Arc<Program>,
    input: Arc<[u8]>,
    checkpoints: Checkpoints,
    /// Executions by row of the program.
    executed: Vec<u64>,
    /// The machine after the halt.
    machine: Machine,
    exit_code: u64,
    outputs: Vec<u64>,
    log: Vec<u8>,
    marks: Vec<Mark>,
    /// Touched pages of memory without the image, by address, and the number of such words before each.
    pages: Vec<(TouchedPage, usize)>,
    /// Words of the memory AIR: touched registers and words outside the image.
    touched: usize,
}

impl Execution {
    /// Runs a program to its halt. A non-zero exit code is an outcome, not an error.
    ///
    /// # Errors
    /// An input longer than its region, or the trap that ended the execution.
    pub fn run(program: Arc<Program>, input: Arc<[u8]>, options: &Options) -> Result<Self, ExecutorError> {
        if input.len() > INPUT_MAX_LEN {
            return Err(ExecutorError::InputTooLong { len: input.len(), max: INPUT_MAX_LEN });
        }
        let code = Arc::new(Code::new(&program));
        let memory = Memory::new(Arc::clone(&program), Arc::clone(&input));
        let mut machine = Machine::new(&program, Arc::clone(&code), memory);
        let limits = Limits {
            first_interval: options.first_interval.max(1),
            count: options.max_checkpoints.max(2) / 2 * 2,
            bytes: options.checkpoint_bytes,
        };
        let mut checkpoints = Checkpoints::new(limits, &mut machine);
        let mut profile = Profile { executed: vec![0; code.insts.len()] };
        let limit = options.max_cycles.min(MAX_CYCLES);
        let exit_code = loop {
            if let Some(exit_code) = machine.exit_code {
                break exit_code;
            }
            if machine.clock >= limit {
                return Err(machine.trap(TrapKind::CycleLimit { limit }).into());
            }
            if machine.clock >= checkpoints.next() {
                checkpoints.push(&mut machine);
            }
            machine.run(checkpoints.next().min(limit), &mut profile)?;
        };
        let outputs = machine.outputs.complete().map_err(|kind| machine.trap(kind))?;
        let (log, marks) = std::mem::take(&mut machine.outputs).into_side_channels();
        let row_count = |row: &Lowered| profile.executed[((row.pc - program.text_base()) / 4) as usize];
        let executed = program.rows().iter().map(row_count).collect();
        let mut touched = machine.architectural().iter().filter(|cell| cell.ts != 0).count();
        let pages = machine.memory.touched_pages();
        let before = pages.iter().map(|page| {
            touched += page.len();
            touched - page.len()
        });
        let pages = pages.iter().copied().zip(before).collect();
        Ok(Self { program, input, checkpoints, executed, machine, exit_code, outputs, log, marks, pages, touched })
    }

    /// The program that ran.
    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// Its input.
    pub fn input(&self) -> &Arc<[u8]> {
        &self.input
    }

    /// Instructions executed, the halting one included.
    pub fn cycles(&self) -> u64 {
        self.machine.clock
    }

    /// Value of a0 at the halt.
    pub fn exit_code(&self) -> u64 {
        self.exit_code
    }

    /// Public output words.
    pub fn outputs(&self) -> &[u64] {
        &self.outputs
    }

    /// What the program logged; the first 64 KiB.
    pub fn log(&self) -> &[u8] {
        &self.log
    }

    /// Profile marks in order; the first 65,536.
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// How often each row of [`Program::rows`] was executed.
    pub fn executed(&self) -> &[u64] {
        &self.executed
    }

    /// Operations of an AIR: what its instances are cut from.
    pub fn operations(&self, air: AirId) -> u64 {
        match air {
            AirId::Cpu => self.cycles(),
            AirId::Program => self.program.rows().len() as u64,
            AirId::Image => self.program.image().len() as u64,
            AirId::Memory => self.touched as u64,
            AirId::KeccakMemory => self.machine.operations[AirId::Keccak.position()],
            _ => self.machine.operations[air.position()],
        }
    }

    /// Final values of the registers.
    pub fn registers(&self) -> Vec<u64> {
        self.machine.architectural().iter().map(|cell| cell.value).collect()
    }

    /// Final value of a word of RAM or input; `None` for word addresses that have none.
    pub fn word(&self, addr: u64) -> Option<u64> {
        self.machine.memory.peek(addr).map(|cell| cell.value)
    }

    /// Number of checkpoints and their size in bytes.
    pub fn checkpoint_size(&self) -> (usize, usize) {
        self.checkpoints.size()
    }

    /// Executes again from the last checkpoint before operation `start` of `air`, with a recorder that is made from the
    /// number of operations of `air` to pass over.
    pub(crate) fn replay<R: Recorder>(&self, air: AirId, start: u64, recorder: impl FnOnce(u64) -> R) -> Result<R, Trap> {
        let memory = Memory::new(Arc::clone(&self.program), Arc::clone(&self.input));
        let mut machine = Machine::new(&self.program, Arc::clone(self.machine.code()), memory);
        let before = self.checkpoints.restore(&mut machine, air, start);
        let mut recorder = recorder(start - before);
        machine.run(self.cycles(), &mut recorder)?;
        Ok(recorder)
    }

    /// Words `range` of the memory AIR: touched registers, then touched words outside the image, by address.
    pub(crate) fn memory_words(&self, range: Range<usize>) -> Vec<WordEvent> {
        let registers = self.machine.architectural().iter().zip(0..).filter(|(cell, _)| cell.ts != 0);
        let registers = registers.map(|(cell, addr)| word_event(addr, 0, *cell));
        // The page that holds the first word of the range, or the first page.
        let page = self.pages.partition_point(|(_, before)| *before <= range.start).saturating_sub(1);
        let mut words = Vec::with_capacity(range.len());
        let in_registers = range.start < registers.clone().count();
        let skipped = match self.pages.get(page) {
            Some((_, before)) if !in_registers => *before,
            _ => 0,
        };
        if in_registers {
            words.extend(registers);
        }
        for (page, _) in &self.pages[page..] {
            if skipped + words.len() >= range.end {
                break;
            }
            let page = self.machine.memory.words_of(*page);
            words.extend(page.map(|(word, initial)| word_event(word.addr, initial, word.cell)));
        }
        words.truncate(range.end - skipped);
        words.drain(..range.start - skipped);
        words
    }

    /// Words `range` of the image AIR.
    pub(crate) fn image_words(&self, range: Range<usize>) -> Vec<WordEvent> {
        let words = &self.program.image()[range];
        let cell = |addr| self.machine.memory.peek(addr).unwrap_or_default();
        words.iter().map(|(addr, initial)| word_event(*addr, *initial, cell(*addr))).collect()
    }
}

fn word_event(addr: u64, initial: u64, cell: Cell) -> WordEvent {
    WordEvent { addr, initial, last: cell.value, last_ts: cell.ts }
}
