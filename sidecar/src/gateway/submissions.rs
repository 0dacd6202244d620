//! Submissions: shown once their phase allows, and taken in.

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use quintet_api::{Accepted, ErrorBody, SubmissionView};
use quintet_types::{JobId, Phase, Root, SignedCommitments, SignedFullProof, SignedPartialProofs, Submission};

use super::{
    ApiError, App,
    error::label,
    extract::{body, job_id, json, negotiated, parse},
};
use crate::{core::Intake, service::now_ms};

const T1: &[Phase] = &[Phase::T1];
const T2: &[Phase] = &[Phase::T2];
const AGGREGATION: &[Phase] = &[Phase::T3, Phase::T4, Phase::T5];

fn list(app: &App, id: &str, phases: &[Phase]) -> Result<Response, ApiError> {
    let id = job_id(id)?;
    let core = app.shared.read();
    let live = core.job(&id).ok_or_else(|| ApiError::new(404, format!("there is no job {id}")))?;
    Ok(json(core.submissions(live, phases)))
}

fn one(app: &App, id: &str, root: &str, phases: &[Phase], headers: &HeaderMap) -> Result<Response, ApiError> {
    let (id, root): (JobId, Root) = (job_id(id)?, parse("root", root)?);
    let core = app.shared.read();
    let live = core.job(&id).ok_or_else(|| ApiError::new(404, format!("there is no job {id}")))?;
    if phases == T1 && live.job().phase() == Some(Phase::T1) {
        return Err(ApiError::new(425, "commitments are shown once T1 is closed, so that nobody can copy them"));
    }
    let found = phases.iter().flat_map(|phase| live.of_phase(*phase)).find(|(_, received)| received.body_root == root);
    let submission = found.map(|(_, received)| std::sync::Arc::clone(&received.submission));
    drop(core);
    let submission = submission.ok_or_else(|| ApiError::new(404, format!("job {id} has no submission {root}")))?;
    Ok(negotiated(headers, &*submission))
}

async fn post(app: &App, id: &str, submission: Submission) -> Result<Response, ApiError> {
    let arrival = now_ms();
    let id = job_id(id)?;
    let phase = submission.phase();
    let refused = |refusal: crate::core::Refusal| {
        app.metrics.submission(phase, label(&refusal));
        ApiError::from(refusal)
    };
    if *submission.job() != id {
        return Err(ApiError::new(400, format!("the path names job {id}, the submission {}", submission.job())));
    }
    let intake = Intake::new(submission, &app.spec, arrival).map_err(refused)?;
    // The cheap checks come before the signature, and again when it is accepted.
    if app.shared.read().check(&intake).map_err(refused)? {
        app.metrics.submission(phase, "repeated");
        return Ok(json(Accepted { body_root: intake.body_root, new: false }));
    }
    let body_root = intake.body_root;
    let outcome = app.intake.submit(intake).await.map_err(|error| {
        let code = if matches!(error, crate::service::QueueError::Busy) { 429 } else { 503 };
        ApiError::new(code, error.to_string())
    })?;
    let new = outcome.map_err(refused)?;
    app.metrics.submission(phase, if new { "accepted" } else { "repeated" });
    Ok(json(Accepted { body_root, new }))
}

/// T1 submissions without bodies; empty until T1 is closed.
#[utoipa::path(get, path = "/v1/jobs/{id}/commitments", tag = "submissions", params(("id" = String, Path)), responses((status = 200, body = Vec<SubmissionView>), (status = 404, body = ErrorBody)))]
pub(super) async fn commitments(State(app): State<App>, Path(id): Path<String>) -> Result<Response, ApiError> {
    list(&app, &id, T1)
}

/// One T1 submission, JSON or SSZ.
#[utoipa::path(get, path = "/v1/jobs/{id}/commitments/{root}", tag = "submissions", params(("id" = String, Path), ("root" = String, Path)), responses((status = 200), (status = 404, body = ErrorBody)))]
pub(super) async fn commitment(
    State(app): State<App>,
    Path((id, root)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    one(&app, &id, &root, T1, &headers)
}

/// Submits commitments, JSON or SSZ. 200 means that they are on disk.
#[utoipa::path(post, request_body(content = Vec<u8>, description = "SSZ or JSON of the signed container", content_type = "application/octet-stream"), path = "/v1/jobs/{id}/commitments", tag = "submissions", params(("id" = String, Path)), responses((status = 200, body = Accepted), (status = 400, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn post_commitments(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, ApiError> {
    let signed: SignedCommitments = body(&headers, &bytes)?;
    post(&app, &id, Submission::Commitments(signed)).await
}

/// T2 submissions without bodies.
#[utoipa::path(get, path = "/v1/jobs/{id}/partial_proofs", tag = "submissions", params(("id" = String, Path)), responses((status = 200, body = Vec<SubmissionView>), (status = 404, body = ErrorBody)))]
pub(super) async fn partial_proofs(State(app): State<App>, Path(id): Path<String>) -> Result<Response, ApiError> {
    list(&app, &id, T2)
}

/// One T2 submission, JSON or SSZ.
#[utoipa::path(get, path = "/v1/jobs/{id}/partial_proofs/{root}", tag = "submissions", params(("id" = String, Path), ("root" = String, Path)), responses((status = 200), (status = 404, body = ErrorBody)))]
pub(super) async fn partial_proof(
    State(app): State<App>,
    Path((id, root)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    one(&app, &id, &root, T2, &headers)
}

/// Submits partial proofs, JSON or SSZ. 200 means that they are on disk; verification follows.
#[utoipa::path(post, request_body(content = Vec<u8>, description = "SSZ or JSON of the signed container", content_type = "application/octet-stream"), path = "/v1/jobs/{id}/partial_proofs", tag = "submissions", params(("id" = String, Path)), responses((status = 200, body = Accepted), (status = 400, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn post_partial_proofs(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, ApiError> {
    let signed: SignedPartialProofs = body(&headers, &bytes)?;
    post(&app, &id, Submission::PartialProofs(signed)).await
}

/// T3 to T5 submissions without bodies.
#[utoipa::path(get, path = "/v1/jobs/{id}/full_proofs", tag = "submissions", params(("id" = String, Path)), responses((status = 200, body = Vec<SubmissionView>), (status = 404, body = ErrorBody)))]
pub(super) async fn full_proofs(State(app): State<App>, Path(id): Path<String>) -> Result<Response, ApiError> {
    list(&app, &id, AGGREGATION)
}

/// One full proof, JSON or SSZ.
#[utoipa::path(get, path = "/v1/jobs/{id}/full_proofs/{root}", tag = "submissions", params(("id" = String, Path), ("root" = String, Path)), responses((status = 200), (status = 404, body = ErrorBody)))]
pub(super) async fn full_proof(
    State(app): State<App>,
    Path((id, root)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    one(&app, &id, &root, AGGREGATION, &headers)
}

/// Submits a full proof, JSON or SSZ. 200 means that it is on disk; verification follows.
#[utoipa::path(post, request_body(content = Vec<u8>, description = "SSZ or JSON of the signed container", content_type = "application/octet-stream"), path = "/v1/jobs/{id}/full_proofs", tag = "submissions", params(("id" = String, Path)), responses((status = 200, body = Accepted), (status = 400, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn post_full_proof(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, ApiError> {
    let signed: SignedFullProof = body(&headers, &bytes)?;
    post(&app, &id, Submission::FullProof(signed)).await
}
