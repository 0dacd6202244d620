//! The cpu AIR: one row an executed instruction.

mod trace;

#[cfg(test)]
mod tests;

use quintet_air::{Air, Bool, Builder, Column, Expr, Free, Message, Packed, Proven};

use super::{access::MemoryAccess, tag};
use crate::{AirId, isa::flag, layout};

/// Column handles of the cpu AIR.
#[derive(Debug)]
pub struct Cpu {
    /// 1 on rows that hold an instruction, which come first.
    real: Column<Proven>,
    /// 1 on the last of them.
    last: Column<Proven>,
    clock: Column<Free>,
    pc: Column<Free>,
    next_pc: Column<Free>,
    /// The decoded flags by bit.
    flags: [Column<Proven>; flag::COUNT],
    op: Column<Free>,
    rd: Column<Free>,
    rs1: Column<Free>,
    rs2: Column<Free>,
    imm: Column<Free>,
    /// Value of rs1 (a7 for an ecall), 0 if it is not read.
    a: Column<Free>,
    /// Value of rs2 (a0 for an ecall), 0 if it is not read.
    r2: Column<Free>,
    /// Second operand of the ALU.
    b: Column<Free>,
    /// What the instruction computes, loads or stores.
    result: Column<Free>,
    /// Value of rd before.
    rd_old: Column<Free>,
    /// Value of rd after.
    rd_new: Column<Free>,
    /// The bit that `jalr` drops.
    odd: Column<Proven>,
    output: Column<Proven>,
    keccak: Column<Proven>,
    note: Column<Proven>,
    rs1_access: MemoryAccess,
    rs2_access: MemoryAccess,
    rd_access: MemoryAccess,
}

impl Air for Cpu {
    const ID: u16 = AirId::Cpu as u16;
    const NAME: &'static str = "cpu";

    fn build(builder: &mut Builder) -> Self {
        let names = ["r1", "r2_read", "w", "b_imm", "alu", "branch", "jal", "jalr", "const", "load", "store", "ecall"];
        let air = Self {
            real: builder.boolean("real"),
            last: builder.boolean("last"),
            clock: builder.uint("clock", 38),
            pc: builder.uint("pc", 32),
            next_pc: builder.uint("next_pc", 32),
            flags: names.map(|name| builder.boolean(name)),
            op: builder.uint("op", 7),
            rd: builder.uint("rd", 5),
            rs1: builder.uint("rs1", 5),
            rs2: builder.uint("rs2", 5),
            imm: builder.field("imm"),
            a: builder.uint("a", 64),
            r2: builder.uint("r2", 64),
            b: builder.uint("b", 64),
            result: builder.uint("result", 64),
            rd_old: builder.uint("rd_old", 64),
            rd_new: builder.uint("rd_new", 64),
            odd: builder.boolean("odd"),
            output: builder.boolean("output"),
            keccak: builder.boolean("keccak"),
            note: builder.boolean("note"),
            rs1_access: MemoryAccess::new(builder, "rs1"),
            rs2_access: MemoryAccess::new(builder, "rs2"),
            rd_access: MemoryAccess::new(builder, "rd"),
        };
        air.decode(builder);
        air.registers(builder);
        let halt = air.ecalls(builder);
        air.operations(builder);
        air.chain(builder, &halt);
        air
    }
}

impl Cpu {
    /// The flag column of a bit of [`flag`].
    fn flag(&self, bit: u32) -> Column<Proven> {
        self.flags[bit.trailing_zeros() as usize]
    }

    /// The row is a row of the program, or it has no flag at all.
    fn decode(&self, builder: &mut Builder) {
        let any = Expr::sum(self.flags.iter().map(Column::cur));
        builder.constrain("padding has no flags", any * (Expr::one() - self.real));
        let flags = self.flags.iter().fold(Packed::empty(), |packed, flag| packed.push(*flag));
        let row = Message::new(tag::PROGRAM)
            .value(self.pc)
            .packed(&flags)
            .value(self.op)
            .value(self.rd)
            .value(self.rs1)
            .value(self.rs2)
            .value(self.imm);
        builder.look_up("instruction", self.real, row);
    }

    /// Register accesses, operand b and the value written.
    fn registers(&self, builder: &mut Builder) {
        let ecall = self.flag(flag::ECALL);
        let reads_rs1 = builder.prove_boolean("rs1 is accessed once", self.flag(flag::R1) + ecall);
        let reads_rs2 = builder.prove_boolean("rs2 is accessed once", self.flag(flag::R2) + ecall);
        let uses_rd = builder.prove_boolean("rd is accessed once", self.flag(flag::W) + ecall);
        builder.constrain("a is 0 if not read", self.a * (Expr::one() - reads_rs1.expr()));
        builder.constrain("r2 is 0 if not read", self.r2 * (Expr::one() - reads_rs2.expr()));
        builder.constrain("operand b", self.b - self.r2 - self.flag(flag::B_IMM) * (self.imm - self.r2));

        builder.constrain("const gives imm", self.flag(flag::CONST) * (self.result - self.imm));
        builder.constrain("jal links", self.flag(flag::JAL) * (self.result - self.pc - 4));
        builder.constrain("a1 stays", ecall * (self.result - self.rd_old));
        let link = self.flag(flag::JALR) * (self.pc + 4 - self.result);
        builder.constrain("value of rd", self.rd_new - self.result - link);

        let ts = |slot: u64| self.clock.scale(layout::SLOTS) + slot;
        let read = |value: Column<Free>| (value.cur(), value.cur());
        self.rs1_access.connect(builder, "rs1", &reads_rs1, self.rs1, ts(layout::SLOT_RS1), read(self.a));
        self.rs2_access.connect(builder, "rs2", &reads_rs2, self.rs2, ts(layout::SLOT_RS2), read(self.r2));
        let rd = (self.rd_old.cur(), self.rd_new.cur());
        self.rd_access.connect(builder, "rd", &uses_rd, self.rd, ts(layout::SLOT_RD), rd);
    }

    /// Which ecall it is; returns the multiplicity of halting.
    fn ecalls(&self, builder: &mut Builder) -> Bool {
        let (a7, a0, a1) = (self.a, self.r2, self.result);
        let others = self.output + self.keccak + self.note;
        let halt = builder.prove_boolean("an ecall is one of four", self.flag(flag::ECALL) - others);
        let number = |expr: Expr, number: u64| expr * (a7 - number);
        builder.constrain("halt is ecall 0", number(halt.expr(), layout::ecall::HALT));
        builder.constrain("output is ecall 1", number(self.output.cur(), layout::ecall::OUTPUT));
        builder.constrain("keccak is ecall 2", number(self.keccak.cur(), layout::ecall::KECCAK));
        let note = number(number(self.note.cur(), layout::ecall::LOG), layout::ecall::MARK);
        builder.constrain("note is ecall 3 or 4", note);

        builder.send("halt", &halt, Message::new(tag::HALT).value(a0));
        builder.send("output", self.output, Message::new(tag::OUT).value(a0).value(a1));
        builder.send("keccak", self.keccak, Message::new(tag::KECCAK).value(self.clock).value(a0));
        halt
    }

    /// What other AIRs compute.
    fn operations(&self, builder: &mut Builder) {
        let alu = Message::new(tag::ALU).value(self.op).value(self.a).value(self.b).value(self.result);
        builder.send("alu", self.flag(flag::ALU), alu);

        let (load, store) = (self.flag(flag::LOAD), self.flag(flag::STORE));
        builder.constrain("a store stores r2", store * (self.result - self.r2));
        let accesses = builder.prove_boolean("load or store", load + store);
        let addr = self.a + self.imm;
        let access = Message::new(tag::LDST).value(self.op).value(self.clock).value(addr).value(self.result);
        builder.send("load or store", &accesses, access);
    }

    /// From one instruction to the next, inside the instance and across instances.
    fn chain(&self, builder: &mut Builder, halt: &Bool) {
        let past = self.pc + 4;
        let taken = self.flag(flag::BRANCH) * self.result * (self.imm - &past);
        let jal = self.flag(flag::JAL) * (self.imm - &past);
        let jalr = self.flag(flag::JALR) * (self.result - self.odd - &past);
        builder.constrain("next pc", self.next_pc - self.pc - self.real.scale(4) - taken - jal - jalr);

        builder.first("the first row is real", Expr::one() - self.real);
        builder.transition("real rows come first, last marks where they end", self.last - self.real + self.real.next());
        builder.last("a full instance ends at its last row", self.last - self.real);
        builder.transition("pc follows", self.real.next() * (self.pc.next() - self.next_pc));
        builder.transition("clock follows", self.real.next() * (self.clock.next() - self.clock - 1));
        builder.constrain("nothing follows halt", halt.expr() * (Expr::one() - self.last));

        let state = |pc: Expr, clock: Expr| Message::new(tag::CPU).value(pc).value(clock);
        let first = builder.first_row();
        builder.receive("segment before", first, state(self.pc.cur(), self.clock.cur()));
        let last = Bool::from(self.last);
        builder.send("segment after", last.and_not(halt), state(self.next_pc.cur(), self.clock + 1));
        builder.boundary(0, self.pc);
        builder.boundary(1, self.clock);
    }
}
