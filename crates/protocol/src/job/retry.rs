//! "Retry with the same or new prover set (if T5 fails)" (source, T4 / T5).

use std::collections::BTreeSet;

use quintet_types::{JobId, ProverIndex, RetryPolicy, Root, Spec};

use super::{Failure, Job, JobState};
use crate::registry::CandidateTable;
use crate::selection::{self, Selection};

/// What a retry is drawn from.
#[derive(Debug, Clone)]
pub struct RetryContext<'a> {
    /// The mix after the job's block, as for the first attempt.
    pub randao_mix: &'a Root,
    /// Gas used by the block (by the sub-block's part of it, if it is split).
    pub gas_used: u64,
    /// The candidates of the block's epoch, as for the first attempt.
    pub candidates: &'a CandidateTable,
    /// Provers that are not drawn, this job's own hold aside. With a new set, those that are busy for a block at the slot after the failed
    /// attempt's end, on the chain of that time; with the same set (then they are no reserves), those that were for the job's own block.
    pub busy: &'a BTreeSet<ProverIndex>,
}

impl Job {
    /// The next attempt after this one failed, announced: its first phase opens where this one ended. `None` if this
    /// one did not fail for lack of a proof, or was the last of `MAX_ATTEMPTS`.
    ///
    /// The good entries of D are kept; if it is complete, the new attempt begins with T2. Whoever committed to wrong
    /// digests is left out.
    pub fn retry(&self, context: &RetryContext<'_>, spec: &Spec) -> Option<Self> {
        let retryable = matches!(self.state, JobState::Failed(Failure::IncompleteD | Failure::NoFullProof));
        let id = self.id.next_attempt().filter(|id| u64::from(id.attempt) < spec.max_attempts)?;
        let ended = self.ended.filter(|_| retryable)?;
        let selection = match spec.retry_policy {
            RetryPolicy::NewSet => self.new_set(&id, context, spec),
            RetryPolicy::SameSet => self.same_set(&id, context, spec),
        };
        let mut job = Self::starting(id, selection, ended, spec);
        job.digests.clone_from(&self.digests);
        job.culprits.clone_from(&self.culprits);
        job.suspected.clone_from(&self.suspected);
        job.missed_t1.clone_from(&self.missed_t1);
        job.last_bundle = self.last_bundle;
        if job.selection.is_none() {
            job.ended = Some(ended);
        }
        Some(job)
    }

    fn new_set(&self, id: &JobId, context: &RetryContext<'_>, spec: &Spec) -> Option<Selection> {
        let unavailable: BTreeSet<_> = context.busy.union(&self.culprits).copied().collect();
        selection::select(id, context.randao_mix, context.gas_used, context.candidates, &unavailable, spec)
    }

    /// The same provers, without those that missed both T1 and T2; the assignment is new, because its seed is.
    fn same_set(&self, id: &JobId, context: &RetryContext<'_>, spec: &Spec) -> Option<Selection> {
        let before = &self.selection.as_ref()?.provers;
        let left_out = self.idle().union(&self.culprits).copied().collect();
        selection::select_again(id, context.randao_mix, before, &left_out, context.candidates, context.busy, spec)
    }

    /// The provers that missed both T1 and T2.
    pub fn idle(&self) -> BTreeSet<ProverIndex> {
        self.missed_t1.intersection(&self.missed_t2).copied().collect()
    }
}
