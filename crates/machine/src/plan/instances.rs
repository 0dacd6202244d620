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
        let operations = execution.operations(air);
        let count = operations.div_ceil(capacity(air, k)) as u32;
        for index in 0..count {
            let range = operation_range(air, index, k, operations);
            let executed = || execution.executed()[range.start as usize..range.end as usize].iter().any(|n| *n != 0);
            if air == AirId::Program && !executed() {
                continue;
            }
            let rows = (range.end - range.start) * rows_per_operation(air);
            entries.push(PlanEntry { air: air.number(), index, rows });
        }
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
            let instances = match air {
                AirId::Program => program_instances(execution, k),
                _ => execution.operations(air).div_ceil(capacity(air, k)),
            };
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

fn program_instances(execution: &Execution, k: u32) -> u64 {
    let chunks = execution.executed().chunks(capacity(AirId::Program, k) as usize);
    chunks.filter(|chunk| chunk.iter().any(|n| *n != 0)).count() as u64
}
