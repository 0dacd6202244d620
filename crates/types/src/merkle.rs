//! Merkle roots of long byte strings, level by level.
//!
//! `tree_hash` keeps a hasher for each node that waits for its right half and feeds it leaf by leaf. With all leaves at hand a level is a plain loop
//! over pairs, which halves the time that the body of a submission takes.

use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};
use tree_hash::BYTES_PER_CHUNK;

type Chunk = [u8; BYTES_PER_CHUNK];

/// Hash of two nodes that lie side by side.
fn parent(children: &[u8]) -> Chunk {
    Sha256::digest(children).into()
}

/// Roots of trees of zeros, by their height; no address space holds a higher one.
static ZEROS: LazyLock<[Chunk; usize::BITS as usize]> = LazyLock::new(|| {
    let mut zeros = [[0; BYTES_PER_CHUNK]; usize::BITS as usize];
    for height in 1..zeros.len() {
        zeros[height] = parent([zeros[height - 1]; 2].as_flattened());
    }
    zeros
});

/// Root of the tree over `bytes` in chunks of 32, with room for `limit` chunks; SSZ's `merkleize`.
///
/// # Panics
/// If there are more chunks than `limit`.
pub(crate) fn merkle_root(bytes: &[u8], limit: usize) -> Chunk {
    let depth = limit.next_power_of_two().trailing_zeros() as usize;
    let count = bytes.len().div_ceil(BYTES_PER_CHUNK);
    assert!(count <= 1 << depth, "{count} chunks in a tree for {limit}");
    let mut level = Vec::<Chunk>::with_capacity(count + 1);
    level.resize(count, [0; BYTES_PER_CHUNK]);
    level.as_flattened_mut()[..bytes.len()].copy_from_slice(bytes);
    for zero in &ZEROS[..depth] {
        if level.len() % 2 == 1 {
            level.push(*zero);
        }
        for place in 0..level.len() / 2 {
            level[place] = parent(level[2 * place..2 * place + 2].as_flattened());
        }
        level.truncate(level.len() / 2);
    }
    level.first().copied().unwrap_or(ZEROS[depth])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn roots_are_those_of_the_library(bytes in prop::collection::vec(any::<u8>(), 0..3000), spare in 0usize..200) {
            let limit = bytes.len().div_ceil(BYTES_PER_CHUNK) + spare;
            prop_assert_eq!(merkle_root(&bytes, limit), tree_hash::merkle_root(&bytes, limit).0);
        }
    }

    #[test]
    fn roots_of_great_limits_are_those_of_the_library() {
        for (length, limit) in [(0, 0), (0, 1), (0, 2), (1, 1), (32, 1), (33, 2), (0, 1 << 18), (1, 1 << 18), (65, 1 << 30)] {
            let bytes = vec![7; length];
            assert_eq!(merkle_root(&bytes, limit), tree_hash::merkle_root(&bytes, limit).0, "{length} of {limit}");
        }
    }
}
