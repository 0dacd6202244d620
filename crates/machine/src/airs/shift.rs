//! Shifts: multiplications by a power of two that a table gives for the amount.

use quintet_air::{Air, AirSpec, Builder, Column, Expr, Free, Message, Proven, Range, RowMut, Trace};

use super::{
    alu::{self, Cut, Operands, modulus, select},
    tag,
};
use crate::{AirId, AluEvent, isa::op};

/// SLL, SRL, SRA, SLLW, SRLW, SRAW: one row an operation.
///
/// A shift to the left by s multiplies by `2^s` and keeps the lower part. A shift to the right multiplies by `2^(63 − s)` and keeps
/// what is above bit 63. What is not kept is `dropped`.
#[derive(Clone, Debug)]
pub struct Shift {
    real: Column<Proven>,
    srl: Column<Proven>,
    sra: Column<Proven>,
    word: Column<Proven>,
    operands: Operands,
    /// `a`, cut at its sign.
    operand: Cut,
    /// `b / 64`, rounded down.
    turns: Range,
    /// The power of two.
    factor: Column<Free>,
    /// What is kept of the product, modulo 2^64.
    kept: Cut,
    dropped: Range,
}

/// The power of two by which kind `word + 2 · right` multiplies for amount `s` (taken modulo 32 for words).
fn factor(s: u64, kind: u64) -> u64 {
    let amount = if kind & 1 == 1 { s % 32 } else { s };
    if kind & 2 == 0 { 1 << amount } else { 1 << (63 - amount) }
}

impl Air for Shift {
    const ID: u16 = AirId::Shift.number();
    const NAME: &'static str = AirId::Shift.name();

    fn build(builder: &mut Builder) -> Self {
        let real = alu::real(builder);
        let (srl, sra, word) = (builder.boolean("srl"), builder.boolean("sra"), builder.boolean("word"));
        let right = alu::prove_one_hot(builder, "right", [srl.cur(), sra.cur()]).expr();
        let operands = Operands::new(builder);
        let Operands { a, b, c } = operands;
        let operand = Cut::new(builder, "operand");
        let turns = builder.range("turns", 58);
        let factor_column = builder.uint("factor", 64);
        let (kept, dropped) = (Cut::new(builder, "kept"), builder.range("dropped", 63));

        let rows: Vec<Vec<u64>> = (0..4).flat_map(|kind| (0..64).map(move |s| vec![s, kind, factor(s, kind)])).collect();
        builder.table(tag::POW2, "factor", &rows);
        let amount = b - turns.expr() * Expr::pow2(6);
        let kind = word + right.scale(2);
        builder.look_up("factor", real, Message::new(tag::POW2).value(amount).value(kind).value(factor_column));

        builder.constrain("operand", select(word, operand.at_63(), operand.at_31()) - a);
        let negative = sra * operand.bit();
        let shifted = select(word, a, operand.word()) - &negative * modulus(word);
        let to_left = kept.at_31() + dropped.expr() * modulus(word);
        let to_right = dropped.expr() + kept.at_31() * Expr::pow2(63) - negative * Expr::pow2(127);
        builder.constrain("product", shifted * factor_column - select(&right, to_left, to_right));
        builder.constrain("word to the left", (word - word * right) * kept.high());
        builder.constrain("result", kept.extended(word - word * sra) - c);

        let code = real.scale(u64::from(op::SLL)) + srl + sra.scale(2) + word.scale(3);
        alu::receive(builder, real, code, a, b, c);
        Self { real, srl, sra, word, operands, operand, turns, factor: factor_column, kept, dropped }
    }
}

impl Shift {
    /// The trace of at most [`AirSpec::height`] operations of this AIR.
    pub fn trace(&self, spec: &AirSpec, events: &[AluEvent]) -> Trace {
        alu::trace(spec, events, |event, row| self.fill(event, row))
    }

    fn fill(&self, event: &AluEvent, row: &mut RowMut<'_, '_>) {
        let AluEvent { op, a, b, .. } = *event;
        let (srl, sra) = (matches!(op, op::SRL | op::SRLW), matches!(op, op::SRA | op::SRAW));
        let word = matches!(op, op::SLLW | op::SRLW | op::SRAW);
        let right = srl || sra;
        row.set_bool(self.real, true);
        row.set_bool(self.srl, srl);
        row.set_bool(self.sra, sra);
        row.set_bool(self.word, word);
        self.operands.write(row, event);
        self.turns.write(row, u128::from(b / 64));
        let factor = factor(b % 64, u64::from(word) + 2 * u64::from(right));
        row.set(self.factor, factor);

        if word {
            self.operand.write_at_31(row, a);
        } else {
            self.operand.write_at_63(row, a);
        }
        let shifted = match (word, sra) {
            (false, false) => i128::from(a),
            (false, true) => i128::from(a as i64),
            (true, false) => i128::from(a as u32),
            (true, true) => i128::from(a as i32),
        };
        let product = shifted * i128::from(factor);
        let (kept, dropped) = match (right, word) {
            (true, _) => ((product >> 63) as u64, product as u64 & (u64::MAX >> 1)),
            (false, false) => (product as u64, (product >> 64) as u64),
            (false, true) => (u64::from(product as u32), (product >> 32) as u64),
        };
        self.kept.write_at_31(row, kept);
        self.dropped.write(row, u128::from(dropped));
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::alu_testing::{self, telling_pairs},
        *,
    };

    const OPS: &[u8] = &[op::SLL, op::SRL, op::SRA, op::SLLW, op::SRLW, op::SRAW];

    #[test]
    fn builds_at_every_size() {
        alu_testing::builds::<Shift>();
    }

    #[test]
    fn honest_traces_hold_and_give_the_right_results() {
        alu_testing::honest_traces_hold(OPS, Shift::trace);
    }

    #[test]
    fn wrong_results_fail() {
        alu_testing::wrong_results_fail(OPS, Shift::trace);
    }

    #[test]
    fn changed_cells_are_noticed() {
        alu_testing::changed_cells_are_noticed(OPS, Shift::trace, |_, _| false);
    }

    #[test]
    fn padding_is_a_suffix() {
        alu_testing::padding_is_a_suffix(OPS[0], Shift::trace);
    }

    #[test]
    fn no_row_has_another_result() {
        alu_testing::exactly_one_result::<Shift>(OPS, &telling_pairs(10));
    }

    #[test]
    fn every_constraint_is_needed() {
        // It keeps `op` to the six codes; the table has no kind for both flags.
        alu_testing::every_constraint_is_needed::<Shift>(OPS, &["right is boolean"]);
    }
}
