//! Flags of the embedded chain that both programs have.

use clap::Args;

use crate::{DevnetConfig, Rhythm};

/// What the blocks of the embedded chain are like.
#[derive(Clone, Copy, Debug, Args)]
pub struct ChainFlags {
    /// Transactions in a block.
    #[arg(long, value_name = "N", default_value_t = 12)]
    txs_per_block: usize,
    /// Bytes of data in each transaction. With the default and 12 transactions a job has several cpu and two memory instances at k = 11.
    #[arg(long, value_name = "BYTES", default_value_t = ChainFlags::CALLDATA)]
    calldata: usize,
    /// Every Nth slot stays without a block; 0 for none.
    #[arg(long, value_name = "N", default_value_t = 0)]
    missed_every: u64,
    /// The block of every Nth slot is empty; 0 for none.
    #[arg(long, value_name = "N", default_value_t = 0)]
    empty_every: u64,
    /// The block of every Nth slot drops the blocks before it; 0 for none.
    #[arg(long, value_name = "N", default_value_t = 0)]
    reorg_every: u64,
    /// Blocks that a reorg drops, 1 to 3.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = 1..=3, requires = "reorg_every")]
    reorg_depth: i64,
}

impl ChainFlags {
    /// Bytes of data in each transaction of the launcher's chain.
    pub const CALLDATA: usize = 960;

    /// The configuration of `base` with these blocks.
    #[must_use]
    pub fn apply(&self, base: DevnetConfig) -> DevnetConfig {
        let rhythm = Rhythm {
            missed_every: self.missed_every,
            empty_every: self.empty_every,
            reorg_every: self.reorg_every,
            reorg_depth: usize::try_from(self.reorg_depth).unwrap_or(1),
        };
        DevnetConfig { txs_per_block: self.txs_per_block, calldata: self.calldata, rhythm, ..base }
    }
}

impl Default for ChainFlags {
    fn default() -> Self {
        Self { txs_per_block: 12, calldata: Self::CALLDATA, missed_every: 0, empty_every: 0, reorg_every: 0, reorg_depth: 1 }
    }
}
