//! The ledger and validators' rewards.

use axum::{
    extract::{Path, State},
    response::Response,
};
use quintet_api::{Data, ErrorBody, LedgerView, ValidatorRewards};
use quintet_types::ValidatorIndex;

use super::{
    ApiError, App,
    extract::{json, parse},
};

/// Accounts and roots of the ledger.
#[utoipa::path(get, path = "/v1/ledger", tag = "ledger", responses((status = 200, body = Data<LedgerView>)))]
pub(super) async fn ledger(State(app): State<App>) -> Response {
    json(app.shared.read().ledger_view())
}

/// What a validator earned.
#[utoipa::path(get, path = "/v1/validators/{index}/rewards", tag = "ledger", params(("index" = String, Path)), responses((status = 200, body = Data<ValidatorRewards>), (status = 400, body = ErrorBody)))]
pub(super) async fn validator(State(app): State<App>, Path(index): Path<String>) -> Result<Response, ApiError> {
    let index: ValidatorIndex = parse("validator index", &index)?;
    Ok(json(app.shared.read().validator_rewards(index)))
}
