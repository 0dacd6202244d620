//! The HTTP gateway: shows the state and takes submissions. `admin.rs` is the operator's side, on a listener of its own.

pub mod admin;
mod admission;
mod bodies;
mod dashboard;
mod error;
mod events;
mod evidence;
mod extract;
mod jobs;
mod layers;
mod ledger;
mod node;
mod provers;
mod settlements;
mod startup;
mod submissions;
mod validators;

use std::sync::Arc;

use axum::{Router, middleware, response::IntoResponse as _};
use quintet_types::{Root, Spec};
use tokio_util::sync::CancellationToken;
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};
use utoipa_swagger_ui::SwaggerUi;

pub use admission::Admission;
pub use error::ApiError;
pub use startup::Startup;

use crate::{
    joint::Board,
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
    pub metrics: Arc<Metrics>,
    /// Parameters of the network.
    pub spec: Arc<Spec>,
    /// Hash of all parameters.
    pub spec_root: Root,
    /// Who may do how much.
    pub admission: Arc<Admission>,
    /// The agreement with other validators' sidecars; `None` where this one runs alone.
    pub board: Option<Board>,
    /// The end: event streams close at it.
    pub stop: CancellationToken,
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
        .routes(routes!(node::peers))
        .routes(routes!(jobs::list))
        .routes(routes!(jobs::job))
        .routes(routes!(jobs::input))
        .routes(routes!(jobs::plan))
        .routes(routes!(jobs::selection))
        .routes(routes!(jobs::assignments))
        .routes(routes!(jobs::challenge))
        .routes(routes!(jobs::certificates))
        .routes(routes!(jobs::reuse))
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
        .routes(routes!(validators::list))
        .routes(routes!(ledger::validator))
        .routes(routes!(settlements::list))
        .routes(routes!(settlements::one))
        .routes(routes!(settlements::sign))
        .routes(routes!(settlements::prover_claim))
        .routes(routes!(settlements::validator_claim))
        .routes(routes!(evidence::evidence))
        .routes(routes!(events::events))
        .routes(routes!(document))
}

/// This description.
#[utoipa::path(get, path = "/openapi.json", tag = "node", responses((status = 200, description = "OpenAPI")))]
async fn document() -> axum::response::Response {
    ([(axum::http::header::CONTENT_TYPE, "application/json")], openapi()).into_response()
}

/// The OpenAPI description of the gateway, as pretty JSON.
pub fn openapi() -> String {
    api().get_openapi().to_pretty_json().unwrap_or_default()
}

/// Path of Swagger UI.
pub const DOCS: &str = "/docs";

/// The public routes.
pub fn router(app: App) -> Router {
    let (routes, _) = api().split_for_parts();
    let page = SwaggerUi::new(DOCS).config(utoipa_swagger_ui::Config::from("/openapi.json"));
    routes
        .merge(page)
        .merge(dashboard::routes())
        .fallback(|| async {
            ApiError::new(404, "there is nothing here; GET /openapi.json lists what is, /docs shows it, and / is the dashboard")
        })
        .method_not_allowed_fallback(|| async {
            ApiError::new(405, "this path has other methods; GET /openapi.json lists them")
        })
        .layer(middleware::from_fn_with_state(app.clone(), layers::timed))
        .layer(middleware::from_fn_with_state(app.clone(), layers::admitted))
        .layer(middleware::from_fn_with_state(app.metrics.clone(), layers::counted))
        .with_state(app)
}
