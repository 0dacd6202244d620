//! Closing a phase with a certified bundle: money, histories, and what comes next.

use std::collections::{BTreeMap, BTreeSet};

use quintet_types::{InstanceIndex, LedgerEntry, Phase, ProverIndex, Reason, Root, Slot, Spec};

use super::judged::{JudgedCommitments, JudgedPartials, PhaseContent};
use super::{Failure, Job, JobState};
use crate::assignment::Assignment;
use crate::error::ProtocolError;
use crate::history::DutyOutcome;
use crate::reuse::admitted;
use crate::rewards::{Payees, Share, aggregation_rewards, commit_rewards, fault_penalties, partial_rewards, self_made_rewards};

/// A certified bundle, looked up and judged.
#[derive(Debug, Clone)]
pub struct Closing<'a> {
    /// The phase that it closes.
    pub phase: Phase,
    /// Slot at which it closes it.
    pub slot: Slot,
    /// Root of the bundle.
    pub bundle_root: Root,
    /// Whom it pays.
    pub payees: Payees<'a>,
    /// Its submissions.
    pub content: PhaseContent,
}

/// What follows from a closed phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// Entries for the ledger.
    pub entries: Vec<LedgerEntry>,
    /// Fulfilled duties, for the histories.
    pub outcomes: Vec<DutyOutcome>,
    /// The state that the job is in now.
    pub state: JobState,
}

impl Job {
    /// Closes the open phase. Also done for a suspended job: certified is certified, and the entries are keyed by
    /// the job's block.
    ///
    /// # Errors
    /// If no phase is open, or another one; the job is unchanged then.
    pub fn close(&mut self, closing: &Closing<'_>, spec: &Spec) -> Result<Closed, ProtocolError> {
        let (JobState::Open(open), Some(assignment)) = (self.state, self.assignment.clone()) else {
            return Err(self.wrong_state("closing a phase"));
        };
        let fits = match &closing.content {
            PhaseContent::Commitments { .. } => open == Phase::T1,
            PhaseContent::Partials(_) => open == Phase::T2,
            PhaseContent::FullProofs(_) => open.is_aggregation(),
        };
        if closing.phase != open || !fits {
            return Err(ProtocolError::WrongPhase { job: self.id, open, closed: closing.phase });
        }
        let (mut entries, outcomes, next) = match &closing.content {
            PhaseContent::Commitments { submissions, digests } => {
                self.close_t1(closing, submissions, digests, &assignment, spec)?
            }
            PhaseContent::Partials(submissions) => self.close_t2(closing, submissions, &assignment, spec)?,
            PhaseContent::FullProofs(_) => self.close_aggregation(closing, &assignment, spec)?,
        };
        let liars = closing.content.false_senders();
        entries.extend(fault_penalties(self.id, open, Reason::FalseFullProof, liars, spec));
        entries.sort_unstable();
        self.last_bundle = closing.bundle_root;
        self.state = next;
        if next.is_over() {
            self.ended = Some(closing.slot);
        } else {
            self.deadline = closing.slot.plus(spec.phase_slots);
        }
        Ok(Closed { entries, outcomes, state: next })
    }

    fn close_t1(
        &mut self,
        closing: &Closing<'_>,
        submissions: &BTreeMap<ProverIndex, JudgedCommitments>,
        digests: &[Option<Root>],
        assignment: &Assignment,
        spec: &Spec,
    ) -> Result<(Vec<LedgerEntry>, Vec<DutyOutcome>, JobState), ProtocolError> {
        let expected = assignment.num_instances();
        if digests.len() != expected {
            return Err(ProtocolError::WrongLength { expected, found: digests.len() });
        }
        let committed = commits_validly(submissions, digests, assignment);
        let senders = selected_senders(closing, assignment);
        let mut entries = if senders.is_empty() {
            commit_rewards(self.id, assignment.provers(), &committed, closing.payees, spec)
        } else {
            self_made_rewards(self.id, Phase::T1, assignment.provers(), &senders, closing.payees, spec)?
        };
        // A wrong digest is a fault also in a phase that a full proof ends.
        let settled = |instance: &InstanceIndex| digests.get(instance.as_usize()).copied().flatten();
        let wrong = |instance: &InstanceIndex, claimed: Root| settled(instance).is_some_and(|settled| settled != claimed);
        let mut culprits: BTreeSet<_> = submissions
            .iter()
            .filter(|(_, submission)| submission.claims.iter().any(|(instance, claimed)| wrong(instance, *claimed)))
            .map(|(prover, _)| *prover)
            .collect();
        // Those whom an earlier attempt's failure made suspect; what D still leaves open stays so.
        for (prover, claims) in &mut self.suspected {
            let lied = claims.iter().any(|(instance, claimed)| wrong(instance, *claimed));
            culprits.extend(lied.then_some(*prover));
            claims.retain(|(instance, _)| settled(instance).is_none());
        }
        self.suspected.retain(|_, claims| !claims.is_empty());
        entries.extend(fault_penalties(self.id, Phase::T1, Reason::WrongDigest, culprits.iter().copied(), spec));
        let provers = || assignment.provers().iter().copied().zip(&committed);
        let outcomes = provers().map(|(prover, &valid)| DutyOutcome { prover, valid: valid.into(), due: 1 }).collect();
        self.missed_t1 = provers().filter(|(_, valid)| !**valid).map(|(prover, _)| prover).collect();
        // Those of earlier attempts stay barred.
        self.culprits.extend(culprits);
        self.digests = digests.to_vec();
        self.claims = submissions.iter().map(|(prover, s)| (*prover, s.claims.clone())).collect();
        let next = if !senders.is_empty() {
            JobState::Finalized(Phase::T1)
        } else if digests.iter().all(Option::is_some) {
            JobState::Open(Phase::T2)
        } else {
            JobState::Failed(Failure::IncompleteD)
        };
        Ok((entries, outcomes, next))
    }

    fn close_t2(
        &mut self,
        closing: &Closing<'_>,
        submissions: &BTreeMap<ProverIndex, JudgedPartials>,
        assignment: &Assignment,
        spec: &Spec,
    ) -> Result<(Vec<LedgerEntry>, Vec<DutyOutcome>, JobState), ProtocolError> {
        let shares = shares(submissions, assignment);
        let senders = selected_senders(closing, assignment);
        let (entries, next) = if senders.is_empty() {
            (partial_rewards(self.id, &shares, closing.payees, spec), JobState::Open(Phase::T3))
        } else {
            let entries = self_made_rewards(self.id, Phase::T2, assignment.provers(), &senders, closing.payees, spec)?;
            (entries, JobState::Finalized(Phase::T2))
        };
        self.missed_t2 =
            shares.iter().filter(|share| share.assigned > 0 && share.valid == 0).map(|share| share.prover).collect();
        let outcomes = shares
            .iter()
            .filter(|share| share.assigned > 0)
            .map(|share| DutyOutcome { prover: share.prover, valid: share.valid, due: share.assigned })
            .collect();
        Ok((entries, outcomes, next))
    }

    fn close_aggregation(
        &self,
        closing: &Closing<'_>,
        assignment: &Assignment,
        spec: &Spec,
    ) -> Result<(Vec<LedgerEntry>, Vec<DutyOutcome>, JobState), ProtocolError> {
        let mut parts = closing.content.parts();
        let submitters = parts.iter().map(|proof| proof.submitter);
        let admitted = admitted(&assignment.seed, closing.phase, assignment.provers(), submitters, spec);
        parts.retain(|proof| admitted.contains(&proof.submitter));
        let entries = aggregation_rewards(self.id, closing.phase, assignment, &parts, closing.payees, spec)?;
        let next = match (parts.is_empty(), closing.phase.next()) {
            (false, _) => JobState::Finalized(closing.phase),
            (true, Some(next)) => JobState::Open(next),
            (true, None) => JobState::Failed(Failure::NoFullProof),
        };
        Ok((entries, Vec::new(), next))
    }
}

/// Selected provers that sent valid full proofs; in T1 and T2 only they may.
fn selected_senders(closing: &Closing<'_>, assignment: &Assignment) -> Vec<ProverIndex> {
    let selected: BTreeSet<_> = assignment.provers().iter().copied().collect();
    closing.content.senders().into_iter().filter(|sender| selected.contains(sender)).collect()
}

/// By seat: whether all assigned digests were committed to, and are D's.
fn commits_validly(
    submissions: &BTreeMap<ProverIndex, JudgedCommitments>,
    digests: &[Option<Root>],
    assignment: &Assignment,
) -> Vec<bool> {
    let claims: Vec<Option<BTreeMap<_, _>>> =
        assignment.provers().iter().map(|prover| Some(submissions.get(prover)?.claims.iter().copied().collect())).collect();
    let mut valid: Vec<bool> = claims.iter().map(Option::is_some).collect();
    for (digest, place) in digests.iter().zip(0..) {
        let instance = InstanceIndex(place);
        for &seat in assignment.committing_seats(instance) {
            let claimed = claims[seat as usize].as_ref().and_then(|claims| claims.get(&instance));
            // Where D has a hole, nobody committed, and whoever was assigned failed to.
            valid[seat as usize] &= claimed.is_some() && claimed == digest.as_ref();
        }
    }
    valid
}

/// By seat: assigned instances, and how many of them have a valid partial.
fn shares(submissions: &BTreeMap<ProverIndex, JudgedPartials>, assignment: &Assignment) -> Vec<Share> {
    let loads = assignment.proving_loads();
    let provers = assignment.provers().iter().zip(loads);
    provers
        .map(|(&prover, assigned)| {
            let valid: BTreeSet<_> = submissions
                .get(&prover)
                .into_iter()
                .flat_map(|submission| &submission.valid)
                .filter(|&&instance| assignment.must_prove(prover, instance))
                .collect();
            Share { prover, assigned, valid: valid.len() as u64 }
        })
        .collect()
}
