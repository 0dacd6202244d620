//! The daemon's own listener: `/metrics` for Prometheus, `/status` for `quintet-prover status`. It takes nothing in.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use axum::{Json, Router, extract::State, http::header, response::IntoResponse, routing::get};
use tokio::net::TcpListener;

use super::{board::Board, metrics::Metrics};

/// What is shown.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    /// Counters.
    pub(crate) metrics: Arc<Metrics>,
    /// What is being done.
    pub(crate) board: Arc<Board>,
}

/// Opens the address.
///
/// # Errors
/// If it cannot be listened on.
pub(crate) async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("listening on {address} for --metrics"))
}

/// Serves until dropped.
pub(crate) async fn serve(listener: TcpListener, shown: Shown) {
    let metrics = async |State(shown): State<Shown>| {
        let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        ([(header::CONTENT_TYPE, content_type)], shown.metrics.render()).into_response()
    };
    let status = async |State(shown): State<Shown>| Json(shown.board.snapshot());
    let router = Router::new().route("/metrics", get(metrics)).route("/status", get(status)).with_state(shown);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "metrics are not served any more");
    }
}
