//! Planning, verifying and recomputing, on a bounded number of threads.
//!
//! What costs time runs in a pool of its own; the threads that wait for it hold the locks, for short steps, and use no time.

use std::sync::Arc;

use quintet_node::job_span;
use quintet_proving::{Circuits, ProvingJob};
use quintet_types::{InstanceIndex, PublicKeyBytes};
use rayon::{ThreadPool, ThreadPoolBuildError};
use tokio::sync::Semaphore;

use super::{Shared, now_ms};
use crate::{
    core::{CoreError, Todo, judge},
    metrics::Metrics,
};

/// Starts work; no more than `threads` threads compute, so that the validator's own duties never suffer.
pub(super) struct Workers {
    shared: Shared,
    circuits: Arc<Circuits>,
    pool: Arc<ThreadPool>,
    /// Plans and recomputation.
    heavy: Arc<Semaphore>,
    /// Verification of T1 and T2, one prover at a time each.
    judges: Arc<Semaphore>,
    /// Verification of full proofs: one at a time.
    full: Arc<Semaphore>,
    metrics: Metrics,
}

impl Workers {
    pub(super) fn new(
        shared: Shared,
        circuits: Arc<Circuits>,
        threads: usize,
        metrics: Metrics,
    ) -> Result<Self, ThreadPoolBuildError> {
        let semaphore = |permits: usize| Arc::new(Semaphore::new(permits.max(1)));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.max(1)).thread_name(|n| format!("work-{n}")).build()?;
        let (heavy, judges, full) = (semaphore(threads / 2), semaphore(threads), semaphore(1));
        Ok(Self { shared, circuits, pool: Arc::new(pool), heavy, judges, full, metrics })
    }

    pub(super) fn start(&self, todo: Todo) {
        let limit = match &todo {
            Todo::Judge { phase, .. } if phase.is_aggregation() => &self.full,
            Todo::Judge { .. } => &self.judges,
            _ => &self.heavy,
        };
        let limit = Arc::clone(limit);
        let (shared, circuits, metrics) = (self.shared.clone(), Arc::clone(&self.circuits), self.metrics.clone());
        let pool = Arc::clone(&self.pool);
        tokio::spawn(async move {
            // The semaphore is never closed.
            let Ok(_permit) = limit.acquire_owned().await else { return };
            let done = tokio::task::spawn_blocking(move || run(&pool, &shared, &circuits, &metrics, todo)).await;
            match done {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "work could not be recorded"),
                Err(error) => tracing::error!(%error, "work panicked"),
            }
        });
    }
}

fn run(pool: &ThreadPool, shared: &Shared, circuits: &Circuits, metrics: &Metrics, todo: Todo) -> Result<(), CoreError> {
    let started = std::time::Instant::now();
    match todo {
        Todo::Plan { job, input } => {
            let _span = job_span!(&job, "plan").entered();
            let spec = Arc::clone(&shared.read().config.spec);
            let range = spec.k_min as u32..=spec.k_max as u32;
            let plan = pool.install(|| ProvingJob::new(circuits, job, input, range, spec.max_full_proof_bytes));
            metrics.plan_seconds.observe(started.elapsed().as_secs_f64());
            shared.write().planned(&job, plan, now_ms())
        }
        Todo::Judge { job, phase, prover, body_root, bench, submission } => {
            let _span = job_span!(&job, "check", %phase, %prover).entered();
            let verdict = pool.install(|| judge(&bench, &submission));
            metrics.verify_seconds.observe(started.elapsed().as_secs_f64());
            shared.write().judged(&job, phase, (prover, body_root), verdict)
        }
        Todo::Recompute { job, instance, proving } => {
            let _span = job_span!(&job, "recompute", %instance).entered();
            let commitment = pool.install(|| commit(&proving, instance));
            shared.write().recomputed(&job, instance, commitment)
        }
    }
}

/// A commitment does not depend on who makes it.
fn commit(proving: &ProvingJob, instance: InstanceIndex) -> Result<quintet_types::Commitment, quintet_proving::Error> {
    proving.commit(&proving.prover(&PublicKeyBytes::default()), instance)?.to_wire()
}
