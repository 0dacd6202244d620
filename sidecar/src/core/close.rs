//! Closing a phase: the bundle, D, the ledger entries, and what comes next.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use quintet_api::EventKind;
use quintet_protocol::{
    Closing, DutyOutcome, JobState, JudgedCommitments, JudgedPartials, PhaseContent, checks::check_bundle, rewards::Payees,
};
use quintet_store::Batch;
use quintet_types::{Commitment, InstanceIndex, JobId, LedgerEntry, Phase, PhaseBundle, ProverIndex, Root, Slot, Submission};
use serde::{Deserialize, Serialize};

use super::{Core, CoreError, LiveJob, Todo, Verdict, load::to_json};
use crate::db;

/// What followed from a closed phase; the books are made of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosedRecord {
    /// The job.
    pub job: JobId,
    /// The phase.
    pub phase: Phase,
    /// Slot at which it was closed.
    pub slot: Slot,
    /// The bundle.
    pub bundle: PhaseBundle,
    /// Entries of the ledger.
    pub entries: Vec<LedgerEntry>,
    /// Duties that were due.
    pub outcomes: Vec<DutyOutcome>,
    /// Slot at which the job ended, if it did.
    pub ended: Option<Slot>,
}

impl Core {
    /// Closes the open phase of a job if it is time, or returns what has to be done before.
    pub(super) fn try_close(&mut self, id: &JobId, now_ms: u64, todo: &mut Vec<Todo>) -> Result<(), CoreError> {
        let spec = Arc::clone(&self.config.spec);
        let Some(live) = self.jobs.get_mut(id) else { return Ok(()) };
        live.ready = false;
        let Some(live) = self.jobs.get(id) else { return Ok(()) };
        let (Some(phase), false) = (live.job().phase(), live.job().is_suspended()) else { return Ok(()) };
        let deadline_ms = self.slot_start_ms(live.job().deadline());
        let over = now_ms > deadline_ms + spec.arrival_tolerance_ms;
        let early = spec.early_close && !self.config.joint && all_in(live, phase);
        if !(over || early) {
            return Ok(());
        }
        // Down at the deadline and for a phase after it: nobody could submit, so nobody pays.
        let phase_ms = spec.phase_slots * spec.slot_duration_ms;
        if over && !self.config.joint && self.started_ms > deadline_ms + phase_ms {
            return self.extend(id, now_ms);
        }
        if live.of_phase(phase).any(|(_, received)| received.verdict.is_none()) {
            return Ok(());
        }
        if phase == Phase::T1 && self.recompute_work(id, todo) {
            return Ok(());
        }
        if self.config.joint {
            if let Some(live) = self.jobs.get_mut(id) {
                live.ready = true;
            }
            return Ok(());
        }
        self.close(id, now_ms)
    }

    fn extend(&mut self, id: &JobId, now_ms: u64) -> Result<(), CoreError> {
        let spec = Arc::clone(&self.config.spec);
        let genesis = self.config.genesis_ms;
        let Some(live) = self.jobs.get_mut(id) else { return Ok(()) };
        while live.record.job.phase().is_some()
            && genesis + live.record.job.deadline().0 * spec.slot_duration_ms + spec.arrival_tolerance_ms < now_ms
        {
            live.record.job.extend(&spec)?;
        }
        if let Some(ended) = live.record.job.ended() {
            self.books.busy.end(id, ended);
        }
        self.deadline_moved(id);
        tracing::warn!(job = %id, "phase without a certificate: its deadline moves");
        self.save(id)?;
        self.tell_state(id);
        Ok(())
    }

    /// The line of the open phase shows the deadline as it is now.
    pub(super) fn deadline_moved(&mut self, id: &JobId) {
        let Some(deadline_ms) = self.jobs.get(id).map(|live| self.slot_start_ms(live.job().deadline())) else { return };
        let line = self.jobs.get_mut(id).and_then(|live| live.record.phases.last_mut());
        if let Some(line) = line.filter(|line| line.closed_ms.is_none()) {
            line.deadline_ms = deadline_ms;
        }
    }

    /// Disputes and holes of T1 that are still to be recomputed; true if there are any.
    fn recompute_work(&mut self, id: &JobId, todo: &mut Vec<Todo>) -> bool {
        let max_fill = self.config.max_fill;
        let Some(live) = self.jobs.get_mut(id) else { return false };
        let (Some(settlement), Some(proving)) = (&live.settlement, &live.proving) else { return false };
        // A self-made full proof ends the job without D.
        let self_made =
            live.of_phase(Phase::T1).any(|(_, r)| r.verdict.as_ref().and_then(Verdict::own_full_proof) == Some(true));
        if self_made {
            return false;
        }
        let disputes = settlement.disputes().into_iter().map(|dispute| dispute.instance);
        let holes = settlement.holes();
        let fill = if holes.len() <= max_fill { holes } else { Vec::new() };
        let open: BTreeSet<InstanceIndex> = disputes.chain(fill).chain(live.contested()).collect();
        for &instance in &open {
            if live.recomputing.insert(instance) {
                todo.push(Todo::Recompute { job: *id, instance, proving: Arc::clone(proving) });
            }
        }
        !open.is_empty()
    }

    /// Closes a phase alone: our own proposal is what counts.
    fn close(&mut self, id: &JobId, now_ms: u64) -> Result<(), CoreError> {
        let Some(bundle) = self.jobs.get(id).and_then(|live| self.proposal(live, now_ms)) else { return Ok(()) };
        self.apply(bundle, now_ms)
    }

    /// Closes the open phase with a bundle that counts: our own where this sidecar is alone, one with a certificate otherwise. All that it lists is here
    /// and verified.
    ///
    /// # Errors
    /// If it breaks a rule, if [`Self::missing`] names something, or if the store fails; nothing is changed then.
    pub fn apply(&mut self, bundle: PhaseBundle, now_ms: u64) -> Result<(), CoreError> {
        let spec = Arc::clone(&self.config.spec);
        let (id, phase) = (bundle.job, bundle.phase);
        let Some(live) = self.jobs.get(&id) else { return Ok(()) };
        let selected: BTreeSet<_> = live.job().selection().into_iter().flat_map(|selection| &selection.provers).collect();
        let is_selected = |key: &_| self.prover_index(key).is_some_and(|prover| selected.contains(&prover));
        // Other nodes judge our bundles by the same rule.
        check_bundle(&bundle, live.job(), is_selected, &spec)?;
        if let Some(entry) = self.missing(&bundle).first() {
            return Err(CoreError::NotHeld { phase, prover: entry.prover, body_root: entry.body_root });
        }
        let counted = self.counted(live, &bundle);
        let closing = Closing {
            phase,
            slot: bundle.slot,
            bundle_root: bundle.root(),
            payees: Payees::of(&bundle),
            content: content(phase, &counted, bundle.settled_digests()),
        };
        let settled = (phase == Phase::T1).then(|| settled(live, &bundle.digests));
        let known = if phase == Phase::T1 { Vec::new() } else { self.certified_partials(live, &counted) };
        let finalizing = finalizing_root(&counted);
        let fines = self.fines(&bundle);
        let Some(live) = self.jobs.get_mut(&id) else { return Ok(()) };
        let mut closed = live.record.job.close(&closing, &spec)?;
        closed.entries.extend(fines);
        if let Some(line) = live.record.phases.iter_mut().rev().find(|line| line.phase == phase) {
            line.closed_ms = Some(now_ms);
            line.bundle_root = Some(closing.bundle_root);
            line.leader = Some((bundle.leader, bundle.rank));
            line.submissions = bundle.accepted.len() as u64;
            line.accepted = bundle.accepted.iter().map(|entry| entry.body_root).collect();
        }
        live.record.settled = settled.unwrap_or_else(|| std::mem::take(&mut live.record.settled));
        live.known.extend(known);
        if matches!(closed.state, JobState::Finalized(_)) {
            live.record.full_proof = finalizing;
        }
        let mut batch = Batch::new();
        self.settle_rivals(&bundle, &mut batch)?;
        // In one with the phase that ends: after a restart nobody would write it.
        self.begin_phase(&id, now_ms);
        let Some(live) = self.jobs.get(&id) else { return Ok(()) };
        let record = ClosedRecord {
            job: id,
            phase,
            slot: bundle.slot,
            bundle,
            entries: closed.entries,
            outcomes: closed.outcomes,
            ended: live.record.job.ended(),
        };
        self.persist_close(&id, &record, batch)?;
        tracing::info!(job = %id, %phase, submissions = record.bundle.accepted.len(), state = %closed.state, "phase closed");
        let deadline_ms = self.slot_start_ms(record.slot);
        self.events.push(EventKind::Phase { job: id, phase, open: false, deadline_ms });
        self.after_close(&id, phase, closed.state)
    }

    fn after_close(&mut self, id: &JobId, phase: Phase, state: JobState) -> Result<(), CoreError> {
        match state {
            JobState::Open(_) => {
                if phase == Phase::T1 {
                    self.make_round(id)?;
                    self.events.push(EventKind::Challenge { job: *id });
                }
                self.tell_phase(id);
            }
            JobState::Failed(_) => self.expect_retry(id),
            _ => {}
        }
        self.tell_state(id);
        Ok(())
    }

    /// The challenge of T2, from D.
    pub(super) fn make_round(&mut self, id: &JobId) -> Result<(), CoreError> {
        let Some(live) = self.jobs.get_mut(id) else { return Ok(()) };
        let Some(proving) = &live.proving else { return Ok(()) };
        let digests: Option<Vec<Root>> = live.record.job.digests().iter().copied().collect();
        if let Some(digests) = digests {
            live.round = Some(Arc::new(proving.round(&digests)?));
        }
        Ok(())
    }

    /// Ledger entries, bundle, job and whatever else is in `batch` are written as one.
    pub(super) fn persist_close(&mut self, id: &JobId, record: &ClosedRecord, mut batch: Batch) -> Result<(), CoreError> {
        let number = self.next_closed;
        batch.put(&db::CLOSED, &number, &to_json("closed", record)?);
        if let Some(live) = self.jobs.get(id) {
            batch.put(&db::JOBS, &live.key(), &to_json("jobs", &live.record)?);
        }
        self.store.commit(batch)?;
        self.next_closed += 1;
        self.books.apply(number, record)
    }
}

/// Whether every submission that is due has come and is verified.
fn all_in(live: &LiveJob, phase: Phase) -> bool {
    let has = |prover| live.received.get(&(phase, prover)).is_some_and(|received| received.verdict.is_some());
    live.job().due().into_iter().all(has)
}

/// Submissions as the protocol judges them.
fn content(phase: Phase, counted: &[(ProverIndex, &super::Received)], digests: Vec<Option<Root>>) -> PhaseContent {
    match phase {
        Phase::T1 => {
            let judged = counted.iter().filter_map(|(prover, received)| {
                let Submission::Commitments(signed) = &*received.submission else { return None };
                let claims = signed.body.commitments.iter().map(|c| (c.instance, c.digest)).collect();
                let full_proof = received.verdict.as_ref().and_then(Verdict::own_full_proof);
                Some((*prover, JudgedCommitments { claims, full_proof }))
            });
            PhaseContent::Commitments { submissions: judged.collect(), digests }
        }
        Phase::T2 => {
            let judged = counted.iter().filter_map(|(prover, received)| match &received.verdict {
                Some(Verdict::Partials { valid, full_proof }) => {
                    Some((*prover, JudgedPartials { valid: valid.clone(), full_proof: *full_proof }))
                }
                _ => None,
            });
            PhaseContent::Partials(judged.collect())
        }
        Phase::T3 | Phase::T4 | Phase::T5 => {
            let judged = counted.iter().filter_map(|(prover, r)| Some((*prover, r.verdict.as_ref()?.full())));
            PhaseContent::FullProofs(judged.collect())
        }
    }
}

/// The commitments behind the settled digests. Where D has a hole there is none.
pub(super) fn settled(live: &LiveJob, digests: &[Root]) -> BTreeMap<InstanceIndex, Commitment> {
    let mut found: BTreeMap<(InstanceIndex, Root), &Commitment> = BTreeMap::new();
    for commitment in live.record.settled.values().chain(live.record.recomputed.values()) {
        found.insert((commitment.instance, commitment.digest), commitment);
    }
    for (_, received) in live.bodies(Phase::T1) {
        if let Submission::Commitments(signed) = &*received.submission {
            found.extend(signed.body.commitments.iter().map(|c| ((c.instance, c.digest), c)));
        }
    }
    let places = digests.iter().zip(0..).map(|(digest, place)| (InstanceIndex(place), *digest));
    places.filter_map(|place| Some((place.0, (*found.get(&place)?).clone()))).collect()
}

/// Whether a full proof verifies, whichever phase it came in.
pub(super) fn is_valid(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::FullProof { makers } => makers.is_some(),
        other => other.own_full_proof() == Some(true),
    }
}

/// The full proof that ends the job, if one of the bundle does: of several the one of the prover with the lowest index.
fn finalizing_root(counted: &[(ProverIndex, &super::Received)]) -> Option<Root> {
    let valid = |(_, received): &&(ProverIndex, &super::Received)| received.verdict.as_ref().is_some_and(is_valid);
    counted.iter().filter(valid).min_by_key(|(prover, _)| *prover).map(|(_, received)| received.body_root)
}
