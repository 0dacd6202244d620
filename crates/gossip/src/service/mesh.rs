//! Parameters of gossipsub: the mesh and the scores. The reasons stand in `docs/p2p.md`.

use std::collections::HashSet;
use std::time::Duration;

use libp2p::gossipsub::{self, PeerScoreParams, PeerScoreThresholds, TopicScoreParams, ValidationMode, score_parameter_decay};

use crate::config::NetworkConfig;
use crate::error::NetworkError;
use crate::wire::message_id::message_id;
use crate::wire::snappy::compressed_limit;
use crate::wire::topic::Topic;

/// Time between heartbeats.
pub(crate) const HEARTBEAT: Duration = Duration::from_millis(700);

/// Heartbeats for which a message is kept: until its verdict, and for those who ask for it.
const HISTORY_HEARTBEATS: usize = 30;

/// Time for which a message is kept.
pub(crate) const HISTORY: Duration = HEARTBEAT.saturating_mul(HISTORY_HEARTBEATS as u32 - 1);

/// How long a message id is known as a duplicate: longer than a job of five phases with one more for each, at 12 s a slot.
const DUPLICATES: Duration = Duration::from_secs(384);

/// Bytes of an RPC around the message in it.
const RPC_OVERHEAD: usize = 1024;

/// Messages that wait for a peer to read them, most. A peer whose queue is full is dropped.
const QUEUE: usize = 2048;

pub(crate) fn config(network: &NetworkConfig) -> Result<gossipsub::Config, NetworkError> {
    let digest = network.status.fork_digest;
    let most = Topic::ALL.iter().map(|topic| topic.sizes().1).max().unwrap_or(0);
    let mut builder = gossipsub::ConfigBuilder::default();
    builder
        .protocol_id_prefix(format!("/quintet/{digest}/meshsub"))
        .mesh_n(8)
        .mesh_n_low(6)
        .mesh_n_high(12)
        .mesh_outbound_min(3)
        .gossip_lazy(6)
        .gossip_factor(0.25)
        .heartbeat_interval(HEARTBEAT)
        .fanout_ttl(Duration::from_secs(60))
        .history_length(HISTORY_HEARTBEATS)
        .history_gossip(3)
        .duplicate_cache_time(DUPLICATES)
        .max_transmit_size(compressed_limit(most) + RPC_OVERHEAD)
        .max_messages_per_rpc(Some(500))
        // Half of it for what is our own, half for what is sent on: more than a whole committee's votes of a step.
        .connection_handler_queue_len(QUEUE)
        // Each id is remembered until the message came, 3 s at the most.
        .max_ihave_length(1024)
        .validate_messages()
        .validation_mode(ValidationMode::Anonymous)
        .message_id_fn(|message| message_id(message.topic.as_str(), &message.data));
    for topic in Topic::ALL {
        builder.set_topic_max_transmit_size(topic.hash(digest), compressed_limit(topic.sizes().1) + RPC_OVERHEAD);
    }
    builder.build().map_err(|error| NetworkError::Config(error.to_string()))
}

/// Score at which a peer is dropped and banned; gossipsub itself stops listening there.
pub(crate) const GRAYLIST: f64 = -80.0;

pub(crate) fn thresholds() -> PeerScoreThresholds {
    PeerScoreThresholds {
        gossip_threshold: -10.0,
        publish_threshold: -40.0,
        graylist_threshold: GRAYLIST,
        accept_px_threshold: 1000.0,
        opportunistic_graft_threshold: 1.0,
    }
}

fn topic_score() -> TopicScoreParams {
    TopicScoreParams {
        topic_weight: 1.0,
        // P1: up to 1 for an hour in the mesh.
        time_in_mesh_weight: 1.0 / 3600.0,
        time_in_mesh_quantum: Duration::from_secs(1),
        time_in_mesh_cap: 3600.0,
        // P2: up to 4 for being first with messages.
        first_message_deliveries_weight: 0.04,
        first_message_deliveries_decay: score_parameter_decay(Duration::from_secs(384)),
        first_message_deliveries_cap: 100.0,
        // P3: off. Messages come in bursts at phases' ends, and in some phases on some topics none.
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        // P4: -10 for one, -90 for three within minutes.
        invalid_message_deliveries_weight: -10.0,
        invalid_message_deliveries_decay: score_parameter_decay(Duration::from_secs(1200)),
        ..TopicScoreParams::default()
    }
}

pub(crate) fn scores(network: &NetworkConfig) -> PeerScoreParams {
    let digest = network.status.fork_digest;
    PeerScoreParams {
        topics: Topic::ALL.into_iter().map(|topic| (topic.hash(digest), topic_score())).collect(),
        // What good deeds can outweigh: less than two invalid messages.
        topic_score_cap: 20.0,
        // P5 is minus the points for faults, which ban by themselves at 100; a rejected message counts in P4 as well.
        app_specific_weight: 0.3,
        ip_colocation_factor_weight: -5.0,
        ip_colocation_factor_threshold: network.limits.per_address as f64,
        ip_colocation_factor_whitelist: HashSet::new(),
        // Who is slow is dropped when its queue is full, and not banned.
        slow_peer_weight: 0.0,
        behaviour_penalty_weight: -10.0,
        // A process that starts again does not know that it was pruned a moment ago, and grafts itself to every topic: a penalty each, or two.
        behaviour_penalty_threshold: 2.0 * Topic::ALL.len() as f64,
        behaviour_penalty_decay: score_parameter_decay(Duration::from_secs(120)),
        decay_interval: Duration::from_secs(1),
        decay_to_zero: 0.01,
        retain_score: Duration::from_secs(3600),
        ..PeerScoreParams::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::requests::Status;
    use crate::{NodeKey, SubmissionId};

    #[test]
    fn parameters_are_consistent() {
        let network = NetworkConfig::new(NodeKey::generate(), Status::default());
        network.check().unwrap();
        let config = config(&network).unwrap();
        thresholds().validate().unwrap();
        scores(&network).validate().unwrap();
        let announcement = config.max_transmit_size_for_topic(&Topic::Commitments.hash(Default::default()));
        assert!(announcement < SubmissionId::BYTES * 2 + RPC_OVERHEAD);
        assert!(network.timing.verdict + network.limits.fetch.give_up + network.timing.request <= HISTORY);
    }
}
