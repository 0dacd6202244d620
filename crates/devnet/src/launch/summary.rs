//! The summary of finalized jobs: who proved what, how long the phases took, who earned how much.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use quintet_api::{GatewayClient, InstanceView, JobDetail, JobState, RewardEntry};
use quintet_types::{Account, Balance, JobId, ProverIndex, PublicKeyBytes};

use super::view::{View, short};

/// How long sidecars may take to close the last phase after the first of them did.
const AGREE: Duration = Duration::from_secs(30);

/// Prints the summary of the first `jobs` finalized jobs. False if one of their full proofs was found invalid, or one is not finalized after all.
///
/// # Errors
/// If the gateway does not answer.
pub(super) async fn print(client: &GatewayClient, view: &View, jobs: usize) -> anyhow::Result<bool> {
    let keys: BTreeMap<ProverIndex, PublicKeyBytes> =
        client.provers().await?.into_iter().map(|prover| (prover.index, prover.pubkey)).collect();
    let mut sound = true;
    for id in view.finalized().iter().take(jobs) {
        let detail = client.job(id).await?;
        let proofs = client.submissions(id, "full_proofs").await?;
        let valid = proofs.iter().filter(|proof| proof.valid.len() == detail.instances.len()).count();
        let finalized = detail.summary.state == JobState::Finalized && detail.full_proof.is_some();
        sound &= finalized && valid == proofs.len() && valid > 0;
        print_job(id, &detail, view);
        quintet_node::outln!("  full proofs: {} submitted, {valid} valid", proofs.len());
        print_rewards(&client.rewards(id).await?, &keys, view);
    }
    for id in view.failed() {
        quintet_node::outln!("{}: failed", short(&id));
    }
    Ok(sound)
}

/// Waits until all gateways show the same entries for the first `jobs` finalized jobs.
///
/// # Errors
/// If they differ for half a minute, or one does not answer.
pub(super) async fn compare(clients: &[GatewayClient], view: &View, jobs: usize) -> anyhow::Result<()> {
    for id in view.finalized().iter().take(jobs) {
        let until = Instant::now() + AGREE;
        loop {
            let mut ledgers = Vec::new();
            for client in clients {
                ledgers.push(client.ledger_entries(id).await.unwrap_or_default());
            }
            if ledgers.iter().all(|entries| !entries.is_empty() && *entries == ledgers[0]) {
                break;
            }
            anyhow::ensure!(Instant::now() < until, "the ledgers of {} differ: {ledgers:?}", short(id));
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
    if clients.len() > 1 {
        quintet_node::outln!("all {} sidecars have the same entries in their ledgers for these jobs", clients.len());
    }
    Ok(())
}

fn print_job(id: &JobId, detail: &JobDetail, view: &View) {
    let (summary, instances) = (&detail.summary, &detail.instances);
    quintet_node::outln!(
        "\n{}: {} transactions, {} instances, k = {}",
        short(id),
        summary.transactions,
        instances.len(),
        detail.k
    );
    for phase in &detail.phases {
        let seconds = phase
            .closed_ms
            .map_or_else(|| "open".into(), |closed| format!("{:.1} s", closed.saturating_sub(phase.starts_ms) as f64 / 1000.0));
        quintet_node::outln!("  {}: {seconds}, {} submissions", phase.phase, phase.submissions);
    }
    for (air, list) in by_air(instances) {
        let line: Vec<String> = list.iter().map(|instance| provers(instance, view)).collect();
        quintet_node::outln!("  {air:<12} {}", line.join("  "));
    }
}

/// `0: 1,5`: instance 0 was proven by provers 1 and 5.
fn provers(instance: &InstanceView, view: &View) -> String {
    let number = |key: &PublicKeyBytes| view.name(key).trim_start_matches("prover-").to_owned();
    let by: Vec<String> = instance.proven_by.iter().map(number).collect();
    format!("{}: {}", instance.index, if by.is_empty() { "-".into() } else { by.join(",") })
}

fn by_air(instances: &[InstanceView]) -> BTreeMap<&str, Vec<&InstanceView>> {
    let mut airs: BTreeMap<&str, Vec<&InstanceView>> = BTreeMap::new();
    for instance in instances {
        airs.entry(&instance.air).or_default().push(instance);
    }
    airs
}

fn print_rewards(rewards: &[RewardEntry], keys: &BTreeMap<ProverIndex, PublicKeyBytes>, view: &View) {
    let mut sums: BTreeMap<Account, Balance> = BTreeMap::new();
    for reward in rewards {
        *sums.entry(reward.entry.account).or_insert(Balance(0)) += reward.entry.amount;
    }
    let name = |account: &Account| match account {
        Account::Prover(index) => keys.get(index).map_or_else(|| format!("prover #{index}"), |key| view.name(key)),
        Account::Validator(index) => format!("validator {index}"),
    };
    let line: Vec<String> = sums.iter().map(|(account, sum)| format!("{} {sum}", name(account))).collect();
    quintet_node::outln!("  rewards: {}", line.join(", "));
}
