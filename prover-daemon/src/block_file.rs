//! Reading a beacon block from a file, as the Beacon API gives it.

use std::{fs::File, io::Read as _, path::Path, sync::Arc};

use anyhow::{Context as _, bail};
use quintet_beacon::{block::BlockInfo, decode::decode_block_file};
use quintet_payload::PayloadOutput;
use quintet_proving::{Error, payload_input};
use quintet_types::{JobId, Root};

/// Larger than any block: the gossip limit is 10 MiB, JSON doubles it.
const MAX_FILE: u64 = 64 << 20;

/// A block that can be proven.
pub(crate) struct Block {
    /// What the beacon block says.
    pub(crate) info: BlockInfo,
    /// The canonical input of the guest.
    pub(crate) input: Arc<[u8]>,
    /// What the guest has to commit if the block is what it says.
    pub(crate) output: PayloadOutput,
}

impl Block {
    /// Reads and decodes a file, JSON or SSZ.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let file = File::open(path).with_context(|| format!("opening {shown}"))?;
        let mut bytes = Vec::new();
        file.take(MAX_FILE + 1).read_to_end(&mut bytes).with_context(|| format!("reading {shown}"))?;
        if bytes.len() as u64 > MAX_FILE {
            bail!("{shown} is larger than {MAX_FILE} bytes: no beacon block is");
        }
        let info = decode_block_file(&bytes).with_context(|| format!("{shown} is no beacon block"))?;
        let payload = info.payload().ok_or(Error::NoPayload(info.block_root))?;
        let input = payload_input(payload)?.encode().map_err(Error::from)?;
        let output = PayloadOutput {
            block_hash: payload.block_hash.0,
            parent_hash: payload.parent_hash.0,
            state_root: payload.state_root.0,
            block_number: payload.block_number,
            gas_used: payload.gas_used,
        };
        Ok(Self { input: input.into(), output, info })
    }

    /// The job that proves this block as a whole, first attempt.
    pub(crate) fn job(&self) -> JobId {
        JobId::new(self.info.slot, self.info.block_root)
    }

    /// Root of the guest's input.
    pub(crate) fn input_root(&self) -> Root {
        quintet_payload::input_root(&self.input)
    }

    /// Number of transactions.
    pub(crate) fn transactions(&self) -> usize {
        self.info.payload().map_or(0, |payload| payload.transactions.len())
    }
}
