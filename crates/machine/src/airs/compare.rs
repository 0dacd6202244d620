//! Comparisons: the conditions of branches and of SLT and SLTU.

use quintet_air::{Air, AirSpec, Builder, Column, Expr, Proven, Range, RowMut, Trace};

use super::alu::{self, select, xor};
use crate::{AirId, AluEvent, isa::op};

/// LT, LTU, GE, GEU, EQ, NE: one row an operation.
///
/// An unsigned order is the sign of one difference. A signed one also needs the place of 2^63 among a and b: above both (neither is
/// negative), below both (both are), or between them. Sorting three numbers takes two differences, `near` and `far`, that are
/// not negative.
#[derive(Clone, Debug)]
pub struct Compare {
    real: Column<Proven>,
    /// Unsigned if an order is asked for; with `equality`, the answer is negated.
    unsigned: Column<Proven>,
    /// The answer to an order is negated.
    negate: Column<Proven>,
    equality: Column<Proven>,
    a: Column<quintet_air::Free>,
    b: Column<quintet_air::Free>,
    c: Column<Proven>,
    /// Whether a < b as unsigned numbers.
    below: Column<Proven>,
    /// Signed order, and both are at least 2^63.
    negative: Column<Proven>,
    /// Signed order, and one is at least 2^63 and one is not.
    split: Column<Proven>,
    near: Range,
    far: Range,
}

impl Air for Compare {
    const ID: u16 = AirId::Compare.number();
    const NAME: &'static str = AirId::Compare.name();

    fn build(builder: &mut Builder) -> Self {
        let real = alu::real(builder);
        let (unsigned, negate, equality) =
            (builder.boolean("unsigned"), builder.boolean("negate"), builder.boolean("equality"));
        let (a, b, c) = (builder.uint("a", 64), builder.uint("b", 64), builder.boolean("c"));
        let (below, negative, split) = (builder.boolean("below"), builder.boolean("negative"), builder.boolean("split"));
        let (near, far) = (builder.range("near", 64), builder.range("far", 63));
        let not = |flag: Column<Proven>| Expr::one() - flag;

        builder.constrain("codes of equality", equality * negate);
        let signed = (real - unsigned) * not(equality);
        let positive = builder.prove_boolean("positive is boolean", signed - negative - split).expr();

        let (least, most) = (select(below, b, a), select(below, a, b));
        let distance = &most - &least;
        let equal = xor(c, unsigned);
        // Unequal numbers are at least 1 apart, in whichever order; a < b says that b is at least a + 1.
        let apart = select(equality, below, Expr::one() - &equal);
        let half = Expr::pow2(63);
        builder.constrain("equal", equality * equal * (a - b));
        builder.constrain("near", select(split, distance - apart, &most - &half) - near.expr());
        let under = |number: &Expr| Expr::pow2(63) - 1 - number;
        let gap = positive * under(&most) + negative * (&least - &half) + split * under(&least);
        builder.constrain("far", gap - far.expr());
        builder.constrain("order", not(equality) * (xor(negate, xor(below, split)) - c));

        let code = real.scale(u64::from(op::LT)) + unsigned + negate.scale(2) + equality.scale(4);
        alu::receive(builder, real, code, a, b, c);
        Self { real, unsigned, negate, equality, a, b, c, below, negative, split, near, far }
    }
}

impl Compare {
    /// The trace of at most [`AirSpec::height`] operations of this AIR.
    pub fn trace(&self, spec: &AirSpec, events: &[AluEvent]) -> Trace {
        alu::trace(spec, events, |event, row| self.fill(event, row))
    }

    fn fill(&self, event: &AluEvent, row: &mut RowMut<'_, '_>) {
        const HALF: u64 = 1 << 63;
        let AluEvent { op, a, b, c } = *event;
        let signed = matches!(op, op::LT | op::GE);
        let equality = matches!(op, op::EQ | op::NE);
        let (least, most) = (a.min(b), a.max(b));
        let (negative, split) = (signed && least >= HALF, signed && least < HALF && most >= HALF);
        row.set_bool(self.real, true);
        row.set_bool(self.unsigned, matches!(op, op::LTU | op::GEU | op::NE));
        row.set_bool(self.negate, matches!(op, op::GE | op::GEU));
        row.set_bool(self.equality, equality);
        row.set(self.a, a);
        row.set(self.b, b);
        row.set(self.c, c);
        row.set_bool(self.below, a < b);
        row.set_bool(self.negative, negative);
        row.set_bool(self.split, split);

        let apart = if equality { a != b } else { a < b };
        let near = if split { most - HALF } else { most - least - u64::from(apart) };
        let far = match (signed, negative, split) {
            (false, ..) => 0,
            (_, true, _) => least - HALF,
            (_, _, true) => HALF - 1 - least,
            _ => HALF - 1 - most,
        };
        self.near.write(row, u128::from(near));
        self.far.write(row, u128::from(far));
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::alu_testing::{self, telling_pairs},
        *,
    };

    const OPS: &[u8] = &[op::LT, op::LTU, op::GE, op::GEU, op::EQ, op::NE];

    #[test]
    fn builds_at_every_size() {
        alu_testing::builds::<Compare>();
    }

    #[test]
    fn honest_traces_hold_and_give_the_right_results() {
        alu_testing::honest_traces_hold(OPS, Compare::trace);
    }

    #[test]
    fn wrong_results_fail() {
        alu_testing::wrong_results_fail(OPS, Compare::trace);
    }

    #[test]
    fn changed_cells_are_noticed() {
        alu_testing::changed_cells_are_noticed(OPS, Compare::trace, |event, column| {
            // Equal numbers are 0 apart in either order.
            matches!(event.op, op::EQ | op::NE) && event.a == event.b && column == "below"
        });
    }

    #[test]
    fn padding_is_a_suffix() {
        alu_testing::padding_is_a_suffix(OPS[0], Compare::trace);
    }

    #[test]
    fn no_row_has_another_result() {
        alu_testing::exactly_one_result::<Compare>(OPS, &telling_pairs(10));
    }

    #[test]
    fn every_constraint_is_needed() {
        // It keeps `op` to the six codes; the sender sends no other.
        alu_testing::every_constraint_is_needed::<Compare>(OPS, &["codes of equality"]);
    }
}
