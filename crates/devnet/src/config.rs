//! What a devnet is made of.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alloy_primitives::FixedBytes;
use quintet_beacon::{Fork, Preset};

use crate::{accounts::gas_of, clock::Clock, control::Rhythm, execution::GAS_LIMIT, node::MAX_REORG_DEPTH};

/// Most transactions a block may carry: the gas limit leaves room for more, the demo has no use for them.
pub const MAX_TRANSACTIONS: usize = 1000;
/// Most bytes of data of a transaction: what geth's pool takes, less the rest of the transaction.
pub const MAX_CALLDATA: usize = 100_000;
/// Most validators: keys are derived and listed one by one.
pub const MAX_VALIDATORS: u64 = 4096;

/// Configuration of an embedded chain.
#[derive(Debug, Clone)]
pub struct DevnetConfig {
    /// Where the Beacon API listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What drives the slots.
    pub clock: Clock,
    /// Length of a slot, as announced and as the real clock counts.
    pub slot_duration: Duration,
    /// Unix time of slot 0, in seconds.
    pub genesis_time: u64,
    /// Draws proposers and execution accounts. Same seed and genesis time, same chain.
    pub seed: u64,
    /// Number of validators, with the interop keys 0, 1, ….
    pub validators: u64,
    /// Transactions in a block that is not empty.
    pub txs_per_block: usize,
    /// Bytes of data in each transaction.
    pub calldata: usize,
    /// Missed slots, empty blocks and reorgs that come again and again.
    pub rhythm: Rhythm,
    /// Fork of all blocks: [`Fork::Electra`] or [`Fork::Fulu`].
    pub fork: Fork,
    /// Container sizes.
    pub preset: Preset,
    /// Chain id of the execution chain.
    pub chain_id: u64,
}

impl Default for DevnetConfig {
    fn default() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            clock: Clock::Real,
            slot_duration: Duration::from_secs(4),
            genesis_time: now.as_secs() + 2,
            seed: 1,
            validators: 64,
            txs_per_block: 12,
            calldata: 0,
            rhythm: Rhythm::default(),
            fork: Fork::Fulu,
            preset: Preset::MINIMAL,
            chain_id: 1337,
        }
    }
}

/// Why a devnet cannot start or do what it is asked for.
#[derive(Debug, thiserror::Error)]
pub enum DevnetError {
    /// A value of the configuration is out of range.
    #[error("devnet: {what} is {got}, must be {expected}")]
    Config {
        /// Which value.
        what: &'static str,
        /// What it is.
        got: String,
        /// What it may be.
        expected: &'static str,
    },
    /// The address cannot be listened on.
    #[error("devnet: cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's error.
        source: std::io::Error,
    },
    /// A reorg deeper than the unfinalized chain.
    #[error("a reorg of depth {depth} would drop finalized blocks or the genesis block")]
    ReorgTooDeep {
        /// Depth asked for.
        depth: usize,
    },
    /// Our own block does not fit its schema: a bug.
    #[error("devnet: built a block that is none: {0}")]
    Block(#[from] quintet_beacon::ssz::SszError),
    /// Our own payload has no block hash: a bug.
    #[error("devnet: built a payload without a header: {0}")]
    Payload(#[from] quintet_beacon::DecodeError),
    /// A validator key could not be derived: a bug.
    #[error("devnet: {0}")]
    Key(#[from] quintet_keys::BlsError),
}

impl DevnetConfig {
    /// Checks every value.
    ///
    /// # Errors
    /// Names the first value that is out of range.
    pub fn check(&self) -> Result<(), DevnetError> {
        let refuse = |what, got: String, expected| Err(DevnetError::Config { what, got, expected });
        if !matches!(self.fork, Fork::Electra | Fork::Fulu) {
            return refuse("fork", self.fork.to_string(), "electra or fulu");
        }
        if !(1..=MAX_VALIDATORS).contains(&self.validators) {
            return refuse("validators", self.validators.to_string(), "1 to 4096");
        }
        if self.txs_per_block > MAX_TRANSACTIONS {
            return refuse("txs_per_block", self.txs_per_block.to_string(), "at most 1000");
        }
        if self.calldata > MAX_CALLDATA {
            return refuse("calldata", self.calldata.to_string(), "at most 100000 bytes");
        }
        let gas = gas_of(self.calldata).saturating_mul(self.txs_per_block as u64);
        if gas > GAS_LIMIT {
            return refuse("gas of a block", gas.to_string(), "at most 60000000: fewer transactions, or less data");
        }
        if self.rhythm.reorg_depth > MAX_REORG_DEPTH {
            return refuse("reorg_depth", self.rhythm.reorg_depth.to_string(), "at most 3");
        }
        if self.rhythm.missed_every == 1 {
            return refuse("missed_every", "1".into(), "0, or at least 2: some slots need a block");
        }
        if self.slot_duration.as_millis() == 0 || self.slot_duration > Duration::from_secs(3600) {
            return refuse("slot_duration", format!("{:?}", self.slot_duration), "1 ms to 1 h");
        }
        Ok(())
    }

    /// The fork version of `fork` on this network. All versions end in 0x51 ("Q").
    #[must_use]
    pub fn fork_version(&self, fork: Fork) -> FixedBytes<4> {
        FixedBytes([(fork as u8 + 1) << 4, 0, 0, 0x51])
    }

    /// Unix time that the payload at `slot` carries. Payload times have whole seconds and must grow, so that slots
    /// shorter than a second count as one here.
    #[must_use]
    pub fn timestamp(&self, slot: u64) -> u64 {
        self.genesis_time + slot * self.slot_duration.as_secs().max(1)
    }
}
