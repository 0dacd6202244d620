//! Addition and subtraction on 64 bits and on sign-extended 32 bits.

use quintet_air::{Air, AirSpec, Builder, Column, Expr, Proven, RowMut, Trace};

use super::alu::{self, Cut, Operands};
use crate::{AirId, AluEvent, isa::op};

/// ADD, SUB, ADDW, SUBW: one row an operation.
///
/// The row states `a ± b (+ 2^64 for a difference) = sum + 2^64 · carry`, where `sum` is cut at bit 31.
#[derive(Clone, Debug)]
pub struct Add {
    real: Column<Proven>,
    sub: Column<Proven>,
    word: Column<Proven>,
    operands: Operands,
    sum: Cut,
}

impl Air for Add {
    const ID: u16 = AirId::Add.number();
    const NAME: &'static str = AirId::Add.name();

    fn build(builder: &mut Builder) -> Self {
        let real = alu::real(builder);
        let (sub, word) = (builder.boolean("sub"), builder.boolean("word"));
        let operands = Operands::new(builder);
        let Operands { a, b, c } = operands;
        let sum = Cut::new(builder, "sum");

        // Below 2^65, so that the carry is a bit and no column has to hold it.
        let total = a + b + sub * (Expr::pow2(64) - b.scale(2));
        let carried = total - sum.at_31();
        builder.constrain("sum and carry", &carried * (&carried - Expr::pow2(64)));
        builder.constrain("result", sum.extended(word) - c);

        let code = real.scale(u64::from(op::ADD)) + sub + word.scale(2);
        alu::receive(builder, real, code, a, b, c);
        Self { real, sub, word, operands, sum }
    }
}

impl Add {
    /// The trace of at most [`AirSpec::height`] operations of this AIR.
    pub fn trace(&self, spec: &AirSpec, events: &[AluEvent]) -> Trace {
        alu::trace(spec, events, |event, row| self.fill(event, row))
    }

    fn fill(&self, event: &AluEvent, row: &mut RowMut<'_, '_>) {
        let sub = matches!(event.op, op::SUB | op::SUBW);
        let sum = if sub { event.a.wrapping_sub(event.b) } else { event.a.wrapping_add(event.b) };
        row.set_bool(self.real, true);
        row.set_bool(self.sub, sub);
        row.set_bool(self.word, matches!(event.op, op::ADDW | op::SUBW));
        self.operands.write(row, event);
        self.sum.write_at_31(row, sum);
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::alu_testing::{self, telling_pairs},
        *,
    };

    const OPS: &[u8] = &[op::ADD, op::SUB, op::ADDW, op::SUBW];

    #[test]
    fn builds_at_every_size() {
        alu_testing::builds::<Add>();
    }

    #[test]
    fn honest_traces_hold_and_give_the_right_results() {
        alu_testing::honest_traces_hold(OPS, Add::trace);
    }

    #[test]
    fn wrong_results_fail() {
        alu_testing::wrong_results_fail(OPS, Add::trace);
    }

    #[test]
    fn changed_cells_are_noticed() {
        alu_testing::changed_cells_are_noticed(OPS, Add::trace, |_, _| false);
    }

    #[test]
    fn padding_is_a_suffix() {
        alu_testing::padding_is_a_suffix(OPS[0], Add::trace);
    }

    #[test]
    fn no_row_has_another_result() {
        alu_testing::exactly_one_result::<Add>(OPS, &telling_pairs(10));
    }

    #[test]
    fn every_constraint_is_needed() {
        alu_testing::every_constraint_is_needed::<Add>(OPS, &[]);
    }
}
