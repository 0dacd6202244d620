//! `quintet-sidecar status`.

use clap::Args;
use quintet_api::{ClientError, GatewayClient, Identity, JobFilter, JobState, JobSummary, PeersView, Syncing};
use quintet_sidecar::service::now_ms;
use serde::Serialize;

use super::{Ask, name, seconds};

/// How a running sidecar is: its chain, and the jobs that are not over.
#[derive(Debug, Args)]
pub(crate) struct Status {
    #[command(flatten)]
    ask: Ask,
}

/// What was found out.
#[derive(Debug, Serialize)]
struct Found {
    healthy: bool,
    identity: Identity,
    syncing: Syncing,
    peers: PeersView,
    open: Vec<JobSummary>,
}

impl Status {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let question = async |client: GatewayClient| {
            let recent = client.jobs(&JobFilter { limit: Some(100), ..JobFilter::default() }).await?;
            let open = recent.data.into_iter().filter(|job| !job.state.is_final() && job.state != JobState::Suspended);
            Ok::<_, ClientError>(Found {
                healthy: client.is_healthy().await,
                identity: client.identity().await?,
                syncing: client.syncing().await?,
                peers: client.peers().await?,
                open: open.collect(),
            })
        };
        self.ask.run(question, |found| show(found, now_ms()))
    }
}

fn show(found: &Found, now: u64) -> String {
    let Found { healthy, identity, syncing, peers, open } = found;
    let chain = match (syncing.is_syncing, syncing.is_optimistic) {
        (true, _) => "syncing",
        (false, true) => "optimistic",
        (false, false) => "in sync",
    };
    let mut text = format!(
        "{}  {}, validator {}\nchain    {chain}, head {} ({}), finalized {}\n",
        if *healthy { "healthy " } else { "NOT WELL" },
        identity.network,
        identity.validator_index,
        syncing.head_slot,
        syncing.head_root,
        syncing.finalized_slot,
    );
    if !peers.alone {
        let cut_off = if peers.isolated { ", looks cut off from the others" } else { "" };
        text.push_str(&format!("peers    {}{cut_off}\n", peers.peers.len()));
    }
    let skew = identity.now_ms.abs_diff(now);
    if skew > 500 {
        text.push_str(&format!("clock    {skew} ms apart from this machine's\n"));
    }
    for job in open {
        let left = if job.deadline_ms == 0 { String::new() } else { format!(", {} left", seconds(now, job.deadline_ms)) };
        text.push_str(&format!(
            "job      {}  {}{left}  {} provers, {} instances\n",
            job.id,
            name(&job.state),
            job.num_provers,
            job.num_instances
        ));
    }
    if open.is_empty() {
        text.push_str("no open job\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use quintet_types::{JobId, Root, Slot};

    #[test]
    fn a_status_names_chain_and_open_jobs_with_what_is_left() {
        let job = JobId::new(Slot(7), Root::ZERO);
        let summary = JobSummary {
            id: job.to_string(),
            job,
            state: JobState::T2,
            gas_used: 1,
            transactions: 1,
            num_provers: 4,
            num_instances: 30,
            deadline_ms: 12_500,
        };
        let identity = Identity {
            network: "devnet".into(),
            genesis_validators_root: Root::ZERO,
            spec_root: Root::ZERO,
            program_hash: Root::ZERO,
            genesis_time_ms: 0,
            now_ms: 10_000,
            validator_index: 3,
        };
        let syncing = Syncing {
            head_slot: Slot(9),
            head_root: Root::ZERO,
            finalized_slot: Slot(0),
            is_syncing: false,
            is_optimistic: false,
        };
        let peers = PeersView { alone: true, ..PeersView::default() };
        let mut found = Found { healthy: true, identity, syncing, peers, open: vec![summary] };
        let text = show(&found, 10_000);
        assert!(text.starts_with("healthy   devnet, validator 3\nchain    in sync, head 9 "), "{text}");
        assert!(
            text.contains("t2, 2.5 s left  4 provers, 30 instances") && !text.contains("clock") && !text.contains("peers"),
            "{text}"
        );
        (found.healthy, found.open) = (false, Vec::new());
        (found.peers.alone, found.peers.isolated) = (false, true);
        let text = show(&found, 12_000);
        assert!(
            text.starts_with("NOT WELL")
                && text.contains("peers    0, looks cut off from the others\n")
                && text.contains("clock    2000 ms apart")
                && text.ends_with("no open job\n"),
            "{text}"
        );
    }
}
