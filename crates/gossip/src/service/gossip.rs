//! Gossip: messages in and out, and what is said of them.

use std::time::Instant;

use libp2p::PeerId;
use libp2p::gossipsub::{self, MessageAcceptance, MessageId, PublishError};

use super::validation::Pending;
use super::{Service, mesh};
use crate::error::NetworkError;
use crate::event::{Gossip, NetworkEvent, Verdict};
use crate::peers::conduct::Fault;
use crate::peers::fetcher::Wish;

impl Service {
    pub(super) fn on_gossipsub(&mut self, event: gossipsub::Event) {
        match event {
            gossipsub::Event::Message { propagation_source, message_id, message } => {
                let Some(topic) = self.topics.get(&message.topic) else {
                    self.report_acceptance(&message_id, &propagation_source, MessageAcceptance::Ignore);
                    return;
                };
                self.metrics.topic(topic).received.add(1);
                match Gossip::from_ssz(topic, message.data) {
                    Some(gossip) => self.on_message(message_id, propagation_source, gossip),
                    None => {
                        self.metrics.topic(topic).rejected.add(1);
                        tracing::debug!(peer = %propagation_source, %topic, "message is malformed");
                        self.report_acceptance(&message_id, &propagation_source, MessageAcceptance::Reject);
                        self.fault(propagation_source, Fault::RejectedMessage);
                    }
                }
            }
            gossipsub::Event::SlowPeer { peer_id, failed_messages } => {
                tracing::debug!(peer = %peer_id, ?failed_messages, "peer is slow");
                // What waits for a peer that does not read is kept until it is gone.
                if failed_messages.total_queue_full() > 0 {
                    self.close_now(&peer_id);
                }
            }
            gossipsub::Event::GossipsubNotSupported { peer_id } => {
                tracing::debug!(peer = %peer_id, "peer does not speak our gossipsub");
            }
            gossipsub::Event::Subscribed { .. } | gossipsub::Event::Unsubscribed { .. } => {}
        }
    }

    fn on_message(&mut self, id: MessageId, from: PeerId, gossip: Gossip) {
        let topic = gossip.topic();
        self.isolation.heard();
        let until = Instant::now() + self.config.timing.verdict;
        let is_admitted = self.peers.get(&from).is_some_and(|peer| peer.status.is_some());
        let room = if is_admitted { self.validation.add(id.clone(), from, &gossip, until) } else { None };
        let told = room.is_some_and(|room| {
            let told = self.tell(NetworkEvent::Message { id: id.clone(), from, topic, gossip, room });
            if !told {
                self.validation.take(&id);
            }
            told
        });
        if !told {
            // Too much at a time, or of somebody who has not told a status: nobody's fault.
            self.metrics.topic(topic).ignored.add(1);
            self.report_acceptance(&id, &from, MessageAcceptance::Ignore);
            self.on_ignored(from);
        }
    }

    /// A message of a peer was of no use.
    fn on_ignored(&mut self, from: PeerId) {
        if self.flood.is_beyond(from, Instant::now()) {
            self.fault(from, Fault::Noise);
        }
    }

    pub(super) fn on_verdict(&mut self, id: &MessageId, verdict: Verdict) {
        let Some(pending) = self.validation.asked(id) else { return };
        if verdict == Verdict::Accept
            && let Some(announced) = pending.announced
        {
            let (root, from) = (announced.root(), pending.from);
            match self.fetcher.want(announced, from, Instant::now()) {
                Wish::New | Wish::Known => {
                    self.validation.pull(id, root);
                    self.start_fetches();
                    return;
                }
                Wish::Full => return self.decide(id, Verdict::Ignore),
            }
        }
        let from = pending.from;
        if verdict == Verdict::Ignore && !self.behind && self.flood.is_noise(from, Instant::now()) {
            self.fault(from, Fault::Noise);
        }
        self.decide(id, verdict);
    }

    /// Takes a message out of the books as the sidecar wants it.
    fn decide(&mut self, id: &MessageId, verdict: Verdict) {
        if let Some(pending) = self.validation.take(id) {
            self.close(id, pending, verdict);
        }
    }

    /// Tells gossipsub, and keeps the peer's conduct.
    pub(super) fn close(&mut self, id: &MessageId, pending: Pending, verdict: Verdict) {
        let counters = self.metrics.topic(pending.topic);
        let (counter, acceptance) = match &verdict {
            Verdict::Accept | Verdict::Held => (&counters.accepted, MessageAcceptance::Accept),
            Verdict::Ignore => (&counters.ignored, MessageAcceptance::Ignore),
            Verdict::Reject(_) => (&counters.rejected, MessageAcceptance::Reject),
        };
        counter.add(1);
        self.report_acceptance(id, &pending.from, acceptance);
        match verdict {
            Verdict::Accept | Verdict::Held => {
                self.validation.sent_on(pending, Instant::now() + mesh::HISTORY + mesh::HEARTBEAT)
            }
            Verdict::Ignore => self.on_ignored(pending.from),
            Verdict::Reject(reason) => {
                tracing::debug!(peer = %pending.from, topic = %pending.topic, reason, "message rejected");
                self.fault(pending.from, Fault::RejectedMessage);
            }
        }
    }

    fn report_acceptance(&mut self, id: &MessageId, from: &PeerId, acceptance: MessageAcceptance) {
        // `false` if gossipsub has forgotten the message, and then there is nothing to do.
        let _ = self.swarm.behaviour_mut().gossipsub.report_message_validation_result(id, from, acceptance);
    }

    pub(super) fn publish(&mut self, gossip: &Gossip) -> Result<MessageId, NetworkError> {
        let topic = gossip.topic();
        let bytes = gossip.to_ssz();
        let (least, most) = topic.sizes();
        if !(least..=most).contains(&bytes.len()) {
            return Err(NetworkError::TooLarge { topic: topic.name(), bytes: bytes.len(), limit: most });
        }
        let hash = self.topics.hash(topic).clone();
        let published = self.swarm.behaviour_mut().gossipsub.publish(hash, bytes);
        let id = published.map_err(|error| match error {
            PublishError::NoPeersSubscribedToTopic => NetworkError::NoPeers(topic.name()),
            PublishError::Duplicate => NetworkError::Duplicate,
            other => NetworkError::Publish(other.to_string()),
        })?;
        self.metrics.topic(topic).published.add(1);
        Ok(id)
    }
}
