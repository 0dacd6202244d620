//! Another process with our key: noticed by submissions under it that our record does not know.
//!
//! Two looks. Back, at every start: what the gateway has from this key in open jobs, and the newest of past ones, has to be on record here. Out, for
//! one job in which the key is drawn, signing nothing: a twin that is at work shows itself then. By default there is a look out only where the look back
//! found work that was not done with this record; a restart on the same data folder costs nothing.

use std::sync::Arc;

use quintet_api::{ClientError, JobState};
use quintet_types::{JobId, Phase, Root};

use super::Shared;

/// Whether to look out for a twin at start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LookOutPolicy {
    /// If the gateway knows of submissions that were not made with our record.
    #[default]
    Auto,
    /// Always: sit out one job.
    Always,
    /// Never.
    Never,
}

/// Someone else signs with our key.
#[derive(Debug, thiserror::Error)]
#[error(
    "job {job} {phase}: a submission {found} was made with this key, and our record {ours}. Another process has the key, or the \
     protection record was lost. Two bodies for one phase are slashed: stop the other one, import its record, and start again"
)]
pub(crate) struct Twin {
    job: Box<JobId>,
    phase: Phase,
    found: Root,
    ours: String,
}

/// What the record says of a submission under our key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finding {
    /// It is ours.
    Ours,
    /// It is not on record, of a job that is over.
    Foreign,
}

/// Holds a submission under our key against the record, which is written before anything is sent.
///
/// # Errors
/// [`Twin`] if the record has something else, or nothing and the job is open.
async fn examine(shared: &Arc<Shared>, job: JobId, phase: Phase, found: Root) -> anyhow::Result<Finding> {
    if job.slot < shared.protection.floor() {
        return Ok(Finding::Ours);
    }
    let record = {
        let shared = Arc::clone(shared);
        tokio::task::spawn_blocking(move || shared.protection.body_root(&job, phase)).await??
    };
    if record == Some(found) {
        return Ok(Finding::Ours);
    }
    // Events come again after a restart; of a job that is over nothing more is signed.
    if record.is_none() && shared.gateways.current().job(&job).await.is_ok_and(|detail| detail.summary.state.is_final()) {
        return Ok(Finding::Foreign);
    }
    let ours = record.map_or_else(|| "has none".to_owned(), |root| format!("has {root}"));
    Err(Twin { job: Box::new(job), phase, found, ours }.into())
}

/// A submission under our key was seen.
///
/// # Errors
/// [`Twin`].
pub(crate) async fn check(shared: &Arc<Shared>, job: JobId, phase: Phase, found: Root) -> anyhow::Result<()> {
    if examine(shared, job, phase, found).await? == Finding::Foreign {
        tracing::warn!(%job, %phase, "this key submitted to a job that is over, and the protection record does not know of it");
    }
    Ok(())
}

/// Everything that the gateway has from this key for a job.
async fn submissions(shared: &Arc<Shared>, job: &JobId) -> Result<Vec<(Phase, Root)>, ClientError> {
    let mut found = Vec::new();
    for kind in ["commitments", "partial_proofs", "full_proofs"] {
        let all = match shared.gateways.current().submissions(job, kind).await {
            Ok(all) => all,
            // Not public yet, or forgotten.
            Err(error) if matches!(error.status(), Some(404 | 409 | 425)) => continue,
            Err(error) => return Err(error),
        };
        found.extend(all.into_iter().filter(|view| view.prover == shared.pubkey).map(|view| (view.phase, view.body_root)));
    }
    Ok(found)
}

/// The look back: whether the newest work that the gateway has from this key was done with our record. True also if there is none.
///
/// # Errors
/// [`Twin`] if someone works on an open job, or if the gateway does not answer.
async fn newest_is_ours(shared: &Arc<Shared>) -> anyhow::Result<bool> {
    let detail = match shared.gateways.current().prover(&shared.pubkey).await {
        Ok(detail) => detail,
        Err(error) if error.status() == Some(404) => {
            tracing::warn!(prover = %shared.pubkey, "the gateway does not know this key: it is not registered there");
            return Ok(true);
        }
        Err(error) => return Err(error.into()),
    };
    let past = detail.history.iter().find(|line| line.valid > 0).map(|line| line.job);
    let mut ours = true;
    for job in detail.duties.iter().map(|duty| duty.job).chain(past) {
        for (phase, root) in submissions(shared, &job).await? {
            ours &= examine(shared, job, phase, root).await? == Finding::Ours;
        }
    }
    Ok(ours)
}

/// The look out: which job is watched, if one is yet.
#[derive(Debug)]
pub(crate) struct LookOut {
    watched: Option<JobId>,
}

impl LookOut {
    /// Looks back, and begins to look out if that is wanted or called for.
    ///
    /// # Errors
    /// [`Twin`], or if the gateway does not answer.
    pub(crate) async fn begin(shared: &Arc<Shared>) -> anyhow::Result<Option<Self>> {
        let ours = newest_is_ours(shared).await?;
        let wanted = match shared.look_out {
            LookOutPolicy::Auto => !ours,
            LookOutPolicy::Always => true,
            LookOutPolicy::Never => false,
        };
        if !wanted {
            return Ok(None);
        }
        let why = if ours { "as asked for" } else { "this key has worked without this record" };
        tracing::warn!(
            "looking out for another process with this key ({why}): one job is sat out; --look-out never skips that"
        );
        Ok(Some(Self { watched: None }))
    }

    /// A job is in some state. True once a whole job was watched and nobody submitted to it with our key.
    ///
    /// # Errors
    /// [`Twin`], or if the gateway does not answer.
    pub(crate) async fn saw(&mut self, shared: &Arc<Shared>, job: JobId, state: JobState) -> anyhow::Result<bool> {
        if self.watched == Some(job) && state.is_final() {
            // Events may have been missed.
            for (phase, root) in submissions(shared, &job).await? {
                if examine(shared, job, phase, root).await? == Finding::Foreign {
                    let ours = "has none".to_owned();
                    return Err(Twin { job: Box::new(job), phase, found: root, ours }.into());
                }
            }
            tracing::info!(%job, "nobody else uses this key");
            return Ok(true);
        }
        let begins = matches!(state, JobState::Announced | JobState::T1);
        if self.watched.is_none() && begins {
            let detail = shared.gateways.current().job(&job).await?;
            if detail.selected.contains(&shared.pubkey) {
                tracing::info!(%job, "sat out, to see whether someone else uses this key");
                self.watched = Some(job);
            }
        }
        Ok(false)
    }
}
