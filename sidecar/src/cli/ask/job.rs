//! `quintet-sidecar job ID`.

use std::collections::BTreeMap;

use clap::Args;
use quintet_api::{InstanceState, JobDetail};
use quintet_sidecar::service::now_ms;
use quintet_types::JobId;

use super::{Ask, name, seconds, short, table::table};

/// One job: its phases, and how far its instances are.
#[derive(Debug, Args)]
pub(crate) struct Job {
    /// Its id, as `jobs` shows it: slot-blockroot-subblock-attempt.
    #[arg(value_name = "ID")]
    id: JobId,
    #[command(flatten)]
    ask: Ask,
    /// Every instance with those who proved it.
    #[arg(long)]
    instances: bool,
}

impl Job {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let Self { id, ask, instances } = self;
        ask.run(async |client| client.job(&id).await, |job| show(job, instances, now_ms()))
    }
}

fn show(job: &JobDetail, instances: bool, now: u64) -> String {
    let summary = &job.summary;
    let mut text = format!(
        "job       {}\nstate     {}\nblock     {} gas, {} transactions\nprovers   {}\ninstances {}, 2^{} rows each\n",
        summary.id,
        name(&summary.state),
        summary.gas_used,
        summary.transactions,
        summary.num_provers,
        summary.num_instances,
        job.k,
    );
    job.note.iter().for_each(|note| text.push_str(&format!("note      {note}\n")));
    job.full_proof.iter().for_each(|root| text.push_str(&format!("proof     {root}\n")));
    if !job.phases.is_empty() {
        text.push('\n');
        let rows = job.phases.iter().map(|phase| {
            let end = match phase.closed_ms {
                Some(closed) if closed > phase.deadline_ms => {
                    format!("closed {} after its deadline", seconds(phase.deadline_ms, closed))
                }
                Some(closed) => format!("closed {} before its deadline", seconds(closed, phase.deadline_ms)),
                None => format!("{} left", seconds(now, phase.deadline_ms)),
            };
            let leader = phase.leader.map_or_else(|| "-".into(), |leader| leader.to_string());
            [phase.phase.to_string(), phase.submissions.to_string(), end, leader, name(&phase.certificate)]
        });
        text.push_str(&table(["phase", "submissions", "end", "leader", "certificate"], rows));
    }
    text.push('\n');
    if instances {
        let rows = job.instances.iter().map(|instance| {
            let provers: Vec<String> = instance.proven_by.iter().map(short).collect();
            let [place, index, rows] = [instance.instance.to_string(), instance.index.to_string(), instance.rows.to_string()];
            [place, instance.air.clone(), index, rows, name(&instance.state), provers.join(" ")]
        });
        text.push_str(&table(["instance", "air", "index", "rows", "state", "proven by"], rows));
    } else {
        let mut airs: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
        for instance in &job.instances {
            airs.entry(&instance.air).or_default()[place(instance.state)] += 1;
        }
        let rows = airs.iter().map(|(air, counts)| {
            let [a, b, c, d] = counts.map(|count| count.to_string());
            [(*air).to_owned(), a, b, c, d]
        });
        text.push_str(&table(["air", "assigned", "committed", "proven", "aggregated"], rows));
    }
    text
}

const fn place(state: InstanceState) -> usize {
    match state {
        InstanceState::Assigned => 0,
        InstanceState::Committed => 1,
        InstanceState::Proven => 2,
        InstanceState::Aggregated => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quintet_api::{CertificateState, InstanceView, JobState, JobSummary, PhaseView};
    use quintet_types::{InstanceIndex, Phase, PublicKeyBytes, Root, Slot, ValidatorIndex};

    fn detail() -> JobDetail {
        let job = JobId::new(Slot(7), Root::ZERO);
        let summary = JobSummary {
            id: job.to_string(),
            job,
            state: JobState::T2,
            gas_used: 21_000,
            transactions: 1,
            num_provers: 4,
            num_instances: 2,
            deadline_ms: 9_000,
        };
        let phase = |phase, closed_ms| PhaseView {
            phase,
            starts_ms: 1,
            deadline_ms: 9_000,
            closed_ms,
            bundle_root: None,
            leader: closed_ms.map(|_| ValidatorIndex(17)),
            rank: Some(1),
            certificate: if closed_ms.is_some() { CertificateState::Certified } else { CertificateState::Waiting },
            submissions: 4,
        };
        let instance = |index, state| InstanceView {
            instance: InstanceIndex(index),
            air: "cpu".into(),
            index: index.into(),
            rows: 5,
            state,
            proven_by: vec![PublicKeyBytes::repeat_byte(2)],
        };
        JobDetail {
            summary,
            plan_root: None,
            k: 11,
            input_root: Root::ZERO,
            selected: Vec::new(),
            phases: vec![phase(Phase::T1, Some(4_000)), phase(Phase::T2, None)],
            instances: vec![instance(0, InstanceState::Proven), instance(1, InstanceState::Committed)],
            full_proof: None,
            note: Some("a retry".into()),
        }
    }

    #[test]
    fn a_job_shows_phases_and_how_far_each_air_is() {
        let text = show(&detail(), false, 8_000);
        assert!(text.contains("note      a retry") && text.contains("closed 5.0 s before its deadline"), "{text}");
        assert!(text.contains("17  certified\n") && text.contains("-  waiting\n"), "{text}");
        let late = show(
            &JobDetail { phases: vec![PhaseView { deadline_ms: 3_000, ..detail().phases[0].clone() }], ..detail() },
            false,
            8_000,
        );
        assert!(late.contains("closed 1.0 s after its deadline"), "{late}");
        assert!(text.ends_with("cpu         0          1       1           0\n"), "{text}");
        let text = show(&detail(), true, 8_000);
        assert!(text.contains("committed  0x0202020202…"), "{text}");
    }
}
