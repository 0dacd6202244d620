//! The encoding read in place: checked once, then fields are borrowed from the bytes. This is what the guest works on.

use crate::input::{PayloadFork, PayloadInput, Withdrawal};
use crate::layout as at;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, Bytes, U256};
use thiserror::Error;

/// Why bytes are not the encoding of a payload input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Shorter than the fixed part, or than its counts say.
    #[error("the input has {len} bytes, expected {expected}")]
    Length {
        /// Length found.
        len: usize,
        /// Length that follows from the fields (at least).
        expected: usize,
    },
    /// Longer than [`at::MAX_LEN`].
    #[error("the input has {len} bytes, more than {}", at::MAX_LEN)]
    TooLong {
        /// Length found.
        len: usize,
    },
    /// The first word is neither the magic nor a version known.
    #[error("the input starts with {found:#018x}, expected {:#018x}", at::MAGIC)]
    Magic {
        /// First word found.
        found: u64,
    },
    /// No fork has this number.
    #[error("there is no fork number {number}")]
    Fork {
        /// Number found.
        number: u64,
    },
    /// More extra data than a header can have.
    #[error("{len} bytes of extra data, more than {}", at::MAX_EXTRA_DATA)]
    ExtraData {
        /// Length found.
        len: u64,
    },
    /// Padding, or a field that the fork does not have, is not zero.
    #[error("bytes that must be zero are not, in the field at offset {offset}")]
    NotZero {
        /// Offset of the field.
        offset: usize,
    },
    /// More withdrawals than a payload can have.
    #[error("{count} withdrawals, more than {}", at::MAX_WITHDRAWALS)]
    Withdrawals {
        /// Count found.
        count: u64,
    },
    /// More transactions than a payload can have.
    #[error("{count} transactions, more than {}", at::MAX_TRANSACTIONS)]
    Transactions {
        /// Count found.
        count: u64,
    },
    /// A transaction is empty or ends before it starts.
    #[error("transaction {index} has no bytes")]
    EmptyTransaction {
        /// Index of the transaction.
        index: usize,
    },
}

/// A checked encoding.
#[derive(Clone, Copy, Debug)]
pub struct PayloadView<'a> {
    fork: PayloadFork,
    head: &'a [u8; at::HEAD],
    withdrawals: &'a [[u8; at::WITHDRAWAL]],
    ends: &'a [[u8; 8]],
    transactions: &'a [u8],
}

impl<'a> PayloadView<'a> {
    /// Checks that `bytes` are the encoding of a value, entirely.
    ///
    /// # Errors
    /// The first rule that the bytes break.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let len = bytes.len();
        if len > at::MAX_LEN {
            return Err(DecodeError::TooLong { len });
        }
        let Some((head, rest)) = bytes.split_first_chunk::<{ at::HEAD }>() else {
            return Err(DecodeError::Length { len, expected: at::HEAD });
        };
        let found = word(head, 0);
        if found != at::MAGIC {
            return Err(DecodeError::Magic { found });
        }
        let number = word(head, at::FORK);
        let fork = PayloadFork::from_number(number).ok_or(DecodeError::Fork { number })?;
        check_zeros(head, fork)?;

        let count = word(head, at::WITHDRAWAL_COUNT);
        if count > at::MAX_WITHDRAWALS as u64 {
            return Err(DecodeError::Withdrawals { count });
        }
        let withdrawals_len = count as usize * at::WITHDRAWAL;
        let count = word(head, at::TRANSACTION_COUNT);
        if count > at::MAX_TRANSACTIONS as u64 {
            return Err(DecodeError::Transactions { count });
        }
        let ends_len = count as usize * 8;
        let expected = at::HEAD + withdrawals_len + ends_len;

        let Some((withdrawals, rest)) = rest.split_at_checked(withdrawals_len) else {
            return Err(DecodeError::Length { len, expected });
        };
        let (withdrawals, _) = withdrawals.as_chunks::<{ at::WITHDRAWAL }>();
        if withdrawals.iter().any(|withdrawal| word(withdrawal, 32) >> 32 != 0) {
            return Err(DecodeError::NotZero { offset: at::HEAD });
        }
        let Some((ends, transactions)) = rest.split_at_checked(ends_len) else {
            return Err(DecodeError::Length { len, expected });
        };
        let (ends, _) = ends.as_chunks::<8>();
        let mut end = 0;
        for (index, bytes) in ends.iter().enumerate() {
            let next = u64::from_le_bytes(*bytes);
            if next <= end {
                return Err(DecodeError::EmptyTransaction { index });
            }
            end = next;
        }
        if end != transactions.len() as u64 {
            let expected = expected.saturating_add(usize::try_from(end).unwrap_or(usize::MAX));
            return Err(DecodeError::Length { len, expected });
        }
        Ok(Self { fork, head, withdrawals, ends, transactions })
    }

    /// Which fields the header has.
    #[inline]
    #[must_use]
    pub const fn fork(&self) -> PayloadFork {
        self.fork
    }

    /// The number at an offset of [`layout`](crate::layout).
    #[inline]
    pub(crate) fn word(&self, offset: usize) -> u64 {
        word(self.head, offset)
    }

    /// The bytes at an offset of [`layout`](crate::layout).
    #[inline]
    pub(crate) fn bytes<const N: usize>(&self, offset: usize) -> &'a [u8; N] {
        part(self.head, offset)
    }

    /// The extra data without its padding.
    #[inline]
    #[must_use]
    pub fn extra_data(&self) -> &'a [u8] {
        let padded = self.bytes::<{ at::MAX_EXTRA_DATA }>(at::EXTRA_DATA);
        let len = self.word(at::EXTRA_DATA_LEN) as usize;
        padded.get(..len).unwrap_or(padded)
    }

    /// Number of withdrawals.
    #[inline]
    #[must_use]
    pub const fn withdrawal_count(&self) -> usize {
        self.withdrawals.len()
    }

    /// Number of transactions.
    #[inline]
    #[must_use]
    pub const fn transaction_count(&self) -> usize {
        self.ends.len()
    }

    /// Withdrawal number `i`: index, validator index, address, amount.
    ///
    /// # Panics
    /// If there are not so many.
    #[inline]
    #[must_use]
    pub fn withdrawal(&self, i: usize) -> (u64, u64, &'a [u8; 20], u64) {
        let bytes = &self.withdrawals[i];
        (word(bytes, 0), word(bytes, 8), part(bytes, 16), word(bytes, 40))
    }

    /// The bytes of transaction `i`, empty if there are not so many.
    #[inline]
    #[must_use]
    pub fn transaction(&self, i: usize) -> &'a [u8] {
        let end = |i: usize| self.ends.get(i).map_or(0, |end| u64::from_le_bytes(*end) as usize);
        let start = if i == 0 { 0 } else { end(i - 1) };
        self.transactions.get(start..end(i)).unwrap_or_default()
    }

    /// The owned form.
    #[must_use]
    pub fn to_input(&self) -> PayloadInput {
        let hash = |offset| B256::new(*self.bytes(offset));
        PayloadInput {
            fork: self.fork,
            parent_hash: hash(at::PARENT_HASH),
            fee_recipient: Address::new(*self.bytes(at::FEE_RECIPIENT)),
            state_root: hash(at::STATE_ROOT),
            receipts_root: hash(at::RECEIPTS_ROOT),
            logs_bloom: *self.bytes(at::LOGS_BLOOM),
            prev_randao: hash(at::PREV_RANDAO),
            block_number: self.word(at::BLOCK_NUMBER),
            gas_limit: self.word(at::GAS_LIMIT),
            gas_used: self.word(at::GAS_USED),
            timestamp: self.word(at::TIMESTAMP),
            extra_data: Bytes::copy_from_slice(self.extra_data()),
            base_fee_per_gas: U256::from_le_bytes(*self.bytes::<32>(at::BASE_FEE)),
            block_hash: hash(at::BLOCK_HASH),
            blob_gas_used: self.word(at::BLOB_GAS_USED),
            excess_blob_gas: self.word(at::EXCESS_BLOB_GAS),
            parent_beacon_block_root: hash(at::PARENT_BEACON_BLOCK_ROOT),
            requests_hash: hash(at::REQUESTS_HASH),
            withdrawals: (0..self.withdrawal_count())
                .map(|i| {
                    let (index, validator_index, address, amount) = self.withdrawal(i);
                    Withdrawal { index, validator_index, address: Address::new(*address), amount }
                })
                .collect(),
            transactions: (0..self.transaction_count())
                .map(|i| Bytes::copy_from_slice(self.transaction(i)))
                .collect::<Vec<_>>(),
        }
    }
}

/// Rules about zeros in the fixed part: padding, and fields that the fork does not have.
fn check_zeros(head: &[u8; at::HEAD], fork: PayloadFork) -> Result<(), DecodeError> {
    let zero = |offset: usize, words: usize| {
        if (0..words).fold(0, |or, i| or | word(head, offset + 8 * i)) == 0 {
            Ok(())
        } else {
            Err(DecodeError::NotZero { offset })
        }
    };
    if word(head, at::FEE_RECIPIENT + 16) >> 32 != 0 {
        return Err(DecodeError::NotZero { offset: at::FEE_RECIPIENT });
    }
    let len = word(head, at::EXTRA_DATA_LEN);
    if len > at::MAX_EXTRA_DATA as u64 {
        return Err(DecodeError::ExtraData { len });
    }
    for i in 0..at::MAX_EXTRA_DATA / 8 {
        let used = (len as usize).saturating_sub(8 * i);
        if used < 8 && word(head, at::EXTRA_DATA + 8 * i) >> (8 * used) != 0 {
            return Err(DecodeError::NotZero { offset: at::EXTRA_DATA });
        }
    }
    if !fork.has_blobs() {
        zero(at::BLOB_GAS_USED, 1)?;
        zero(at::EXCESS_BLOB_GAS, 1)?;
        zero(at::PARENT_BEACON_BLOCK_ROOT, 4)?;
    }
    if !fork.has_requests() {
        zero(at::REQUESTS_HASH, 4)?;
    }
    Ok(())
}

/// `N` bytes at an offset that the compiler knows to be inside.
#[inline(always)]
fn part<const N: usize, const M: usize>(bytes: &[u8; M], offset: usize) -> &[u8; N] {
    bytes[offset..].first_chunk().expect("offsets are those of the layout")
}

/// The little-endian word at an offset of the layout.
#[inline(always)]
fn word<const M: usize>(bytes: &[u8; M], offset: usize) -> u64 {
    u64::from_le_bytes(*part(bytes, offset))
}
