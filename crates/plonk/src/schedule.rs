//! A random number generator that hands upstream exactly the scalars that we want, in the order in which it asks for them.

use std::{convert::Infallible, iter};

use ff::{Field, PrimeField};
use quintet_air::F;
use rand_core::TryRng;

use crate::{ProofBlinds, ProofLayout};

/// The scalars of one proof in upstream's order: tail rows of all columns; advice blinds; the random polynomial and its blind; one blind per piece
/// of the quotient; the blind of q′; S and its blind; per round the blinds of L and R.
#[derive(Debug)]
pub(crate) struct Schedule {
    scalars: Box<dyn SendIterator>,
    limbs: [u64; 4],
    place: usize,
    drawn: usize,
    scheduled: usize,
    #[cfg(test)]
    tails: (usize, usize),
}

trait SendIterator: Iterator<Item = F> + Send {}
impl<I: Iterator<Item = F> + Send> SendIterator for I {}

impl std::fmt::Debug for dyn SendIterator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("scalars")
    }
}

impl Schedule {
    /// Words that upstream draws for one scalar.
    const WORDS: usize = 8;

    pub(crate) fn new(layout: &ProofLayout, blinds: ProofBlinds) -> Self {
        let rows = 1usize << layout.k;
        let tails = layout.tail_rows * layout.advice;
        let rounds = blinds.rounds.len() * 2;
        let scheduled = tails + blinds.advice.len() + 2 * (rows + 1) + blinds.quotient.len() + 1 + rounds;
        let zeros = |count| iter::repeat_n(F::ZERO, count);
        let scalars = zeros(tails)
            .chain(blinds.advice)
            .chain(zeros(rows))
            .chain([blinds.random])
            .chain(blinds.quotient)
            .chain([blinds.multiopen])
            .chain(zeros(rows))
            .chain([blinds.opening])
            .chain(blinds.rounds.into_iter().flatten());
        Self {
            scalars: Box::new(scalars),
            limbs: [0; 4],
            place: 0,
            drawn: 0,
            scheduled,
            #[cfg(test)]
            tails: (tails, layout.tail_rows),
        }
    }

    /// The same with a value in the tail rows of the last column, which is the running sum.
    #[cfg(test)]
    pub(crate) fn with_tails(self, value: F) -> Self {
        let (tails, rows) = self.tails;
        let zeros = iter::repeat_n(F::ZERO, tails - rows);
        let scalars = zeros.chain(iter::repeat_n(value, rows)).chain(self.scalars.skip(tails));
        Self { scalars: Box::new(scalars), ..self }
    }

    /// Number of scalars drawn and scheduled; after a proof they are equal.
    pub(crate) fn count(&self) -> (usize, usize) {
        (self.drawn, self.scheduled)
    }
}

impl TryRng for Schedule {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.try_next_u64()? as u32)
    }

    /// Upstream reads eight words, lowest first, as an integer modulo the field: the scalar's own four limbs and four zeros.
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        if self.place == 0 {
            let bytes = self.scalars.next().unwrap_or(F::ZERO).to_repr();
            for (limb, bytes) in self.limbs.iter_mut().zip(bytes.chunks_exact(8)) {
                *limb = bytes.iter().rev().fold(0, |limb, byte| limb << 8 | u64::from(*byte));
            }
            self.drawn += 1;
        }
        let word = self.limbs.get(self.place).copied().unwrap_or(0);
        self.place = (self.place + 1) % Self::WORDS;
        Ok(word)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            let word = self.try_next_u64()?.to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstream_draws_the_scheduled_scalars() {
        let layout = ProofLayout { k: 1, phase_one: 1, advice: 2, pieces: 1, queries: 3, point_sets: 1, tail_rows: 2 };
        let values: Vec<F> = (1..9).map(|i| -F::from(i)).collect();
        let blinds = ProofBlinds {
            advice: values[..2].to_vec(),
            random: values[2],
            quotient: vec![values[3]],
            multiopen: values[4],
            opening: values[5],
            rounds: vec![[values[6], values[7]]],
        };
        let mut schedule = Schedule::new(&layout, blinds);
        let (_, scheduled) = schedule.count();
        let drawn: Vec<F> = (0..scheduled).map(|_| F::random(&mut schedule)).collect();
        assert_eq!(schedule.count(), (scheduled, scheduled));
        assert_eq!(drawn.into_iter().filter(|value| *value != F::ZERO).collect::<Vec<_>>(), values);
    }
}
