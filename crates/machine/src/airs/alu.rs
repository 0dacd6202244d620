//! What the ALU AIRs have in common: one row an operation, the `ALU` message, and 64-bit integers cut at their sign bits.

use quintet_air::{AirSpec, Bool, Builder, Column, Expr, Free, Message, Proven, Range, RowMut, Trace};

use super::tag;
use crate::AluEvent;

/// Declares the flag of rows that hold an operation; the rows without one come after all rows with one.
pub(super) fn real(builder: &mut Builder) -> Column<Proven> {
    let real = builder.boolean("real");
    builder.transition("padding is a suffix", (Expr::one() - real) * real.next());
    real
}

/// Receives `ALU(op, a, b, c)` on the rows that hold an operation.
pub(super) fn receive(
    builder: &mut Builder,
    real: Column<Proven>,
    op: Expr,
    a: impl Into<Expr>,
    b: impl Into<Expr>,
    c: impl Into<Expr>,
) {
    builder.receive("operation", real, Message::new(tag::ALU).value(op).value(a).value(b).value(c));
}

/// Operands and result, one cell each. Their bounds come from the sender (a, b) and from the AIR's constraints (c).
#[derive(Clone, Copy, Debug)]
pub(super) struct Operands {
    /// First operand.
    pub(super) a: Column<Free>,
    /// Second operand.
    pub(super) b: Column<Free>,
    /// Result.
    pub(super) c: Column<Free>,
}

impl Operands {
    pub(super) fn new(builder: &mut Builder) -> Self {
        Self { a: builder.uint("a", 64), b: builder.uint("b", 64), c: builder.uint("c", 64) }
    }

    pub(super) fn write(&self, row: &mut RowMut<'_, '_>, event: &AluEvent) {
        row.set(self.a, event.a);
        row.set(self.b, event.b);
        row.set(self.c, event.c);
    }
}

/// An integer below 2^64 as 31 bits, one bit and 32 bits, each part with its bound enforced on every trace row.
///
/// The single bit lies between the two other parts, or above them: so it is bit 31 or bit 63, a sign.
#[derive(Clone, Debug)]
pub(super) struct Cut {
    low: Range,
    bit: Column<Proven>,
    high: Range,
}

impl Cut {
    pub(super) fn new(builder: &mut Builder, name: &str) -> Self {
        Self {
            low: builder.range(&format!("{name}_low"), 31),
            bit: builder.boolean(format!("{name}_bit")),
            high: builder.range(&format!("{name}_high"), 32),
        }
    }

    /// The single bit.
    pub(super) fn bit(&self) -> Expr {
        self.bit.cur()
    }

    /// The upper part.
    pub(super) fn high(&self) -> Expr {
        self.high.expr()
    }

    /// The lower part with the single bit at position 31.
    pub(super) fn word(&self) -> Expr {
        self.low.expr() + self.bit.cur() * Expr::pow2(31)
    }

    /// The integer whose bit 31 is the single one.
    pub(super) fn at_31(&self) -> Expr {
        self.word() + self.high() * Expr::pow2(32)
    }

    /// The integer whose bit 63 is the single one.
    pub(super) fn at_63(&self) -> Expr {
        self.low.expr() + self.high() * Expr::pow2(31) + self.bit.cur() * Expr::pow2(63)
    }

    /// [`Self::at_31`] where `word` is 0; where it is 1, [`Self::word`] sign-extended to 64 bits.
    pub(super) fn extended(&self, word: impl Into<Expr>) -> Expr {
        let word = word.into();
        let extension = self.bit.cur() * (Expr::pow2(64) - Expr::pow2(32));
        let high = self.high() * Expr::pow2(32);
        self.word() + &high + word * (extension - high)
    }

    pub(super) fn write_at_31(&self, row: &mut RowMut<'_, '_>, value: u64) {
        self.low.write(row, u128::from(value & 0x7fff_ffff));
        row.set(self.bit, value >> 31 & 1);
        self.high.write(row, u128::from(value >> 32));
    }

    pub(super) fn write_at_63(&self, row: &mut RowMut<'_, '_>, value: u64) {
        self.low.write(row, u128::from(value & 0x7fff_ffff));
        row.set(self.bit, value >> 63);
        self.high.write(row, u128::from(value >> 31 & 0xffff_ffff));
    }
}

/// 1 if exactly one of two booleans is.
pub(super) fn xor(a: impl Into<Expr>, b: impl Into<Expr>) -> Expr {
    let (a, b) = (a.into(), b.into());
    &a + &b - (a * b).scale(2)
}

/// `zero` where the boolean is 0, `one` where it is 1.
pub(super) fn select(choice: impl Into<Expr>, zero: impl Into<Expr>, one: impl Into<Expr>) -> Expr {
    let zero = zero.into();
    choice.into() * (one.into() - &zero) + zero
}

/// `2^64`, or `2^32` where `word` is 1.
pub(super) fn modulus(word: impl Into<Expr>) -> Expr {
    select(word, Expr::pow2(64), Expr::pow2(32))
}

/// The trace with one row for each event, in order.
///
/// # Panics
/// If there are more events than trace rows.
pub(super) fn trace(spec: &AirSpec, events: &[AluEvent], fill: impl Fn(&AluEvent, &mut RowMut<'_, '_>) + Sync) -> Trace {
    assert!(events.len() <= spec.height(), "{} operations for {} rows", events.len(), spec.height());
    let mut trace = Trace::new(spec);
    trace.fill(events.len(), |number, row| fill(&events[number], row));
    trace.count_tables(spec);
    trace
}

/// Proves that a sum of flags is 0 or 1.
pub(super) fn prove_one_hot(builder: &mut Builder, name: &str, flags: impl IntoIterator<Item = Expr>) -> Bool {
    builder.prove_boolean(format!("{name} is boolean"), Expr::sum(flags))
}
