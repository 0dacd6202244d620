//! One job from its announcement to its end: finds the duty, and does in each phase what is owed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use indicatif::ProgressBar;
use quintet_api::{JobDetail, JobState};
use quintet_node::job_span;
use quintet_protocol::Assignment;
use quintet_proving::ProvingJob;
use quintet_types::{
    Account, Balance, Commitments, InstanceIndex, JobId, PartialProofs, Phase, Signed, Submission, SubmissionBody,
};
use tokio::sync::Notify;
use tracing::Instrument as _;

use crate::progress;

use super::{
    Shared,
    aggregate::{Found, Material, full_proof},
    duty::{Duty, Role},
    gateways::now_ms,
    input,
    work::{Challenged, Work},
};

/// What a full proof made alone has to leave of the phase, to be sent and taken in.
const MARGIN_MS: u64 = 2_000;
/// How often a job is looked at when no event comes.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What the event stream tells a worker.
#[derive(Debug, Default)]
pub(crate) struct Wake {
    pub(crate) notify: Notify,
    holes: Mutex<BTreeSet<InstanceIndex>>,
}

impl Wake {
    /// Instances nobody has committed to.
    pub(crate) fn add_holes(&self, instances: &[InstanceIndex]) {
        self.holes.lock().unwrap_or_else(PoisonError::into_inner).extend(instances);
        self.notify.notify_one();
    }

    fn holes(&self) -> Vec<InstanceIndex> {
        self.holes.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }
}

/// Our part in one job.
struct Worker {
    shared: Arc<Shared>,
    id: JobId,
    duty: Duty,
    work: Arc<Work>,
    assignment: Assignment,
    challenged: Option<Challenged>,
    /// How far the computation is that runs.
    bar: Arc<Mutex<ProgressBar>>,
    /// Phases that were dealt with, well or not.
    done: BTreeSet<Phase>,
    /// The phase and the gateway of the last submission.
    posted: Option<(Phase, String)>,
}

/// Does what is owed to a job. Returns when it is over, or when we have no part in it.
///
/// # Errors
/// If nothing can be done for it: the gateway's word does not hold, or the guest cannot be executed.
pub(crate) async fn work(shared: Arc<Shared>, id: JobId, wake: Arc<Wake>) -> anyhow::Result<()> {
    let Some(mut worker) = Worker::prepare(shared, id).await? else { return Ok(()) };
    loop {
        let detail = worker.detail().await?;
        let phase = match detail.summary.state {
            JobState::T1 => Some(Phase::T1),
            JobState::T2 => Some(Phase::T2),
            JobState::T3 => Some(Phase::T3),
            JobState::T4 => Some(Phase::T4),
            JobState::T5 => Some(Phase::T5),
            JobState::Announced | JobState::Suspended => None,
            JobState::Finalized | JobState::Failed | JobState::Unserved => {
                worker.report(detail.summary.state).await;
                return Ok(());
            }
        };
        if let Some(phase) = phase.filter(|phase| !worker.done.contains(phase))
            && worker.is_due(phase, &wake)
        {
            let deadline_ms = detail.summary.deadline_ms;
            // A failed phase is no reason to miss the next one as well.
            if let Err(error) = worker.phase(phase, deadline_ms, &wake).await {
                worker.missed(phase, format!("{error:#}"));
            }
            worker.shared.board.doing(&id, None);
            worker.done.insert(phase);
            continue;
        }
        if let Some(phase) = phase {
            worker.post_again(phase, detail.summary.deadline_ms).await;
        }
        tokio::select! {
            () = wake.notify.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

impl Worker {
    /// Finds our part, executes the guest and compares everything that the gateway says. `None` if we have no part.
    async fn prepare(shared: Arc<Shared>, id: JobId) -> anyhow::Result<Option<Self>> {
        let gateways = &shared.gateways;
        let patience = now_ms() + shared.phase_ms();
        let mut views = Vec::new();
        for attempt in 0..=id.attempt {
            let id = JobId { attempt, ..id };
            views.push(gateways.retry(patience, |client| async move { client.selection(&id).await }).await?);
        }
        let (Some(duty), Some(view)) = (Duty::find(&id, &views, &shared.pubkey, &shared.spec)?, views.pop()) else {
            tracing::debug!(job = %id, "no part in it");
            return Ok(None);
        };
        tracing::info!(job = %id, role = ?duty.role, provers = duty.selection.provers.len(), "drawn");
        let detail = gateways.retry(patience, |client| async move { client.job(&id).await }).await?;
        let input = input::fetch(gateways, shared.beacon.as_ref(), &id, &view, detail.input_root, patience).await?;
        let job = {
            let (shared, spec) = (Arc::clone(&shared), Arc::clone(&shared.spec));
            let range = spec.k_min as u32..=spec.k_max as u32;
            let plan = move || {
                let _span = job_span!(&id, "execute and plan").entered();
                ProvingJob::new(&shared.circuits, id, input, range, spec.max_full_proof_bytes)
            };
            tokio::task::spawn_blocking(plan).await??
        };
        let theirs = gateways.retry(patience, |client| async move { client.plan(&id).await }).await?.root();
        anyhow::ensure!(theirs == job.plan_root(), "the gateway's plan root is {theirs}, ours is {}", job.plan_root());
        // Assignments are there once the plan is.
        let theirs = gateways.retry(patience, |client| async move { client.assignments(&id).await }).await?;
        let assignment = duty.assign(job.instances(), &theirs, &shared.spec)?;
        let (commit, prove) = (assignment.to_commit(duty.index).len(), assignment.to_prove(duty.index).len());
        tracing::info!(job = %id, k = job.shape().k, instances = job.instances(), commit, prove, "planned");
        shared.board.open(&id, duty.role.name(), commit, prove);
        let bar = Arc::new(Mutex::new(ProgressBar::hidden()));
        let on_step = {
            let (shared, bar) = (Arc::clone(&shared), Arc::clone(&bar));
            Box::new(move |air, step| {
                bar.lock().unwrap_or_else(PoisonError::into_inner).inc(1);
                shared.on_step(air, step);
            })
        };
        let work = Arc::new(Work::new(job, shared.pubkey, Arc::clone(&shared.speed), on_step));
        Ok(Some(Self { shared, id, duty, work, assignment, challenged: None, bar, done: BTreeSet::new(), posted: None }))
    }

    async fn detail(&self) -> anyhow::Result<JobDetail> {
        let id = self.id;
        let until = now_ms() + self.shared.phase_ms();
        Ok(self.shared.gateways.retry(until, |client| async move { client.job(&id).await }).await?)
    }

    /// Whether we have something to do in a phase now.
    fn is_due(&self, phase: Phase, wake: &Wake) -> bool {
        match (phase, self.duty.role) {
            (Phase::T1, Role::Selected) => true,
            (Phase::T1, Role::Reserve) => !wake.holes().is_empty(),
            (Phase::T2, Role::Selected) => !self.assignment.to_prove(self.duty.index).is_empty(),
            (Phase::T3 | Phase::T4 | Phase::T5, Role::Selected) => self.shared.aggregate,
            (_, Role::Reserve) => false,
        }
    }

    async fn phase(&mut self, phase: Phase, deadline_ms: u64, wake: &Wake) -> anyhow::Result<()> {
        // Signed before, by this process or the one before it: the same bytes go out again.
        let stored = self.shared.protection.stored(&self.id, phase)?;
        let submission = match (stored, phase) {
            (Some(stored), _) => stored,
            (None, Phase::T1) => self.commit(wake, deadline_ms).await?,
            (None, Phase::T2) => self.prove(deadline_ms).await?,
            (None, Phase::T3 | Phase::T4 | Phase::T5) => self.aggregate(phase).await?,
        };
        self.post(submission, deadline_ms).await
    }

    /// A duty was not or not fully delivered: said once, in all places.
    fn missed(&self, phase: Phase, reason: String) {
        tracing::error!(job = %self.id, %phase, reason, "missed");
        self.shared.metrics.missed(phase);
        self.shared.board.missed(&self.id, Some(phase), reason);
    }

    /// Puts a bar in place of the one before.
    fn show(&self, bar: ProgressBar) {
        let before = std::mem::replace(&mut *self.bar.lock().unwrap_or_else(PoisonError::into_inner), bar);
        before.finish_and_clear();
    }

    /// Runs a computation on a thread of its own, with a bar of `steps`.
    async fn compute<T: Send + 'static>(
        &self,
        what: &str,
        steps: usize,
        work: impl FnOnce(&Work) -> T + Send + 'static,
    ) -> anyhow::Result<T> {
        self.shared.board.doing(&self.id, Some(what));
        self.show(progress::bar(format!("slot {} {what}", self.id.slot), steps as u64, self.shared.quiet));
        let computed = {
            let ours = Arc::clone(&self.work);
            let span = job_span!(&self.id, "compute", otel.name = what, prover = %self.shared.pubkey, steps);
            tokio::task::spawn_blocking(move || span.in_scope(|| work(&ours)))
        };
        let outcome = computed.await;
        self.show(ProgressBar::hidden());
        Ok(outcome?)
    }

    /// A full proof by this prover alone, if one is wanted and can be expected to be ready before the phase ends.
    async fn own_full_proof(&self, deadline_ms: u64) -> Option<Vec<u8>> {
        if !self.shared.full_proof_when_faster || self.duty.role != Role::Selected {
            return None;
        }
        let left = Duration::from_millis(deadline_ms.saturating_sub(now_ms() + MARGIN_MS));
        let estimate = self.work.full_proof_estimate()?;
        tracing::debug!(job = %self.id, ?estimate, ?left, "a full proof alone");
        if estimate > left {
            return None;
        }
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let steps = 3 * self.work.job.instances();
        let made = self.compute("full proof alone", steps, move |work| work.own_full_proof(&flag));
        let outcome = tokio::time::timeout(left, made).await;
        stop.store(true, Ordering::Relaxed);
        self.show(ProgressBar::hidden());
        let reason = match outcome {
            Ok(Ok(Ok(proof))) if proof.len() as u64 > self.shared.spec.max_full_proof_bytes => "it is too large".to_owned(),
            Ok(Ok(Ok(proof))) => {
                tracing::info!(job = %self.id, bytes = proof.len(), ?estimate, "made a full proof alone");
                return Some(proof);
            }
            Ok(Ok(Err(error)) | Err(error)) => format!("{error:#}"),
            Err(_) => "it took longer than estimated".to_owned(),
        };
        tracing::warn!(job = %self.id, reason, "no full proof alone; the share is submitted without one");
        None
    }

    async fn commit(&self, wake: &Wake, deadline_ms: u64) -> anyhow::Result<Submission> {
        let to_prove = self.assignment.to_prove(self.duty.index);
        let mut instances: BTreeSet<InstanceIndex> = self.assignment.to_commit(self.duty.index).into_iter().collect();
        instances.extend(wake.holes().into_iter().filter(|hole| hole.as_usize() < self.work.job.instances()));
        let instances: Vec<InstanceIndex> = instances.into_iter().collect();
        let due = instances.len();
        let commitments = self.compute("T1", due, move |work| work.commit(&instances, &to_prove)).await?;
        if commitments.len() < due {
            self.missed(Phase::T1, format!("{} of {due} commitments were made", commitments.len()));
        }
        let commitments = commitments.try_into().ok().context("the commitments do not fit the container")?;
        let full_proof = self.own_full_proof(deadline_ms).await.unwrap_or_default();
        let full_proof = full_proof.try_into().ok().context("the full proof does not fit the container")?;
        self.sign(Phase::T1, Commitments { commitments, full_proof }, Submission::Commitments).await
    }

    async fn prove(&mut self, deadline_ms: u64) -> anyhow::Result<Submission> {
        let challenged = self.challenged().await?;
        let instances = self.assignment.to_prove(self.duty.index);
        let due = instances.len();
        let proofs = self.compute("T2", due, move |work| work.prove(&challenged, &instances)).await?;
        anyhow::ensure!(!proofs.is_empty(), "none of {due} instances could be proven");
        if proofs.len() < due {
            self.missed(Phase::T2, format!("{} of {due} instances were proven", proofs.len()));
        }
        let proofs = proofs.try_into().ok().context("the partial proofs do not fit the container")?;
        let full_proof = self.own_full_proof(deadline_ms).await.unwrap_or_default();
        let full_proof = full_proof.try_into().ok().context("the full proof does not fit the container")?;
        self.sign(Phase::T2, PartialProofs { proofs, full_proof }, Submission::PartialProofs).await
    }

    async fn aggregate(&mut self, phase: Phase) -> anyhow::Result<Submission> {
        let challenged = self.challenged().await?;
        let material = self.material().await?;
        let steps = 0;
        let body = self.compute("aggregate", steps, move |work| full_proof(work, &challenged, material)).await??;
        self.sign(phase, body, Submission::FullProof).await
    }

    /// D and the challenge, computed again from D.
    async fn challenged(&mut self) -> anyhow::Result<Challenged> {
        if let Some(known) = &self.challenged {
            return Ok(known.clone());
        }
        let id = self.id;
        let until = now_ms() + self.shared.phase_ms();
        let theirs = self.shared.gateways.retry(until, |client| async move { client.challenge(&id).await }).await?;
        Ok(self.challenged.insert(self.work.challenge(&theirs)?).clone())
    }

    /// Everybody's valid partials, and the commitments that D is made of.
    async fn material(&self) -> anyhow::Result<Material> {
        let mut found = Vec::new();
        for submission in self.fetch("partial_proofs").await? {
            let Submission::PartialProofs(signed) = submission.0 else { continue };
            let Some(&maker) = self.duty.indices.get(&signed.prover) else { continue };
            let valid =
                |instance: &InstanceIndex| submission.1.contains(instance) && self.assignment.must_prove(maker, *instance);
            let partials = signed.body.proofs.iter().filter(|partial| valid(&partial.instance));
            found.extend(partials.map(|partial| Found { maker, key: signed.prover, partial: partial.clone() }));
        }
        let mut commitments = BTreeMap::new();
        for submission in self.fetch("commitments").await? {
            let Submission::Commitments(signed) = submission.0 else { continue };
            commitments.extend(signed.body.commitments.iter().map(|c| ((c.instance, c.digest), c.clone())));
        }
        Ok(Material { found, commitments, assignment_seed: self.assignment.seed, us: self.duty.index })
    }

    /// Submissions of one kind with the instances that the gateway found valid. One that cannot be had is left out.
    async fn fetch(&self, kind: &'static str) -> anyhow::Result<Vec<(Submission, Vec<InstanceIndex>)>> {
        let (id, gateways) = (self.id, &self.shared.gateways);
        let until = now_ms() + self.shared.phase_ms() / 4;
        let views = gateways.retry(until, |client| async move { client.submissions(&id, kind).await }).await?;
        let mut fetched = Vec::with_capacity(views.len());
        for view in views {
            let root = view.body_root;
            let got = gateways.retry(until, |client| async move { client.submission(&id, kind, &root).await }).await;
            match got {
                Ok(submission) if *submission.prover() == view.prover => fetched.push((submission, view.valid)),
                Ok(submission) => tracing::warn!(job = %id, kind, prover = %submission.prover(), "not the one asked for"),
                Err(error) => tracing::warn!(job = %id, kind, %error, "left out"),
            }
        }
        Ok(fetched)
    }

    /// Signs a body, on disk before this returns.
    async fn sign<B>(&self, phase: Phase, body: B, wrap: fn(Signed<B>) -> Submission) -> anyhow::Result<Submission>
    where
        B: SubmissionBody + Send + 'static,
    {
        let (shared, id) = (Arc::clone(&self.shared), self.id);
        let sign = move || shared.protection.sign(shared.key.secret(), &shared.spec, (id, phase), body, wrap);
        Ok(tokio::task::spawn_blocking(sign).await??)
    }

    /// What was posted to a gateway that is not in use any more goes to the one that is: the first may have gone before it told others. The same bytes.
    async fn post_again(&mut self, phase: Phase, deadline_ms: u64) {
        let current = self.shared.gateways.current().base().to_string();
        if !self.posted.as_ref().is_some_and(|(of, gateway)| *of == phase && *gateway != current) || now_ms() > deadline_ms {
            return;
        }
        let outcome = match self.shared.protection.stored(&self.id, phase) {
            Ok(Some(stored)) => self.post(stored, deadline_ms).await,
            Ok(None) => Ok(()),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = outcome {
            tracing::warn!(job = %self.id, %phase, gateway = current, "not posted again: {error:#}");
            self.posted = Some((phase, current));
        }
    }

    async fn post(&mut self, submission: Submission, deadline_ms: u64) -> anyhow::Result<()> {
        let until = deadline_ms + self.shared.spec.arrival_tolerance_ms;
        let (phase, submission) = (submission.phase(), &submission);
        let span = job_span!(&self.id, "submit", %phase, prover = %self.shared.pubkey);
        let accepted = self.shared.gateways.retry(until, |client| async move { client.submit(submission).await });
        let accepted = accepted.instrument(span).await?;
        self.posted = Some((phase, self.shared.gateways.current().base().to_string()));
        let left = Duration::from_millis(deadline_ms.saturating_sub(now_ms()));
        let left_s = left.as_secs();
        tracing::info!(job = %self.id, %phase, body = %accepted.body_root, new = accepted.new, left_s, "submitted");
        self.shared.metrics.submitted(phase, left);
        self.shared.board.submitted(&self.id, phase);
        Ok(())
    }

    /// What became of the job, and what it earned us.
    async fn report(&self, state: JobState) {
        let us = Account::Prover(self.duty.index);
        match self.shared.gateways.current().ledger_entries(&self.id).await {
            Ok(entries) => {
                let earned: Balance = entries.iter().filter(|entry| entry.account == us).map(|entry| entry.amount).sum();
                tracing::info!(job = %self.id, ?state, %earned, "over");
                self.shared.metrics.over(&format!("{state:?}").to_lowercase(), i64::try_from(earned.0).unwrap_or_default());
            }
            Err(error) => tracing::info!(job = %self.id, ?state, %error, "over"),
        }
    }
}
