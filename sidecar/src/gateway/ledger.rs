//! The ledger, validators' rewards and evidence.

use axum::{
    extract::{Path, State},
    response::Response,
};
use quintet_api::{ErrorBody, LedgerView, ValidatorRewards};
use quintet_types::{EquivocationEvidence, ValidatorIndex};

use super::{
    ApiError, App,
    extract::{json, parse},
};

/// Accounts and roots of the ledger.
#[utoipa::path(get, path = "/v1/ledger", tag = "ledger", responses((status = 200, body = LedgerView)))]
pub(super) async fn ledger(State(app): State<App>) -> Response {
    json(app.shared.read().ledger_view())
}

/// Evidence of equivocation: two signed headers of one prover.
#[utoipa::path(get, path = "/v1/evidence", tag = "ledger", responses((status = 200)))]
pub(super) async fn evidence(State(app): State<App>) -> Response {
    let evidence: Vec<EquivocationEvidence> = app.shared.read().evidence().cloned().collect();
    json(evidence)
}

/// What a validator earned.
#[utoipa::path(get, path = "/v1/validators/{index}/rewards", tag = "ledger", params(("index" = String, Path)), responses((status = 200, body = ValidatorRewards), (status = 400, body = ErrorBody)))]
pub(super) async fn validator(State(app): State<App>, Path(index): Path<String>) -> Result<Response, ApiError> {
    let index: ValidatorIndex = parse("validator index", &index)?;
    Ok(json(app.shared.read().validator_rewards(index)))
}
