//! `/eth/v1/events`: the event stream.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::stream::{Stream, StreamExt as _};
use tokio_stream::wrappers::BroadcastStream;

use super::reply::Failure;
use crate::node::Shared;

/// Topics of the Beacon API that this chain can have events for.
const TOPICS: [&str; 4] = ["head", "block", "chain_reorg", "finalized_checkpoint"];

/// Both forms of the list are understood: `topics=head,block` and `topics=head&topics=block`.
pub(super) async fn stream(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failure> {
    let query = query.unwrap_or_default().replace("%2C", ",").replace("%2c", ",");
    let topics: Vec<String> = query
        .split('&')
        .filter_map(|pair| pair.strip_prefix("topics="))
        .flat_map(|list| list.split(','))
        .map(ToOwned::to_owned)
        .collect();
    if topics.is_empty() || topics.iter().any(|topic| !TOPICS.contains(&topic.as_str())) {
        return Err(Failure::bad_request("unable to parse topic"));
    }
    let events = BroadcastStream::new(shared.events.subscribe());
    let chain = shared.clone();
    let stream = events
        // A reader that lags is cut off, as nodes do; so is everyone when the node goes offline.
        .take_while(move |event| futures::future::ready(event.is_ok() && !chain.is_offline()))
        .filter_map(move |event| {
            let event = event.ok().filter(|(topic, _)| topics.iter().any(|wanted| wanted == topic));
            let event = event.map(|(topic, data)| Ok(Event::default().event(topic).data(data.to_string())));
            futures::future::ready(event)
        })
        .take_until(shared.cancel.clone().cancelled_owned());
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(12))))
}
