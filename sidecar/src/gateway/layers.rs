//! What every request goes through: counted, admitted, timed.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Instant,
};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::{ApiError, App};
use crate::{metrics::Metrics, net::ClientAddress};

/// Whom a request is from. Only requests that came over no connection (tests) have no address.
pub(super) fn address_of(request: &Request) -> IpAddr {
    request.extensions().get::<ClientAddress>().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.0)
}

/// Counts answers by route and status.
pub(super) async fn counted(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    // The route, not the path: a bounded number of labels.
    let path = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let started = Instant::now();
    let response = next.run(request).await;
    metrics.request(method.as_str(), &path, response.status().as_u16(), started.elapsed());
    response
}

/// Holds every address to its rate.
pub(super) async fn admitted(State(app): State<App>, request: Request, next: Next) -> Response {
    match app.admission.request(address_of(&request)) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

/// Bounds the time to the head of the answer; the body of the request is read within it.
pub(super) async fn timed(State(app): State<App>, request: Request, next: Next) -> Response {
    let limit = app.admission.request_timeout;
    let late = || ApiError::new(408, format!("not done within {} ms", limit.as_millis())).into_response();
    tokio::time::timeout(limit, next.run(request)).await.unwrap_or_else(|_| late())
}
