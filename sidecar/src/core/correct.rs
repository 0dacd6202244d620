//! Digests that this sidecar works out itself: disputes and holes of T1, and, before a retry, the entries of D that nobody could prove.
//!
//! All honest provers of an instance publish the same digest, so one that contradicts recomputation is an objective fault.

use std::{collections::BTreeSet, sync::Arc};

use quintet_protocol::{Failure, JobState, rewards::fault_penalties};
use quintet_types::{Commitment, InstanceIndex, JobId, Phase, PhaseBundle, ProverIndex, Reason};

use super::{ClosedRecord, Core, CoreError, Todo};

impl Core {
    /// An attempt failed: the next one follows once D is corrected.
    pub(super) fn expect_retry(&mut self, id: &JobId) {
        let Some(live) = self.jobs.get_mut(id) else { return };
        let retryable = matches!(live.job().state(), JobState::Failed(Failure::IncompleteD | Failure::NoFullProof));
        live.retry_due = retryable && !live.job().is_suspended();
    }

    /// After a restart: failed attempts whose successor was not announced yet.
    pub(super) fn expect_missing_retries(&mut self) {
        let failed: Vec<JobId> = self
            .jobs
            .keys()
            .filter(|id| id.next_attempt().is_some_and(|next| !self.jobs.contains_key(&next)))
            .copied()
            .collect();
        failed.iter().for_each(|id| self.expect_retry(id));
    }

    /// Work before a retry, or the retry itself.
    pub(super) fn retry_work(&mut self, id: &JobId, todo: &mut Vec<Todo>) -> Result<(), CoreError> {
        let max_fill = self.config.max_fill;
        let Some(live) = self.jobs.get_mut(id) else { return Ok(()) };
        let Some(proving) = live.proving.clone() else { return Ok(()) };
        if live.unproven.is_none() {
            let proven: BTreeSet<InstanceIndex> = live.known.values().map(|(known, _)| known.instance).collect();
            let failed = live.job().state() == JobState::Failed(Failure::NoFullProof);
            let all = (0..proving.instances() as u32).map(InstanceIndex);
            let open = all.filter(|i| failed && !proven.contains(i) && !live.record.recomputed.contains_key(i));
            live.unproven = Some(open.take(max_fill).collect());
        }
        let open = live.unproven.clone().unwrap_or_default();
        if open.is_empty() {
            live.retry_due = false;
            return self.retry(id);
        }
        for instance in open {
            if live.recomputing.insert(instance) {
                todo.push(Todo::Recompute { job: *id, instance, proving: Arc::clone(&proving) });
            }
        }
        Ok(())
    }

    /// This sidecar has committed to an instance itself: that digest beats all claims.
    ///
    /// # Errors
    /// If the store fails.
    pub fn recomputed(
        &mut self,
        id: &JobId,
        instance: InstanceIndex,
        result: Result<Commitment, quintet_proving::Error>,
    ) -> Result<(), CoreError> {
        let Some(live) = self.jobs.get_mut(id) else { return Ok(()) };
        live.recomputing.remove(&instance);
        let commitment = match result {
            Ok(commitment) => commitment,
            Err(error) => {
                if let Some(unproven) = &mut live.unproven {
                    unproven.remove(&instance);
                }
                return self.warn(format!("job {id}: recomputing instance {instance}: {error}"));
            }
        };
        live.record.recomputed.insert(instance, commitment.clone());
        if live.retry_due {
            return self.corrected(id, instance, commitment);
        }
        if let Some(settlement) = &mut live.settlement {
            settlement.resolve(instance, commitment.digest)?;
        }
        self.save(id)
    }

    /// An entry of D as it has to be for the next attempt; whoever committed to another one pays.
    fn corrected(&mut self, id: &JobId, instance: InstanceIndex, commitment: Commitment) -> Result<(), CoreError> {
        let Some(live) = self.jobs.get_mut(id) else { return Ok(()) };
        if let Some(unproven) = &mut live.unproven {
            unproven.remove(&instance);
        }
        let culprits = live.record.job.correct(instance, commitment.digest)?;
        if let Some(settled) = live.record.settled.get_mut(instance.as_usize()) {
            *settled = commitment;
        }
        if culprits.is_empty() {
            return self.save(id);
        }
        tracing::warn!(job = %id, %instance, culprits = culprits.len(), "D had a digest that recomputation contradicts");
        self.record_faults(id, Phase::T1, Reason::WrongDigest, culprits)
    }

    /// Penalties for faults outside the source's table, in a record of their own.
    pub(super) fn record_faults(
        &mut self,
        id: &JobId,
        phase: Phase,
        reason: Reason,
        culprits: impl IntoIterator<Item = ProverIndex>,
    ) -> Result<(), CoreError> {
        let spec = Arc::clone(&self.config.spec);
        let leader = self.config.validator;
        let Some(live) = self.jobs.get(id) else { return Ok(()) };
        let (slot, plan_root) = (live.job().ended().unwrap_or(live.job().deadline()), live.job().plan_root());
        let record = ClosedRecord {
            job: *id,
            phase,
            slot,
            bundle: PhaseBundle {
                job: *id,
                phase,
                previous: live.job().last_bundle(),
                leader,
                rank: 0,
                slot,
                plan_root,
                accepted: Default::default(),
                digests: Default::default(),
                agg_proofs: Default::default(),
            },
            entries: fault_penalties(*id, phase, reason, culprits, &spec),
            outcomes: Vec::new(),
            ended: None,
        };
        self.persist_close(id, &record)
    }
}
