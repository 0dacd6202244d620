//! Rows of the cpu AIR from executed instructions.

use quintet_air::{AirSpec, RowMut, Trace};

use super::Cpu;
use crate::{Access, CpuEvent, Lowered, Program, airs::signed, isa::flag, layout};

impl Cpu {
    /// Fills the table.
    ///
    /// # Panics
    /// If an event names a row that the program does not have.
    pub fn trace(&self, spec: &AirSpec, program: &Program, events: &[CpuEvent]) -> Trace {
        self.trace_rows(spec, program.rows(), events)
    }

    pub(super) fn trace_rows(&self, spec: &AirSpec, rows: &[Lowered], events: &[CpuEvent]) -> Trace {
        let mut trace = Trace::new(spec);
        trace.fill(events.len(), |row, cells| {
            let event = &events[row];
            cells.set_bool(self.last, row + 1 == events.len());
            self.write(cells, &rows[event.row], event);
        });
        trace.count_tables(spec);
        trace
    }

    fn write(&self, cells: &mut RowMut<'_, '_>, row: &Lowered, event: &CpuEvent) {
        cells.set_bool(self.real, true);
        cells.set(self.clock, event.clock);
        cells.set(self.pc, event.pc);
        for (bit, column) in self.flags.iter().enumerate() {
            cells.set_bool(*column, row.flags >> bit & 1 == 1);
        }
        cells.set(self.op, row.op.into());
        cells.set(self.rd, row.rd.into());
        cells.set(self.rs1, row.rs1.into());
        cells.set(self.rs2, row.rs2.into());
        cells.set_field(self.imm, signed(row.imm));

        let found = |access: Option<Access>| access.map_or(0, |access| access.old);
        let (a, r2) = (found(event.rs1), found(event.rs2));
        // Where it is not an offset of a load or store the immediate is an unsigned 64-bit number.
        let imm = row.imm as u64;
        let link = event.pc.wrapping_add(4);
        let result = match row.flags {
            flags if flags & flag::ALU != 0 => event.alu.unwrap_or_default(),
            flags if flags & flag::LOAD != 0 => event.loaded.unwrap_or_default(),
            flags if flags & flag::STORE != 0 => r2,
            flags if flags & flag::CONST != 0 => imm,
            flags if flags & flag::JAL != 0 => link,
            flags if flags & flag::ECALL != 0 => found(event.rd),
            _ => 0,
        };
        let jalr = row.has(flag::JALR);
        cells.set(self.a, a);
        cells.set(self.r2, r2);
        cells.set(self.result, result);
        cells.set(self.rd_old, found(event.rd));
        cells.set(self.rd_new, if jalr { link } else { result });
        cells.set_bool(self.odd, jalr && result & 1 == 1);
        // Operand b of a row without `b_imm` is r2, also where no ALU looks at it.
        cells.set(self.b, if row.has(flag::B_IMM) { imm } else { r2 });

        let ecall = row.has(flag::ECALL);
        cells.set_bool(self.output, ecall && a == layout::ecall::OUTPUT);
        cells.set_bool(self.keccak, ecall && a == layout::ecall::KECCAK);
        cells.set_bool(self.note, ecall && (a == layout::ecall::LOG || a == layout::ecall::MARK));
        let halts = ecall && a == layout::ecall::HALT;
        cells.set(self.next_pc, if halts { link } else { event.next_pc });

        let accesses = [&self.rs1_access, &self.rs2_access, &self.rd_access];
        for (columns, access) in accesses.into_iter().zip([event.rs1, event.rs2, event.rd]) {
            if let Some(access) = access {
                columns.write(cells, &access);
            }
        }
    }
}
