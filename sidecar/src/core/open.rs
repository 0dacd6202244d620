//! Chain events: jobs are opened, suspended, resumed and dropped.

use std::{collections::BTreeSet, sync::Arc};

use quintet_api::EventKind;
use quintet_beacon::{BlockInfo, Reorg};
use quintet_protocol::{CandidateTable, Job, RetryContext, history_slot, schedule::job_is_due, select};
use quintet_proving::{ProvingJob, payload_input};
use quintet_store::Batch;
use quintet_types::{Epoch, JobId, ProverIndex, RetryPolicy, Root, Slot};

use super::{
    BlockMeta, Core, CoreError, JobRecord, LiveJob,
    job::key_of,
    load::{to_cbor, to_json},
};
use crate::{
    core::views::state_of,
    db,
    registry::{BlockAt, NotKnown},
};

impl Core {
    /// A block became canonical. Opens its job if one is due; the plan is still to be made ([`Self::planned`]).
    ///
    /// The chain is written after the job or in one with it: after a restart the chain's head tells what has been dealt with.
    ///
    /// # Errors
    /// If the store fails.
    pub fn on_block(&mut self, block: &BlockInfo, now_ms: u64) -> Result<Option<JobId>, CoreError> {
        let parent_slot = self.chain.block(&block.parent_root).map_or(Slot(0), |meta| meta.slot);
        self.begin_at(block.slot)?;
        self.chain.add(block.block_root, BlockMeta { slot: block.slot, parent: block.parent_root });
        self.follow_head(now_ms)?;
        let job = self.job_of(block, parent_slot)?;
        let mut batch = Batch::new();
        batch.put(&db::BOOKS, &db::CHAIN_KEY, &to_cbor("books", &self.chain)?);
        let Some(live) = job else {
            self.store.commit(batch)?;
            return Ok(None);
        };
        batch.put(&db::INPUTS, &block.block_root.0, &live.input.to_vec());
        self.add(live, batch).map(Some)
    }

    /// The job that a block gets, if it has none yet and one is due.
    fn job_of(&mut self, block: &BlockInfo, parent_slot: Slot) -> Result<Option<LiveJob>, CoreError> {
        let id = JobId::new(block.slot, block.block_root);
        if self.jobs.contains_key(&id) {
            return Ok(None);
        }
        let (Some(payload), Some(mix)) = (block.payload(), block.randao_mix) else { return Ok(None) };
        if block.slot < self.config.first_slot {
            return Ok(None);
        }
        let spec = Arc::clone(&self.config.spec);
        let ancestry = self.chain.ancestry(block.block_root);
        let known_after = if self.config.joint { spec.phase_slots } else { 0 };
        let open = self.books.busy.has_open_job(block.slot, known_after, |slot, root| ancestry.contains(slot, root));
        if !job_is_due(block.slot, parent_slot, open, &spec) {
            return Ok(None);
        }
        let input = match payload_input(payload).map(|input| input.encode()) {
            Ok(Ok(input)) => input,
            Ok(Err(error)) => return self.warn(format!("block {}: no job: {error}", block.slot)).map(|()| None),
            Err(error) => return self.warn(format!("block {}: no job: {error}", block.slot)).map(|()| None),
        };
        let (candidates, unknown) = match self.candidates(block) {
            Ok(candidates) => (candidates, None),
            Err(not_known) => (CandidateTable::default(), Some(not_known)),
        };
        let unattended = self.config.contract_votes && self.nobody_votes(&BlockAt::from(block));
        let candidates = if unattended { CandidateTable::default() } else { candidates };
        let mut unavailable = self.books.busy.busy_at(block.slot, &spec, |slot, root| ancestry.contains(slot, root));
        unavailable.retain(|prover| candidates.contains(*prover));
        let selection = select(&id, &mix, payload.gas_used, &candidates, &unavailable, &spec);
        let note = selection.is_none().then(|| match &unknown {
            // Other sidecars know who is to be drawn. Whoever does not must not draw others.
            Some(not_known) => format!("nobody is drawn: {not_known}; do the execution nodes of staking.rpc_urls lag?"),
            None if unattended => {
                "nobody is drawn: no validator of the contract counts yet, so that no phase could be certified".into()
            }
            None => {
                let free = candidates.len() - unavailable.len();
                format!("{free} provers are free; a job needs {} of them, and takes at most half", spec.min_provers)
            }
        });
        if unknown.is_some() {
            self.blocks_without_registry += 1;
            self.tell_warning(format!("block {}: {}", block.slot, note.as_deref().unwrap_or_default()));
        }
        let record = JobRecord {
            job: Job::new(id, selection, &spec),
            tip: BlockAt::from(block).tip,
            randao_mix: mix,
            gas_used: payload.gas_used,
            transactions: payload.transactions.len() as u64,
            input_root: quintet_payload::input_root(&input),
            candidates: candidates.weights().collect(),
            unavailable,
            phases: Vec::new(),
            full_proof: None,
            note,
            settled: Default::default(),
            recomputed: Default::default(),
            contested: Default::default(),
            holes_announced: false,
        };
        Ok(Some(LiveJob::new(record, input.into())))
    }

    /// Whether it is known that no validator of the contract counts for a block.
    fn nobody_votes(&self, at: &BlockAt) -> bool {
        let epoch = epoch_of(at.slot, self.config.spec.slots_per_epoch);
        matches!(self.members_for(at), Some(Ok(members)) if members.counting_in(epoch).next().is_none())
    }

    /// Stores a new job in one with whatever else is in `batch`, and tells subscribers.
    fn add(&mut self, live: LiveJob, mut batch: Batch) -> Result<JobId, CoreError> {
        let id = *live.id();
        if let Some(selection) = live.job().selection() {
            self.books.busy.select(id, selection.provers.clone());
        }
        batch.put(&db::JOBS, &live.key(), &to_json("jobs", &live.record)?);
        self.store.commit(batch)?;
        let state = state_of(live.job());
        tracing::info!(job = %id, ?state, provers = live.job().selection().map_or(0, |s| s.provers.len()), "job announced");
        self.jobs.insert(id, live);
        self.events.push(EventKind::Job { job: id, state });
        Ok(id)
    }

    /// Candidates for a block, built once an epoch and branch.
    ///
    /// # Errors
    /// [`NotKnown`] while it is not known who they are.
    fn candidates(&mut self, block: &BlockInfo) -> Result<CandidateTable, NotKnown> {
        let (slot, root) = (block.slot, block.block_root);
        let spec = Arc::clone(&self.config.spec);
        let epoch = epoch_of(slot, spec.slots_per_epoch);
        let ancestry = self.chain.ancestry(root);
        // The branch is told by the first known block of the epoch before; blocks since then do not enter the table.
        let branch = self.chain.block(&root).map_or(root, |meta| meta.parent);
        if let Some((of, at, table)) = &self.candidates
            && *of == epoch
            && (*at == branch || ancestry.contains(self.chain.block(at).map_or(slot, |meta| meta.slot), at))
        {
            return Ok(table.clone());
        }
        let provers = self.registry.provers_for(&block.into(), self.genesis_time(), &spec)?;
        self.refresh_provers();
        let on_chain = |slot: Slot, root: &Root| ancestry.contains(slot, root);
        let histories = self.books.history.at(history_slot(epoch, &spec), spec.history_shift, on_chain);
        let table = CandidateTable::new(&provers, &histories, epoch, &spec);
        self.candidates = Some((epoch, branch, table.clone()));
        Ok(table)
    }

    /// Execution and plan of a job are there, or there is none.
    ///
    /// # Errors
    /// If the store fails, or the job cannot be opened.
    pub fn planned(
        &mut self,
        id: &JobId,
        result: Result<ProvingJob, quintet_proving::Error>,
        now_ms: u64,
    ) -> Result<(), CoreError> {
        let spec = Arc::clone(&self.config.spec);
        let Some(live) = self.jobs.get_mut(id) else { return Ok(()) };
        live.planning = false;
        match result {
            Ok(proving) => {
                let (root, instances) = (proving.plan_root(), proving.instances() as u64);
                live.proving = Some(Arc::new(proving));
                if live.job().state() == quintet_protocol::JobState::Announced {
                    live.record.job.open(root, instances, &spec)?;
                    let carried = live.job().digests().to_vec();
                    let mut settlement = quintet_protocol::Settlement::new(instances as usize, &carried);
                    // What an earlier attempt was suspected of, and this sidecar recomputed then.
                    for (instance, commitment) in &live.record.recomputed {
                        if live.record.contested.contains(instance) {
                            settlement.resolve(*instance, commitment.digest)?;
                        }
                    }
                    live.settlement = Some(settlement);
                    self.begin_phase(id, now_ms);
                    self.tell_phase(id);
                }
                self.restored(id)?;
            }
            Err(error) => {
                tracing::warn!(job = %id, %error, "no plan");
                live.record.note = Some(error.to_string());
                live.record.job.abandon()?;
                let ended = live.job().ended().unwrap_or(id.slot);
                self.books.busy.end(id, ended);
            }
        }
        self.save(id)?;
        self.tell_state(id);
        Ok(())
    }

    /// The open phase, if one is, gets a line in the record. The caller writes the record.
    pub(super) fn begin_phase(&mut self, id: &JobId, now_ms: u64) {
        let Some(live) = self.jobs.get(id) else { return };
        let Some(phase) = live.job().phase() else { return };
        let deadline_ms = self.slot_start_ms(live.job().deadline());
        let record = super::PhaseRecord {
            phase,
            starts_ms: now_ms,
            deadline_ms,
            due: live.job().deadline(),
            closed_ms: None,
            bundle_root: None,
            leader: None,
            submissions: 0,
            accepted: Default::default(),
        };
        if let Some(live) = self.jobs.get_mut(id) {
            live.record.phases.push(record);
        }
    }

    /// Subscribers are told of the open phase.
    pub(super) fn tell_phase(&mut self, id: &JobId) {
        let Some(live) = self.jobs.get(id) else { return };
        let Some(phase) = live.job().phase() else { return };
        let deadline_ms = self.slot_start_ms(live.job().deadline());
        self.events.push(EventKind::Phase { job: *id, phase, open: true, deadline_ms });
    }

    /// Blocks left the head: their jobs stop until they come back.
    ///
    /// # Errors
    /// If the store fails.
    pub fn on_reorg(&mut self, reorg: &Reorg, now_ms: u64) -> Result<(), CoreError> {
        let depth = reorg.dropped.len();
        tracing::info!(slot = %reorg.new_head.slot, depth, "reorg");
        self.chain.rewind(reorg.common_ancestor.root, reorg.common_ancestor.slot);
        self.save_chain()?;
        let suspended = self.follow_head(now_ms)?;
        let (slot, depth) = (reorg.new_head.slot, depth as u64);
        self.events.push(EventKind::Reorg { slot, depth, suspended, resumed: Vec::new() });
        Ok(())
    }

    /// Suspends the jobs of blocks that the head does not descend from, and resumes those of blocks that it does. Returns the suspended ones.
    ///
    /// Nobody could submit to a suspended job, so deadlines that passed meanwhile move past the clock.
    fn follow_head(&mut self, now_ms: u64) -> Result<Vec<JobId>, CoreError> {
        let spec = Arc::clone(&self.config.spec);
        let slot = self.slot_at(now_ms);
        let ancestry = self.chain.ancestry(self.chain.head);
        let on_head = |id: &JobId| ancestry.contains(id.slot, &id.block_root);
        let moved = |(id, live): &(&JobId, &LiveJob)| !live.job().state().is_over() && live.job().is_suspended() == on_head(id);
        let moved: Vec<JobId> = self.jobs.iter().filter(moved).map(|(id, _)| *id).collect();
        let (back, left): (Vec<JobId>, Vec<JobId>) = moved.into_iter().partition(on_head);
        for id in left.iter().chain(&back) {
            let Some(live) = self.jobs.get_mut(id) else { continue };
            if on_head(id) {
                live.record.job.resume(slot, &spec);
            } else {
                live.record.job.suspend();
            }
            self.deadline_moved(id);
            self.save(id)?;
            self.tell_state(id);
        }
        if !back.is_empty() {
            self.events.push(EventKind::Reorg { slot: self.chain.head_slot, depth: 0, suspended: Vec::new(), resumed: back });
        }
        Ok(left)
    }

    /// The chain finalized: provisional entries of orphaned blocks vanish, old jobs are forgotten.
    ///
    /// # Errors
    /// If the store fails.
    pub fn on_finalized(&mut self, epoch: Epoch, root: Root) -> Result<(), CoreError> {
        let spec = Arc::clone(&self.config.spec);
        let known = self.chain.block(&root).map(|meta| meta.slot);
        let slot = known.unwrap_or_else(|| epoch.start_slot(spec.slots_per_epoch));
        if slot <= self.chain.finalized_slot && self.chain.finalized_slot != Slot(0) {
            return Ok(());
        }
        // A final block that was missed is an ancestor of every later head. While ours is behind it, nothing can be said; the next epoch's will tell.
        if known.is_none() && self.chain.head_slot < slot {
            return Ok(());
        }
        self.chain.finalized_slot = slot;
        self.chain.finalized_root = root;
        let ancestry = self.chain.ancestry(if known.is_some() { root } else { self.chain.head });
        let canonical = |slot: Slot, root: &Root| ancestry.contains(slot, root);
        self.books.ledger.finalize(slot, canonical);
        self.books.busy.drop_orphans(slot, canonical);
        let orphans: Vec<JobId> =
            self.jobs.keys().filter(|id| id.slot <= slot && !canonical(id.slot, &id.block_root)).copied().collect();
        for id in orphans {
            self.forget(&id)?;
        }
        // Keep what the lookback of registry and histories needs, and what jobs may still close.
        let kept = (spec.registry_lookback_epochs + 2) * spec.slots_per_epoch;
        let horizon = Slot(slot.0.saturating_sub(kept));
        self.books.history.settle(horizon, spec.history_shift, canonical);
        self.books.busy.prune(horizon);
        let oldest = Slot(slot.0.saturating_sub(self.config.retention_epochs * spec.slots_per_epoch));
        let old: Vec<JobId> =
            self.jobs.iter().filter(|(id, live)| id.slot < oldest && live.job().state().is_over()).map(|(id, _)| *id).collect();
        self.forget_for_good(&old)?;
        let moving = |live: &LiveJob| live.retry_due || !live.job().state().is_over();
        let open = self.jobs.iter().filter(|(_, live)| moving(live)).map(|(id, _)| id.slot).min();
        self.build_settlements()?;
        let settled = oldest.min(open.unwrap_or(oldest)).0.saturating_sub(self.evidence_slots());
        self.books.ledger.settle(Slot(settled).min(self.unsettled_from()));
        self.chain.prune(horizon.min(open.unwrap_or(horizon)));
        self.save_books()?;
        self.events.push(EventKind::Finalized { slot, block_root: root });
        Ok(())
    }

    /// A new attempt at a failed job, if there is one.
    pub(super) fn retry(&mut self, id: &JobId) -> Result<(), CoreError> {
        let Some(live) = self.jobs.get(id) else { return Ok(()) };
        let unavailable = self.unavailable_for_retry(&live.record);
        let Some(job) = self.attempt_after(&live.record, &unavailable) else { return Ok(()) };
        let next = *job.id();
        let record = JobRecord {
            job,
            phases: Vec::new(),
            full_proof: None,
            note: Some(format!("attempt {} after attempt {} failed", next.attempt, id.attempt)),
            unavailable,
            holes_announced: false,
            ..live.record.clone()
        };
        let input = Arc::clone(&live.input);
        self.add(LiveJob::new(record, input), Batch::new()).map(|_| ())
    }

    /// The attempt that follows a failed one, announced or unserved; `None` after the last.
    fn attempt_after(&self, record: &JobRecord, unavailable: &BTreeSet<ProverIndex>) -> Option<Job> {
        // The same block, so the same candidates.
        let candidates = CandidateTable::from_weights(record.candidates.iter().copied());
        let (randao_mix, gas_used) = (&record.randao_mix, record.gas_used);
        record.job.retry(&RetryContext { randao_mix, gas_used, candidates: &candidates, busy: unavailable }, &self.config.spec)
    }

    /// Whether no further attempt at a failed job will be served.
    pub(super) fn is_last(&self, live: &LiveJob) -> bool {
        let next = self.attempt_after(&live.record, &self.unavailable_for_retry(&live.record));
        next.is_none_or(|job| job.selection().is_none())
    }

    /// Who is not drawn for the attempt after this one, its own provers aside.
    ///
    /// Sidecars that agree with others need the same answer whatever head each of them has when it applies the certificate, since an attempt's id names no
    /// branch: who was unavailable for the job's own block still is.
    fn unavailable_for_retry(&self, record: &JobRecord) -> BTreeSet<ProverIndex> {
        match self.config.spec.retry_policy {
            RetryPolicy::SameSet => record.unavailable.clone(),
            RetryPolicy::NewSet => {
                let ancestry = self.chain.ancestry(self.chain.head);
                let next = record.job.ended().unwrap_or(record.job.id().slot).plus(1);
                let mut busy = self.books.busy.busy_at(next, &self.config.spec, |slot, root| ancestry.contains(slot, root));
                if let Some(selection) = record.job.selection() {
                    busy.retain(|prover| !selection.provers.contains(prover));
                }
                busy
            }
        }
    }

    pub(super) fn tell_state(&mut self, id: &JobId) {
        if let Some(live) = self.jobs.get(id) {
            let state = state_of(live.job());
            self.events.push(EventKind::Job { job: *id, state });
        }
    }

    /// An event that an operator should look at.
    ///
    /// # Errors
    /// Never; the form serves its callers.
    pub fn warn(&mut self, message: String) -> Result<(), CoreError> {
        self.tell_warning(message);
        Ok(())
    }

    /// As [`Self::warn`].
    pub fn tell_warning(&mut self, message: String) {
        tracing::warn!("{message}");
        self.events.push(EventKind::Warning { message });
    }

    pub(super) fn forget(&mut self, id: &JobId) -> Result<(), CoreError> {
        self.jobs.remove(id);
        self.log.forget(&id.root());
        let mut batch = Batch::new();
        batch.remove(&db::JOBS, &key_of(id));
        let job_root = id.root().0;
        for entry in self.store.prefix(&db::SUBMISSIONS, &job_root) {
            let (key, _) = entry?;
            batch.remove(&db::SUBMISSIONS, &key).remove(&db::VERDICTS, &key);
        }
        for entry in self.store.prefix(&db::RIVALS, &job_root) {
            batch.remove(&db::RIVALS, &entry?.0);
        }
        for entry in self.store.prefix(&db::CERTIFIED, &(id.slot.0, job_root)) {
            batch.remove(&db::CERTIFIED, &entry?.0);
        }
        for entry in self.store.prefix(&db::AGREEMENTS, &job_root) {
            batch.remove(&db::AGREEMENTS, &entry?.0);
        }
        let others = self.jobs.keys().any(|other| other.block_root == id.block_root);
        if !others {
            batch.remove(&db::INPUTS, &id.block_root.0);
        }
        self.store.commit(batch)?;
        Ok(())
    }
}

/// Epoch of a slot.
pub(super) const fn epoch_of(slot: Slot, slots_per_epoch: u64) -> Epoch {
    Epoch(slot.0 / if slots_per_epoch == 0 { 1 } else { slots_per_epoch })
}
