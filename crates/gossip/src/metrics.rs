//! Counters of the network, to be read at any time by whatever exports them.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::peers::conduct::Fault;
use crate::service::mesh::thresholds;
use crate::wire::requests::RequestKind;
use crate::wire::topic::Topic;

/// A number that others read while it changes. Counters rise only; gauges go both ways.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Its value now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self, by: u64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

/// Of one topic.
#[derive(Debug, Default)]
pub struct TopicMetrics {
    /// Messages that came in for the first time.
    pub received: Counter,
    /// Of these, those that were accepted and sent on.
    pub accepted: Counter,
    /// Those that were ignored, verdicts that came too late included.
    pub ignored: Counter,
    /// Of the ignored, those whose verdict came too late or never.
    pub overdue: Counter,
    /// Those that were rejected.
    pub rejected: Counter,
    /// Frames that did not decompress within bounds.
    pub malformed: Counter,
    /// Messages that we published.
    pub published: Counter,
    /// Bytes of messages in, compressed, duplicates included.
    pub bytes_in: Counter,
    /// Peers in the mesh now (gauge).
    pub mesh: Counter,
}

/// Of one request's protocol.
#[derive(Debug, Default)]
pub struct RequestMetrics {
    /// Requests of ours.
    pub sent: Counter,
    /// Of these, those without a good answer.
    pub failed: Counter,
    /// Requests of others.
    pub received: Counter,
    /// Of these, those that we refused because of rate limits.
    pub limited: Counter,
    /// Bytes in, of requests and responses.
    pub bytes_in: Counter,
    /// Bytes out, of requests and responses.
    pub bytes_out: Counter,
}

/// Of pulled submissions.
#[derive(Debug, Default)]
pub struct FetchMetrics {
    /// Being asked for now (gauge).
    pub running: Counter,
    /// Waiting for room (gauge).
    pub waiting: Counter,
    /// Arrived, with the right root.
    pub fetched: Counter,
    /// Bytes of those.
    pub bytes: Counter,
    /// Of those, put together from outlines.
    pub assembled: Counter,
    /// Parts of those that came for them.
    pub parts_pulled: Counter,
    /// Parts of those that were known, or came for others.
    pub parts_known: Counter,
    /// Bytes of parts that are remembered (gauge).
    pub part_bytes: Counter,
    /// Answers without the submission, time-outs, failures.
    pub retried: Counter,
    /// Answers with another submission than the announced one.
    pub mismatched: Counter,
    /// Given up: nobody had it in time.
    pub abandoned: Counter,
}

/// What gossipsub does with a peer, by its score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScoreBand {
    /// Above zero: it has been of use.
    Good,
    /// Nothing in particular.
    Neutral,
    /// It is not told what there is to fetch.
    NoGossip,
    /// It is sent nothing of ours.
    NoPublish,
    /// It is not listened to, and banned.
    Graylisted,
}

impl ScoreBand {
    /// All of them, in the order of [`ScoreBand::index`].
    pub const ALL: [Self; 5] = [Self::Good, Self::Neutral, Self::NoGossip, Self::NoPublish, Self::Graylisted];

    /// Place in [`ScoreBand::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Its name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Neutral => "neutral",
            Self::NoGossip => "no_gossip",
            Self::NoPublish => "no_publish",
            Self::Graylisted => "graylisted",
        }
    }

    /// The band of a score.
    pub fn of(score: f64) -> Self {
        let limits = thresholds();
        if score <= limits.graylist_threshold {
            Self::Graylisted
        } else if score < limits.publish_threshold {
            Self::NoPublish
        } else if score < limits.gossip_threshold {
            Self::NoGossip
        } else if score <= 0.0 {
            Self::Neutral
        } else {
            Self::Good
        }
    }
}

/// All counters.
#[derive(Debug, Default)]
pub struct Metrics {
    /// By [`Topic::index`].
    pub topics: [TopicMetrics; Topic::ALL.len()],
    /// By [`RequestKind::index`].
    pub requests: [RequestMetrics; RequestKind::ALL.len()],
    /// Of pulled submissions.
    pub fetch: FetchMetrics,
    /// Peers that are connected and in our network (gauge).
    pub peers: Counter,
    /// Groups of addresses (IPv4 /16, IPv6 /32) that they are in (gauge).
    pub address_groups: Counter,
    /// Bytes in on all streams, all protocols, below them noise and yamux.
    pub bytes_in: Counter,
    /// Bytes out on all streams.
    pub bytes_out: Counter,
    /// Peers that are connected, by what gossipsub thinks of them (gauges): by [`ScoreBand::index`].
    pub scores: [Counter; ScoreBand::ALL.len()],
    /// Faults of peers, by [`Fault::index`].
    pub faults: [Counter; Fault::ALL.len()],
    /// Peers that were banned.
    pub bans: Counter,
    /// Connections to other networks that were ended.
    pub wrong_network: Counter,
    /// Connections that were refused because of bans or too many of one address.
    pub denied: Counter,
    /// Attempts to dial that failed.
    pub dial_failures: Counter,
    /// Events that the sidecar was too slow to take.
    pub events_lost: Counter,
    /// 1 while the node looks cut off (gauge).
    pub isolated: Counter,
}

impl Metrics {
    /// Faults of one kind.
    pub fn fault(&self, fault: Fault) -> &Counter {
        &self.faults[fault.index()]
    }

    /// Of one topic.
    pub fn topic(&self, topic: Topic) -> &TopicMetrics {
        &self.topics[topic.index()]
    }

    /// Of one request's protocol.
    pub fn request(&self, kind: RequestKind) -> &RequestMetrics {
        &self.requests[kind.index()]
    }

    /// Bytes in by requests and responses.
    pub fn request_bytes_in(&self) -> u64 {
        self.requests.iter().map(|request| request.bytes_in.get()).sum()
    }

    /// Bytes out by requests and responses.
    pub fn request_bytes_out(&self) -> u64 {
        self.requests.iter().map(|request| request.bytes_out.get()).sum()
    }

    /// Bytes in by gossip and all that is not requests (identify, ping and negotiation are little).
    pub fn gossip_bytes_in(&self) -> u64 {
        self.bytes_in.get().saturating_sub(self.request_bytes_in())
    }

    /// Bytes out by gossip and all that is not requests.
    pub fn gossip_bytes_out(&self) -> u64 {
        self.bytes_out.get().saturating_sub(self.request_bytes_out())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_are_gossipsubs_thresholds() {
        let bands = [5.0, 0.0, -10.0, -11.0, -41.0, -80.0].map(ScoreBand::of);
        let [good, neutral, quiet, silent, gone] = ScoreBand::ALL;
        assert_eq!(bands, [good, neutral, neutral, quiet, silent, gone]);
    }

    #[test]
    fn what_is_listed_is_in_its_place() {
        assert!(ScoreBand::ALL.iter().enumerate().all(|(place, band)| band.index() == place));
        assert!(Fault::ALL.iter().enumerate().all(|(place, fault)| fault.index() == place));
    }
}
