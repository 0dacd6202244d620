//! The daemon's own listener: `/metrics` for Prometheus, `/status` for `quintet-prover status`. It takes nothing in.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use axum::{Json, Router, extract::State, http::header, response::IntoResponse, routing::get};
use tokio::net::TcpListener;

use super::Shared;

/// Opens the address.
///
/// # Errors
/// If it cannot be listened on.
pub(crate) async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("listening on {address} for --metrics"))
}

/// Serves until dropped.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let metrics = async |State(shared): State<Arc<Shared>>| {
        let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        ([(header::CONTENT_TYPE, content_type)], shared.metrics.render()).into_response()
    };
    let status = async |State(shared): State<Arc<Shared>>| Json(shared.board.snapshot());
    let router = Router::new().route("/metrics", get(metrics)).route("/status", get(status)).with_state(shared);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "metrics are not served any more");
    }
}
