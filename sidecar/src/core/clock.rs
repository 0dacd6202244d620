//! What is to be done at a moment: phases that can be closed, and work that has to come first.

use std::sync::Arc;

use quintet_api::EventKind;
use quintet_protocol::schedule;
use quintet_types::{InstanceIndex, JobId, Phase, ProverIndex, Root, Submission};

use super::{Core, CoreError, judge::Bench};

/// Work for threads of its own.
#[derive(Debug)]
pub enum Todo {
    /// Execute and plan a job.
    Plan {
        /// The job.
        job: JobId,
        /// The guest's input.
        input: Arc<[u8]>,
    },
    /// Verify a submission.
    Judge {
        /// The job.
        job: JobId,
        /// The phase.
        phase: Phase,
        /// Whose.
        prover: ProverIndex,
        /// Root of its body.
        body_root: Root,
        /// What it is judged by.
        bench: Box<Bench>,
        /// The submission.
        submission: Arc<Submission>,
    },
    /// Commit to an instance: a dispute, or a hole.
    Recompute {
        /// The job.
        job: JobId,
        /// The instance.
        instance: InstanceIndex,
        /// Execution and plan.
        proving: Arc<quintet_proving::ProvingJob>,
    },
}

impl Core {
    /// Moves everything on to `now_ms`: announces holes, closes phases, and returns the work that has to be done first.
    ///
    /// # Errors
    /// If the store fails.
    pub fn tick(&mut self, now_ms: u64) -> Result<Vec<Todo>, CoreError> {
        let mut todo = Vec::new();
        let moving = |live: &super::LiveJob| live.retry_due || !live.job().state().is_over();
        let ids: Vec<JobId> = self.jobs.iter().filter(|(_, live)| moving(live)).map(|(id, _)| *id).collect();
        for id in ids {
            self.plan_work(&id, &mut todo);
            if self.jobs.get(&id).is_some_and(|live| live.retry_due) {
                self.retry_work(&id, &mut todo)?;
                continue;
            }
            self.judge_work(&id, &mut todo);
            self.announce_holes(&id, now_ms)?;
            self.try_close(&id, now_ms, &mut todo)?;
        }
        Ok(todo)
    }

    fn plan_work(&mut self, id: &JobId, todo: &mut Vec<Todo>) {
        let Some(live) = self.jobs.get_mut(id) else { return };
        if live.proving.is_none() && !live.planning && !live.job().is_suspended() {
            live.planning = true;
            todo.push(Todo::Plan { job: *id, input: Arc::clone(&live.input) });
        }
    }

    /// Submissions without a verdict that nobody works on.
    fn judge_work(&mut self, id: &JobId, todo: &mut Vec<Todo>) {
        let Some(live) = self.jobs.get(id) else { return };
        let Some(phase) = live.job().phase() else { return };
        let waiting: Vec<(ProverIndex, Root)> = live
            .bodies(phase)
            .filter(|(_, received)| received.verdict.is_none())
            .map(|(prover, received)| (prover, received.body_root))
            .filter(|(prover, body_root)| !live.judging.contains(&(phase, *prover, *body_root)))
            .collect();
        for (prover, body_root) in waiting {
            let Some(bench) = self.bench(id, prover) else { continue };
            let Some(live) = self.jobs.get_mut(id) else { return };
            let Some(received) = live.body(phase, prover, &body_root) else { continue };
            let submission = Arc::clone(&received.submission);
            live.judging.insert((phase, prover, body_root));
            todo.push(Todo::Judge { job: *id, phase, prover, body_root, bench: Box::new(bench), submission });
        }
    }

    /// What a prover's submission to a job is judged by.
    fn bench(&self, id: &JobId, submitter: ProverIndex) -> Option<Bench> {
        let live = self.jobs.get(id)?;
        let aggregating = live.job().phase().is_some_and(Phase::is_aggregation);
        let known =
            live.known.iter().filter(|_| aggregating).map(|(id, (known, partial))| (*id, (known.maker, partial.clone())));
        Some(Bench {
            proving: live.proving.clone()?,
            round: live.round.clone(),
            settled: live.record.settled.clone(),
            known: known.collect(),
            submitter,
        })
    }

    /// Verification of a submission is done.
    ///
    /// # Errors
    /// If the store fails.
    pub fn judged(
        &mut self,
        id: &JobId,
        phase: Phase,
        (prover, body_root): (ProverIndex, Root),
        verdict: super::Verdict,
    ) -> Result<(), CoreError> {
        let key = self.prover_key(prover);
        let Some(live) = self.jobs.get_mut(id) else { return Ok(()) };
        live.judging.remove(&(phase, prover, body_root));
        let valid = count(&verdict);
        match live.received.get_mut(&(phase, prover)) {
            Some(received) if received.body_root == body_root => {
                received.verdict = Some(verdict.clone());
                let json = super::load::to_json("verdicts", &verdict)?;
                self.store.put(&crate::db::VERDICTS, &(id.root().0, phase.number(), key.0), &json)?;
            }
            _ => {
                let rival = live.rivals.get_mut(&(phase, prover)).into_iter().flatten();
                let Some(rival) = rival.into_iter().find(|rival| rival.body_root == body_root) else { return Ok(()) };
                rival.verdict = Some(verdict.clone());
            }
        }
        if verdict.is_false_full_proof() {
            self.bar(id, phase, prover);
            self.warn(format!("{key} sent a full proof to job {id} that does not verify"))?;
        }
        self.events.push(EventKind::Submission { job: *id, phase, prover: key, body_root, valid });
        Ok(())
    }

    /// Full proofs of a prover are refused for an epoch after the deadline of the phase in which it sent a false one. That deadline is the job's, so a
    /// restart finds the same.
    pub(super) fn bar(&mut self, id: &JobId, phase: Phase, prover: ProverIndex) {
        let line = self.jobs.get(id).and_then(|live| live.record.phases.iter().rev().find(|line| line.phase == phase));
        let Some(deadline_ms) = line.map(|line| line.deadline_ms) else { return };
        let until = self.slot_at(deadline_ms).plus(self.config.spec.slots_per_epoch);
        let barred = self.barred.entry(prover).or_insert(until);
        *barred = until.max(*barred);
    }

    fn announce_holes(&mut self, id: &JobId, now_ms: u64) -> Result<(), CoreError> {
        let spec = Arc::clone(&self.config.spec);
        let genesis = self.config.genesis_ms / 1000;
        let Some(live) = self.jobs.get_mut(id) else { return Ok(()) };
        if live.job().phase() != Some(Phase::T1) || live.record.holes_announced || live.job().is_suspended() {
            return Ok(());
        }
        if now_ms < schedule::holes_announced_ms(live.job().deadline(), genesis, &spec) {
            return Ok(());
        }
        live.record.holes_announced = true;
        let instances = live.settlement.as_ref().map(|settlement| settlement.holes()).unwrap_or_default();
        self.save(id)?;
        if !instances.is_empty() {
            self.events.push(EventKind::Holes { job: *id, instances });
        }
        Ok(())
    }
}

const fn count(verdict: &super::Verdict) -> u32 {
    match verdict {
        super::Verdict::Partials { valid, .. } => valid.len() as u32,
        super::Verdict::FullProof { makers: Some(makers) } => makers.len() as u32,
        _ => 0,
    }
}
