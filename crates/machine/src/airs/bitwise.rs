//! And, or, exclusive or: digits of both operands looked up in a table of their conjunctions.

use quintet_air::{Air, AirSpec, Builder, Column, Expr, Free, Message, Proven, RowMut, Trace};

use super::{
    alu::{self, prove_one_hot},
    tag,
};
use crate::{AirId, AluEvent, isa::op};

/// AND, OR, XOR: one row an operation.
///
/// Operands are not columns but the sums of their digits. A digit has half as many bits as the limb table, so that a table of all
/// pairs of digits is as long as the limb table would be.
#[derive(Clone, Debug)]
pub struct Bitwise {
    real: Column<Proven>,
    or: Column<Proven>,
    xor: Column<Proven>,
    bits: u32,
    digits: Vec<Digit>,
}

/// One digit of a, b and a & b.
#[derive(Clone, Copy, Debug)]
struct Digit {
    a: Column<Free>,
    b: Column<Free>,
    and: Column<Free>,
}

impl Air for Bitwise {
    const ID: u16 = AirId::Bitwise.number();
    const NAME: &'static str = AirId::Bitwise.name();

    fn build(builder: &mut Builder) -> Self {
        let real = alu::real(builder);
        let (or, xor) = (builder.boolean("or"), builder.boolean("xor"));
        let and = prove_one_hot(builder, "and", [real - or - xor]).expr();

        let bits = builder.limb_bits() / 2;
        let digits = 0u64..1 << bits;
        let pairs: Vec<Vec<u64>> = digits.clone().flat_map(|a| digits.clone().map(move |b| vec![a, b, a & b])).collect();
        builder.table(tag::AND, "and", &pairs);
        let digits: Vec<Digit> = (0..64u32.div_ceil(bits))
            .map(|place| {
                let mut column = |name: &str| builder.uint(format!("{name}_{place}"), bits);
                let digit = Digit { a: column("a"), b: column("b"), and: column("and") };
                let message = Message::new(tag::AND).value(digit.a).value(digit.b).value(digit.and);
                builder.look_up(format!("digit {place}"), real, message);
                digit
            })
            .collect();

        let number = |column: fn(&Digit) -> Column<Free>| {
            Expr::sum(digits.iter().zip(0..).map(|(digit, place)| column(digit).cur() * Expr::pow2(bits * place)))
        };
        let (a, b, both) = (number(|digit| digit.a), number(|digit| digit.b), number(|digit| digit.and));
        let either = &a + &b - &both;
        let one = &either - &both;
        let c = and * both + or * either + xor * one;
        let code = real.scale(u64::from(op::AND)) + or + xor.scale(2);
        alu::receive(builder, real, code, a, b, c);
        Self { real, or, xor, bits, digits }
    }
}

impl Bitwise {
    /// The trace of at most [`AirSpec::height`] operations of this AIR.
    pub fn trace(&self, spec: &AirSpec, events: &[AluEvent]) -> Trace {
        alu::trace(spec, events, |event, row| self.fill(event, row))
    }

    fn fill(&self, event: &AluEvent, row: &mut RowMut<'_, '_>) {
        row.set_bool(self.real, true);
        row.set_bool(self.or, event.op == op::OR);
        row.set_bool(self.xor, event.op == op::XOR);
        let (mut a, mut b) = (event.a, event.b);
        let mask = (1 << self.bits) - 1;
        for digit in &self.digits {
            row.set(digit.a, a & mask);
            row.set(digit.b, b & mask);
            row.set(digit.and, a & b & mask);
            a >>= self.bits;
            b >>= self.bits;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::alu_testing::{self, telling_pairs},
        *,
    };

    const OPS: &[u8] = &[op::AND, op::OR, op::XOR];

    #[test]
    fn builds_at_every_size() {
        alu_testing::builds::<Bitwise>();
    }

    #[test]
    fn honest_traces_hold_and_give_the_right_results() {
        alu_testing::honest_traces_hold(OPS, Bitwise::trace);
    }

    #[test]
    fn wrong_results_fail() {
        alu_testing::wrong_results_fail(OPS, Bitwise::trace);
    }

    #[test]
    fn changed_cells_are_noticed() {
        alu_testing::changed_cells_are_noticed(OPS, Bitwise::trace, |_, _| false);
    }

    #[test]
    fn padding_is_a_suffix() {
        alu_testing::padding_is_a_suffix(OPS[0], Bitwise::trace);
    }

    #[test]
    fn no_row_has_another_result() {
        alu_testing::exactly_one_result::<Bitwise>(OPS, &telling_pairs(10));
    }

    #[test]
    fn every_constraint_is_needed() {
        // It keeps `op` to the three codes; the sender sends no other.
        alu_testing::every_constraint_is_needed::<Bitwise>(OPS, &["and is boolean"]);
    }
}
