//! Web3Signer as of 26.4: the remote signing API, and the Commit-Boost API that it has besides if that is enabled.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use quintet_types::{PublicKeyBytes, Root, compute_signing_root, signing_variant::commit_boost_domain};
use serde_json::{Value, json};

use super::{Mood, Shared};

/// All types of its API.
const TYPES: [&str; 13] = [
    "BLOCK",
    "BLOCK_V2",
    "ATTESTATION",
    "AGGREGATION_SLOT",
    "AGGREGATE_AND_PROOF",
    "AGGREGATE_AND_PROOF_V2",
    "DEPOSIT",
    "RANDAO_REVEAL",
    "VOLUNTARY_EXIT",
    "SYNC_COMMITTEE_MESSAGE",
    "SYNC_COMMITTEE_SELECTION_PROOF",
    "SYNC_COMMITTEE_CONTRIBUTION_AND_PROOF",
    "VALIDATOR_REGISTRATION",
];

/// What it knows beyond what Web3Signer itself does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    /// Web3Signer as it starts by default.
    Plain,
    /// With `--commit-boost-api-enabled=true`.
    CommitBoost,
    /// A signer with the same API that knows the type `QUINTET`.
    Quintet,
}

type Mock = (Arc<Shared>, Api);

pub(crate) fn router(shared: &Arc<Shared>, api: Api) -> Router {
    let router = Router::new()
        .route("/upcheck", get(|| async { "OK" }))
        .route("/api/v1/eth2/publicKeys", get(|State((shared, _)): State<Mock>| async move { Json(shared.pubkeys()) }))
        .route("/api/v1/eth2/sign/{identifier}", post(sign));
    let router =
        if api == Api::CommitBoost { router.route("/signer/v1/request_signature", post(request_signature)) } else { router };
    router.with_state((Arc::clone(shared), api))
}

fn status(code: u16) -> Response {
    let code = StatusCode::from_u16(code).unwrap();
    (code, Json(json!({ "code": code.as_u16(), "message": code.canonical_reason() }))).into_response()
}

async fn sign(State((shared, api)): State<Mock>, Path(identifier): Path<String>, Json(body): Json<Value>) -> Response {
    let mood = match shared.receive().await {
        Ok(mood) => mood,
        Err(code) => return status(code),
    };
    // The discriminator is an enum there: what it does not know is a bad request.
    let kind = body["type"].as_str().unwrap_or_default();
    if TYPES.contains(&kind) {
        panic!("nothing of ours has a type of the consensus layer: {body}");
    }
    if api != Api::Quintet || kind != "QUINTET" {
        return status(400);
    }
    assert!(
        body["fork_info"]["fork"]["current_version"].is_string() && body["fork_info"]["genesis_validators_root"].is_string()
    );
    let root = |value: &Value| -> Root { value.as_str().unwrap().parse().unwrap() };
    let signing_root = compute_signing_root(root(&body["quintet"]["object_root"]), root(&body["quintet"]["domain"]));
    assert_eq!(root(&body["signingRoot"]), signing_root);
    let key: PublicKeyBytes = identifier.parse().unwrap();
    match shared.sign(&key, signing_root.0, mood) {
        None => status(404),
        Some(signature) => Json(json!({ "signature": signature })).into_response(),
    }
}

async fn request_signature(State((shared, _)): State<Mock>, Json(body): Json<Value>) -> Response {
    let mood = match shared.receive().await {
        Ok(mood) => mood,
        Err(code) => return status(code),
    };
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let (Ok(key), Ok(object_root)) = (text("pubkey").parse::<PublicKeyBytes>(), text("object_root").parse::<Root>()) else {
        return status(400);
    };
    if text("type") != "CONSENSUS" || body.as_object().unwrap().len() != 3 {
        return status(400);
    }
    let root = compute_signing_root(object_root, commit_boost_domain(crate::spec().genesis_fork_version));
    match (mood, shared.sign(&key, root.0, mood)) {
        (Mood::Garbage, _) => Json("0x1234").into_response(),
        (Mood::Endless, _) => "x".repeat(1 << 20).into_response(),
        (_, None) => (StatusCode::NOT_FOUND, Json(json!({ "code": 404, "message": "Unknown pubkey" }))).into_response(),
        (_, Some(signature)) => Json(signature).into_response(),
    }
}
