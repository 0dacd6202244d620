//! Filling the keccak table, and keccak-f[1600] itself.

use ff::Field;
use quintet_air::{AirSpec, F, RowMut, Trace};

use super::{
    Keccak,
    schedule::{IOTA, KECCAK_ROWS, LANES, PARITY_ORDER, RHO, ROUNDS, Step},
};
use crate::event::KeccakEvent;

impl Keccak {
    /// Fills the table. Room for permutations that are not called holds that of the zero state, without a message: the constraints
    /// of a round hold on all rows, and its constants are not 0.
    pub fn trace(&self, spec: &AirSpec, events: &[KeccakEvent]) -> Trace {
        let rounds: Vec<Vec<Round>> = events.iter().map(|event| Round::all(event.lanes.map(|lane| lane.old))).collect();
        let padding = Round::all([0; LANES]);
        let mut trace = Trace::new(spec);
        trace.fill(Self::capacity(spec.k) * KECCAK_ROWS, |row, cells| {
            let (call, step) = (row / KECCAK_ROWS, Step::at(row % KECCAK_ROWS));
            if let Some(event) = events.get(call) {
                cells.set(self.real, 1);
                cells.set(self.clock, event.clock);
            }
            self.fill_row(step, rounds.get(call).unwrap_or(&padding), cells);
        });
        trace.count_tables(spec);
        trace
    }

    fn fill_row(&self, step: Step, rounds: &[Round], cells: &mut RowMut<'_, '_>) {
        match step {
            Step::In { lane } => {
                let value = rounds[0].a[lane];
                self.fill_bits(cells, value);
                cells.set_field(self.output, sparse(value));
            }
            Step::Out { lane } => {
                let value = rounds[ROUNDS - 1].next()[lane];
                self.fill_bits(cells, value);
                cells.set_field(self.input, sparse(value));
            }
            Step::Lane { round, big_x, big_y } => {
                let round = &rounds[round];
                let (x, y) = Step::source(big_x, big_y);
                let lane = round.a[x + 5 * y];
                let (left, right) = (round.c[(x + 4) % 5], round.c[(x + 1) % 5].rotate_left(1));
                let rotation = RHO[x + 5 * y];
                self.fill_bits(cells, (lane ^ left ^ right).rotate_left(rotation));
                // The carry of three bits: their majority.
                let carry = ((lane & left) | (lane & right) | (left & right)).rotate_left(rotation);
                self.q.iter().enumerate().for_each(|(z, q)| cells.set(*q, carry >> z & 1));
                cells.set_field(self.input, sparse(lane));
                cells.set_field(self.output, sparse(round.next()[big_x + 5 * big_y]));
                let done = 5 * big_y + big_x;
                self.fill_round(cells, round, done);
            }
            Step::Parity { round, i } => {
                let round = &rounds[round];
                let x = PARITY_ORDER[i];
                self.fill_bits(cells, round.c[x]);
                for (z, q) in self.q.iter().enumerate() {
                    let count: u64 = (0..5).map(|y| round.a[x + 5 * y] >> z & 1).sum();
                    cells.set(*q, count / 2);
                }
                self.fill_round(cells, round, LANES);
            }
        }
    }

    fn fill_bits(&self, cells: &mut RowMut<'_, '_>, value: u64) {
        self.b.iter().enumerate().for_each(|(z, b)| cells.set(*b, value >> z & 1));
    }

    /// D, and the sums of the sheets before lane row `done`.
    fn fill_round(&self, cells: &mut RowMut<'_, '_>, round: &Round, done: usize) {
        for x in 0..5 {
            cells.set_field(self.d[x], sparse(round.c[(x + 4) % 5]) + sparse(round.c[(x + 1) % 5].rotate_left(1)));
        }
        let mut sums = [F::ZERO; 5];
        for row in 0..done {
            let (x, y) = Step::source(row % 5, row / 5);
            sums[x] += sparse(round.a[x + 5 * y]);
        }
        for (column, sum) in self.sheet.iter().zip(sums) {
            cells.set_field(*column, sum);
        }
    }
}

/// State at the start of a round, and its column parities.
struct Round {
    a: [u64; LANES],
    c: [u64; 5],
    number: usize,
}

impl Round {
    fn new(a: [u64; LANES], number: usize) -> Self {
        let c = std::array::from_fn(|x| (0..5).fold(0, |parity, y| parity ^ a[x + 5 * y]));
        Self { a, c, number }
    }

    fn all(input: [u64; LANES]) -> Vec<Self> {
        let mut rounds = vec![Self::new(input, 0)];
        for number in 1..ROUNDS {
            let next = rounds[number - 1].next();
            rounds.push(Self::new(next, number));
        }
        rounds
    }

    /// State after the round.
    fn next(&self) -> [u64; LANES] {
        let mut b = [0u64; LANES];
        for big_y in 0..5 {
            for big_x in 0..5 {
                let (x, y) = Step::source(big_x, big_y);
                let d = self.c[(x + 4) % 5] ^ self.c[(x + 1) % 5].rotate_left(1);
                b[big_x + 5 * big_y] = (self.a[x + 5 * y] ^ d).rotate_left(RHO[x + 5 * y]);
            }
        }
        let mut a: [u64; LANES] = std::array::from_fn(|lane| {
            let (x, y) = (lane % 5, lane / 5 * 5);
            b[lane] ^ (!b[(x + 1) % 5 + y] & b[(x + 2) % 5 + y])
        });
        a[0] ^= IOTA[self.number];
        a
    }
}

/// keccak-f[1600] of 25 lanes.
pub fn keccak_f(input: [u64; LANES]) -> [u64; LANES] {
    (0..ROUNDS).fold(input, |state, number| Round::new(state, number).next())
}

/// `S(value)`: bit z becomes digit z in base 8.
fn sparse(value: u64) -> F {
    let mut limbs = [0u64; 4];
    for z in 0..64 {
        if value >> z & 1 == 1 {
            limbs[3 * z / 64] |= 1 << (3 * z % 64);
        }
    }
    F::from_raw(limbs)
}
