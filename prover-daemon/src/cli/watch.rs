//! `quintet-prover watch`.

use std::io::IsTerminal as _;

use anyhow::ensure;
use clap::Args;
use quintet_keys::PublicKey;

use crate::watch::{feed::Feed, screen};

/// Watch the current job on the terminal: phases and their countdown, instances, and this prover's part. q ends it.
#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// The gateway to ask; the daemon's if absent.
    #[arg(long, value_name = "URL", env = "QUINTET_GATEWAYS", value_delimiter = ',', required_unless_present = "daemon")]
    gateway: Vec<String>,
    /// The prover to follow; the daemon's if absent.
    #[arg(long)]
    pubkey: Option<PublicKey>,
    /// The daemon's own listener, as given to it by --metrics.
    #[arg(long, value_name = "URL")]
    daemon: Option<String>,
}

impl Watch {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let is_terminal = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
        ensure!(is_terminal, "watch needs a terminal; programs use `quintet-prover status --json`");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let Self { gateway, pubkey, daemon } = self;
        let outcome = runtime.block_on(async {
            let feed = Feed::new(gateway.first().map(String::as_str), pubkey.map(Into::into), daemon).await?;
            screen::show(feed).await
        });
        runtime.shutdown_background();
        outcome
    }
}
