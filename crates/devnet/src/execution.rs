//! Execution payloads: real transactions, roots and block hashes over a simulated state.

use alloy_consensus::constants::EMPTY_RECEIPTS;
use alloy_consensus::proofs::calculate_receipt_root;
use alloy_consensus::{Eip658Value, Receipt, ReceiptEnvelope, ReceiptWithBloom, Transaction as _};
use alloy_eips::eip1559::{BaseFeeParams, calc_next_block_base_fee};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_eips::eip4895::Withdrawal;
use alloy_eips::eip7685::Requests;
use alloy_primitives::{Address, B256, Bloom, Bytes, U256, keccak256};
use quintet_beacon::ExecutionPayloadParts;

use crate::accounts::{ACCOUNTS, Accounts};

pub(crate) const GAS_LIMIT: u64 = 60_000_000;
const GENESIS_BASE_FEE: u64 = 1_000_000_000;
const WITHDRAWALS_PER_BLOCK: u64 = 2;

/// What the next payload on a branch has to know of this one.
#[derive(Debug, Clone)]
pub(crate) struct ExecutionState {
    pub(crate) block_hash: B256,
    state_root: B256,
    block_number: u64,
    gas_used: u64,
    transactions: u64,
    base_fee: u64,
    next_withdrawal: u64,
    nonces: [u64; ACCOUNTS],
}

/// Where in the beacon chain a payload stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context {
    pub(crate) timestamp: u64,
    pub(crate) prev_randao: B256,
    pub(crate) parent_beacon_block_root: B256,
    pub(crate) transactions: usize,
    pub(crate) validators: u64,
}

impl ExecutionState {
    /// Transactions in the payload.
    pub(crate) const fn transactions(&self) -> u64 {
        self.transactions
    }

    /// The state of the genesis block, which has no payload.
    pub(crate) fn genesis(seed: u64) -> Self {
        let block_hash = keccak256([b"quintet devnet execution genesis".as_slice(), &seed.to_le_bytes()].concat());
        Self {
            block_hash,
            state_root: keccak256(block_hash),
            block_number: 0,
            gas_used: 0,
            transactions: 0,
            base_fee: GENESIS_BASE_FEE,
            next_withdrawal: 0,
            nonces: [0; ACCOUNTS],
        }
    }

    /// The payload that follows, and the state after it.
    ///
    /// # Errors
    /// Only if the header could not be made, which the base fee's bound rules out.
    pub(crate) fn next(
        &self,
        accounts: &Accounts,
        context: Context,
    ) -> Result<(ExecutionPayloadParts, Self), quintet_beacon::DecodeError> {
        let base_fee = calc_next_block_base_fee(self.gas_used, GAS_LIMIT, self.base_fee, BaseFeeParams::ethereum());
        let mut nonces = self.nonces;
        let transfers = accounts.transfers(context.transactions, base_fee, &mut nonces);
        let gas_used: u64 = transfers.iter().map(|transfer| transfer.gas_limit()).sum();
        let cumulative = transfers.iter().scan(0, |sum, transfer| {
            *sum += transfer.gas_limit();
            Some(receipt(*sum))
        });
        let receipts: Vec<_> = cumulative.collect();
        let withdrawals: Vec<_> = (self.next_withdrawal..self.next_withdrawal + WITHDRAWALS_PER_BLOCK)
            .map(|index| Withdrawal {
                index,
                validator_index: index % context.validators,
                address: Address::repeat_byte(0x57),
                amount: 1_000_000 + index,
            })
            .collect();
        // Accounts and storage are not simulated: the root only has to differ from block to block and branch to branch.
        let state_root =
            keccak256([self.state_root.as_slice(), context.prev_randao.as_slice(), &gas_used.to_le_bytes()].concat());
        let mut payload = ExecutionPayloadParts {
            parent_hash: self.block_hash,
            fee_recipient: Address::repeat_byte(0x51),
            state_root,
            receipts_root: if receipts.is_empty() { EMPTY_RECEIPTS } else { calculate_receipt_root(&receipts) },
            logs_bloom: Bloom::ZERO,
            prev_randao: context.prev_randao,
            block_number: self.block_number + 1,
            gas_limit: GAS_LIMIT,
            gas_used,
            timestamp: context.timestamp,
            extra_data: Bytes::from_static(b"quintet devnet"),
            base_fee_per_gas: U256::from(base_fee),
            block_hash: B256::ZERO,
            transactions: transfers.iter().map(|transfer| transfer.encoded_2718().into()).collect(),
            withdrawals: Some(withdrawals),
            blob_gas_used: Some(0),
            excess_blob_gas: Some(0),
            parent_beacon_block_root: Some(context.parent_beacon_block_root),
            execution_requests: Some(Requests::default()),
            block_access_list: None,
            slot_number: None,
        };
        payload.block_hash = payload.compute_block_hash()?;
        let state = Self {
            block_hash: payload.block_hash,
            state_root,
            block_number: payload.block_number,
            gas_used,
            transactions: transfers.len() as u64,
            base_fee,
            next_withdrawal: self.next_withdrawal + WITHDRAWALS_PER_BLOCK,
            nonces,
        };
        Ok((payload, state))
    }
}

/// The receipt of a transaction that succeeded: no logs.
fn receipt(cumulative_gas_used: u64) -> ReceiptEnvelope {
    ReceiptEnvelope::Eip1559(ReceiptWithBloom {
        receipt: Receipt { status: Eip658Value::Eip658(true), cumulative_gas_used, logs: Vec::new() },
        logs_bloom: Bloom::ZERO,
    })
}
