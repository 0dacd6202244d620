//! The Beacon API of a devnet, as far as a client of blocks, duties and events needs it, and the devnet's own controls.

mod beacon;
mod config;
mod control;
mod events;
mod ids;
mod node;
mod reply;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;

use crate::node::Shared;
use reply::Failure;

/// Serves until the devnet is cancelled.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let cancel = shared.cancel.clone();
    let shutdown = cancel.clone().cancelled_owned();
    let server = axum::serve(listener, router(shared)).with_graceful_shutdown(shutdown);
    if let Err(error) = server.await {
        tracing::error!(%error, "the devnet's server stopped");
    }
}

fn router(shared: Arc<Shared>) -> Router {
    let api = Router::new()
        .route("/eth/v1/node/version", get(node::version))
        .route("/eth/v1/node/syncing", get(node::syncing))
        .route("/eth/v1/node/health", get(node::health))
        .route("/eth/v1/beacon/genesis", get(config::genesis))
        .route("/eth/v1/config/spec", get(config::spec))
        .route("/eth/v1/config/fork_schedule", get(config::fork_schedule))
        .route("/eth/v1/config/deposit_contract", get(config::deposit_contract))
        .route("/eth/v1/beacon/headers", get(beacon::headers))
        .route("/eth/v1/beacon/headers/{id}", get(beacon::header))
        .route("/eth/v2/beacon/blocks/{id}", get(beacon::block))
        .route("/eth/v1/beacon/blocks/{id}/root", get(beacon::block_root))
        .route("/eth/v1/beacon/states/{id}/root", get(beacon::state_root))
        .route("/eth/v1/beacon/states/{id}/fork", get(beacon::fork))
        .route("/eth/v1/beacon/states/{id}/finality_checkpoints", get(beacon::finality_checkpoints))
        .route("/eth/v1/beacon/states/{id}/randao", get(beacon::randao))
        .route("/eth/v1/beacon/states/{id}/validators", get(beacon::validators))
        .route("/eth/v1/beacon/states/{id}/validators/{validator}", get(beacon::validator))
        .route("/eth/v1/beacon/states/{id}/proposer_lookahead", get(beacon::proposer_lookahead))
        .route("/eth/v1/validator/duties/proposer/{epoch}", get(beacon::proposer_duties))
        .route("/eth/v2/validator/duties/proposer/{epoch}", get(beacon::proposer_duties_v2))
        .route("/eth/v1/events", get(events::stream))
        .layer(middleware::from_fn_with_state(shared.clone(), refuse_while_offline));
    let controls = Router::new()
        .route("/devnet/v1/status", get(control::status))
        .route("/devnet/v1/miss", post(control::miss))
        .route("/devnet/v1/empty", post(control::empty))
        .route("/devnet/v1/reorg", post(control::reorg))
        .route("/devnet/v1/transactions", post(control::transactions))
        .route("/devnet/v1/offline", post(control::offline))
        .route("/devnet/v1/optimistic", post(control::optimistic))
        .route("/devnet/v1/advance", post(control::advance));
    api.merge(controls).fallback(unknown).with_state(shared)
}

async fn unknown() -> Failure {
    Failure::new(StatusCode::NOT_FOUND, "NOT_FOUND: no such route")
}

async fn refuse_while_offline(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    if shared.is_offline() {
        return Failure::new(StatusCode::SERVICE_UNAVAILABLE, "offline, as ordered").into_response();
    }
    next.run(request).await
}
