//! The swap-or-not shuffle of the consensus specs (phase0, `compute_shuffled_index`), walked lazily.
//!
//! Selection needs the first few hundred places of a permutation of a million provers, so one place at a time is
//! computed: one hash a round. The pivots, which depend on seed and round only, are computed once.

use crate::hash::sha256;
use quintet_types::Root;

/// One permutation of `0..count`.
#[derive(Debug, Clone)]
pub struct Shuffle {
    seed: Root,
    count: u64,
    pivots: Vec<u64>,
}

impl Shuffle {
    /// The permutation that `seed` gives.
    pub fn new(seed: Root, count: u64, rounds: u8) -> Self {
        let mut bytes = [0u8; 33];
        bytes[..32].copy_from_slice(seed.as_slice());
        let pivots = (0..rounds)
            .map(|round| {
                bytes[32] = round;
                let hash = sha256(&bytes);
                let head = hash.first_chunk::<8>().expect("a hash has 32 bytes");
                u64::from_le_bytes(*head).checked_rem(count).unwrap_or(0)
            })
            .collect();
        Self { seed, count, pivots }
    }

    /// Where `index` goes.
    ///
    /// # Panics
    /// If `index` is not below the count.
    pub fn at(&self, index: u64) -> u64 {
        assert!(index < self.count, "index {index} of {}", self.count);
        let mut index = index;
        let mut bytes = [0u8; 37];
        bytes[..32].copy_from_slice(self.seed.as_slice());
        for (round, &pivot) in self.pivots.iter().enumerate() {
            let flip = if pivot >= index { pivot - index } else { pivot + self.count - index };
            let position = index.max(flip);
            bytes[32] = round as u8;
            // uint_to_bytes(uint32(position // 256)): counts are far below 2^40.
            bytes[33..].copy_from_slice(&((position / 256) as u32).to_le_bytes());
            let byte = sha256(&bytes)[(position % 256) as usize / 8];
            if byte >> (position % 8) & 1 == 1 {
                index = flip;
            }
        }
        index
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_place_is_taken_once() {
        for count in [1, 2, 3, 10, 255, 256, 257, 1000] {
            let shuffle = Shuffle::new(Root::repeat_byte(7), count, 90);
            let places: BTreeSet<_> = (0..count).map(|i| shuffle.at(i)).collect();
            assert_eq!(places.len() as u64, count);
            assert_eq!(places.last(), Some(&(count - 1)));
        }
    }

    #[test]
    fn another_seed_is_another_permutation() {
        let a = Shuffle::new(Root::repeat_byte(1), 100, 90);
        let b = Shuffle::new(Root::repeat_byte(2), 100, 90);
        assert!((0..100).filter(|&i| a.at(i) == b.at(i)).count() < 10);
    }

    /// consensus-spec-tests, mainnet, phase0/shuffling, seed 0x4ac9…3fe7, count 33.
    #[test]
    fn reproduces_the_vector_of_the_consensus_spec_tests() {
        let seed = alloy_primitives::b256!("4ac96f664a6cafd300b161720809b9e17905d4d8fed7a97ff89cf0080a953fe7");
        let shuffle = Shuffle::new(seed, 33, 90);
        let mapping: Vec<_> = (0..33).map(|index| shuffle.at(index)).collect();
        let expected = [
            19, 6, 0, 1, 24, 16, 9, 23, 27, 20, 18, 8, 22, 21, 4, 3, 13, 14, 5, 15, 25, 11, 12, 30, 7, 31, 17, 10, 2, 28, 26,
            29, 32,
        ];
        assert_eq!(mapping, expected);
    }

    /// The same function written the way the consensus specs write it, pivot and source per call.
    fn as_in_the_specs(index: u64, count: u64, seed: &[u8; 32], rounds: u8) -> u64 {
        let mut index = index;
        for round in 0..rounds {
            let pivot = sha256(&[&seed[..], &[round]].concat());
            let pivot = u64::from_le_bytes(pivot[..8].try_into().unwrap()) % count;
            let flip = (pivot + count - index) % count;
            let position = index.max(flip);
            let block = ((position / 256) as u32).to_le_bytes();
            let source = sha256(&[&seed[..], &[round], &block].concat());
            let bit = (source[((position % 256) / 8) as usize] >> (position % 8)) % 2;
            index = if bit == 1 { flip } else { index };
        }
        index
    }

    #[test]
    fn agrees_with_the_formula_of_the_specs() {
        for (count, seed) in [(1, [0; 32]), (33, [1; 32]), (5000, [2; 32])] {
            let shuffle = Shuffle::new(seed.into(), count, 90);
            for index in (0..count).step_by(1 + count as usize / 50) {
                assert_eq!(shuffle.at(index), as_in_the_specs(index, count, &seed, 90));
            }
        }
    }
}
