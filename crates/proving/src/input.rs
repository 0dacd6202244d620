//! The guest's input out of a beacon block's execution payload.

use alloy_eips::eip4895;
use alloy_primitives::B256;
use quintet_beacon::payload::ExecutionPayloadParts;
use quintet_payload::{PayloadFork, PayloadInput, Withdrawal};

use crate::Error;

/// What the payload guest reads about a block: everything that its execution block hash follows from.
///
/// # Errors
/// If the block is of a fork that the guest does not know: before Capella, or from Gloas on.
pub fn payload_input(parts: &ExecutionPayloadParts) -> Result<PayloadInput, Error> {
    let requests_hash = parts.requests_hash();
    let fork = match (&parts.withdrawals, parts.blob_gas_used, requests_hash) {
        (None, ..) => return Err(Error::Fork("before Capella")),
        _ if parts.block_access_list.is_some() || parts.slot_number.is_some() => return Err(Error::Fork("Gloas")),
        (Some(_), None, _) => PayloadFork::Capella,
        (Some(_), Some(_), None) => PayloadFork::Deneb,
        (Some(_), Some(_), Some(_)) => PayloadFork::Electra,
    };
    let withdrawal = |w: &eip4895::Withdrawal| Withdrawal {
        index: w.index,
        validator_index: w.validator_index,
        address: w.address,
        amount: w.amount,
    };
    Ok(PayloadInput {
        fork,
        parent_hash: parts.parent_hash,
        fee_recipient: parts.fee_recipient,
        state_root: parts.state_root,
        receipts_root: parts.receipts_root,
        logs_bloom: parts.logs_bloom.0.0,
        prev_randao: parts.prev_randao,
        block_number: parts.block_number,
        gas_limit: parts.gas_limit,
        gas_used: parts.gas_used,
        timestamp: parts.timestamp,
        extra_data: parts.extra_data.clone(),
        base_fee_per_gas: parts.base_fee_per_gas,
        block_hash: parts.block_hash,
        blob_gas_used: parts.blob_gas_used.unwrap_or_default(),
        excess_blob_gas: parts.excess_blob_gas.unwrap_or_default(),
        parent_beacon_block_root: if fork.has_blobs() {
            parts.parent_beacon_block_root.unwrap_or_default()
        } else {
            B256::ZERO
        },
        requests_hash: requests_hash.unwrap_or_default(),
        withdrawals: parts.withdrawals.iter().flatten().map(withdrawal).collect(),
        transactions: parts.transactions.clone(),
    })
}
