//! The node itself.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use quintet_api::{Data, ErrorBody, Health, Identity, PeersView, Syncing, Version};

use super::{ApiError, App, extract::json};
use crate::service::now_ms;

/// Parameters of the network.
#[utoipa::path(get, path = "/v1/spec", tag = "node", responses((status = 200, description = "All parameters by their names")))]
pub(super) async fn spec(State(app): State<App>) -> Response {
    json(&*app.spec)
}

/// Health: 200, 206 while the beacon node syncs, 503 without one.
#[utoipa::path(get, path = "/v1/node/health", tag = "node", responses(
    (status = 200, body = Health), (status = 206, body = Health), (status = 503, body = Health)))]
pub(super) async fn health(State(app): State<App>) -> (StatusCode, Json<Health>) {
    let core = app.shared.read();
    let health = Health { beacon_node: core.node.up, synced: core.node.synced && !core.node.optimistic, store: true };
    let status = match (health.beacon_node, health.synced) {
        (true, true) => StatusCode::OK,
        (true, false) => StatusCode::PARTIAL_CONTENT,
        (false, _) => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(health))
}

/// Version of this program.
#[utoipa::path(get, path = "/v1/node/version", tag = "node", responses((status = 200, body = Data<Version>)))]
pub(super) async fn version() -> Response {
    let (arch, os) = (std::env::consts::ARCH, std::env::consts::OS);
    json(Version { version: format!("Quintet/{}/{arch}-{os}", env!("CARGO_PKG_VERSION")) })
}

/// What a daemon compares with its own before it works for this gateway.
#[utoipa::path(get, path = "/v1/node/identity", tag = "node", responses((status = 200, body = Data<Identity>)))]
pub(super) async fn identity(State(app): State<App>) -> Response {
    let core = app.shared.read();
    json(Identity {
        network: app.spec.config_name.clone(),
        genesis_validators_root: app.spec.genesis_validators_root,
        spec_root: app.spec_root,
        program_hash: core.config.program_hash,
        genesis_time_ms: core.config.genesis_ms,
        now_ms: now_ms(),
        validator_index: core.config.validator.0,
    })
}

/// How far the chain is.
#[utoipa::path(get, path = "/v1/node/syncing", tag = "node", responses((status = 200, body = Data<Syncing>)))]
pub(super) async fn syncing(State(app): State<App>) -> Response {
    let core = app.shared.read();
    json(Syncing {
        head_slot: core.chain.head_slot,
        head_root: core.chain.head,
        finalized_slot: core.chain.finalized_slot,
        is_syncing: !core.node.synced,
        is_optimistic: core.node.optimistic,
    })
}

/// Sidecars of other validators that this one is connected with. One that runs alone has no network, and says so.
#[utoipa::path(get, path = "/v1/node/peers", tag = "node", responses((status = 200, body = Data<PeersView>), (status = 503, body = ErrorBody)))]
pub(super) async fn peers(State(app): State<App>) -> Result<Response, ApiError> {
    let Some(board) = &app.board else { return Ok(json(PeersView { alone: true, ..PeersView::default() })) };
    board.peers().await.map(json).map_err(|error| ApiError::new(503, error.to_string()))
}
