//! Provers.

use axum::{
    extract::{Path, State},
    response::Response,
};
use quintet_api::{Data, ErrorBody, ProverDetail, ProverView};
use quintet_types::PublicKeyBytes;

use super::{
    ApiError, App,
    extract::{json, parse},
};

/// All provers by index.
#[utoipa::path(get, path = "/v1/provers", tag = "provers", responses((status = 200, body = Data<Vec<ProverView>>)))]
pub(super) async fn list(State(app): State<App>) -> Response {
    let core = app.shared.read();
    let views: Vec<ProverView> = core.provers().iter().map(|record| core.prover_view(record)).collect();
    json(views)
}

/// One prover with duties and history.
#[utoipa::path(get, path = "/v1/provers/{pubkey}", tag = "provers", params(("pubkey" = String, Path)), responses((status = 200, body = Data<ProverDetail>), (status = 404, body = ErrorBody)))]
pub(super) async fn prover(State(app): State<App>, Path(pubkey): Path<String>) -> Result<Response, ApiError> {
    let key: PublicKeyBytes = parse("public key", &pubkey)?;
    let core = app.shared.read();
    let record = core.prover_index(&key).and_then(|index| core.provers().get(index.as_usize()));
    let record = record.ok_or_else(|| ApiError::new(404, format!("{key} is not a registered prover")))?;
    Ok(json(core.prover_detail(record)))
}
