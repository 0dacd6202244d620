//! Where blinds come from. Data is public and nothing is hidden: blinds only keep commitments of zero columns off the identity, which
//! cannot be written down, so all of them follow from public values and every honest prover publishes the same bytes.

use ff::Field;
use quintet_air::{AirSpec, F, Publics};

use crate::{
    Digest, ProofLayout,
    hash::{Domain, ProofHash},
    suite::Hash,
};

/// What the blinds of first-phase columns depend on. The attempt of a job does not occur: commitments stay the same in a retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlindSeed {
    /// Root of the proven block.
    pub block_root: [u8; 32],
    /// Which part of the block.
    pub sub_block: u64,
    /// Root of the plan.
    pub plan_root: [u8; 32],
}

impl BlindSeed {
    /// Blind of a first-phase column.
    pub fn blind(&self, air: u16, index: u32, column: usize) -> F {
        Hash::new(Domain::Blind)
            .word(&self.block_root)
            .uint(self.sub_block)
            .word(&self.plan_root)
            .uint(u64::from(air))
            .uint(u64::from(index))
            .uint(column as u64)
            .element()
    }

    /// Blinds of all first-phase columns of an instance; those of pinned columns do not depend on the job.
    pub fn phase_one(&self, spec: &AirSpec, index: u32) -> Vec<F> {
        let columns = spec.columns[..spec.phase_one].iter().enumerate();
        let blind = |(column, info): (usize, &quintet_air::ColumnInfo)| match info.pinned {
            true => pinned_blind(spec.id, index, column),
            false => self.blind(spec.id, index, column),
        };
        columns.map(blind).collect()
    }
}

/// Blind of a pinned column: the same in every job.
pub fn pinned_blind(air: u16, index: u32, column: usize) -> F {
    let hash = Hash::new(Domain::PinnedBlind).uint(u64::from(air)).uint(u64::from(index));
    hash.uint(column as u64).element()
}

/// All random scalars of one proof that are not zero. The polynomials that upstream draws at random for the sake of zero knowledge (the
/// vanishing argument's and S) are zero, and so are all tail rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofBlinds {
    /// Of the advice columns, first phase first.
    pub advice: Vec<F>,
    /// Of the vanishing argument's random polynomial.
    pub random: F,
    /// Of the pieces of the quotient.
    pub quotient: Vec<F>,
    /// Of q′ in the multi-point opening.
    pub multiopen: F,
    /// Of S in the inner-product argument.
    pub opening: F,
    /// Of L and R in each of its rounds.
    pub rounds: Vec<[F; 2]>,
}

impl ProofBlinds {
    /// First-phase blinds as given; the rest from the digest and the public values, in the order in which upstream draws them.
    pub fn derive(layout: &ProofLayout, phase_one: &[F], digest: &Digest, publics: &Publics) -> Self {
        let seed = publics.0.iter().fold(Hash::new(Domain::ProofBlinds).word(&digest.0), |hash, value| hash.field(*value));
        let mut stream = (0u64..).map(|place| seed.clone().uint(place).element());
        let mut next = || stream.next().unwrap_or(F::ONE);
        let mut advice = phase_one.to_vec();
        advice.resize_with(layout.advice, &mut next);
        Self {
            advice,
            random: next(),
            quotient: (0..layout.pieces).map(|_| next()).collect(),
            multiopen: next(),
            opening: next(),
            rounds: (0..layout.k).map(|_| [next(), next()]).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ff::PrimeField;

    /// The first scalars of each stream, as docs/proofs.md states them.
    #[test]
    fn streams_are_the_documented_ones() {
        let seed = BlindSeed { block_root: [1; 32], sub_block: 2, plan_root: [3; 32] };
        let layout = ProofLayout { k: 4, phase_one: 1, advice: 2, pieces: 4, queries: 3, point_sets: 1, tail_rows: 6 };
        let blinds = ProofBlinds::derive(&layout, &[F::ONE], &Digest([4; 32]), &Publics([F::from(5); 10]));
        let lines: Vec<String> = [
            ("blind 6/7/8", seed.blind(6, 7, 8)),
            ("pinned blind 6/7/8", pinned_blind(6, 7, 8)),
            ("proof blinds, first", blinds.advice[1]),
            ("proof blinds, last", blinds.rounds[3][1]),
        ]
        .iter()
        .map(|(name, value)| format!("{name}: {}", Digest(value.to_repr())))
        .collect();
        assert_eq!(lines.join("\n"), include_str!("../fixtures/streams.txt").trim_end());
    }
}
