//! `quintet-sidecar jobs`.

use clap::Args;
use quintet_api::{JobFilter, JobState, JobSummary, Page};

use super::{Ask, name, table::table};

/// Jobs, newest first.
#[derive(Debug, Args)]
pub(crate) struct Jobs {
    #[command(flatten)]
    ask: Ask,
    /// Only jobs in this state: announced, t1 to t5, finalized, failed, unserved or suspended.
    #[arg(long, value_parser = state)]
    state: Option<JobState>,
    /// Only jobs of blocks at this slot or later.
    #[arg(long, value_name = "SLOT")]
    from_slot: Option<u64>,
    /// Only jobs of blocks at this slot or earlier.
    #[arg(long, value_name = "SLOT")]
    to_slot: Option<u64>,
    /// How many, at most 1000.
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    limit: usize,
    /// Where to go on: `next` of the answer before.
    #[arg(long, value_name = "PLACE")]
    after: Option<String>,
}

fn state(text: &str) -> Result<JobState, String> {
    serde_json::from_value(text.to_lowercase().into()).map_err(|error| error.to_string())
}

impl Jobs {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let Self { ask, state, from_slot, to_slot, limit, after } = self;
        let filter = JobFilter { state, from_slot, to_slot, limit: Some(limit), after };
        ask.run(async |client| client.jobs(&filter).await, show)
    }
}

fn show(page: &Page<JobSummary>) -> String {
    let rows = page.data.iter().map(|job| {
        let numbers = [job.num_provers, job.num_instances, job.transactions, job.gas_used].map(|number| number.to_string());
        let [provers, instances, transactions, gas] = numbers;
        [job.id.clone(), name(&job.state), provers, instances, transactions, gas]
    });
    let mut text = table(["job", "state", "provers", "instances", "transactions", "gas"], rows);
    if let Some(next) = &page.next {
        text.push_str(&format!("more with --after {next}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use quintet_types::{JobId, Root, Slot};

    #[test]
    fn a_page_shows_its_jobs_and_where_to_go_on() {
        let job = JobId::new(Slot(7), Root::ZERO);
        let summary = JobSummary {
            id: job.to_string(),
            job,
            state: JobState::Finalized,
            gas_used: 21_000,
            transactions: 1,
            num_provers: 4,
            num_instances: 30,
            deadline_ms: 0,
        };
        let text = show(&Page { data: vec![summary], next: Some("here".into()) });
        assert!(text.lines().nth(1).unwrap().ends_with("finalized        4         30             1  21000"), "{text}");
        assert!(text.ends_with("more with --after here\n"), "{text}");
        assert_eq!(state("T3"), Ok(JobState::T3));
        assert!(state("over").unwrap_err().contains("finalized"), "the states are named");
    }
}
