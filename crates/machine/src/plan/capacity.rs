//! How much an instance holds: a function of the AIR and of k alone.

use std::ops::RangeInclusive;

use crate::{AirId, PlanError, airs::regions::MAX_REGIONS};

/// Rows at the end of a circuit of 2^k rows that hold no operations: the last usable row, where the running sum ends, and
/// the rows that blind.
pub const RESERVED_ROWS: u64 = 9;
/// Rows of the keccak AIR for one permutation.
pub const KECCAK_ROWS: u64 = 770;
/// Rows of the keccak-mem AIR for one permutation: one a word.
pub const KECCAK_MEMORY_ROWS: u64 = 25;
/// The k for which every AIR holds at least one operation, and which are of practical use.
pub const SUPPORTED_K: RangeInclusive<u32> = 10..=24;

/// Rows of a circuit that hold operations: `2^k − RESERVED_ROWS`.
///
/// # Panics
/// If k is not in [`SUPPORTED_K`].
pub fn height(k: u32) -> u64 {
    assert!(SUPPORTED_K.contains(&k), "k = {k} is not supported");
    (1 << k) - RESERVED_ROWS
}

/// Rows that one operation takes.
pub const fn rows_per_operation(air: AirId) -> u64 {
    match air {
        AirId::Keccak => KECCAK_ROWS,
        AirId::KeccakMemory => KECCAK_MEMORY_ROWS,
        _ => 1,
    }
}

/// Operations that one instance of an AIR holds.
///
/// # Panics
/// As [`height`].
pub fn capacity(air: AirId, k: u32) -> u64 {
    let reserved = match air {
        // Rows for the regions that the program occupies.
        AirId::Image | AirId::Memory => MAX_REGIONS as u64,
        _ => 0,
    };
    (height(k) - reserved) / rows_per_operation(air)
}

/// Fails for a k outside [`SUPPORTED_K`].
pub(super) fn check_k(k: u32) -> Result<(), PlanError> {
    let (min, max) = (*SUPPORTED_K.start(), *SUPPORTED_K.end());
    if SUPPORTED_K.contains(&k) { Ok(()) } else { Err(PlanError::UnsupportedK { k, min, max }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_air_holds_an_operation_at_every_k() {
        for (k, air) in SUPPORTED_K.flat_map(|k| AirId::ALL.map(|air| (k, air))) {
            assert!(capacity(air, k) > 0, "{air} at k = {k}");
        }
    }
}
