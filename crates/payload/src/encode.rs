//! From value to bytes: the canonical encoding and its root.

use crate::input::PayloadInput;
use crate::layout as at;
use alloc::vec::Vec;
use alloy_primitives::{B256, keccak256};
use thiserror::Error;

/// Why a value has no encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// More extra data than a header can have.
    #[error("{len} bytes of extra data, more than {}", at::MAX_EXTRA_DATA)]
    ExtraData {
        /// Length given.
        len: usize,
    },
    /// More withdrawals than a payload can have.
    #[error("{count} withdrawals, more than {}", at::MAX_WITHDRAWALS)]
    Withdrawals {
        /// Count given.
        count: usize,
    },
    /// More transactions than a payload can have.
    #[error("{count} transactions, more than {}", at::MAX_TRANSACTIONS)]
    Transactions {
        /// Count given.
        count: usize,
    },
    /// A transaction without bytes; consensus clients reject such payloads before they ask for the block hash.
    #[error("transaction {index} has no bytes")]
    EmptyTransaction {
        /// Index of the transaction.
        index: usize,
    },
    /// A field has a value although the fork does not have the field.
    #[error("the fork's header has no {field}")]
    FieldOfLaterFork {
        /// Name of the field.
        field: &'static str,
    },
    /// The encoding would be longer than [`at::MAX_LEN`].
    #[error("the encoding has {len} bytes, more than {}", at::MAX_LEN)]
    TooLong {
        /// Its length.
        len: usize,
    },
}

/// The root that stands for an input in a statement: the Keccak-256 hash of the encoding.
///
/// One hash over the bytes, as nobody proves parts of the input against it, and the encoding is the only one.
#[must_use]
pub fn input_root(encoding: &[u8]) -> B256 {
    keccak256(encoding)
}

impl PayloadInput {
    /// The canonical encoding, see [`layout`](crate::layout).
    ///
    /// # Errors
    /// If a bound is exceeded, or a field is set that the fork does not have.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        self.check_fork_fields()?;
        let (w, t) = (self.withdrawals.len(), self.transactions.len());
        if self.extra_data.len() > at::MAX_EXTRA_DATA {
            return Err(EncodeError::ExtraData { len: self.extra_data.len() });
        }
        if w > at::MAX_WITHDRAWALS {
            return Err(EncodeError::Withdrawals { count: w });
        }
        if t > at::MAX_TRANSACTIONS {
            return Err(EncodeError::Transactions { count: t });
        }
        if let Some(index) = self.transactions.iter().position(|transaction| transaction.is_empty()) {
            return Err(EncodeError::EmptyTransaction { index });
        }
        let payload: usize = self.transactions.iter().map(|transaction| transaction.len()).sum();
        let len = at::HEAD + w * at::WITHDRAWAL + t * 8 + payload;
        if len > at::MAX_LEN {
            return Err(EncodeError::TooLong { len });
        }

        let mut out = Vec::with_capacity(len);
        self.encode_head(&mut out);
        for withdrawal in &self.withdrawals {
            put_word(&mut out, withdrawal.index);
            put_word(&mut out, withdrawal.validator_index);
            put_padded(&mut out, withdrawal.address.as_slice(), 24);
            put_word(&mut out, withdrawal.amount);
        }
        let mut end = 0;
        for transaction in &self.transactions {
            end += transaction.len() as u64;
            put_word(&mut out, end);
        }
        for transaction in &self.transactions {
            out.extend_from_slice(transaction);
        }
        debug_assert_eq!(out.len(), len);
        Ok(out)
    }

    /// The fixed part, in the order of [`layout`](crate::layout).
    fn encode_head(&self, out: &mut Vec<u8>) {
        put_word(out, at::MAGIC);
        put_word(out, self.fork.number());
        out.extend_from_slice(self.parent_hash.as_slice());
        put_padded(out, self.fee_recipient.as_slice(), 24);
        out.extend_from_slice(self.state_root.as_slice());
        out.extend_from_slice(self.receipts_root.as_slice());
        out.extend_from_slice(&self.logs_bloom);
        out.extend_from_slice(self.prev_randao.as_slice());
        put_word(out, self.block_number);
        put_word(out, self.gas_limit);
        put_word(out, self.gas_used);
        put_word(out, self.timestamp);
        put_word(out, self.extra_data.len() as u64);
        put_padded(out, &self.extra_data, at::MAX_EXTRA_DATA);
        out.extend_from_slice(&self.base_fee_per_gas.to_le_bytes::<32>());
        out.extend_from_slice(self.block_hash.as_slice());
        put_word(out, self.blob_gas_used);
        put_word(out, self.excess_blob_gas);
        out.extend_from_slice(self.parent_beacon_block_root.as_slice());
        out.extend_from_slice(self.requests_hash.as_slice());
        put_word(out, self.withdrawals.len() as u64);
        put_word(out, self.transactions.len() as u64);
        debug_assert_eq!(out.len(), at::HEAD);
    }

    /// Fields that the fork does not have are zero.
    fn check_fork_fields(&self) -> Result<(), EncodeError> {
        let blobs = self.fork.has_blobs();
        let fields = [
            (blobs || self.blob_gas_used == 0, "blob_gas_used"),
            (blobs || self.excess_blob_gas == 0, "excess_blob_gas"),
            (blobs || self.parent_beacon_block_root.is_zero(), "parent_beacon_block_root"),
            (self.fork.has_requests() || self.requests_hash.is_zero(), "requests_hash"),
        ];
        match fields.into_iter().find(|(fine, _)| !fine) {
            Some((_, field)) => Err(EncodeError::FieldOfLaterFork { field }),
            None => Ok(()),
        }
    }
}

fn put_word(out: &mut Vec<u8>, word: u64) {
    out.extend_from_slice(&word.to_le_bytes());
}

/// `bytes`, then zeros up to `len`.
fn put_padded(out: &mut Vec<u8>, bytes: &[u8], len: usize) {
    out.extend_from_slice(bytes);
    out.resize(out.len() + len - bytes.len(), 0);
}
