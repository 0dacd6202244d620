//! What is known at one moment, and which job of it is looked at.

use std::collections::BTreeSet;

use quintet_api::{JobDetail, JobSummary, ProverView};
use quintet_types::{InstanceIndex, JobId};

use crate::run::board::Snapshot;

/// Everything that one frame shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scene {
    /// The gateway's address.
    pub(crate) gateway: String,
    /// Name of the network.
    pub(crate) network: String,
    /// Slot of the head.
    pub(crate) head: u64,
    /// The gateway's clock minus ours, in milliseconds: deadlines are the gateway's.
    pub(crate) ahead_ms: i64,
    /// Newest jobs, newest first.
    pub(crate) jobs: Vec<JobSummary>,
    /// The job that is looked at.
    pub(crate) job: Option<JobDetail>,
    /// The prover that is followed.
    pub(crate) us: Option<ProverView>,
    /// What it owes to the job that is looked at.
    pub(crate) duty: Duty,
    /// What its daemon says.
    pub(crate) daemon: Option<Snapshot>,
    /// Why the rest may be old.
    pub(crate) trouble: Option<String>,
}

/// A prover's part in one job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Duty {
    /// Instances to commit to.
    pub(crate) commit: BTreeSet<InstanceIndex>,
    /// Instances to prove.
    pub(crate) prove: BTreeSet<InstanceIndex>,
}

/// Which job is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Look {
    /// Whatever is most interesting now.
    #[default]
    Current,
    /// This one, until told otherwise.
    At(JobId),
}

impl Look {
    /// The job out of `jobs` (newest first) that is meant; `ours` are those with a part for our prover.
    pub(crate) fn pick(self, jobs: &[JobSummary], ours: &BTreeSet<JobId>) -> Option<JobId> {
        match self {
            Self::At(id) => Some(id),
            Self::Current => {
                // One that we work on, else the oldest that runs (its phases are furthest), else the newest.
                let open = || jobs.iter().rev().filter(|job| !job.state.is_final());
                let ours = open().find(|job| ours.contains(&job.job));
                ours.or_else(|| open().next()).or(jobs.first()).map(|job| job.job)
            }
        }
    }

    /// The job `steps` newer (or older, if negative) than the one shown.
    pub(crate) fn moved(self, jobs: &[JobSummary], shown: Option<JobId>, steps: isize) -> Self {
        let Some(place) = jobs.iter().position(|job| Some(job.job) == shown) else { return Self::Current };
        // Newest first: newer is further to the front.
        let place = place.saturating_add_signed(-steps).min(jobs.len() - 1);
        Self::At(jobs[place].job)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use quintet_api::JobState;
    use quintet_types::{Root, Slot};

    pub(crate) fn summary(slot: u64, state: JobState) -> JobSummary {
        let job = JobId::new(Slot(slot), Root::repeat_byte(slot as u8));
        JobSummary {
            id: job.to_string(),
            job,
            state,
            gas_used: 252_000,
            transactions: 12,
            num_provers: 4,
            num_instances: 30,
            deadline_ms: 30_000,
        }
    }

    #[test]
    fn our_own_open_job_is_looked_at_first_then_the_oldest_open_one_then_the_newest() {
        let jobs = [summary(9, JobState::T1), summary(8, JobState::T2), summary(7, JobState::Finalized)];
        let none = BTreeSet::new();
        assert_eq!(Look::Current.pick(&jobs, &none).unwrap().slot, Slot(8));
        assert_eq!(Look::Current.pick(&jobs, &[jobs[0].job].into()).unwrap().slot, Slot(9));
        assert_eq!(Look::Current.pick(&jobs[2..], &none).unwrap().slot, Slot(7));
        assert_eq!(Look::Current.pick(&[], &none), None);
    }

    #[test]
    fn one_moves_to_newer_and_older_jobs_and_not_beyond_the_ends() {
        let jobs = [summary(9, JobState::T1), summary(8, JobState::T2), summary(7, JobState::Finalized)];
        let at = |place: usize| Look::At(jobs[place].job);
        assert_eq!(Look::Current.moved(&jobs, Some(jobs[1].job), 1), at(0));
        assert_eq!(at(0).moved(&jobs, Some(jobs[0].job), 1), at(0));
        assert_eq!(at(1).moved(&jobs, Some(jobs[1].job), -1), at(2));
        assert_eq!(at(2).moved(&jobs, Some(jobs[2].job), -1), at(2));
        assert_eq!(at(2).moved(&jobs, None, -1), Look::Current);
    }
}
