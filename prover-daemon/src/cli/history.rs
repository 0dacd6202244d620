//! `quintet-prover history`: what became of a prover's past duties, and what they paid.

use std::collections::BTreeMap;

use clap::Args;
use quintet_api::{ClientError, GatewayClient, HistoryView, ProverDetail};
use quintet_keys::PublicKey;
use quintet_types::{Account, JobId, Phase, Reward};
use serde::Serialize;

use super::status::TIMEOUT;

/// What became of a prover's past duties, newest first, and what each job paid.
#[derive(Debug, Args)]
pub(crate) struct History {
    /// The gateway to ask.
    #[arg(long, value_name = "URL", env = "QUINTET_GATEWAYS", value_delimiter = ',', required = true)]
    gateway: Vec<String>,
    /// The prover.
    #[arg(long)]
    pubkey: PublicKey,
    /// How many jobs, newest first.
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    limit: usize,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// One job of the past.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Line {
    job: JobId,
    phases: Vec<HistoryView>,
    /// Sum of the job's ledger entries for this prover; absent if the gateway has forgotten the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    paid: Option<Reward>,
}

impl History {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let lines = runtime.block_on(self.ask())?;
        let text = if self.json { serde_json::to_string_pretty(&lines)? } else { show(&lines) };
        Ok(quintet_node::print_line(text.trim_end())?)
    }

    async fn ask(&self) -> anyhow::Result<Vec<Line>> {
        // clap requires one.
        let url = self.gateway.first().map_or("", String::as_str);
        let client = GatewayClient::new(url, TIMEOUT)?;
        let detail = client.prover(&self.pubkey.into()).await?;
        let mut lines = by_job(&detail);
        lines.truncate(self.limit);
        for line in &mut lines {
            line.paid = paid(&client, &detail, &line.job).await?;
        }
        Ok(lines)
    }
}

async fn paid(client: &GatewayClient, detail: &ProverDetail, job: &JobId) -> Result<Option<Reward>, ClientError> {
    let entries = match client.ledger_entries(job).await {
        Ok(entries) => entries,
        Err(error) if error.status() == Some(404) => return Ok(None),
        Err(error) => return Err(error),
    };
    let us = Account::Prover(detail.prover.index);
    let ours = entries.into_iter().filter(|entry| entry.account == us);
    Ok(Some(ours.fold(Reward::ZERO, |sum, entry| sum + entry.amount)))
}

/// The history by job, newest first, phases in their order.
fn by_job(detail: &ProverDetail) -> Vec<Line> {
    let mut jobs: BTreeMap<JobId, Vec<HistoryView>> = BTreeMap::new();
    for line in &detail.history {
        jobs.entry(line.job).or_default().push(line.clone());
    }
    let line = |(job, mut phases): (JobId, Vec<HistoryView>)| {
        phases.sort_by_key(|view| view.phase);
        Line { job, phases, paid: None }
    };
    jobs.into_iter().rev().map(line).collect()
}

fn show(lines: &[Line]) -> String {
    if lines.is_empty() {
        return "no past duties\n".to_owned();
    }
    let line = |line: &Line| {
        let phases: Vec<String> = line.phases.iter().map(phase).collect();
        let paid = line.paid.map_or_else(|| "not kept".to_owned(), |paid| paid.to_string());
        format!("{}  {:<28}  {paid}\n", line.job, phases.join("  "))
    };
    lines.iter().map(line).collect()
}

fn phase(view: &HistoryView) -> String {
    let mark = if view.valid >= view.due { "" } else { "!" };
    match view.phase {
        Phase::T1 | Phase::T2 => format!("{} {}/{}{mark}", view.phase, view.valid, view.due),
        // From T3 on a single proof is due.
        phase => format!("{phase} {}", if view.valid > 0 { "proof" } else { "none" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quintet_api::{ProverStatus, ProverView};
    use quintet_types::{Balance, ProverIndex, PublicKeyBytes, Root, Slot};

    #[test]
    fn history_is_gathered_by_job_with_what_was_missed_marked() {
        let id = |slot| JobId::new(Slot(slot), Root::ZERO);
        let view = |slot, phase, due, valid| HistoryView { job: id(slot), phase, due, valid };
        let prover = ProverView {
            index: ProverIndex(1),
            pubkey: PublicKeyBytes::repeat_byte(1),
            stake_gwei: 1,
            status: ProverStatus::Active,
            weight: 65_536,
            balance: Balance(0),
        };
        let history =
            vec![view(1, Phase::T1, 4, 4), view(2, Phase::T2, 3, 2), view(2, Phase::T1, 4, 4), view(2, Phase::T3, 1, 1)];
        let mut lines = by_job(&ProverDetail { prover, duties: Vec::new(), history });
        assert_eq!(lines.iter().map(|line| line.job.slot.0).collect::<Vec<_>>(), [2, 1]);
        lines[0].paid = Some(Reward::from_units(512));
        let text = show(&lines);
        assert!(
            text.contains("T1 4/4  T2 2/3!  T3 proof") && text.contains("  512\n") && text.ends_with("not kept\n"),
            "{text}"
        );
        assert_eq!(show(&[]), "no past duties\n");
    }
}
