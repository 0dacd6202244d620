//! The program AIR: the lowered text, pinned in `program_id`, which the cpu AIR looks its instructions up in.

use quintet_air::{Air, AirSpec, Builder, Column, Expr, Free, Message, Trace};

use super::{signed, tag};
use crate::{AirId, Lowered};

/// Column handles of the program AIR.
#[derive(Debug)]
pub struct ProgramTable {
    /// 1 on rows that hold an instruction.
    present: Column<Free>,
    pc: Column<Free>,
    flags: Column<Free>,
    op: Column<Free>,
    rd: Column<Free>,
    rs1: Column<Free>,
    rs2: Column<Free>,
    imm: Column<Free>,
    /// How often the row is executed: the only column that is not pinned.
    count: Column<Free>,
}

impl Air for ProgramTable {
    const ID: u16 = AirId::Program as u16;
    const NAME: &'static str = "program";

    fn build(builder: &mut Builder) -> Self {
        let mut pinned = |name, bits| {
            let column = builder.uint(name, bits);
            builder.pin(column)
        };
        let (present, pc, flags) = (pinned("present", 1), pinned("pc", 32), pinned("flags", 12));
        let (op, rd, rs1, rs2) = (pinned("op", 7), pinned("rd", 5), pinned("rs1", 5), pinned("rs2", 5));
        let imm = builder.field("imm");
        let imm = builder.pin(imm);
        let count = builder.uint("count", 38);
        let air = Self { present, pc, flags, op, rd, rs1, rs2, imm, count };

        builder.constrain("padding provides nothing", count * (Expr::one() - present));
        let parts = [pc, flags, op, rd, rs1, rs2, imm];
        builder.provide("instruction", count, parts.iter().fold(Message::new(tag::PROGRAM), Message::value));
        air
    }
}

impl ProgramTable {
    /// Fills the table with the instance's part of the program's rows and, where they are known, the counts.
    pub fn trace(&self, spec: &AirSpec, rows: &[Lowered], counts: &[u64]) -> Trace {
        let mut trace = Trace::new(spec);
        trace.fill(rows.len(), |place, cells| {
            let row = &rows[place];
            cells.set(self.present, 1);
            cells.set(self.pc, row.pc);
            cells.set(self.flags, row.flags.into());
            cells.set(self.op, row.op.into());
            cells.set(self.rd, row.rd.into());
            cells.set(self.rs1, row.rs1.into());
            cells.set(self.rs2, row.rs2.into());
            cells.set_field(self.imm, signed(row.imm));
            cells.set(self.count, counts.get(place).copied().unwrap_or_default());
        });
        trace
    }
}

#[cfg(test)]
mod tests {
    use quintet_air::build;

    use super::*;
    use crate::{
        airs::{
            search::System,
            testing::{check, mutate_every_cell},
        },
        asm::Assembler,
    };

    #[test]
    fn every_changed_cell_is_noticed() {
        let mut assembler = Assembler::new();
        let program = assembler.li(5, 0x1234_5678_9abc).s(crate::decode::Mnemonic::Sd, 5, 5, -8).halt(0).program().unwrap();
        let rows = program.rows();
        let (air, spec) = build::<ProgramTable>(11).unwrap();
        let trace = air.trace(&spec, rows, &vec![1; rows.len()]);
        assert!(check(&spec, &trace, 0).is_empty());
        for mutant in mutate_every_cell(&spec, &trace, 0, &(0..rows.len() + 2).collect::<Vec<_>>()) {
            assert!(mutant.caught.is_some(), "{mutant:?}");
        }
    }

    #[test]
    fn padding_provides_nothing() {
        let (air, spec) = build::<ProgramTable>(11).unwrap();
        let mut trace = air.trace(&spec, &[], &[]);
        trace.columns[air.count.index()].set(5, quintet_air::F::from(1));
        assert!(!check(&spec, &trace, 0).is_empty());
    }

    /// All columns but the count are pinned, and where there is no instruction the count is forced.
    #[test]
    fn the_all_zero_message_of_padding_is_never_provided() {
        let (air, spec) = build::<ProgramTable>(11).unwrap();
        let trace = air.trace(&spec, &[], &[]);
        let mut system = System::new(&spec, 3..4, 0);
        let (system, silence) =
            system.know_of(3, &["present", "pc", "flags", "op", "rd", "rs1", "rs2", "imm"], &trace).as_in(&trace);
        assert_eq!(silence, [vec![quintet_air::F::from(0)]]);
        assert_eq!(system.answers(), Ok(silence));
    }
}
