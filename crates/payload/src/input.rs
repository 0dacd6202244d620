//! The owned form of the guest's input.

use alloc::vec::Vec;
use alloy_primitives::{Address, B256, Bytes, U256};

/// Which header fields a payload's block has. Later forks that add none are listed with the fork that did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PayloadFork {
    /// Capella / Shanghai: 17 fields, the last the withdrawals root.
    Capella,
    /// Deneb / Cancun: blob gas used, excess blob gas and parent beacon block root are added.
    Deneb,
    /// Electra / Prague, and Fulu / Osaka, whose header is the same: the requests hash is added.
    Electra,
}

impl PayloadFork {
    /// The fork's number in the encoding.
    #[must_use]
    pub const fn number(self) -> u64 {
        match self {
            Self::Capella => 0,
            Self::Deneb => 1,
            Self::Electra => 2,
        }
    }

    /// The fork with this number.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            0 => Some(Self::Capella),
            1 => Some(Self::Deneb),
            2 => Some(Self::Electra),
            _ => None,
        }
    }

    /// Whether headers have blob gas fields and the parent beacon block root.
    #[must_use]
    pub const fn has_blobs(self) -> bool {
        matches!(self, Self::Deneb | Self::Electra)
    }

    /// Whether headers have the requests hash.
    #[must_use]
    pub const fn has_requests(self) -> bool {
        matches!(self, Self::Electra)
    }
}

/// A withdrawal of the payload (EIP-4895).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Withdrawal {
    /// Number of the withdrawal since the first.
    pub index: u64,
    /// Validator that withdraws.
    pub validator_index: u64,
    /// Where the ether goes.
    pub address: Address,
    /// Amount in Gwei.
    pub amount: u64,
}

/// Everything that the guest reads: the execution payload, and the two header fields that stand elsewhere in the
/// beacon block. Fields that the fork does not have must be zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadInput {
    /// Which fields the header has.
    pub fork: PayloadFork,
    /// Hash of the parent block.
    pub parent_hash: B256,
    /// Header field `beneficiary`.
    pub fee_recipient: Address,
    /// State root after the block.
    pub state_root: B256,
    /// Root of the receipts trie.
    pub receipts_root: B256,
    /// Bloom filter over the logs.
    pub logs_bloom: [u8; 256],
    /// Header field `mix_hash`.
    pub prev_randao: B256,
    /// Block number.
    pub block_number: u64,
    /// Gas limit.
    pub gas_limit: u64,
    /// Gas used.
    pub gas_used: u64,
    /// Seconds since 1970.
    pub timestamp: u64,
    /// At most 32 bytes.
    pub extra_data: Bytes,
    /// Wei per gas.
    pub base_fee_per_gas: U256,
    /// The block hash that the payload claims.
    pub block_hash: B256,
    /// Deneb and later.
    pub blob_gas_used: u64,
    /// Deneb and later.
    pub excess_blob_gas: u64,
    /// Deneb and later: `parent_root` of the beacon block.
    pub parent_beacon_block_root: B256,
    /// Electra and later: hash of the execution requests (EIP-7685).
    pub requests_hash: B256,
    /// Withdrawals in payload order.
    pub withdrawals: Vec<Withdrawal>,
    /// Transactions as EIP-2718 bytes, in payload order.
    pub transactions: Vec<Bytes>,
}
