//! Provers.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
    response::{IntoResponse as _, Response},
};
use quintet_api::{Data, ErrorBody, Page, ProverDetail, ProverFilter, ProverView};
use quintet_types::PublicKeyBytes;

use super::{
    ApiError, App,
    extract::{MAX_PAGE, json, page_limit, parse},
};

/// Provers by index.
#[utoipa::path(get, path = "/v1/provers", tag = "provers", params(ProverFilter), responses((status = 200, body = Page<ProverView>), (status = 400, body = ErrorBody)))]
pub(super) async fn list(
    State(app): State<App>,
    filter: Result<Query<ProverFilter>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(filter) = filter.map_err(|error| ApiError::new(400, error.body_text()))?;
    let limit = page_limit(filter.limit, MAX_PAGE)?;
    let core = app.shared.read();
    let provers = core.provers();
    let first = filter.after.map_or(0, |after| provers.partition_point(|record| record.index.0 <= after));
    let rest = &provers[first..];
    let data = core.prover_views(&rest[..limit.min(rest.len())]);
    let next = data.last().filter(|_| rest.len() > limit).map(|last| last.index.to_string());
    Ok(Json(Page { data, next }).into_response())
}

/// One prover with duties and history.
#[utoipa::path(get, path = "/v1/provers/{pubkey}", tag = "provers", params(("pubkey" = String, Path)), responses((status = 200, body = Data<ProverDetail>), (status = 404, body = ErrorBody)))]
pub(super) async fn prover(State(app): State<App>, Path(pubkey): Path<String>) -> Result<Response, ApiError> {
    let key: PublicKeyBytes = parse("public key", &pubkey)?;
    let core = app.shared.read();
    let record = core.prover_index(&key).and_then(|index| core.provers().get(index.as_usize()));
    let detail = record.and_then(|record| core.prover_detail(record));
    Ok(json(detail.ok_or_else(|| ApiError::new(404, format!("{key} is not a registered prover")))?))
}
