//! `quintet-sidecar rewards`.

use clap::Args;
use quintet_api::{LedgerView, RewardEntry};
use quintet_types::{Account, JobId};

use super::{Ask, table::table};

/// The ledger: what every account has earned and lost, or what one job paid to whom and why.
#[derive(Debug, Args)]
pub(crate) struct Rewards {
    #[command(flatten)]
    ask: Ask,
    /// The entries of this job instead.
    #[arg(long, value_name = "ID")]
    job: Option<JobId>,
}

impl Rewards {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match &self.job {
            Some(job) => self.ask.run(async |client| client.rewards(job).await, |entries| show_job(entries)),
            None => self.ask.run(async |client| client.ledger().await, show_ledger),
        }
    }
}

fn account(account: &Account) -> [String; 2] {
    match account {
        Account::Prover(index) => ["prover".into(), index.to_string()],
        Account::Validator(index) => ["validator".into(), index.to_string()],
    }
}

fn show_ledger(ledger: &LedgerView) -> String {
    let rows = ledger.accounts.iter().map(|line| {
        let [kind, index] = account(&line.account);
        [kind, index, line.rewards.to_string(), line.penalties.to_string(), line.finalized.to_string()]
    });
    format!(
        "ledger root {} over finalized blocks up to slot {}\n\n{}",
        ledger.finalized_root,
        ledger.finalized_slot,
        table(["account", "index", "rewards", "penalties", "of it final"], rows)
    )
}

fn show_job(entries: &[RewardEntry]) -> String {
    let rows = entries.iter().map(|line| {
        let [kind, index] = account(&line.entry.account);
        let parameter = line.parameter.clone().unwrap_or_default();
        [line.entry.phase.to_string(), kind, index, line.entry.amount.to_string(), line.entry.reason.to_string(), parameter]
    });
    table(["phase", "account", "index", "amount", "for", "parameter"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use quintet_api::AccountView;
    use quintet_types::{Balance, LedgerEntry, Phase, ProverIndex, Reason, Reward, Root, Slot, ValidatorIndex};

    #[test]
    fn accounts_and_entries_name_whom_they_concern() {
        let line = AccountView {
            account: Account::Validator(ValidatorIndex(9)),
            rewards: Balance(7_000_000_000),
            penalties: Balance(0),
            finalized: Balance(2_000_000_000),
        };
        let ledger =
            LedgerView { root: Root::ZERO, finalized_root: Root::ZERO, finalized_slot: Slot(64), accounts: vec![line] };
        let text = show_ledger(&ledger);
        assert!(text.contains("up to slot 64") && text.contains("validator      9        7"), "{text}");
        let entry = LedgerEntry {
            job: JobId::new(Slot(1), Root::ZERO),
            phase: Phase::T3,
            account: Account::Prover(ProverIndex(2)),
            reason: Reason::ALL[0],
            amount: Reward::from_units(-1),
        };
        let text = show_job(&[RewardEntry { entry, parameter: Some("PENALTY".into()) }]);
        assert!(text.contains("prover") && text.contains("-1") && text.contains("PENALTY"), "{text}");
    }
}
