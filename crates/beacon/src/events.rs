//! The event stream of a beacon node (`/eth/v1/events`), parsed and bounded.

use std::pin::Pin;
use std::time::Duration;

use alloy_primitives::B256;
use alloy_rpc_types_beacon::events::{BlockEvent, ChainReorgEvent, FinalizedCheckpointEvent, HeadEvent};
use eventsource_stream::{Event, Eventsource as _};
use futures::{Stream, StreamExt as _};
use quintet_types::Slot;
use reqwest::StatusCode;
use serde::Deserialize;

use crate::client::BeaconClient;
use crate::error::Error;
use crate::fork::Fork;

/// Longest event that is read. Those we ask for have a few hundred bytes.
const MAX_EVENT_BYTES: usize = 1 << 20;

/// An event, reduced to what following a chain needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BeaconEvent {
    /// `head` or `head_v2`: a new head.
    Head {
        /// Slot of the head.
        slot: Slot,
        /// Root of the head block.
        block_root: B256,
        /// Whether the node has not verified its payload.
        optimistic: bool,
    },
    /// `block`: a block was imported, as head or not.
    Block {
        /// Slot of the block.
        slot: Slot,
        /// Root of the block.
        block_root: B256,
    },
    /// `chain_reorg`: the head moved to another branch.
    Reorg(ChainReorgEvent),
    /// `finalized_checkpoint`.
    Finalized(FinalizedCheckpointEvent),
    /// `execution_payload_available` (Gloas): the payload of a block can be fetched.
    PayloadAvailable {
        /// Root of the block.
        block_root: B256,
    },
    /// An event whose data cannot be read: a hint to look at the head, nothing more.
    Malformed {
        /// Name of the event.
        name: String,
        /// Why it cannot be read.
        reason: String,
    },
}

#[derive(Deserialize)]
struct HeadV2 {
    data: HeadV2Data,
}

#[derive(Deserialize)]
struct HeadV2Data {
    #[serde(with = "quintet_types::quoted")]
    slot: u64,
    block: B256,
    #[serde(default)]
    execution_optimistic: bool,
}

#[derive(Deserialize)]
struct PayloadAvailable {
    block_root: B256,
}

impl BeaconEvent {
    /// Reads an event by name and data; `None` for names that we did not ask for.
    #[must_use]
    pub fn parse(name: &str, data: &str) -> Option<Self> {
        let parsed = match name {
            "head" => serde_json::from_str::<HeadEvent>(data).map(|event| Self::Head {
                slot: Slot(event.slot),
                block_root: event.block,
                optimistic: event.execution_optimistic,
            }),
            "head_v2" => serde_json::from_str::<HeadV2>(data).map(|event| Self::Head {
                slot: Slot(event.data.slot),
                block_root: event.data.block,
                optimistic: event.data.execution_optimistic,
            }),
            "block" => serde_json::from_str::<BlockEvent>(data)
                .map(|event| Self::Block { slot: Slot(event.slot), block_root: event.block }),
            "chain_reorg" => serde_json::from_str(data).map(Self::Reorg),
            "finalized_checkpoint" => serde_json::from_str(data).map(Self::Finalized),
            "execution_payload_available" => serde_json::from_str::<PayloadAvailable>(data)
                .map(|event| Self::PayloadAvailable { block_root: event.block_root }),
            _ => return None,
        };
        Some(parsed.unwrap_or_else(|error| Self::Malformed { name: name.to_owned(), reason: error.to_string() }))
    }
}

/// How topics are asked for. Nodes differ in what they know and in how they parse lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscription {
    topics: usize,
    comma: bool,
}

const TOPICS: [&[&str]; 4] = [
    &["head", "head_v2", "block", "chain_reorg", "finalized_checkpoint", "execution_payload_available"],
    &["head", "block", "chain_reorg", "finalized_checkpoint"],
    &["head_v2", "block", "chain_reorg", "finalized_checkpoint"],
    &["head"],
];

impl Subscription {
    /// The first to try: the topics of Gloas only where Gloas is scheduled, since a node refuses the whole request for
    /// one topic that it does not know. One `topics=` for each topic: Lodestar 1.5 never answers the comma form.
    #[must_use]
    pub fn first(gloas_scheduled: bool) -> Self {
        Self { topics: usize::from(!gloas_scheduled), comma: false }
    }

    /// The next to try, round and round.
    #[must_use]
    pub const fn next(self) -> Self {
        match self.comma {
            false => Self { comma: true, ..self },
            true => Self { topics: (self.topics + 1) % TOPICS.len(), comma: false },
        }
    }

    fn path(self) -> String {
        let topics = TOPICS[self.topics];
        let query =
            if self.comma { format!("topics={}", topics.join(",")) } else { format!("topics={}", topics.join("&topics=")) };
        format!("/eth/v1/events?{query}")
    }
}

/// A stream of events from one node. It ends when the connection does.
pub type EventStream = Pin<Box<dyn Stream<Item = Result<BeaconEvent, Error>> + Send>>;

impl BeaconClient {
    /// Opens the event stream of one endpoint. Gives up when the node sends no header within `patience`.
    pub(crate) async fn open_events(
        &self,
        endpoint: usize,
        subscription: Subscription,
        patience: Duration,
    ) -> Result<EventStream, Error> {
        let response = self.transport.open(endpoint, &subscription.path(), patience).await?;
        let label = self.transport.label(endpoint).to_owned();
        if response.status() != StatusCode::OK {
            let reason = format!("answered {} to {}", response.status(), subscription.path());
            return Err(Error::Events { endpoint: label, reason });
        }
        let failed = move |reason: String| Error::Events { endpoint: label.clone(), reason };
        // A peer that never ends an event must not fill our memory. A blank line that falls between two chunks is missed,
        // which only makes the bound a little tighter.
        let bounded = response.bytes_stream().scan(0usize, |open, chunk| {
            let item = chunk.map_err(|error| error.to_string()).and_then(|bytes| {
                *open = match bytes.windows(2).rposition(|pair| pair == b"\n\n" || pair == b"\n\r") {
                    Some(position) => bytes.len() - position,
                    None => *open + bytes.len(),
                };
                if *open > MAX_EVENT_BYTES { Err("endless event".to_owned()) } else { Ok(bytes) }
            });
            futures::future::ready(Some(item))
        });
        let events = bounded.eventsource().filter_map(move |event| {
            let item = match event {
                Ok(Event { event, data, .. }) => BeaconEvent::parse(&event, &data).map(Ok),
                Err(error) => Some(Err(failed(error.to_string()))),
            };
            futures::future::ready(item)
        });
        Ok(Box::pin(events))
    }

    /// The first subscription to try on this network.
    pub(crate) fn first_subscription(&self) -> Subscription {
        let gloas = self.spec().forks.activations().iter().any(|fork| fork.name == Fork::Gloas.name());
        Subscription::first(gloas)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_head_events_are_read() {
        let root = "0x9a2fefd2fdb57f74993c7780ea5b9030d2897b615b89f808011ca5aebed54eaf";
        let head = format!(
            r#"{{"slot":"10","block":"{root}","state":"{root}","epoch_transition":false,"previous_duty_dependent_root":"{root}","current_duty_dependent_root":"{root}","execution_optimistic":true}}"#
        );
        let head_v2 = format!(
            r#"{{"version":"gloas","data":{{"slot":"10","block":"{root}","state":"{root}","payload_status":"empty","epoch_transition":false,"execution_optimistic":true,"later":1}}}}"#
        );
        let expected = BeaconEvent::Head { slot: Slot(10), block_root: root.parse().unwrap(), optimistic: true };
        assert_eq!(BeaconEvent::parse("head", &head), Some(expected.clone()));
        assert_eq!(BeaconEvent::parse("head_v2", &head_v2), Some(expected));
    }

    #[test]
    fn unknown_events_are_skipped_and_broken_ones_reported() {
        assert_eq!(BeaconEvent::parse("attestation", "{}"), None);
        assert!(matches!(BeaconEvent::parse("head", "{}"), Some(BeaconEvent::Malformed { .. })));
        assert!(matches!(BeaconEvent::parse("block", "not json"), Some(BeaconEvent::Malformed { .. })));
    }

    #[test]
    fn subscriptions_start_plain_and_try_every_form() {
        let first = Subscription::first(false);
        assert_eq!(first.path(), "/eth/v1/events?topics=head&topics=block&topics=chain_reorg&topics=finalized_checkpoint");
        assert!(first.next().path().contains("topics=head,block"));
        let mut seen = vec![first];
        while seen.last().map(|last| last.next()) != Some(first) {
            seen.push(seen[seen.len() - 1].next());
        }
        assert_eq!(seen.len(), 2 * TOPICS.len());
    }
}
