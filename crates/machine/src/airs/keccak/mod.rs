//! keccak-f[1600], 770 rows a permutation, in the base-8 sparse form that a 254-bit field makes possible.
//!
//! A lane of 64 bits is carried as `S(a) = Σ a_z·8^z`, one cell. A sum of up to seven sparse lanes has digits below 8, so XOR is addition
//! followed by taking each digit's lowest bit: a row decomposes a sparse sum into digits `b_z + 2·q_z` with `b_z ∈ {0, 1}`,
//! `q_z ∈ {0, 1, 2}`, which is unique for digits 0 to 5. The layout and the argument are in `docs/machine.md`, "keccak".

mod schedule;
#[cfg(test)]
mod tests;
mod trace;

use ff::Field;
use quintet_air::{Air, Bool, Builder, Column, Expr, F, Fixed, Free, Message, Proven};

use self::schedule::{IOTA_BITS, Schedule, pow8};
use super::tag;

pub use self::{schedule::KECCAK_ROWS, trace::keccak_f};

/// The keccak AIR.
#[derive(Debug)]
pub struct Keccak {
    real: Column<Proven>,
    clock: Column<Free>,
    /// Bits of the row's lane: of B in lane rows, of C in parity rows, of the lane itself in in and out rows.
    b: Vec<Column<Proven>>,
    /// The rest of each digit, halved.
    q: Vec<Column<Free>>,
    /// Sparse lane received.
    input: Column<Free>,
    /// Sparse lane sent.
    output: Column<Free>,
    /// `S(C[x−1]) + S(rotl(C[x+1], 1))` by x, constant in a round.
    d: Vec<Column<Free>>,
    /// Sum of the sheet's lanes so far, by x.
    sheet: Vec<Column<Free>>,
}

/// Σ of `terms[z]·base^z`.
fn digits(terms: impl IntoIterator<Item = Expr>, base: u64) -> Expr {
    let mut power = F::ONE;
    Expr::sum(terms.into_iter().map(|term| {
        let scaled = term.scale(power);
        power *= F::from(base);
        scaled
    }))
}

impl Air for Keccak {
    const ID: u16 = 14;
    const NAME: &'static str = "keccak";

    fn build(builder: &mut Builder) -> Self {
        let air = Self {
            real: builder.boolean("real"),
            clock: builder.uint("clock", 40),
            b: (0..64).map(|z| builder.boolean(format!("b_{z}"))).collect(),
            q: (0..64).map(|z| builder.uint(format!("q_{z}"), 2)).collect(),
            input: builder.field("input"),
            output: builder.field("output"),
            d: (0..5).map(|x| builder.field(format!("d_{x}"))).collect(),
            sheet: (0..5).map(|x| builder.field(format!("sheet_{x}"))).collect(),
        };
        for q in &air.q {
            builder.constrain(format!("digit rest {}", q.index()), *q * (q.cur() - 1) * (q.cur() - 2));
        }
        let schedule = Schedule::build(builder);
        air.blocks(builder, &schedule);
        air.theta(builder, &schedule);
        air.lanes(builder, &schedule);
        air.chi(builder, &schedule);
        air.bus(builder, &schedule);
        air
    }
}

impl Keccak {
    /// A permutation is real or padding as a whole, has one clock, and padding comes last.
    fn blocks(&self, builder: &mut Builder, schedule: &Schedule) {
        builder.when(schedule.inside, "real stays", self.real.next() - self.real);
        builder.when(schedule.inside, "clock stays", self.clock.next() - self.clock);
        builder.when(schedule.between, "padding is a suffix", self.real.next() * (Expr::one() - self.real));
    }

    /// θ: sums of the sheets, their parities C, and D from neighbouring parities.
    fn theta(&self, builder: &mut Builder, schedule: &Schedule) {
        for x in 0..5 {
            builder.when(schedule.round_start, format!("sheet {x} starts at 0"), self.sheet[x]);
            let added = schedule.lane.cur() * schedule.sheet[x] * self.input;
            builder.when(schedule.in_round, format!("sheet {x} grows"), self.sheet[x].next() - self.sheet[x] - added);
            builder.when(schedule.in_round, format!("d_{x} stays"), self.d[x].next() - self.d[x]);
        }
        let selected =
            |columns: &[Column<Free>], shift: usize| Expr::sum((0..5).map(|x| schedule.sheet[x] * columns[(x + shift) % 5]));
        builder.when(schedule.parity, "parity of the sheet", selected(&self.sheet, 0) - self.digits());
        let bits = |rotation| digits(self.b.iter().map(|b| b.at(rotation)), 8);
        let rotated = |rotation| digits((0..64).map(|z| self.b[(z + 63) % 64].at(rotation)), 8);
        builder.when(schedule.parity_next, "d from this row and the next", selected(&self.d, 1) - bits(0) - rotated(1));
        builder.when(schedule.parity_wrap, "d from this row and the first", selected(&self.d, 1) - bits(0) - rotated(-4));
    }

    /// `W = Σ 8^z·(b_z + 2·q_z)`.
    fn digits(&self) -> Expr {
        digits((0..64).map(|z| self.b[z] + self.q[z].scale(2)), 8)
    }

    /// ρ and π: the digits of `input + D[x]`, rotated by r, are the row's digits.
    ///
    /// `Σ_j 8^((j−r) mod 64)·w_j = 8^(−r)·(W + (8^64 − 1)·Σ_{j<r} 8^j·w_j)`. As field elements both sides are integers below 2^195, so
    /// equality in the field is equality.
    fn lanes(&self, builder: &mut Builder, schedule: &Schedule) {
        let digit = |j: usize| (self.b[j] + self.q[j].scale(2)).scale(pow8(j));
        let whole = (0..7).map(|m| schedule.below[m] * Expr::sum((8 * m..8 * m + 8).map(digit)));
        let part = (0..7).map(|i| schedule.inner[i] * Expr::sum((0..8).map(|m| schedule.block[m] * digit(8 * m + i))));
        let low = Expr::sum(whole.chain(part));
        let rotated = self.digits() + low.scale(pow8(64) - F::ONE);
        let added = Expr::sum((0..5).map(|x| schedule.sheet[x] * self.d[x]));
        let lane = schedule.pow8_rotation * (self.input + added);
        builder.when(schedule.lane, "rotated lane", lane - rotated);
    }

    /// χ and ι: `A[X, Y] = B[X] ⊕ (¬B[X+1] ∧ B[X+2])`, and the round constant at (0, 0).
    fn chi(&self, builder: &mut Builder, schedule: &Schedule) {
        let xor = |a: Expr, b: Expr| &a + &b - (a * b).scale(2);
        for (flag, first, second, name) in [
            (schedule.chi[0], 1, 2, "χ for X ≤ 2"),
            (schedule.chi[1], 1, -3, "χ for X = 3"),
            (schedule.chi[2], -4, -3, "χ for X = 4"),
        ] {
            let bits = (0..64).map(|z| {
                let and = (Expr::one() - self.b[z].at(first)) * self.b[z].at(second);
                let bit = xor(self.b[z].cur(), and);
                match IOTA_BITS.iter().position(|&at| at == z) {
                    Some(place) if first == 1 && second == 2 => xor(schedule.iota[place].cur(), bit),
                    _ => bit,
                }
            });
            builder.when(flag, name, self.output.cur() - digits(bits, 8));
        }
    }

    fn bus(&self, builder: &mut Builder, schedule: &Schedule) {
        let sparse = || digits(self.b.iter().map(|b| b.cur()), 8);
        let dense = || digits(self.b.iter().map(|b| b.cur()), 2);
        builder.when(schedule.bring, "sparse form of the lane", self.output.cur() - sparse());
        builder.when(schedule.take, "bits of the lane", self.input.cur() - sparse());

        let real = Bool::from(self.real);
        let message = |id: Fixed, tag, value: Expr| Message::new(tag).value(self.clock).value(id).value(value);
        let lane_in = message(schedule.id_in, tag::KLANE, self.input.cur());
        let lane_out = message(schedule.id_out, tag::KLANE, self.output.cur());
        builder.receive("lane of the round before", real.and(schedule.consumes), lane_in);
        builder.send("lane for the next round", real.and(schedule.produces), lane_out);
        builder.receive("lane in", real.and(schedule.bring), message(schedule.lane_index, tag::KSTATE, dense()));
        builder.send("lane out", real.and(schedule.take), message(schedule.lane_index, tag::KSTATE, dense()));
    }

    /// Permutations that fit one instance.
    pub fn capacity(k: u32) -> usize {
        quintet_air::height(k) / KECCAK_ROWS
    }
}
