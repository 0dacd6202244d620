//! The protocol of distributed proof generation: selection, assignment, phases, rewards, ledger.
//!
//! Everything that decides money or duty is here, as pure functions of chain data, the prover registry and the
//! included submissions: no I/O, no clock, no floats, no hash-map order. Two sidecars that saw the same inputs
//! hold the same ledger to the last unit. `docs/protocol.md` says for each sentence of the source which test holds it.
//!
//! # The way of a block
//! 1. [`schedule::job_is_due`], [`BusyBook::busy_at`], [`CandidateTable`]: does it get a job, and who is free?
//! 2. [`select`] or, for blocks that may be split, [`gigagas::select_block`]; then [`Job::new`].
//! 3. The plan is known: [`Job::open`] assigns instances.
//! 4. T1: [`checks::check_commitments`], [`SubmissionLog`], [`Settlement`] (disputes, holes, D).
//! 5. Each certified bundle: [`Job::close`] gives entries for the [`Ledger`] and outcomes for the [`HistoryBook`].
//! 6. Failed: [`Job::retry`]. Over: [`BusyBook::end`].

pub mod assignment;
mod busy;
pub mod checks;
mod equivocation;
mod error;
pub mod gigagas;
mod hash;
mod history;
mod job;
mod joint;
mod leader;
mod ledger;
mod registry;
pub mod reuse;
pub mod rewards;
pub mod schedule;
mod selection;
mod settlement;
mod shuffle;

pub use assignment::Assignment;
pub use busy::BusyBook;
pub use equivocation::{Observed, SubmissionLog};
pub use error::ProtocolError;
pub use history::{DutyOutcome, History, HistoryBook, WEIGHT_ONE};
pub use job::{
    Closed, Closing, Failure, Job, JobState, JudgedCommitments, JudgedFullProof, JudgedPartials, PhaseContent, RetryContext,
};
pub use joint::{JointJob, JointState};
pub use leader::{first_leader, leaders, proposer_is_fixed};
pub use ledger::{Ledger, Totals};
pub use registry::{CandidateTable, Pause, ProverRecord, history_slot};
pub use selection::{Selection, available, num_provers, select, select_again, selection_seed};
pub use settlement::{Claims, Dispute, Settlement};
pub use shuffle::Shuffle;
