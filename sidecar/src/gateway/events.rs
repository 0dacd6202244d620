//! Server-sent events, with replay for those who come back.

use std::{collections::BTreeSet, convert::Infallible, time::Duration};

use axum::{
    extract::{Query, State},
    http::HeaderMap,
    response::{
        IntoResponse, Response,
        sse::{Event as SseEvent, KeepAlive, Sse},
    },
};
use futures::{StreamExt as _, stream};
use quintet_api::{Event, Topic};
use serde::Deserialize;
use tokio_stream::wrappers::BroadcastStream;

use super::{ApiError, App};

/// Most event streams at a time.
const MAX_STREAMS: usize = 1024;

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    /// Comma-separated; all if absent.
    topics: Option<String>,
}

/// `GET /v1/events?topics=job,phase`: a stream of events; with `Last-Event-ID` those missed come first, as far as they are kept.
pub(super) async fn events(
    State(app): State<App>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let topics: BTreeSet<&'static str> = match wanted.topics.as_deref().filter(|list| !list.is_empty()) {
        None => Topic::ALL.map(Topic::name).into(),
        Some(list) => {
            let parsed: Result<_, String> = list.split(',').map(|name| name.parse().map(Topic::name)).collect();
            parsed.map_err(|error| ApiError::new(400, error))?
        }
    };
    let after = headers.get("Last-Event-ID").and_then(|id| id.to_str().ok()?.parse().ok());
    let (past, receiver) = {
        let core = app.shared.read();
        if core.events.subscribers() >= MAX_STREAMS {
            return Err(ApiError::new(503, format!("{MAX_STREAMS} event streams are open, no more are served")));
        }
        core.events.subscribe(after)
    };
    // A reader that lags behind misses events; it sees the gap in the ids and asks again.
    let live = BroadcastStream::new(receiver).filter_map(|event| async move { event.ok() });
    let stream = stream::iter(past).chain(live).filter(move |event| {
        let wanted = topics.contains(event.kind.topic().name());
        async move { wanted }
    });
    let stream = stream.map(|event| Ok::<_, Infallible>(sse(&event)));
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(10))).into_response())
}

fn sse(event: &Event) -> SseEvent {
    let data = serde_json::to_string(&event.kind).unwrap_or_default();
    SseEvent::default().id(event.id.to_string()).event(event.kind.topic().name()).data(data)
}
