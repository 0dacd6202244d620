//! Digests that this sidecar works out itself: disputes and holes of T1, and, before a retry, the entries of D that nobody could prove.
//!
//! All honest provers of an instance publish the same digest, so one that contradicts recomputation is an objective fault.

use std::{collections::BTreeMap, sync::Arc};

use quintet_protocol::{Failure, JobState, rewards::fault_penalties};
use quintet_store::Batch;
use quintet_types::{Commitment, InstanceIndex, JobId, Phase, PhaseBundle, ProverIndex, Reason};

use super::{ClosedRecord, Core, CoreError, LiveJob, Todo};

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

    /// Work before a retry, or the retry itself. A block that is off the head gets no retry before it is back.
    pub(super) fn retry_work(&mut self, id: &JobId, todo: &mut Vec<Todo>) -> Result<(), CoreError> {
        if !self.chain.ancestry(self.chain.head).contains(id.slot, &id.block_root) {
            return Ok(());
        }
        let max_fill = self.config.max_fill;
        let Some(live) = self.jobs.get_mut(id) else { return Ok(()) };
        let Some(proving) = live.proving.clone() else { return Ok(()) };
        if live.doubted.is_none() {
            let doubted = doubted(live, proving.instances());
            // What is more than we recompute ourselves is committed to anew.
            live.record.job.doubt(doubted.iter().skip(max_fill).copied());
            live.doubted = Some(doubted.into_iter().take(max_fill).collect());
        }
        let open = live.doubted.clone().unwrap_or_default();
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
                if let Some(doubted) = &mut live.doubted {
                    doubted.remove(&instance);
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
        if let Some(doubted) = &mut live.doubted {
            doubted.remove(&instance);
        }
        let culprits = live.record.job.correct(instance, commitment.digest)?;
        live.record.settled.insert(instance, commitment);
        if culprits.is_empty() {
            return self.save(id);
        }
        tracing::warn!(job = %id, %instance, culprits = culprits.len(), "D had a digest that recomputation contradicts");
        self.record_faults(id, Phase::T1, Reason::WrongDigest, culprits, Batch::new())
    }

    /// Penalties for faults outside the source's table, in a record of their own.
    pub(super) fn record_faults(
        &mut self,
        id: &JobId,
        phase: Phase,
        reason: Reason,
        culprits: impl IntoIterator<Item = ProverIndex>,
        batch: Batch,
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
                attesters: Default::default(),
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
        self.persist_close(id, &record, batch)
    }
}

/// The entries of D that a failed attempt leaves in doubt: those that nobody proved, and, where all are proven and yet the bus does not balance, every
/// one, for then some digest is that of another execution. What this sidecar recomputed before is beyond doubt.
fn doubted(live: &LiveJob, instances: usize) -> Vec<InstanceIndex> {
    if live.job().state() != JobState::Failed(Failure::NoFullProof) {
        return Vec::new();
    }
    let sums: BTreeMap<_, _> = live.known.values().map(|(known, partial)| (known.instance, partial.sum)).collect();
    let complete = sums.len() == instances;
    let balanced = live.round.as_ref().is_some_and(|round| round.verify_sums(sums.values().copied()).is_ok());
    if complete && balanced {
        return Vec::new();
    }
    let all = (0..instances as u32).map(InstanceIndex);
    all.filter(|i| (complete || !sums.contains_key(i)) && !live.record.recomputed.contains_key(i)).collect()
}
