//! Settlements of the ledger: shown, signed by validators, claimed from by accounts.

use axum::{
    extract::{Path, Query, Request, State, rejection::QueryRejection},
    response::Response,
};
use quintet_api::{
    ClaimView, Data, ErrorBody, MAX_SETTLEMENT_SIGNATURES, SettlementDetail, SettlementSignatures, SettlementSummary,
    SignaturesTaken,
};
use quintet_keys::{PublicKey, Signature};
use quintet_staking::Signed;
use quintet_types::{Account, PublicKeyBytes, Root, ValidatorIndex};
use serde::Deserialize;

use super::{
    ApiError, App, bodies,
    extract::{json, parse},
    layers::address_of,
};
use crate::core::SettlementRefusal;

/// Longest body with signatures: each takes some 270 bytes of JSON.
const MAX_BODY: usize = 1024 + 400 * MAX_SETTLEMENT_SIGNATURES;
/// Most lines of a list.
const MAX_LIMIT: usize = 1000;

/// Part of a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    #[serde(default)]
    offset: usize,
    #[serde(default = "hundred")]
    limit: usize,
}

const fn hundred() -> usize {
    100
}

/// Which settlement to claim from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    settlement: Option<u64>,
}

/// A query that was understood.
type Asked<T> = Result<Query<T>, QueryRejection>;

fn asked<T>(query: Asked<T>) -> Result<T, ApiError> {
    query.map(|Query(query)| query).map_err(|error| ApiError::new(400, error.body_text()))
}

impl From<SettlementRefusal> for ApiError {
    fn from(refusal: SettlementRefusal) -> Self {
        let code = match &refusal {
            SettlementRefusal::NoContracts | SettlementRefusal::Unknown(_) => 404,
            SettlementRefusal::OtherStatement { .. } | SettlementRefusal::Posted(_) | SettlementRefusal::Duplicate(_) => 409,
            SettlementRefusal::NotEnrolled(_) => 403,
            SettlementRefusal::Signature(_) => 400,
        };
        Self::new(code, refusal.to_string())
    }
}

/// Settlements, newest first; none where provers come from a file.
#[utoipa::path(get, path = "/v1/ledger/settlements", tag = "ledger", params(("offset" = Option<usize>, Query, description = "lines to skip"), ("limit" = Option<usize>, Query, description = "100 if absent, at most 1000")), responses((status = 200, body = Data<Vec<SettlementSummary>>), (status = 400, body = ErrorBody)))]
pub(super) async fn list(State(app): State<App>, part: Asked<Part>) -> Result<Response, ApiError> {
    let part = asked(part)?;
    let core = app.shared.read();
    let Some(known) = core.contracts() else { return Ok(json(Vec::<SettlementSummary>::new())) };
    let shown = core.settlements.iter().rev().skip(part.offset).take(part.limit.min(MAX_LIMIT));
    Ok(json(shown.map(|settlement| core.settlement_summary(settlement, &known)).collect::<Vec<_>>()))
}

/// One settlement: roots, signers, and leaves with their proofs.
#[utoipa::path(get, path = "/v1/ledger/settlements/{number}", tag = "ledger", params(("number" = String, Path), ("offset" = Option<usize>, Query, description = "leaves to skip"), ("limit" = Option<usize>, Query, description = "leaves to show: 100 if absent, at most 1000")), responses((status = 200, body = Data<SettlementDetail>), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(super) async fn one(State(app): State<App>, Path(number): Path<String>, part: Asked<Part>) -> Result<Response, ApiError> {
    let part = asked(part)?;
    let number: u64 = parse("settlement number", &number)?;
    let detail = app.shared.read().settlement_detail(number, part.offset, part.limit.min(MAX_LIMIT));
    Ok(json(detail.ok_or(SettlementRefusal::Unknown(number))?))
}

/// What a prover shows to the settlement contract: its leaf under the newest settlement that is posted, or under the one that is named.
#[utoipa::path(get, path = "/v1/provers/{pubkey}/claim", tag = "ledger", params(("pubkey" = String, Path), ("settlement" = Option<u64>, Query, description = "an older settlement, if the pool does not cover the newest")), responses((status = 200, body = Data<ClaimView>), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(super) async fn prover_claim(
    State(app): State<App>,
    Path(pubkey): Path<String>,
    which: Asked<Which>,
) -> Result<Response, ApiError> {
    let which = asked(which)?;
    let key: PublicKeyBytes = parse("public key", &pubkey)?;
    let core = app.shared.read();
    let prover = core.prover_index(&key).ok_or_else(|| ApiError::new(404, format!("{key} is not a registered prover")))?;
    let claim = core.claim_view(&Account::Prover(prover), which.settlement);
    claim.map(json).map_err(|reason| ApiError::new(404, reason))
}

/// What a validator shows to the settlement contract.
#[utoipa::path(get, path = "/v1/validators/{index}/claim", tag = "ledger", params(("index" = String, Path), ("settlement" = Option<u64>, Query, description = "an older settlement, if the pool does not cover the newest")), responses((status = 200, body = Data<ClaimView>), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(super) async fn validator_claim(
    State(app): State<App>,
    Path(index): Path<String>,
    which: Asked<Which>,
) -> Result<Response, ApiError> {
    let which = asked(which)?;
    let index: ValidatorIndex = parse("validator index", &index)?;
    let claim = app.shared.read().claim_view(&Account::Validator(index), which.settlement);
    claim.map(json).map_err(|reason| ApiError::new(404, reason))
}

/// Takes enrolled validators' signatures under a settlement. 200 means that those that were accepted are on disk.
#[utoipa::path(post, request_body = SettlementSignatures, path = "/v1/ledger/settlements/{number}/signatures", tag = "ledger", params(("number" = String, Path)), responses(
    (status = 200, body = Data<SignaturesTaken>), (status = 400, description = "malformed, or false signatures", body = ErrorBody),
    (status = 403, description = "not enrolled", body = ErrorBody), (status = 404, description = "no such settlement here yet", body = ErrorBody),
    (status = 409, description = "another statement, posted already, or nothing new", body = ErrorBody), (status = 413, body = ErrorBody),
    (status = 429, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub(super) async fn sign(State(app): State<App>, Path(number): Path<String>, request: Request) -> Result<Response, ApiError> {
    let number: u64 = parse("settlement number", &number)?;
    let address = address_of(&request);
    let (parts, content) = request.into_parts();
    let (bytes, _memory) = bodies::read(&app.admission, MAX_BODY, &parts.headers, content).await?;
    let body: SettlementSignatures = serde_json::from_slice(&bytes)
        .map_err(|error| ApiError::new(400, format!("the body is not the expected JSON: {error}")))?;
    if body.signatures.is_empty() || body.signatures.len() > MAX_SETTLEMENT_SIGNATURES {
        return Err(ApiError::new(400, format!("1 to {MAX_SETTLEMENT_SIGNATURES} signatures are taken at once")));
    }
    let mut taken = SignaturesTaken::default();
    let mut first = None;
    // Checks in order of their cost, and the signatures last, of those alone that would be new.
    let (signing_root, signers) = {
        let core = app.shared.read();
        let signing_root = core.check_statement(number, body.statement_root)?;
        let signers: Vec<_> = body
            .signatures
            .iter()
            .map(|signed| (signed.validator, signed.signature, core.check_signer(number, signed.validator)))
            .collect();
        (signing_root, signers)
    };
    let mut refuse = |validator, refusal: SettlementRefusal| {
        taken.refused.push(refusal.line(validator));
        first.get_or_insert(refusal);
    };
    let mut to_verify = Vec::new();
    for (validator, signature, key) in signers {
        match key {
            Ok(key) => to_verify.push((validator, key, signature)),
            Err(refusal) => refuse(validator, refusal),
        }
    }
    // A validator that is named twice costs one verification.
    to_verify.sort_unstable();
    to_verify.dedup_by_key(|(validator, ..)| *validator);
    let verified = tokio::task::spawn_blocking(move || {
        let check = |(validator, key, signature): (ValidatorIndex, PublicKeyBytes, quintet_types::SignatureBytes)| {
            (validator, verify(&key, &signature.0, &signing_root))
        };
        to_verify.into_iter().map(check).collect::<Vec<_>>()
    });
    let verified = verified.await.map_err(|error| ApiError::new(503, error.to_string()))?;
    let mut good = Vec::new();
    for (validator, signed) in verified {
        match signed {
            Some(signed) => good.push((validator, signed)),
            None => {
                app.admission.false_signature(address);
                refuse(validator, SettlementRefusal::Signature(validator));
            }
        }
    }
    if !good.is_empty() {
        let shared = app.shared.clone();
        let stored = tokio::task::spawn_blocking(move || shared.write().add_signatures(number, good)).await;
        let unavailable = |error: &dyn std::fmt::Display| ApiError::new(503, error.to_string());
        let (new, pending) = stored.map_err(|error| unavailable(&error))?.map_err(|error| unavailable(&error))?;
        pending.await.map_err(|error| unavailable(&error))?;
        taken.accepted = new;
    }
    match first {
        Some(refusal) if taken.accepted.is_empty() => Err(refusal.into()),
        _ => Ok(json(taken)),
    }
}

fn verify(key: &PublicKeyBytes, signature: &[u8; 96], signing_root: &Root) -> Option<Signed> {
    let point = PublicKey::from_bytes(&key.0).ok()?;
    let signature = Signature::from_bytes(signature).ok()?;
    signature.verify(&signing_root.0, &point).then_some(Signed { pubkey: *key, signature })
}
