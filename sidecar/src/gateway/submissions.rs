//! Submissions: shown once their phase allows, and taken in.

use std::time::Duration;

use axum::{
    extract::{Path, Request, State},
    http::HeaderMap,
    response::Response,
};
use quintet_api::{Accepted, Data, ErrorBody, SubmissionView};
use quintet_types::{
    Decode, Encode as _, JobId, Phase, Root, SignedCommitments, SignedFullProof, SignedPartialProofs, Submission,
};
use serde::de::DeserializeOwned;

use super::{
    ApiError, App, bodies,
    error::label,
    extract::{body, is_ssz, job_id, json, negotiated, parse},
    layers::address_of,
};
use crate::{
    core::{Intake, Refusal},
    service::{Arrival, QueueError},
};

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

/// Takes a submission in. The checks come in order of their cost: size, decoding, job and phase, assignment, duplicate, signature, digests; proofs are
/// verified later. What fails is paid for by the address, and, once the signature is known to be good, by the prover.
async fn post<T: Decode + DeserializeOwned>(
    app: &App,
    id: &str,
    limit: usize,
    request: Request,
    wrap: impl FnOnce(T) -> Submission,
) -> Result<Response, ApiError> {
    let id = job_id(id)?;
    let address = address_of(&request);
    let (parts, content) = request.into_parts();
    let (bytes, memory) = bodies::read(&app.admission, limit, &parts.headers, content).await?;
    let arrival = app.intake.arrive();
    let length = bytes.len();
    let submission = wrap(body(&parts.headers, &bytes)?);
    // As it came if that was SSZ, so that it is not encoded again.
    let ssz = is_ssz(&parts.headers).then(|| submission.ssz_of(&bytes));
    drop(bytes);
    let phase = submission.phase();
    let refused = |refusal: Refusal| {
        app.metrics.submission(phase, label(&refusal));
        ApiError::from(refusal)
    };
    if *submission.job() != id {
        return Err(ApiError::new(400, format!("the path names job {id}, the submission {}", submission.job())));
    }
    let prover = *submission.prover();
    let placed = place(app, submission, ssz, length, &arrival).map_err(refused)?;
    let intake = match placed {
        Placed::Repeated(body_root) => {
            app.metrics.submission(phase, "repeated");
            return Ok(json(Accepted { body_root, new: false }));
        }
        Placed::New(intake) => intake,
    };
    app.admission.prover(&prover).inspect_err(|_| app.metrics.submission(phase, "rate"))?;
    let body_root = intake.header.body_root;
    let outcome = app.intake.submit(*intake, memory).await.map_err(|error| match error {
        QueueError::Busy => ApiError::later(503, error.to_string(), Duration::from_secs(1)),
        _ => ApiError::new(503, error.to_string()),
    })?;
    match &outcome {
        Err(Refusal::Signature(_)) => app.admission.false_signature(address),
        _ => app.admission.signed(&prover),
    }
    let new = outcome.map_err(refused)?;
    app.metrics.submission(phase, if new { "accepted" } else { "repeated" });
    Ok(json(Accepted { body_root, new }))
}

/// What can be said before the signature.
enum Placed {
    /// It is here already.
    Repeated(Root),
    /// To be verified.
    New(Box<Intake>),
}

/// Whether a submission has a place. The body is hashed only if it has one, or if it may be a repetition.
fn place(app: &App, submission: Submission, ssz: Option<Vec<u8>>, length: usize, arrival: &Arrival) -> Result<Placed, Refusal> {
    let before = {
        let core = app.shared.read();
        let before = core.received_root(&submission)?;
        if before.is_none() {
            core.check_place(&submission, arrival.ms(), length)?;
            let held = core.held_bytes();
            if held + length > app.admission.limits.submissions_bytes {
                return Err(Refusal::Full(held));
            }
        }
        before
    };
    let ssz = ssz.unwrap_or_else(|| submission.as_ssz_bytes());
    let intake = Intake::of_ssz(submission, ssz, &app.spec, arrival.ms())?;
    if before == Some(intake.header.body_root) {
        return Ok(Placed::Repeated(intake.header.body_root));
    }
    if before.is_some() {
        app.shared.read().check_place(&intake.submission, arrival.ms(), length)?;
    }
    Ok(Placed::New(Box::new(intake)))
}

/// T1 submissions without bodies; empty until T1 is closed.
#[utoipa::path(get, path = "/v1/jobs/{id}/commitments", tag = "submissions", params(("id" = String, Path)), responses((status = 200, body = Data<Vec<SubmissionView>>), (status = 404, body = ErrorBody)))]
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
#[utoipa::path(post, request_body(description = "the signed container", content(
    (Vec<u8> = "application/octet-stream"), (serde_json::Value = "application/json"))), path = "/v1/jobs/{id}/commitments", tag = "submissions", params(("id" = String, Path)), responses(
    (status = 200, body = Data<Accepted>), (status = 400, description = "malformed, or a false signature", body = ErrorBody),
    (status = 403, description = "not assigned", body = ErrorBody), (status = 404, description = "no such job", body = ErrorBody),
    (status = 409, description = "not open, too late, or another body was first", body = ErrorBody), (status = 413, body = ErrorBody),
    (status = 415, body = ErrorBody), (status = 429, body = ErrorBody), (status = 503, body = ErrorBody), (status = 507, body = ErrorBody)))]
pub(super) async fn post_commitments(
    State(app): State<App>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let limit = app.admission.limits.commitments_bytes;
    post::<SignedCommitments>(&app, &id, limit, request, Submission::Commitments).await
}

/// T2 submissions without bodies.
#[utoipa::path(get, path = "/v1/jobs/{id}/partial_proofs", tag = "submissions", params(("id" = String, Path)), responses((status = 200, body = Data<Vec<SubmissionView>>), (status = 404, body = ErrorBody)))]
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
#[utoipa::path(post, request_body(description = "the signed container", content(
    (Vec<u8> = "application/octet-stream"), (serde_json::Value = "application/json"))), path = "/v1/jobs/{id}/partial_proofs", tag = "submissions", params(("id" = String, Path)), responses(
    (status = 200, body = Data<Accepted>), (status = 400, description = "malformed, or a false signature", body = ErrorBody),
    (status = 403, description = "not assigned", body = ErrorBody), (status = 404, description = "no such job", body = ErrorBody),
    (status = 409, description = "not open, too late, or another body was first", body = ErrorBody), (status = 413, body = ErrorBody),
    (status = 415, body = ErrorBody), (status = 429, body = ErrorBody), (status = 503, body = ErrorBody), (status = 507, body = ErrorBody)))]
pub(super) async fn post_partial_proofs(
    State(app): State<App>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let limit = app.admission.limits.partial_proofs_bytes;
    post::<SignedPartialProofs>(&app, &id, limit, request, Submission::PartialProofs).await
}

/// T3 to T5 submissions without bodies.
#[utoipa::path(get, path = "/v1/jobs/{id}/full_proofs", tag = "submissions", params(("id" = String, Path)), responses((status = 200, body = Data<Vec<SubmissionView>>), (status = 404, body = ErrorBody)))]
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
#[utoipa::path(post, request_body(description = "the signed container", content(
    (Vec<u8> = "application/octet-stream"), (serde_json::Value = "application/json"))), path = "/v1/jobs/{id}/full_proofs", tag = "submissions", params(("id" = String, Path)), responses(
    (status = 200, body = Data<Accepted>), (status = 400, description = "malformed, or a false signature", body = ErrorBody),
    (status = 403, description = "not assigned", body = ErrorBody), (status = 404, description = "no such job", body = ErrorBody),
    (status = 409, description = "not open, too late, or another body was first", body = ErrorBody), (status = 413, body = ErrorBody),
    (status = 415, body = ErrorBody), (status = 429, body = ErrorBody), (status = 503, body = ErrorBody), (status = 507, body = ErrorBody)))]
pub(super) async fn post_full_proof(
    State(app): State<App>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let limit = app.admission.limits.full_proof_bytes;
    post::<SignedFullProof>(&app, &id, limit, request, Submission::FullProof).await
}
