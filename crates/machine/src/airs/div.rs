//! Division and remainder: on absolute values, with the signs put back afterwards.

use quintet_air::{Air, AirSpec, Builder, Column, Expr, Free, Proven, Range, RowMut, Trace};

use super::alu::{self, Cut, Operands, modulus, select, xor};
use crate::{AirId, AluEvent, isa::op};

/// DIV, DIVU, REM, REMU, DIVW, DIVUW, REMW, REMUW: one row an operation.
///
/// The row states `|a| = quotient · |b| + remainder` with `remainder < |b|` unless b is 0. One of quotient and remainder is
/// asked for; the result is that number, or its negative.
#[derive(Clone, Debug)]
pub struct Div {
    real: Column<Proven>,
    unsigned: Column<Proven>,
    /// The remainder is asked for.
    rem: Column<Proven>,
    word: Column<Proven>,
    operands: Operands,
    /// `a`, cut at its sign.
    dividend: Cut,
    /// `b`, cut at its sign.
    divisor: Cut,
    a_size: Column<Free>,
    b_size: Column<Free>,
    /// The divisor is 0.
    by_zero: Column<Proven>,
    /// The signs ask for a negative result.
    negative: Column<Proven>,
    /// The result is negative, which takes more: it is not 0.
    negated: Column<Proven>,
    /// The number asked for, less 1 if the result is negative.
    wanted: Cut,
    /// The other number of quotient and remainder.
    other: Range,
    /// `|b| − 1 − remainder` unless b is 0, then 0.
    slack: Range,
}

impl Air for Div {
    const ID: u16 = AirId::Div.number();
    const NAME: &'static str = AirId::Div.name();

    fn build(builder: &mut Builder) -> Self {
        let real = alu::real(builder);
        let (unsigned, rem, word) = (builder.boolean("unsigned"), builder.boolean("rem"), builder.boolean("word"));
        let operands = Operands::new(builder);
        let Operands { a, b, c } = operands;
        let (dividend, divisor) = (Cut::new(builder, "dividend"), Cut::new(builder, "divisor"));
        let (a_size, b_size) = (builder.uint("a_size", 64), builder.uint("b_size", 64));
        let by_zero = builder.boolean("by_zero");
        let (negative, negated) = (builder.boolean("negative"), builder.boolean("negated"));
        let wanted = Cut::new(builder, "wanted");
        let (other, slack) = (builder.range("other", 64), builder.range("slack", 64));
        let not = |flag: Column<Proven>| Expr::one() - flag;

        let mut size = |name: &str, value: Column<Free>, cut: &Cut, size: Column<Free>| {
            builder.constrain(format!("cut of {name}"), select(word, cut.at_63(), cut.at_31()) - value);
            let taken = select(word, value, cut.word());
            let flipped = modulus(word) - taken.scale(2);
            builder.constrain(format!("size of {name}"), taken + not(unsigned) * cut.bit() * flipped - size);
        };
        size("a", a, &dividend, a_size);
        size("b", b, &divisor, b_size);

        let asked = wanted.at_31() + negated;
        let (quotient, remainder) = (select(rem, &asked, other.expr()), select(rem, other.expr(), &asked));
        builder.constrain("division", &quotient * b_size + &remainder - a_size);
        builder.constrain("remainder below divisor", (real - by_zero) * (b_size - 1 - remainder) - slack.expr());
        builder.constrain("divisor is zero", by_zero * b_size);
        // The quotient by zero is "minus one", as the book has it; where the remainder is asked for it does not matter and is 0.
        builder.constrain("quotient by zero", by_zero * (quotient - 1 + rem));
        builder.constrain("quotient by zero is negative", by_zero * not(rem) * not(negated));

        let a_negative = not(unsigned) * dividend.bit();
        let differ = not(unsigned) * xor(dividend.bit(), divisor.bit());
        builder.constrain("sign of remainder", rem * (a_negative - negative));
        builder.constrain("sign of quotient", not(rem) * not(by_zero) * (differ - negative));
        builder.constrain("a negative result asks for a sign", negated * not(negative));
        builder.constrain("a result without its sign is zero", (negative - negated) * wanted.at_31());
        let complement = Expr::pow2(64) - 1 - wanted.at_31().scale(2);
        builder.constrain("result", wanted.extended(word) + negated * complement - c);

        let code = real.scale(u64::from(op::DIV)) + unsigned + rem.scale(2) + word.scale(4);
        alu::receive(builder, real, code, a, b, c);
        Self {
            real,
            unsigned,
            rem,
            word,
            operands,
            dividend,
            divisor,
            a_size,
            b_size,
            by_zero,
            negative,
            negated,
            wanted,
            other,
            slack,
        }
    }
}

impl Div {
    /// The trace of at most [`AirSpec::height`] operations of this AIR.
    pub fn trace(&self, spec: &AirSpec, events: &[AluEvent]) -> Trace {
        alu::trace(spec, events, |event, row| self.fill(event, row))
    }

    fn fill(&self, event: &AluEvent, row: &mut RowMut<'_, '_>) {
        let AluEvent { op, a, b, .. } = *event;
        let unsigned = matches!(op, op::DIVU | op::REMU | op::DIVUW | op::REMUW);
        let rem = matches!(op, op::REM | op::REMU | op::REMW | op::REMUW);
        let word = matches!(op, op::DIVW | op::DIVUW | op::REMW | op::REMUW);
        row.set_bool(self.real, true);
        row.set_bool(self.unsigned, unsigned);
        row.set_bool(self.rem, rem);
        row.set_bool(self.word, word);
        self.operands.write(row, event);

        let signed = |value: u64| if word { i64::from(value as i32) } else { value as i64 };
        let size = |value: u64| match (unsigned, word) {
            (true, true) => value & 0xffff_ffff,
            (true, false) => value,
            (false, _) => signed(value).unsigned_abs(),
        };
        let is_negative = |value: u64| !unsigned && signed(value) < 0;
        for (cut, value) in [(&self.dividend, a), (&self.divisor, b)] {
            if word { cut.write_at_31(row, value) } else { cut.write_at_63(row, value) }
        }
        let (a_size, b_size) = (size(a), size(b));
        row.set(self.a_size, a_size);
        row.set(self.b_size, b_size);
        row.set_bool(self.by_zero, b_size == 0);

        let by_zero = (u64::from(!rem), a_size);
        let (quotient, remainder) = a_size.checked_div(b_size).map_or(by_zero, |quotient| (quotient, a_size % b_size));
        let (asked, other) = if rem { (remainder, quotient) } else { (quotient, remainder) };
        let negative = match (rem, b_size) {
            (true, _) => is_negative(a),
            (false, 0) => true,
            (false, _) => is_negative(a) != is_negative(b),
        };
        let negated = negative && asked != 0;
        row.set_bool(self.negative, negative);
        row.set_bool(self.negated, negated);
        self.wanted.write_at_31(row, asked - u64::from(negated));
        self.other.write(row, u128::from(other));
        self.slack.write(row, if b_size == 0 { 0 } else { u128::from(b_size - 1 - remainder) });
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::alu_testing::{self, telling_pairs},
        *,
    };

    const OPS: &[u8] = &[op::DIV, op::DIVU, op::REM, op::REMU, op::DIVW, op::DIVUW, op::REMW, op::REMUW];

    #[test]
    fn builds_at_every_size() {
        alu_testing::builds::<Div>();
    }

    #[test]
    fn honest_traces_hold_and_give_the_right_results() {
        alu_testing::honest_traces_hold(OPS, Div::trace);
    }

    #[test]
    fn wrong_results_fail() {
        alu_testing::wrong_results_fail(OPS, Div::trace);
    }

    #[test]
    fn changed_cells_are_noticed() {
        alu_testing::changed_cells_are_noticed(OPS, Div::trace, |_, _| false);
    }

    #[test]
    fn padding_is_a_suffix() {
        alu_testing::padding_is_a_suffix(OPS[0], Div::trace);
    }

    #[test]
    fn no_row_has_another_result() {
        alu_testing::exactly_one_result::<Div>(OPS, &telling_pairs(10));
    }

    #[test]
    fn every_constraint_is_needed() {
        alu_testing::every_constraint_is_needed::<Div>(OPS, &[]);
    }
}
