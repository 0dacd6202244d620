//! Jobs.

use axum::{
    Json,
    extract::{Path, Query, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use quintet_api::{
    Assignment, Candidate, CertificateView, Challenge, Data, ErrorBody, JobDetail, JobFilter, JobReuse, JobSummary, Page,
    RewardEntry, SelectionView,
};

use quintet_types::JobId;

use super::{
    ApiError, App,
    extract::{job_id, json, negotiated, page_limit, ssz, wants_ssz},
};
use crate::core::{Core, LiveJob};

/// Answers about one job.
fn about<T>(app: &App, id: &str, answer: impl FnOnce(&Core, &LiveJob) -> Result<T, ApiError>) -> Result<T, ApiError> {
    let id = job_id(id)?;
    let core = app.shared.read();
    let live = core.job(&id).ok_or_else(|| ApiError::new(404, format!("there is no job {id}")))?;
    answer(&core, live)
}

/// Jobs, newest first.
#[utoipa::path(get, path = "/v1/jobs", tag = "jobs", params(JobFilter), responses((status = 200, body = Page<JobSummary>), (status = 400, body = ErrorBody)))]
pub(super) async fn list(
    State(app): State<App>,
    filter: Result<Query<JobFilter>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(filter) = filter.map_err(|error| ApiError::new(400, error.body_text()))?;
    let limit = page_limit(filter.limit, 100)?;
    let after = filter.after.as_deref().map(job_id).transpose()?;
    let core = app.shared.read();
    let wanted = |summary: &JobSummary| {
        filter.state.is_none_or(|state| summary.state == state)
            && filter.from_slot.is_none_or(|slot| summary.job.slot.0 >= slot)
            && filter.to_slot.is_none_or(|slot| summary.job.slot.0 <= slot)
    };
    let rest = core.jobs().rev().filter(|(id, _)| after.is_none_or(|after| **id < after));
    let mut data: Vec<JobSummary> = rest.map(|(_, live)| core.summary(live)).filter(wanted).take(limit + 1).collect();
    let more = data.len() > limit;
    data.truncate(limit);
    let next = data.last().filter(|_| more).map(|last| last.id.clone());
    Ok(Json(Page { data, next }).into_response())
}

/// One job.
#[utoipa::path(get, path = "/v1/jobs/{id}", tag = "jobs", params(("id" = String, Path)), responses((status = 200, body = Data<JobDetail>), (status = 404, body = ErrorBody)))]
pub(super) async fn job(State(app): State<App>, Path(id): Path<String>) -> Result<Response, ApiError> {
    about(&app, &id, |core, live| Ok(json(core.detail(live))))
}

/// The guest's input, as bytes; in JSON as hex.
#[utoipa::path(get, path = "/v1/jobs/{id}/input", tag = "jobs", params(("id" = String, Path)), responses((status = 200), (status = 404, body = ErrorBody)))]
pub(super) async fn input(State(app): State<App>, Path(id): Path<String>, headers: HeaderMap) -> Result<Response, ApiError> {
    about(&app, &id, |_, live| {
        Ok(if wants_ssz(&headers) { ssz(live.input.to_vec()) } else { json(format!("0x{}", hex::encode(&live.input))) })
    })
}

/// The plan: instances, k, outputs.
#[utoipa::path(get, path = "/v1/jobs/{id}/plan", tag = "jobs", params(("id" = String, Path)), responses((status = 200), (status = 404, body = ErrorBody), (status = 425, body = ErrorBody)))]
pub(super) async fn plan(State(app): State<App>, Path(id): Path<String>, headers: HeaderMap) -> Result<Response, ApiError> {
    about(&app, &id, |_, live| {
        let proving = live.proving.as_ref().ok_or_else(|| ApiError::new(425, "the plan is still being made"))?;
        Ok(negotiated(&headers, proving.plan()))
    })
}

/// What the selection was drawn from, so that it can be drawn again.
#[utoipa::path(get, path = "/v1/jobs/{id}/selection", tag = "jobs", params(("id" = String, Path)), responses((status = 200, body = Data<SelectionView>), (status = 404, body = ErrorBody)))]
pub(super) async fn selection(State(app): State<App>, Path(id): Path<String>) -> Result<Response, ApiError> {
    about(&app, &id, |core, live| {
        let record = &live.record;
        let candidate = |(index, weight): &(quintet_types::ProverIndex, u32)| Candidate {
            index: *index,
            pubkey: core.prover_key(*index),
            weight: *weight,
        };
        let selection = live.job().selection();
        // What was known at the draw is what the attempt before ended with.
        let before = live.id().attempt.checked_sub(1).and_then(|attempt| core.job(&JobId { attempt, ..*live.id() }));
        Ok(json(SelectionView {
            randao_mix: record.randao_mix,
            gas_used: record.gas_used,
            candidates: record.candidates.iter().map(candidate).collect(),
            unavailable: record.unavailable.iter().copied().collect(),
            culprits: before.map(|live| live.job().culprits().iter().copied().collect()).unwrap_or_default(),
            before: before.and_then(|live| live.job().selection()).map(|s| s.provers.clone()).unwrap_or_default(),
            idle: before.map(|live| live.job().idle().into_iter().collect()).unwrap_or_default(),
            selected: selection.map(|s| s.provers.clone()).unwrap_or_default(),
            reserves: selection.map(|s| s.reserves.clone()).unwrap_or_default(),
        }))
    })
}

/// Who owes what.
#[utoipa::path(get, path = "/v1/jobs/{id}/assignments", tag = "jobs", params(("id" = String, Path)), responses((status = 200, body = Data<Vec<Assignment>>), (status = 404, body = ErrorBody)))]
pub(super) async fn assignments(State(app): State<App>, Path(id): Path<String>) -> Result<Response, ApiError> {
    about(&app, &id, |core, live| Ok(json(core.assignments(live))))
}

/// D and the challenge, once T1 is closed.
#[utoipa::path(get, path = "/v1/jobs/{id}/challenge", tag = "jobs", params(("id" = String, Path)), responses((status = 200, body = Data<Challenge>), (status = 404, body = ErrorBody), (status = 425, body = ErrorBody)))]
pub(super) async fn challenge(State(app): State<App>, Path(id): Path<String>) -> Result<Response, ApiError> {
    about(&app, &id, |core, live| {
        core.challenge(live).map(json).ok_or_else(|| ApiError::new(425, "T1 is not closed yet, so there is no challenge"))
    })
}

/// Leaders and certificates of a job's phases.
#[utoipa::path(get, path = "/v1/jobs/{id}/certificates", tag = "jobs", params(("id" = String, Path)), responses((status = 200, body = Data<Vec<CertificateView>>), (status = 404, body = ErrorBody), (status = 500, body = ErrorBody)))]
pub(super) async fn certificates(State(app): State<App>, Path(id): Path<String>) -> Result<Response, ApiError> {
    about(&app, &id, |core, live| {
        let found = core.certificates(live, app.board.as_ref());
        found.map(json).map_err(|error| ApiError::new(500, error.to_string()))
    })
}

/// Whose partial proofs a job's valid full proofs hold.
#[utoipa::path(get, path = "/v1/jobs/{id}/reuse", tag = "jobs", params(("id" = String, Path)), responses((status = 200, body = Data<JobReuse>), (status = 404, body = ErrorBody)))]
pub(super) async fn reuse(State(app): State<App>, Path(id): Path<String>) -> Result<Response, ApiError> {
    about(&app, &id, |core, live| Ok(json(core.reuse(live))))
}

/// Ledger entries of a job.
#[utoipa::path(get, path = "/v1/jobs/{id}/rewards", tag = "jobs", params(("id" = String, Path)), responses((status = 200, body = Data<Vec<RewardEntry>>), (status = 404, body = ErrorBody)))]
pub(super) async fn rewards(State(app): State<App>, Path(id): Path<String>) -> Result<Response, ApiError> {
    about(&app, &id, |core, live| Ok(json(core.rewards(live))))
}
