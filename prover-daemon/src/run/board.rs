//! What the daemon is doing, for people who ask: open jobs, what was delivered, what was missed and why.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use quintet_types::{JobId, Phase, PublicKeyBytes};
use serde::{Deserialize, Serialize};

/// Entries of [`Snapshot::missed`].
const KEPT: usize = 50;

/// What the daemon is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// Tries to reach a gateway.
    Connecting,
    /// Watches for another process with the same key; signs nothing.
    LookingOut,
    /// Follows events and works.
    Following,
    /// Was slashed; does nothing any more.
    Stopped,
}

/// A job that the prover has a part in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OpenJob {
    /// The job.
    pub(crate) id: String,
    /// `selected` or `reserve`.
    pub(crate) role: String,
    /// Instances to commit to.
    pub(crate) commit: usize,
    /// Instances to prove.
    pub(crate) prove: usize,
    /// Phases whose submission a gateway has.
    pub(crate) submitted: Vec<Phase>,
    /// What is being computed.
    pub(crate) doing: Option<String>,
}

/// A duty that was not or not fully delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Missed {
    /// The job.
    pub(crate) job: String,
    /// The phase; absent if the job could not be worked on at all.
    pub(crate) phase: Option<Phase>,
    /// Why.
    pub(crate) reason: String,
}

/// Everything, at one moment: the answer of `/status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    /// Version of the program.
    pub(crate) version: String,
    /// Public key.
    pub(crate) prover: PublicKeyBytes,
    /// Name of the network.
    pub(crate) network: String,
    /// Gateway in use.
    pub(crate) gateway: String,
    /// What commits and proves.
    pub(crate) backend: String,
    /// What the daemon is at.
    pub(crate) mode: Mode,
    /// Why there is no work for it; absent if it can be drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) idle: Option<String>,
    /// Jobs with a part for this prover, by id.
    pub(crate) jobs: Vec<OpenJob>,
    /// Duties missed since the start, newest first, at most 50.
    pub(crate) missed: Vec<Missed>,
}

#[derive(Debug)]
struct Entries {
    mode: Mode,
    network: String,
    gateway: String,
    idle: Option<String>,
    jobs: BTreeMap<JobId, OpenJob>,
    missed: VecDeque<Missed>,
}

/// Where workers write down what they do.
#[derive(Debug)]
pub(crate) struct Board {
    prover: PublicKeyBytes,
    backend: String,
    entries: Mutex<Entries>,
}

impl Board {
    /// Nothing done yet.
    pub(crate) fn new(prover: PublicKeyBytes, backend: &str) -> Self {
        let entries = Entries {
            mode: Mode::Connecting,
            network: String::new(),
            gateway: String::new(),
            idle: None,
            jobs: BTreeMap::new(),
            missed: VecDeque::new(),
        };
        Self { prover, backend: backend.to_owned(), entries: Mutex::new(entries) }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A gateway says which network it is on.
    pub(crate) fn set_network(&self, network: &str) {
        network.clone_into(&mut self.lock().network);
    }

    /// The daemon does something else now, with this gateway.
    pub(crate) fn set_mode(&self, mode: Mode, gateway: impl ToString) {
        let mut entries = self.lock();
        (entries.mode, entries.gateway) = (mode, gateway.to_string());
    }

    /// Why there is no work, or that there is. Returns whether that is new.
    pub(crate) fn set_idle(&self, reason: Option<String>) -> bool {
        let mut entries = self.lock();
        let new = entries.idle != reason;
        entries.idle = reason;
        new
    }

    /// There never will be work again.
    pub(crate) fn stop(&self, reason: String) {
        let mut entries = self.lock();
        (entries.mode, entries.idle) = (Mode::Stopped, Some(reason));
        entries.jobs.clear();
    }

    /// A job with a part for this prover.
    pub(crate) fn open(&self, id: &JobId, role: &str, commit: usize, prove: usize) {
        let job = OpenJob { id: id.to_string(), role: role.to_owned(), commit, prove, submitted: Vec::new(), doing: None };
        self.lock().jobs.insert(*id, job);
    }

    /// What is computed for a job; `None` for nothing.
    pub(crate) fn doing(&self, id: &JobId, what: Option<&str>) {
        if let Some(job) = self.lock().jobs.get_mut(id) {
            job.doing = what.map(str::to_owned);
        }
    }

    /// A gateway has the submission of a phase.
    pub(crate) fn submitted(&self, id: &JobId, phase: Phase) {
        if let Some(job) = self.lock().jobs.get_mut(id)
            && !job.submitted.contains(&phase)
        {
            job.submitted.push(phase);
        }
    }

    /// A duty was not or not fully delivered.
    pub(crate) fn missed(&self, id: &JobId, phase: Option<Phase>, reason: String) {
        let mut entries = self.lock();
        entries.missed.push_front(Missed { job: id.to_string(), phase, reason });
        entries.missed.truncate(KEPT);
    }

    /// The job is over, or given up.
    pub(crate) fn close(&self, id: &JobId) {
        self.lock().jobs.remove(id);
    }

    /// Everything at this moment.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let entries = self.lock();
        Snapshot {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            prover: self.prover,
            network: entries.network.clone(),
            gateway: entries.gateway.clone(),
            backend: self.backend.clone(),
            mode: entries.mode,
            idle: entries.idle.clone(),
            jobs: entries.jobs.values().cloned().collect(),
            missed: entries.missed.iter().cloned().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quintet_types::{Root, Slot};

    #[test]
    fn open_jobs_and_the_newest_misses_are_shown() {
        let board = Board::new(PublicKeyBytes::repeat_byte(1), "cpu");
        let id = |slot| JobId::new(Slot(slot), Root::ZERO);
        board.open(&id(1), "selected", 3, 2);
        board.open(&id(2), "reserve", 0, 0);
        board.submitted(&id(1), Phase::T1);
        board.submitted(&id(1), Phase::T1);
        board.close(&id(2));
        for number in 0..60 {
            board.missed(&id(1), Some(Phase::T2), format!("{number}"));
        }
        let snapshot = board.snapshot();
        assert_eq!((snapshot.jobs.len(), snapshot.jobs[0].submitted.as_slice()), (1, &[Phase::T1][..]));
        assert_eq!((snapshot.missed.len(), snapshot.missed[0].reason.as_str()), (KEPT, "59"));
        let json = serde_json::to_string(&snapshot).unwrap();
        assert_eq!(serde_json::from_str::<Snapshot>(&json).unwrap(), snapshot);
    }
}
