//! The check itself.

use crate::header::block_hash;
use crate::keccak::Keccak;
use crate::layout as at;
use crate::output::PayloadOutput;
use crate::rlp::{self, Writer};
use crate::trie::{Items, Scratch, ordered_root};
use crate::view::{DecodeError, PayloadView};
use thiserror::Error;

/// Why a payload is not accepted. [`exit_code`](Self::exit_code) is what the guest halts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CheckError {
    /// The input is not an encoding.
    #[error("the input is malformed: {0}")]
    Input(#[from] DecodeError),
    /// The header that the payload makes has another hash.
    #[error("the payload claims another block hash than its header has")]
    BlockHash {
        /// Hash of the header.
        computed: [u8; 32],
        /// Hash in the payload.
        claimed: [u8; 32],
    },
}

impl CheckError {
    /// The guest's exit code: 0x10 to 0x18 for a malformed input, 0x20 for a wrong block hash.
    #[must_use]
    pub const fn exit_code(&self) -> u64 {
        match self {
            Self::Input(error) => match error {
                DecodeError::Length { .. } => 0x10,
                DecodeError::TooLong { .. } => 0x11,
                DecodeError::Magic { .. } => 0x12,
                DecodeError::Fork { .. } => 0x13,
                DecodeError::ExtraData { .. } => 0x14,
                DecodeError::NotZero { .. } => 0x15,
                DecodeError::Withdrawals { .. } => 0x16,
                DecodeError::Transactions { .. } => 0x17,
                DecodeError::EmptyTransaction { .. } => 0x18,
            },
            Self::BlockHash { .. } => 0x20,
        }
    }
}

/// Parses an encoding and checks the payload in it.
///
/// # Errors
/// If the bytes are malformed, or the block hash is another than the payload claims.
pub fn check_bytes<H: Keccak>(bytes: &[u8]) -> Result<PayloadOutput, CheckError> {
    check::<H>(&PayloadView::parse(bytes)?)
}

/// Recomputes the block hash from the payload's parts.
///
/// # Errors
/// If it is another than the payload claims.
pub fn check<H: Keccak>(payload: &PayloadView<'_>) -> Result<PayloadOutput, CheckError> {
    let transactions_root = ordered_root::<H>(&Transactions(payload));
    let withdrawals_root = ordered_root::<H>(&Withdrawals(payload));
    let computed = block_hash::<H>(payload, &transactions_root, &withdrawals_root);
    let claimed = *payload.bytes(at::BLOCK_HASH);
    if computed != claimed {
        return Err(CheckError::BlockHash { computed, claimed });
    }
    Ok(PayloadOutput {
        block_hash: computed,
        parent_hash: *payload.bytes(at::PARENT_HASH),
        state_root: *payload.bytes(at::STATE_ROOT),
        block_number: payload.word(at::BLOCK_NUMBER),
        gas_used: payload.word(at::GAS_USED),
    })
}

/// Transactions as trie items: their EIP-2718 bytes.
struct Transactions<'a>(&'a PayloadView<'a>);

impl Items for Transactions<'_> {
    #[inline]
    fn len(&self) -> usize {
        self.0.transaction_count()
    }

    #[inline]
    fn item<'a>(&'a self, i: usize, _scratch: &'a mut Scratch) -> &'a [u8] {
        self.0.transaction(i)
    }
}

/// Withdrawals as trie items: the RLP of EIP-4895.
struct Withdrawals<'a>(&'a PayloadView<'a>);

impl Items for Withdrawals<'_> {
    #[inline]
    fn len(&self) -> usize {
        self.0.withdrawal_count()
    }

    #[inline]
    fn item<'a>(&'a self, i: usize, scratch: &'a mut Scratch) -> &'a [u8] {
        // Three numbers of at most 9 bytes and an address of 21: a payload below 56 bytes, so a header of one.
        let (index, validator_index, address, amount) = self.0.withdrawal(i);
        let mut out = Writer::new(scratch, 1);
        out.number(index);
        out.number(validator_index);
        out.fixed(address);
        out.number(amount);
        let end = out.position();
        let start = rlp::prepend_list_header(scratch, 1, end);
        &scratch[start..end]
    }
}
