//! Between gossipsub and the wire: snappy, with the topic's bounds.

use std::io;
use std::sync::Arc;

use libp2p::gossipsub::{DataTransform, Message, RawMessage, TopicHash};

use super::digest::ForkDigest;
use super::snappy::{self, SnappyError};
use super::topic::Topics;
use crate::metrics::Metrics;

/// Compresses what goes out; decompresses what comes in, within the topic's sizes. What fails counts against the peer that sent it.
#[derive(Debug)]
pub struct SnappyTransform {
    topics: Topics,
    metrics: Arc<Metrics>,
}

impl SnappyTransform {
    /// For the topics of this network.
    pub fn new(digest: ForkDigest, metrics: Arc<Metrics>) -> Self {
        Self { topics: Topics::new(digest), metrics }
    }
}

fn invalid(error: SnappyError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

impl DataTransform for SnappyTransform {
    fn inbound_transform(&self, raw: RawMessage) -> Result<Message, io::Error> {
        let Some(topic) = self.topics.get(&raw.topic) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "unknown topic"));
        };
        let counters = &self.metrics.topics[topic.index()];
        // Duplicates come through here too: this is what the wire costs.
        counters.bytes_in.add(raw.data.len() as u64);
        let (least, most) = topic.sizes();
        let data = snappy::decompress(&raw.data, least, most).map_err(|error| {
            counters.malformed.add(1);
            invalid(error)
        })?;
        Ok(Message { source: raw.source, data, sequence_number: raw.sequence_number, topic: raw.topic })
    }

    fn outbound_transform(&self, _: &TopicHash, data: Vec<u8>) -> Result<Vec<u8>, io::Error> {
        snappy::compress(&data).map_err(invalid)
    }
}
