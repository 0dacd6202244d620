//! The validators that close phases together.

use axum::{extract::State, response::Response};
use quintet_api::{Data, ValidatorsView};

use super::{App, extract::json};

/// The enrolled validators with weight, what was heard of them and what they earned; alone our own.
#[utoipa::path(get, path = "/v1/validators", tag = "ledger", responses((status = 200, body = Data<ValidatorsView>)))]
pub(super) async fn list(State(app): State<App>) -> Response {
    json(app.shared.read().validators(app.board.as_ref()))
}
