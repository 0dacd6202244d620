//! Digests that this sidecar works out itself: disputes and holes of T1, and, before a retry, the entries of D that nobody could prove.
//!
//! All honest provers of an instance publish the same digest, so one that contradicts recomputation is an objective fault.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use quintet_protocol::{Failure, JobState, rewards::fault_penalties};
use quintet_store::Batch;
use quintet_types::{Commitment, InstanceIndex, JobId, Phase, PhaseBundle, ProverIndex, Reason, Root};

use super::{ClosedRecord, Core, CoreError, LiveJob, Todo};

/// Most instances of a job that a sidecar recomputes because a bundle contradicts the claims that it has, or an earlier attempt failed. The same in all
/// sidecars, since it decides who may be fined.
const MAX_CONTESTED: usize = 64;

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
        let Some(live) = self.jobs.get(id) else { return Ok(()) };
        let Some(proving) = live.proving.clone() else { return Ok(()) };
        if live.doubted.is_none() {
            if self.config.joint && !self.is_last(live) {
                return self.suspect_and_retry(id, proving.instances());
            }
            self.begin_correction(id, proving.instances())?;
        }
        let Some(live) = self.jobs.get_mut(id) else { return Ok(()) };
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

    /// What this sidecar recomputes of a failed attempt's D before anything follows, and fines by: alone before each retry, with others after the last
    /// attempt, for nothing is voted on that could say it any more. There what each of them recomputes is the same, whatever it had recomputed before.
    fn begin_correction(&mut self, id: &JobId, instances: usize) -> Result<(), CoreError> {
        let (joint, max_fill) = (self.config.joint, self.config.max_fill);
        let Some(live) = self.jobs.get_mut(id) else { return Ok(()) };
        let known = if joint { BTreeSet::new() } else { live.record.recomputed.keys().copied().collect() };
        let mut doubted: BTreeSet<_> = doubted(live, instances, &known).into_iter().collect();
        // What earlier attempts were suspected of, and no later T1 has settled.
        doubted.extend(live.job().suspected_instances());
        // What is more than we recompute ourselves is committed to anew.
        let most = if joint { MAX_CONTESTED } else { max_fill };
        live.record.job.doubt(doubted.iter().skip(most).copied());
        let doubted: BTreeSet<_> = doubted.into_iter().take(most).collect();
        let made: Vec<_> = doubted.iter().filter_map(|i| live.record.recomputed.get(i).cloned()).collect();
        live.doubted = Some(doubted);
        made.into_iter().try_for_each(|commitment| self.corrected(id, commitment.instance, commitment))
    }

    /// Where several sidecars agree, nothing that one of them recomputed may change what follows: the next attempt begins with the entries in doubt open,
    /// each sidecar recomputes them before it votes for that T1, and what the certified D says is what those pay who had committed to something else.
    fn suspect_and_retry(&mut self, id: &JobId, instances: usize) -> Result<(), CoreError> {
        let Some(live) = self.jobs.get_mut(id) else { return Ok(()) };
        let doubted = doubted(live, instances, &BTreeSet::new());
        let contested: BTreeSet<_> = doubted.iter().take(MAX_CONTESTED).copied().collect();
        live.record.job.suspect(&contested);
        live.record.job.doubt(doubted.into_iter().skip(MAX_CONTESTED));
        live.record.contested = contested;
        live.retry_due = false;
        self.retry(id)
    }

    /// Instances of which a bundle of T1 has another digest than the claims that are here, or one where there are none, and that this sidecar can still
    /// find out about.
    pub(super) fn contestable(&self, live: &LiveJob, bundle: &PhaseBundle) -> Vec<InstanceIndex> {
        let Some(settlement) = live.settlement.as_ref().filter(|_| bundle.phase == Phase::T1) else { return Vec::new() };
        let here = settlement.digests();
        if here.len() != bundle.digests.len() {
            return Vec::new();
        }
        let room = MAX_CONTESTED.saturating_sub(live.record.contested.len());
        let places = (0..).map(InstanceIndex).zip(bundle.digests.iter().zip(here));
        let differs = places.filter(|(_, (digest, here))| **digest != Root::ZERO && *here != Some(**digest));
        let open = differs.map(|(instance, _)| instance).filter(|instance| !live.is_recomputed(*instance));
        let (asked, new): (Vec<_>, Vec<_>) = open.partition(|instance| live.record.contested.contains(instance));
        asked.into_iter().chain(new.into_iter().take(room)).collect()
    }

    /// This sidecar is to find out itself about what a proposed bundle says of D; [`Self::objection`] tells when it has.
    pub fn contest(&mut self, bundle: &PhaseBundle) {
        let Some(live) = self.jobs.get(&bundle.job) else { return };
        let contested = self.contestable(live, bundle);
        if let Some(live) = self.jobs.get_mut(&bundle.job) {
            live.record.contested.extend(contested);
        }
    }

    /// Instances of which a certified bundle of T1 has a digest, and this sidecar no commitment: it makes them itself, for partials are judged by them.
    /// None once that is done.
    pub fn unsettled(&mut self, bundle: &PhaseBundle) -> usize {
        let Some(live) = self.jobs.get(&bundle.job).filter(|_| bundle.phase == Phase::T1) else { return 0 };
        let self_made = |(_, received): &(ProverIndex, &super::Received)| {
            received.verdict.as_ref().and_then(super::Verdict::own_full_proof) == Some(true)
        };
        if self.counted(live, bundle).iter().any(self_made) {
            return 0;
        }
        let found = super::close::settled(live, &bundle.digests);
        let places = (0..).map(InstanceIndex).zip(bundle.digests.iter());
        let listed = places.filter(|(_, digest)| **digest != Root::ZERO).map(|(instance, _)| instance);
        let open: Vec<_> = listed.filter(|i| !found.contains_key(i) && !live.record.recomputed.contains_key(i)).collect();
        if let Some(live) = self.jobs.get_mut(&bundle.job) {
            live.record.contested.extend(&open);
        }
        open.len()
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
                equivocations: Default::default(),
                late_equivocations: Default::default(),
            },
            entries: fault_penalties(*id, phase, reason, culprits, &spec),
            outcomes: Vec::new(),
            ended: None,
        };
        self.persist_close(id, &record, batch)
    }
}

/// The entries of D that a failed attempt leaves in doubt: those that nobody proved, and, where all are proven and yet the bus does not balance, every
/// one, for then some digest is that of another execution. What was `recomputed` before is beyond doubt.
fn doubted(live: &LiveJob, instances: usize, recomputed: &BTreeSet<InstanceIndex>) -> Vec<InstanceIndex> {
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
    all.filter(|i| (complete || !sums.contains_key(i)) && !recomputed.contains(i)).collect()
}

impl LiveJob {
    /// Instances that are to be recomputed whatever is claimed of them, and are not yet.
    pub(super) fn contested(&self) -> impl Iterator<Item = InstanceIndex> {
        self.record.contested.iter().copied().filter(|instance| !self.record.recomputed.contains_key(instance))
    }

    /// Whether this sidecar committed to an instance itself, or an earlier attempt's D has it.
    fn is_recomputed(&self, instance: InstanceIndex) -> bool {
        let carried = self.job().digests().get(instance.as_usize()).is_some_and(Option::is_some);
        carried || self.record.recomputed.contains_key(&instance)
    }
}
