//! Commands that ask a running gateway: `status`, `jobs`, `job`, `provers`, `rewards`. Each prints for people, or JSON as the gateway gave it.

mod job;
mod jobs;
mod provers;
mod rewards;
mod status;
mod table;

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::Args;
use quintet_api::GatewayClient;
use reqwest::Certificate;
use serde::Serialize;

pub(crate) use job::Job;
pub(crate) use jobs::Jobs;
pub(crate) use provers::Provers;
pub(crate) use rewards::Rewards;
pub(crate) use status::Status;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Whom to ask, and in which form to print.
#[derive(Debug, Args)]
pub(crate) struct Ask {
    /// The gateway to ask.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:5062", env = "QUINTET_GATEWAY")]
    gateway: String,
    /// Certificates, PEM, of which one vouches for the gateway; the system's if absent.
    #[arg(long, value_name = "FILE", env = "QUINTET_GATEWAY_CA")]
    ca: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Ask {
    fn client(&self) -> anyhow::Result<GatewayClient> {
        let roots = match &self.ca {
            None => Vec::new(),
            Some(path) => {
                let shown = path.display();
                let pem = std::fs::read(path).with_context(|| format!("reading {shown}"))?;
                Certificate::from_pem_bundle(&pem)
                    .with_context(|| format!("{shown}: no certificates in it (PEM is expected)"))?
            }
        };
        Ok(GatewayClient::with_roots(&self.gateway, TIMEOUT, &roots)?)
    }

    /// Asks by `question`, and prints the answer as JSON or as `show` makes text of it.
    fn run<T: Serialize>(
        &self,
        question: impl AsyncFnOnce(GatewayClient) -> Result<T, quintet_api::ClientError>,
        show: impl FnOnce(&T) -> String,
    ) -> anyhow::Result<()> {
        let client = self.client()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let answer = runtime.block_on(question(client)).context("asking the gateway; is the sidecar running? (--gateway)")?;
        let text = if self.json { serde_json::to_string_pretty(&answer)? } else { show(&answer) };
        Ok(quintet_node::print_line(text.trim_end())?)
    }
}

/// The name that JSON gives an enum's value.
fn name(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The beginning of a key or hash, enough to find it by.
fn short(hex: &impl ToString) -> String {
    let hex = hex.to_string();
    hex.get(..12).map_or(hex.clone(), |begin| format!("{begin}…"))
}

/// Seconds from `now_ms` to `then_ms`, both Unix milliseconds, with a sign.
fn seconds(now_ms: u64, then_ms: u64) -> String {
    format!("{:.1} s", (then_ms as f64 - now_ms as f64) / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use quintet_api::JobState;
    use quintet_types::Root;

    #[test]
    fn values_are_shown_as_json_names_them_and_hashes_short() {
        assert_eq!(name(&JobState::Finalized), "finalized");
        assert_eq!(short(&Root::repeat_byte(0xab)), "0xababababab…");
        assert_eq!(seconds(5_000, 3_500), "-1.5 s");
    }
}
