//! The HTTP gateway: shows the state and takes submissions.

mod error;
mod events;
mod extract;
mod jobs;
mod ledger;
mod node;
mod provers;
mod submissions;

use std::{sync::Arc, time::Duration};

use axum::{Router, extract::DefaultBodyLimit, routing::get};
use quintet_types::{Root, Spec};
use tower_http::{limit::RequestBodyLimitLayer, timeout::TimeoutLayer};
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

pub use error::ApiError;

use crate::{
    metrics::Metrics,
    service::{IntakeQueue, Shared},
};

/// What handlers work with.
#[derive(Clone, Debug)]
pub struct App {
    /// The state.
    pub shared: Shared,
    /// Way in for submissions.
    pub intake: IntakeQueue,
    /// Metrics.
    pub metrics: Metrics,
    /// Parameters of the network.
    pub spec: Arc<Spec>,
    /// Hash of all parameters.
    pub spec_root: Root,
}

/// Limits of the gateway.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Largest body of a request.
    pub body_bytes: usize,
    /// Longest time that a request may take, event streams aside.
    pub timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body_bytes: 16 << 20, timeout: Duration::from_secs(30) }
    }
}

#[derive(OpenApi)]
#[openapi(info(
    title = "Quintet gateway",
    description = "Jobs, phases, submissions and rewards of distributed proof generation."
))]
struct Document;

fn api() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(node::spec))
        .routes(routes!(node::health))
        .routes(routes!(node::version))
        .routes(routes!(node::identity))
        .routes(routes!(node::syncing))
        .routes(routes!(jobs::list))
        .routes(routes!(jobs::job))
        .routes(routes!(jobs::input))
        .routes(routes!(jobs::plan))
        .routes(routes!(jobs::selection))
        .routes(routes!(jobs::assignments))
        .routes(routes!(jobs::challenge))
        .routes(routes!(jobs::rewards))
        .routes(routes!(submissions::commitments, submissions::post_commitments))
        .routes(routes!(submissions::commitment))
        .routes(routes!(submissions::partial_proofs, submissions::post_partial_proofs))
        .routes(routes!(submissions::partial_proof))
        .routes(routes!(submissions::full_proofs, submissions::post_full_proof))
        .routes(routes!(submissions::full_proof))
        .routes(routes!(provers::list))
        .routes(routes!(provers::prover))
        .routes(routes!(ledger::ledger))
        .routes(routes!(ledger::evidence))
        .routes(routes!(ledger::validator))
}

/// The OpenAPI description of the gateway, as pretty JSON.
pub fn openapi() -> String {
    api().get_openapi().to_pretty_json().unwrap_or_default()
}

/// The gateway's routes.
pub fn router(app: App, limits: Limits) -> Router {
    let metrics = app.metrics.clone();
    let (routes, document) = api().split_for_parts();
    let document = document.to_pretty_json().unwrap_or_default();
    let routes = routes.layer(TimeoutLayer::with_status_code(axum::http::StatusCode::REQUEST_TIMEOUT, limits.timeout));
    Router::new()
        .merge(routes)
        .route("/v1/events", get(events::events))
        .route("/openapi.json", get(move || async move { ([("content-type", "application/json")], document) }))
        .route("/metrics", get(move || async move { metrics.render() }))
        .fallback(|| async { ApiError::new(404, "there is nothing here; GET /openapi.json lists what is") })
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(limits.body_bytes))
        .with_state(app)
}
