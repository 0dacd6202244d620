//! `quintet-sidecar validator prove`: asks a beacon node for a state, and writes what `enrol` shows to the contract.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, bail};
use clap::Args;
use quintet_beacon::{BeaconClient, BlockId, ClientConfig, schema::block_header, ssz::from_json};
use quintet_types::{PublicKeyBytes, Slot};
use serde_json::Value;

use super::state::{Which, prove};

/// How long a node may take for a state.
const TIMEOUT: Duration = Duration::from_secs(900);

#[derive(Debug, Args)]
pub(super) struct Prove {
    /// Index of the validator on the beacon chain.
    #[arg(long, value_name = "INDEX", required_unless_present = "pubkey")]
    index: Option<usize>,
    /// Key of the validator, instead of its index.
    #[arg(long, value_name = "KEY", conflicts_with = "index")]
    pubkey: Option<PublicKeyBytes>,
    /// Beacon node that serves states (`/eth/v2/debug/beacon/states`). A state of mainnet has some 300 MB.
    #[arg(long, value_name = "URL")]
    beacon_url: String,
    /// The block under whose parent the record is proven: `finalized`, `head`, or a slot.
    #[arg(long, value_name = "BLOCK", default_value = "finalized", value_parser = parse_block)]
    block: BlockId,
    /// File to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

fn parse_block(text: &str) -> Result<BlockId, String> {
    match text {
        "finalized" => Ok(BlockId::Finalized),
        "head" => Ok(BlockId::Head),
        slot => slot.parse().map(|slot| BlockId::Slot(Slot(slot))).map_err(|_| "not `finalized`, `head` or a slot".to_owned()),
    }
}

impl Prove {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let which = match (self.index, self.pubkey) {
            (Some(index), _) => Which::Index(index),
            (None, Some(pubkey)) => Which::Key(pubkey),
            (None, None) => bail!("name --index or --pubkey"),
        };
        let client = BeaconClient::connect(ClientConfig::new(vec![self.beacon_url.clone()])).await?;
        let spec = client.spec();
        // The execution payload of this block has its parent's root in the contract of EIP-4788.
        let block = client.block(self.block).await?.context("the node has no such block")?;
        let parent = format!("{:?}", block.parent_root);
        let header: Value = self.get(&format!("/eth/v1/beacon/headers/{parent}"), "application/json").await?.json().await?;
        let header = &header["data"]["header"]["message"];
        let state_root = header["state_root"].as_str().context("a header without a state root")?;
        let slot: u64 = header["slot"].as_str().and_then(|slot| slot.parse().ok()).context("a header without a slot")?;
        let fork = spec.forks.fork_at(spec.epoch_of(Slot(slot))).context("a fork that is not known here")?;
        eprintln!("asking for the state of slot {slot}");
        let path = format!("/eth/v2/debug/beacon/states/{state_root}");
        let state = self.get(&path, "application/octet-stream").await?.bytes().await?;
        let timestamp = spec.genesis_time + block.slot.0 * spec.slot_duration.as_secs();
        let header = from_json(&block_header(), header)?;
        let proof = prove((fork, &spec.preset), &header, &state, which, timestamp)?;
        std::fs::write(&self.out, serde_json::to_vec_pretty(&proof)?)
            .with_context(|| format!("writing {}", self.out.display()))?;
        quintet_node::outln!("{}", self.out.display());
        Ok(())
    }

    async fn get(&self, path: &str, accept: &str) -> anyhow::Result<reqwest::Response> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        let url = format!("{}{path}", self.beacon_url.trim_end_matches('/'));
        let answer = http.get(url).header("accept", accept).send().await.with_context(|| path.to_owned())?;
        if !answer.status().is_success() {
            bail!("{path}: {}", answer.status());
        }
        Ok(answer)
    }
}
