//! The operator's side: metrics, the store, the end. On a listener of its own that other machines do not reach.

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use axum::{
    Router,
    extract::{Request, State},
    http::{Method, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use quintet_api::{Backup, Data, ErrorBody, Stopping, StoreView, TableView};
use quintet_store::Store;
use tokio_util::sync::CancellationToken;
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{ApiError, App, extract::json};
use crate::{metrics::Metrics, net::TlsFiles, service::now_ms};

/// What the admin handlers work with.
#[derive(Clone, Debug)]
pub struct Admin {
    /// Metrics.
    pub metrics: Metrics,
    /// The store.
    pub store: Store,
    /// Folder that backups are written to.
    pub backups: PathBuf,
    /// The configuration as it is in force, as TOML.
    pub config: Arc<str>,
    /// Certificate and key of the gateway, if it has any.
    pub tls: Option<TlsFiles>,
    /// Ends the sidecar.
    pub stop: CancellationToken,
    /// The gateway, once it is there.
    pub app: Arc<OnceLock<App>>,
}

#[derive(OpenApi)]
#[openapi(info(title = "Quintet sidecar: administration", description = "For the operator's own machine."))]
struct Document;

fn api() -> OpenApiRouter<Admin> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(metrics))
        .routes(routes!(health))
        .routes(routes!(config))
        .routes(routes!(store))
        .routes(routes!(backup))
        .routes(routes!(reload))
        .routes(routes!(shutdown))
        .routes(routes!(document))
}

/// The OpenAPI description of the admin listener, as pretty JSON.
pub fn openapi() -> String {
    api().get_openapi().to_pretty_json().unwrap_or_default()
}

/// The admin routes.
pub fn router(admin: Admin) -> Router {
    let (routes, _) = api().split_for_parts();
    routes
        .fallback(|| async { ApiError::new(404, "there is nothing here; GET /openapi.json lists what is") })
        .method_not_allowed_fallback(|| async {
            ApiError::new(405, "this path has other methods; GET /openapi.json lists them")
        })
        .layer(middleware::from_fn(no_browsers))
        .with_state(admin)
}

/// A web page that the operator looks at must not be able to stop the sidecar: browsers name the page in what they post.
async fn no_browsers(request: Request, next: Next) -> Response {
    if request.method() != Method::GET && request.headers().contains_key(header::ORIGIN) {
        return ApiError::new(403, "not from a web page").into_response();
    }
    next.run(request).await
}

/// Prometheus metrics.
#[utoipa::path(get, path = "/metrics", responses((status = 200, description = "Prometheus text", content_type = "text/plain", body = String)))]
async fn metrics(State(admin): State<Admin>) -> Response {
    if let Some(app) = admin.app.get() {
        let metrics = &admin.metrics;
        metrics.waiting.set(app.intake.waiting() as i64);
        metrics.event_streams.set(app.admission.streams() as i64);
        metrics.body_memory_bytes.set(app.admission.memory_used() as i64);
        let core = app.shared.read();
        metrics.jobs.set(core.jobs().count() as i64);
        metrics.submission_bytes.set(core.jobs().map(|(_, live)| live.bytes as i64).sum());
    }
    admin.metrics.resident_memory_bytes.set(resident_bytes().unwrap_or_default());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], admin.metrics.render()).into_response()
}

/// Resident memory of this process, where the system says.
fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<i64>().ok().map(|kib| kib << 10)
}

/// 200 while the process lives: for supervisors. `/v1/node/health` of the gateway says whether it is of use.
#[utoipa::path(get, path = "/health", responses((status = 200)))]
async fn health() -> &'static str {
    "ok\n"
}

/// The configuration in force, as TOML.
#[utoipa::path(get, path = "/admin/v1/config", responses((status = 200, content_type = "application/toml", body = String)))]
async fn config(State(admin): State<Admin>) -> Response {
    ([(header::CONTENT_TYPE, "application/toml")], admin.config.to_string()).into_response()
}

/// Tables of the store with entries and bytes. Reads all of it.
#[utoipa::path(get, path = "/admin/v1/db", responses((status = 200, body = Data<StoreView>), (status = 500, body = ErrorBody)))]
async fn store(State(admin): State<Admin>) -> Result<Response, ApiError> {
    let report = blocking(move || admin.store.inspect()).await?;
    let tables = report.tables.into_iter().map(|t| TableView { name: t.name, entries: t.entries, bytes: t.bytes });
    Ok(json(StoreView { schema_version: report.version, disk_bytes: report.disk_bytes, tables: tables.collect() }))
}

/// Writes a backup into `backups` of the data folder while everything goes on.
#[utoipa::path(post, path = "/admin/v1/db/backup", responses((status = 200, body = Data<Backup>), (status = 500, body = ErrorBody)))]
async fn backup(State(admin): State<Admin>) -> Result<Response, ApiError> {
    let file = admin.backups.join(format!("quintet-sidecar-{}.backup", now_ms()));
    let made = blocking(move || {
        let io = |source: std::io::Error| quintet_store::StoreError::Io {
            action: "creating folder",
            path: admin.backups.clone(),
            source: Arc::new(source),
        };
        std::fs::create_dir_all(&admin.backups).map_err(io)?;
        admin.store.backup(&file).map(|summary| (file, summary))
    });
    let (file, summary) = made.await?;
    tracing::info!(file = %file.display(), bytes = summary.bytes, "backup");
    Ok(json(Backup { file: file.display().to_string(), entries: summary.entries, bytes: summary.bytes }))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, quintet_store::StoreError> + Send + 'static,
) -> Result<T, ApiError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| ApiError::new(500, error.to_string()))?;
    done.map_err(|error| ApiError::new(500, error.to_string()))
}

/// Reads certificate and key again, as SIGHUP does. If they cannot be used, the old ones stay.
#[utoipa::path(post, path = "/admin/v1/tls/reload", responses((status = 200, body = Data<String>), (status = 404, description = "no TLS", body = ErrorBody), (status = 422, body = ErrorBody)))]
async fn reload(State(admin): State<Admin>) -> Result<Response, ApiError> {
    let tls = admin.tls.as_ref().ok_or_else(|| ApiError::new(404, "the gateway has no TLS"))?;
    tls.reload().map_err(|error| ApiError::new(422, error.to_string()))?;
    tracing::info!("certificate and key read again");
    Ok(json("reloaded"))
}

/// Ends the sidecar: requests under way are finished first.
#[utoipa::path(post, path = "/admin/v1/shutdown", responses((status = 200, body = Data<Stopping>)))]
async fn shutdown(State(admin): State<Admin>) -> Response {
    tracing::info!("asked to shut down");
    admin.stop.cancel();
    json(Stopping { stopping: true })
}

/// This description.
#[utoipa::path(get, path = "/openapi.json", responses((status = 200, description = "OpenAPI")))]
async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], openapi()).into_response()
}
