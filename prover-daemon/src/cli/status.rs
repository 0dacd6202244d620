//! `quintet-prover status`: a prover's duties and history as a gateway has them, and what a daemon is doing.

use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use quintet_api::{GatewayClient, ProverDetail};
use quintet_keys::PublicKey;
use serde::Serialize;

use crate::run::board::Snapshot;

/// How long an answer may take.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// Show a prover's standing, duties and history, and what its daemon is doing.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// The gateway to ask.
    #[arg(
        long,
        value_name = "URL",
        env = "QUINTET_GATEWAYS",
        value_delimiter = ',',
        required_unless_present = "daemon",
        requires = "pubkey"
    )]
    gateway: Vec<String>,
    /// The prover.
    #[arg(long)]
    pubkey: Option<PublicKey>,
    /// The daemon's own listener, as given to it by --metrics.
    #[arg(long, value_name = "URL")]
    daemon: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What was found out.
#[derive(Debug, Serialize)]
struct Found {
    #[serde(skip_serializing_if = "Option::is_none")]
    daemon: Option<Snapshot>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<ProverDetail>,
}

impl Status {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let found = runtime.block_on(self.ask())?;
        if self.json {
            quintet_node::outln!("{}", serde_json::to_string_pretty(&found)?);
            return Ok(());
        }
        found.daemon.iter().for_each(print_daemon);
        found.gateway.iter().for_each(print_gateway);
        Ok(())
    }

    async fn ask(&self) -> anyhow::Result<Found> {
        let daemon = match &self.daemon {
            Some(url) => Some(ask_daemon(url).await.with_context(|| format!("asking the daemon at {url}"))?),
            None => None,
        };
        let gateway = match (self.gateway.first(), &self.pubkey) {
            (Some(url), Some(pubkey)) => Some(GatewayClient::new(url, TIMEOUT)?.prover(&(*pubkey).into()).await?),
            _ => None,
        };
        Ok(Found { daemon, gateway })
    }
}

/// What the daemon at `url` is doing.
pub(crate) async fn ask_daemon(url: &str) -> anyhow::Result<Snapshot> {
    let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
    let answer = client.get(format!("{}/status", url.trim_end_matches('/'))).send().await?;
    Ok(answer.error_for_status()?.json().await?)
}

fn print_daemon(snapshot: &Snapshot) {
    let Snapshot { version, prover, network, gateway, backend, mode, idle, jobs, missed } = snapshot;
    quintet_node::outln!("daemon {version}  {prover}  {network}  {backend}  {mode:?}  {gateway}");
    if let Some(reason) = idle {
        quintet_node::outln!("idle   {reason}");
    }
    for job in jobs {
        let phases: Vec<String> = job.submitted.iter().map(ToString::to_string).collect();
        let doing = job.doing.as_deref().unwrap_or("waiting");
        quintet_node::outln!(
            "job    {}  {}  commit {}  prove {}  submitted [{}]  {doing}",
            job.id,
            job.role,
            job.commit,
            job.prove,
            phases.join(" ")
        );
    }
    for line in missed {
        let phase = line.phase.map_or_else(|| "job".to_owned(), |phase| phase.to_string());
        quintet_node::outln!("missed {}  {phase}  {}", line.job, line.reason);
    }
}

fn print_gateway(detail: &ProverDetail) {
    let ProverDetail { prover, duties, history } = detail;
    let weight = prover.weight as f64 / 65_536.0;
    quintet_node::outln!(
        "{}  #{}  {:?}  weight {weight:.3}  balance {}",
        prover.pubkey,
        prover.index,
        prover.status,
        prover.balance
    );
    for duty in duties {
        quintet_node::outln!("due    {}  commit {}  prove {}", duty.job, duty.commit.len(), duty.prove.len());
    }
    for line in history {
        quintet_node::outln!("past   {}  {}  {} of {} valid", line.job, line.phase, line.valid, line.due);
    }
}
