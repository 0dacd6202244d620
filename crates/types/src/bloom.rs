//! BloomHash: the summary of reused partial proofs that a full proof carries (source, T3).
//!
//! # Sizing rule
//! `m` = the smallest power of two with `m ≥ max(2048, 16 · instances of the plan)` bits, and 8 probes an
//! element. The size follows from the plan alone, so there is exactly one BloomHash for a set of ids and "equals
//! the recomputed one" is a comparison of bytes. With 16 bits an element the chance that a foreign id seems to be
//! contained is (1 − e^(−8/16))⁸ ≈ 5.7·10⁻⁴; below 128 instances it is less.
//!
//! # Probes
//! Ids are hash tree roots (SHA-256), hence uniform: probe j of 8 is the little-endian 32-bit word j of the id,
//! modulo m. Bit b is bit `b % 8` (from the least significant) of byte `b / 8`.

use serde::{Deserialize, Serialize};
use ssz_derive::{Decode, Encode};
use ssz_types::VariableList;
use ssz_types::typenum::U131072;
use tree_hash::{Hash256, PackedEncoding, TreeHash, TreeHashType};

use crate::Root;

/// Smallest size in bits.
pub const MIN_BITS: usize = 2048;

/// Bits for each instance of the plan, before rounding up to a power of two.
pub const BITS_PER_INSTANCE: usize = 16;

/// Probes for each id.
pub const PROBES: usize = 8;

/// A Bloom filter over the ids of reused partial proofs. SSZ: a list of at most 131,072 bytes.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(transparent)]
#[ssz(struct_behaviour = "transparent")]
pub struct BloomHash(#[serde(with = "ssz_types::serde_utils::hex_var_list")] pub VariableList<u8, U131072>);

impl BloomHash {
    /// The filter's size in bits for a plan of so many instances.
    pub fn bits_for(instances: usize) -> usize {
        // 2^20 bits is what the SSZ limit holds, and what the largest plan needs.
        instances.saturating_mul(BITS_PER_INSTANCE).clamp(MIN_BITS, 1 << 20).next_power_of_two()
    }

    /// The filter over `ids` for a plan of `instances` instances. The order of the ids does not matter.
    pub fn new<'a>(instances: usize, ids: impl IntoIterator<Item = &'a Root>) -> Self {
        let bits = Self::bits_for(instances);
        let mut bytes = vec![0u8; bits / 8];
        for id in ids {
            for bit in probes(id, bits) {
                bytes[bit / 8] |= 1 << (bit % 8);
            }
        }
        Self(VariableList::new(bytes).unwrap_or_else(|_| VariableList::empty()))
    }

    /// Whether `id` seems to be among the ids; never false for one that is.
    pub fn may_contain(&self, id: &Root) -> bool {
        let bits = self.0.len() * 8;
        bits.is_power_of_two() && probes(id, bits).all(|bit| self.0[bit / 8] & (1 << (bit % 8)) != 0)
    }
}

/// Bit positions of `id` in a filter of `bits` bits.
fn probes(id: &Root, bits: usize) -> impl Iterator<Item = usize> + '_ {
    id.as_chunks::<4>().0.iter().take(PROBES).map(move |word| u32::from_le_bytes(*word) as usize % bits)
}

impl TreeHash for BloomHash {
    fn tree_hash_type() -> TreeHashType {
        TreeHashType::List
    }

    fn tree_hash_packed_encoding(&self) -> PackedEncoding {
        unreachable!("lists are never packed")
    }

    fn tree_hash_packing_factor() -> usize {
        unreachable!("lists are never packed")
    }

    fn tree_hash_root(&self) -> Hash256 {
        self.0.tree_hash_root()
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    fn id(n: u32) -> Root {
        Root::from_slice(&Sha256::digest(n.to_le_bytes()))
    }

    #[test]
    fn never_smaller_than_2048_bits_and_follows_the_plan() {
        for (instances, bits) in
            [(0, 2048), (1, 2048), (128, 2048), (129, 4096), (400, 8192), (65_536, 1 << 20), (usize::MAX, 1 << 20)]
        {
            assert_eq!(BloomHash::bits_for(instances), bits);
            assert_eq!(BloomHash::new(instances, []).0.len() * 8, bits);
        }
    }

    #[test]
    fn contains_what_was_put_in_and_little_else() {
        let ids: Vec<_> = (0..400).map(id).collect();
        let bloom = BloomHash::new(400, &ids);
        assert!(ids.iter().all(|id| bloom.may_contain(id)));
        let false_hits = (400..20_400).filter(|&n| bloom.may_contain(&id(n))).count();
        assert!(false_hits < 20_000 / 500, "{false_hits} false hits of 20,000");
    }

    #[test]
    fn does_not_depend_on_order_or_repetition() {
        let ids: Vec<_> = (0..50).map(id).collect();
        let reversed = ids.iter().rev().chain(&ids);
        assert_eq!(BloomHash::new(50, &ids), BloomHash::new(50, reversed));
        assert_ne!(BloomHash::new(50, &ids), BloomHash::new(50, &ids[1..]));
    }
}
