//! Multiplication: one product of two integers below 2^64 in absolute value is one constraint of a 254-bit field.

use quintet_air::{Air, AirSpec, Builder, Column, Expr, Proven, Range, RowMut, Trace};

use super::alu::{self, Cut, Operands, prove_one_hot, select};
use crate::{AirId, AluEvent, isa::op};

/// MUL, MULH, MULHU, MULHSU, MULW: one row an operation.
///
/// With `a` and `b` as signed numbers where the operation takes them so, the row states
/// `a · b + 2^128 · below_zero = product + 2^64 · high`.
#[derive(Clone, Debug)]
pub struct Mul {
    real: Column<Proven>,
    mulh: Column<Proven>,
    mulhu: Column<Proven>,
    mulhsu: Column<Proven>,
    word: Column<Proven>,
    operands: Operands,
    /// `a` is taken as signed and is negative.
    a_negative: Column<Proven>,
    /// `b` is taken as signed and is negative.
    b_negative: Column<Proven>,
    /// The product is negative.
    below_zero: Column<Proven>,
    /// The lower half of the product.
    low: Cut,
    /// The upper half of the product modulo 2^128.
    high: Range,
    /// `a` without its sign where it is signed, otherwise 0.
    a_rest: Range,
    /// `b` without its sign where it is signed, otherwise 0.
    b_rest: Range,
}

impl Air for Mul {
    const ID: u16 = AirId::Mul.number();
    const NAME: &'static str = AirId::Mul.name();

    fn build(builder: &mut Builder) -> Self {
        let real = alu::real(builder);
        let (mulh, mulhu, mulhsu) = (builder.boolean("mulh"), builder.boolean("mulhu"), builder.boolean("mulhsu"));
        let word = builder.boolean("word");
        prove_one_hot(builder, "mul", [real - mulh - mulhu - mulhsu - word]);
        let operands = Operands::new(builder);
        let Operands { a, b, c } = operands;
        let (a_negative, b_negative) = (builder.boolean("a_negative"), builder.boolean("b_negative"));
        let below_zero = builder.boolean("below_zero");
        let (low, high) = (Cut::new(builder, "low"), builder.range("high", 64));
        let (a_rest, b_rest) = (builder.range("a_rest", 63), builder.range("b_rest", 63));

        let (a_signed, b_signed) = (mulh + mulhsu, mulh.cur());
        builder.constrain("a without sign is positive", a_negative * (Expr::one() - &a_signed));
        builder.constrain("b without sign is positive", b_negative * (Expr::one() - &b_signed));
        builder.constrain("sign of a", a_signed * (a - a_negative * Expr::pow2(63)) - a_rest.expr());
        builder.constrain("sign of b", b_signed * (b - b_negative * Expr::pow2(63)) - b_rest.expr());

        let product = (a - a_negative * Expr::pow2(64)) * (b - b_negative * Expr::pow2(64));
        let halves = low.at_31() + high.expr() * Expr::pow2(64) - below_zero * Expr::pow2(128);
        builder.constrain("product", product - halves);
        let result = select(mulh + mulhu + mulhsu, low.extended(word), high.expr());
        builder.constrain("result", result - c);

        let code = real.scale(u64::from(op::MUL)) + mulh + mulhu.scale(2) + mulhsu.scale(3) + word.scale(4);
        alu::receive(builder, real, code, a, b, c);
        Self { real, mulh, mulhu, mulhsu, word, operands, a_negative, b_negative, below_zero, low, high, a_rest, b_rest }
    }
}

impl Mul {
    /// The trace of at most [`AirSpec::height`] operations of this AIR.
    pub fn trace(&self, spec: &AirSpec, events: &[AluEvent]) -> Trace {
        alu::trace(spec, events, |event, row| self.fill(event, row))
    }

    fn fill(&self, event: &AluEvent, row: &mut RowMut<'_, '_>) {
        let AluEvent { op, a, b, .. } = *event;
        row.set_bool(self.real, true);
        row.set_bool(self.mulh, op == op::MULH);
        row.set_bool(self.mulhu, op == op::MULHU);
        row.set_bool(self.mulhsu, op == op::MULHSU);
        row.set_bool(self.word, op == op::MULW);
        self.operands.write(row, event);

        let (a_signed, b_signed) = (matches!(op, op::MULH | op::MULHSU), op == op::MULH);
        let rest = |signed: bool, value: u64| if signed { u128::from(value << 1 >> 1) } else { 0 };
        let (a_negative, b_negative) = (a_signed && a >> 63 == 1, b_signed && b >> 63 == 1);
        row.set_bool(self.a_negative, a_negative);
        row.set_bool(self.b_negative, b_negative);
        self.a_rest.write(row, rest(a_signed, a));
        self.b_rest.write(row, rest(b_signed, b));

        // A negative factor x is x + 2^64 less 2^64: modulo 2^128 its product is that of the unsigned numbers less the other
        // factor times 2^64.
        let mut product = u128::from(a).wrapping_mul(u128::from(b));
        if a_negative {
            product = product.wrapping_sub(u128::from(b) << 64);
        }
        if b_negative {
            product = product.wrapping_sub(u128::from(a) << 64);
        }
        row.set_bool(self.below_zero, a_negative != b_negative && a != 0 && b != 0);
        self.low.write_at_31(row, product as u64);
        self.high.write(row, product >> 64);
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::alu_testing::{self, telling_pairs},
        *,
    };

    const OPS: &[u8] = &[op::MUL, op::MULH, op::MULHU, op::MULHSU, op::MULW];

    #[test]
    fn builds_at_every_size() {
        alu_testing::builds::<Mul>();
    }

    #[test]
    fn honest_traces_hold_and_give_the_right_results() {
        alu_testing::honest_traces_hold(OPS, Mul::trace);
    }

    #[test]
    fn wrong_results_fail() {
        alu_testing::wrong_results_fail(OPS, Mul::trace);
    }

    #[test]
    fn changed_cells_are_noticed() {
        alu_testing::changed_cells_are_noticed(OPS, Mul::trace, |_, _| false);
    }

    #[test]
    fn padding_is_a_suffix() {
        alu_testing::padding_is_a_suffix(OPS[0], Mul::trace);
    }

    #[test]
    fn no_row_has_another_result() {
        alu_testing::exactly_one_result::<Mul>(OPS, &telling_pairs(10));
    }

    #[test]
    fn every_constraint_is_needed() {
        alu_testing::every_constraint_is_needed::<Mul>(OPS, &[]);
    }
}
