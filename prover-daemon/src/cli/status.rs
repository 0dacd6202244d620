//! `quintet-prover status`: a prover's duties and history, as a gateway has them.

use std::time::Duration;

use clap::Args;
use quintet_api::{GatewayClient, ProverDetail};
use quintet_keys::PublicKey;

/// Show a prover's standing, duties and history.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// The gateway to ask.
    #[arg(long, value_name = "URL", env = "QUINTET_GATEWAYS")]
    gateway: String,
    /// The prover.
    #[arg(long)]
    pubkey: PublicKey,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Status {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let client = GatewayClient::new(&self.gateway, Duration::from_secs(10))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let detail = runtime.block_on(client.prover(&self.pubkey.into()))?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&detail)?);
        } else {
            print(&detail);
        }
        Ok(())
    }
}

fn print(detail: &ProverDetail) {
    let ProverDetail { prover, duties, history } = detail;
    let weight = prover.weight as f64 / 65_536.0;
    println!("{}  #{}  {:?}  weight {weight:.3}  balance {}", prover.pubkey, prover.index, prover.status, prover.balance);
    for duty in duties {
        println!("due   {}  commit {}  prove {}", duty.job, duty.commit.len(), duty.prove.len());
    }
    for line in history {
        println!("past  {}  {}  {} of {} valid", line.job, line.phase, line.valid, line.due);
    }
}
