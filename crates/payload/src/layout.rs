//! Where each field of the guest's input stands.
//!
//! All numbers are little-endian, every field starts at a multiple of eight bytes, and what fills up to one must be
//! zero, as must fields that the fork does not have. Together with the exact length this leaves one encoding for a
//! value. In the machine's input region the encoding follows the length word.
//!
//! ```text
//!   0  magic and version           424  block number         528  block hash
//!   8  fork number                 432  gas limit            560  blob gas used
//!  16  parent hash                 440  gas used             568  excess blob gas
//!  48  fee recipient (20)          448  timestamp            576  parent beacon block root
//!  72  state root                  456  extra data length    608  requests hash
//! 104  receipts root               464  extra data (32)      640  number of withdrawals, w
//! 136  logs bloom (256)            496  base fee (32)        648  number of transactions, t
//! 392  prev randao
//! 656            w × 48 bytes: index, validator index, address (20, padded to 24), amount
//! 656 + 48w      t × 8 bytes: where transaction i ends, counted from the first transaction's start
//! 656 + 48w + 8t the transactions, one behind the other
//! ```

/// First eight bytes: `"QNTPAY"`, a zero, the version of the encoding.
pub const MAGIC: u64 = u64::from_le_bytes(*b"QNTPAY\0\x01");

/// Offset of the fork number.
pub const FORK: usize = 8;
/// Offset of the parent hash.
pub const PARENT_HASH: usize = 16;
/// Offset of the fee recipient.
pub const FEE_RECIPIENT: usize = 48;
/// Offset of the state root.
pub const STATE_ROOT: usize = 72;
/// Offset of the receipts root.
pub const RECEIPTS_ROOT: usize = 104;
/// Offset of the logs bloom.
pub const LOGS_BLOOM: usize = 136;
/// Offset of the RANDAO mix.
pub const PREV_RANDAO: usize = 392;
/// Offset of the block number.
pub const BLOCK_NUMBER: usize = 424;
/// Offset of the gas limit.
pub const GAS_LIMIT: usize = 432;
/// Offset of the gas used.
pub const GAS_USED: usize = 440;
/// Offset of the timestamp.
pub const TIMESTAMP: usize = 448;
/// Offset of the extra data's length.
pub const EXTRA_DATA_LEN: usize = 456;
/// Offset of the extra data.
pub const EXTRA_DATA: usize = 464;
/// Offset of the base fee.
pub const BASE_FEE: usize = 496;
/// Offset of the block hash.
pub const BLOCK_HASH: usize = 528;
/// Offset of the blob gas used.
pub const BLOB_GAS_USED: usize = 560;
/// Offset of the excess blob gas.
pub const EXCESS_BLOB_GAS: usize = 568;
/// Offset of the parent beacon block root.
pub const PARENT_BEACON_BLOCK_ROOT: usize = 576;
/// Offset of the requests hash.
pub const REQUESTS_HASH: usize = 608;
/// Offset of the number of withdrawals.
pub const WITHDRAWAL_COUNT: usize = 640;
/// Offset of the number of transactions.
pub const TRANSACTION_COUNT: usize = 648;
/// Bytes before the withdrawals.
pub const HEAD: usize = 656;
/// Bytes of a withdrawal.
pub const WITHDRAWAL: usize = 48;

/// Most bytes of extra data (yellow paper, section 4.3.4).
pub const MAX_EXTRA_DATA: usize = 32;
/// Most withdrawals: `MAX_WITHDRAWALS_PER_PAYLOAD` of the consensus specification.
pub const MAX_WITHDRAWALS: usize = 16;
/// Most transactions: `MAX_TRANSACTIONS_PER_PAYLOAD` of the consensus specification.
pub const MAX_TRANSACTIONS: usize = 1 << 20;
/// Most bytes of an encoding, 16 MiB: a block of gossip's 10 MiB limit with a table of its smallest transactions fits.
pub const MAX_LEN: usize = 1 << 24;
