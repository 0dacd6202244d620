//! Server-sent events, with replay for those who come back.

use std::{collections::BTreeSet, convert::Infallible, time::Duration};

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::HeaderMap,
    response::{
        IntoResponse, Response,
        sse::{Event as SseEvent, KeepAlive, Sse},
    },
};
use futures::{StreamExt as _, stream};
use quintet_api::{ErrorBody, Event, Topic};
use serde::Deserialize;
use tokio_stream::wrappers::BroadcastStream;
use utoipa::IntoParams;

use super::{ApiError, App};
use crate::net::ClientAddress;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Comma-separated; all if absent.
    topics: Option<String>,
}

/// Server-sent events. With `Last-Event-ID` those missed come first, as far as they are kept. A reader that falls too far behind is cut off, and
/// comes back with the id that it has.
#[utoipa::path(get, path = "/v1/events", tag = "events",
    params(Wanted, ("Last-Event-ID" = Option<String>, Header, description = "id of the last event that was seen")),
    responses(
        (status = 200, description = "id, event (the topic) and data (JSON) of each event", content_type = "text/event-stream", body = String),
        (status = 400, body = ErrorBody), (status = 503, description = "too many readers", body = ErrorBody)))]
pub(super) async fn events(
    State(app): State<App>,
    wanted: Result<Query<Wanted>, QueryRejection>,
    address: Option<axum::Extension<ClientAddress>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Query(wanted) = wanted.map_err(|error| ApiError::new(400, error.body_text()))?;
    let topics: BTreeSet<&'static str> = match wanted.topics.as_deref().filter(|list| !list.is_empty()) {
        None => Topic::ALL.map(Topic::name).into(),
        Some(list) => {
            let parsed: Result<_, String> = list.split(',').map(|name| name.parse().map(Topic::name)).collect();
            parsed.map_err(|error| ApiError::new(400, error))?
        }
    };
    let after = match headers.get("last-event-id").map(|id| id.to_str().ok()?.parse().ok()) {
        None => None,
        Some(Some(id)) => Some(id),
        Some(None) => return Err(ApiError::new(400, "Last-Event-ID is no integer")),
    };
    let address = address.map_or(std::net::Ipv4Addr::LOCALHOST.into(), |address| address.0.0);
    let seat = app.admission.stream(address)?;
    let (past, receiver) = app.shared.read().events.subscribe(after);
    // Events that a reader was too slow for are gone: it has to come back with its last id.
    let live = BroadcastStream::new(receiver)
        .take_while(|event| std::future::ready(event.is_ok()))
        .filter_map(|event| async { event.ok() });
    let stream = stream::iter(past).chain(live).filter(move |event| {
        let wanted = topics.contains(event.kind.topic().name());
        std::future::ready(wanted)
    });
    let stream = stream.map(move |event| {
        let _seat = &seat;
        Ok::<_, Infallible>(sse(&event))
    });
    let stream = stream.take_until(app.stop.clone().cancelled_owned());
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(10))).into_response())
}

fn sse(event: &Event) -> SseEvent {
    let data = serde_json::to_string(&event.kind).unwrap_or_default();
    SseEvent::default().id(event.id.to_string()).event(event.kind.topic().name()).data(data)
}
