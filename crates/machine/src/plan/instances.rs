//! Which instances an execution has at a given k, and which k to take.

use std::ops::{Range, RangeInclusive};

use quintet_types::PlanEntry;

use super::capacity::{capacity, check_k, rows_per_operation};
use crate::{AirId, Execution, PlanError};

/// The operations of instance `index` of an AIR that has `operations` in all.
pub(super) fn operation_range(air: AirId, index: u32, k: u32, operations: u64) -> Range<u64> {
    let capacity = capacity(air, k);
    let start = capacity.saturating_mul(index.into()).min(operations);
    start..start.saturating_add(capacity).min(operations)
}

/// The instances of an AIR with their operations.
fn parts(execution: &Execution, air: AirId, k: u32) -> impl Iterator<Item = (u32, Range<u64>)> + '_ {
    let operations = execution.operations(air);
    // The first image instance tells the memory AIR which words the program occupies, also if there is no image.
    let least = u64::from(air == AirId::Image);
    let count = operations.div_ceil(capacity(air, k)).max(least) as u32;
    let ranges = (0..count).map(move |index| (index, operation_range(air, index, k, operations)));
    ranges.filter(move |(_, range)| {
        let rows = range.start as usize..range.end as usize;
        air != AirId::Program || execution.executed()[rows].iter().any(|n| *n != 0)
    })
}

/// The instances of an execution at k, by AIR number, then by index.
///
/// Parts of the program that are never executed are left out; their indices are skipped.
///
/// # Errors
/// [`PlanError::UnsupportedK`].
pub fn instances(execution: &Execution, k: u32) -> Result<Vec<PlanEntry>, PlanError> {
    check_k(k)?;
    let mut entries = Vec::new();
    for air in AirId::ALL {
        entries.extend(parts(execution, air, k).map(|(index, range)| {
            let rows = (range.end - range.start) * rows_per_operation(air);
            PlanEntry { air: air.number(), index, rows }
        }));
    }
    Ok(entries)
}

/// The smallest k of the range whose full proof is no larger than `max_bytes`, with the estimate `bytes` of a partial
/// proof of an AIR at a k.
///
/// # Errors
/// [`PlanError::PlanTooLarge`] if there is none (an empty range included), [`PlanError::UnsupportedK`].
pub fn choose_k(
    execution: &Execution,
    range: RangeInclusive<u32>,
    max_bytes: u64,
    bytes: impl Fn(AirId, u32) -> u64,
) -> Result<u32, PlanError> {
    let mut last = PlanError::PlanTooLarge { k: *range.end(), partials: 0, bytes: 0, max_bytes };
    for k in range {
        check_k(k)?;
        let mut partials = 0;
        let mut total = 0u64;
        for air in AirId::ALL {
            let instances = parts(execution, air, k).count() as u64;
            partials += instances;
            total = total.saturating_add(instances.saturating_mul(bytes(air, k)));
        }
        if total <= max_bytes {
            return Ok(k);
        }
        last = PlanError::PlanTooLarge { k, partials, bytes: total, max_bytes };
    }
    Err(last)
}
