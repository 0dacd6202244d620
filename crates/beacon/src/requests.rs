//! Execution requests of a beacon block as the entries that the execution header hashes (EIP-7685).

use alloy_eips::eip7685::Requests;
use alloy_primitives::Bytes;

use crate::ssz::{SszError, View};

/// Request types by field of `ExecutionRequests`: EIP-6110, EIP-7002, EIP-7251, and EIP-8282 from Gloas on.
const TYPES: [(&str, u8); 5] =
    [("deposits", 0), ("withdrawals", 1), ("consolidations", 2), ("builder_deposits", 3), ("builder_exits", 4)];

/// `get_execution_requests_list` (electra/beacon-chain.md): type byte and SSZ of each list that is not empty.
pub(crate) fn execution_requests(container: &View<'_>) -> Result<Requests, SszError> {
    let mut entries = Vec::new();
    for (name, kind) in TYPES {
        let Some(list) = container.find(name)? else { continue };
        if !list.as_bytes().is_empty() {
            let mut entry = Vec::with_capacity(1 + list.as_bytes().len());
            entry.push(kind);
            entry.extend_from_slice(list.as_bytes());
            entries.push(Bytes::from(entry));
        }
    }
    Ok(Requests::new(entries))
}
