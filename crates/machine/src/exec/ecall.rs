//! Environment calls.

use keccak::Keccak;

use super::{
    machine::{Machine, Step, fault_kind},
    outputs::Mark,
    record::Recorder,
};
use crate::{
    Access, AirId, CpuEvent, KeccakEvent, TrapKind,
    layout::{A0, A1, A7, KECCAK_LANES, SLOT_RD, SLOT_RS1, SLOT_RS2, WORD_BYTES, ecall},
};

impl Machine {
    /// Executes the ecall at `index` of the text.
    #[inline(never)]
    pub(super) fn ecall<R: Recorder>(&mut self, index: usize, event: &mut CpuEvent, recorder: &mut R) -> Step {
        let number = self.read(A7, SLOT_RS1);
        let a0 = self.read(A0, SLOT_RS2);
        event.rs1 = Some(number);
        event.rs2 = Some(a0);
        match number.old {
            ecall::HALT => {
                self.exit_code = Some(a0.old);
                // The halting instruction has no successor.
                self.index = index;
            }
            ecall::OUTPUT => {}
            ecall::KECCAK => self.keccak(a0.old, recorder)?,
            ecall::LOG => {}
            ecall::MARK => self.outputs.mark(Mark { id: a0.old, clock: self.clock }),
            number => return Err(TrapKind::UnknownEcall { number }),
        }
        let a1 = self.read(A1, SLOT_RD);
        event.rd = Some(a1);
        match number.old {
            ecall::OUTPUT => self.outputs.set(a0.old, a1.old)?,
            ecall::LOG => self.log(a0.old, a1.old),
            _ => {}
        }
        Ok(())
    }

    /// Replaces the state at `addr` by its permutation.
    fn keccak<R: Recorder>(&mut self, addr: u64, recorder: &mut R) -> Step {
        if !addr.is_multiple_of(WORD_BYTES) {
            return Err(TrapKind::MisalignedKeccak { addr });
        }
        let mut lanes = [Access::default(); KECCAK_LANES];
        for (lane, word) in lanes.iter_mut().zip(addr / WORD_BYTES..) {
            let bytes = KECCAK_LANES as u64 * WORD_BYTES;
            *lane = self.touch(word, |old| old).map_err(|fault| fault_kind(fault, addr, bytes))?;
        }
        let mut state = lanes.map(|lane| lane.old);
        Keccak::new().with_f1600(|permute| permute(&mut state));
        for (lane, new) in lanes.iter_mut().zip(state) {
            lane.new = new;
            // The word was accessed just now.
            if let Ok(cell) = self.memory.cell(lane.addr) {
                cell.value = new;
            }
        }
        self.operations[AirId::Keccak.position()] += 1;
        if R::OPERATIONS {
            recorder.keccak(&KeccakEvent { clock: self.clock, addr, lanes });
        }
        Ok(())
    }

    /// Keeps the bytes for whoever runs the program; whatever cannot be read ends the line.
    fn log(&mut self, addr: u64, len: u64) {
        let memory = &self.memory;
        let bytes = (0..len).map_while(|i| {
            let byte = addr.checked_add(i)?;
            let word = memory.peek(byte / WORD_BYTES)?.value;
            Some((word >> (byte % WORD_BYTES * 8)) as u8)
        });
        self.outputs.log(bytes);
    }
}
