//! What is done by the clock: time limits, scores, dialling, gauges.

use std::collections::HashSet;
use std::time::Instant;

use libp2p::PeerId;

use super::{Service, mesh};
use crate::event::{DropReason, NetworkEvent, Verdict};
use crate::metrics::ScoreBand;
use crate::peers::address::group;
use crate::peers::conduct::application_score;
use crate::wire::requests::Goodbye;
use crate::wire::topic::Topic;

impl Service {
    pub(super) fn on_tick(&mut self, now: Instant) {
        for (id, pending) in self.validation.take_overdue(now) {
            self.metrics.topic(pending.topic).overdue.add(1);
            self.close(&id, pending, Verdict::Ignore);
        }
        self.validation.forget(now);
        self.end_waits(now);
        self.expire_fetches(now);
        self.start_fetches();
        self.look_at_peers(now);
        self.dial_due(now);
        self.watch(now);
    }

    fn look_at_peers(&mut self, now: Instant) {
        let timing = self.config.timing.clone();
        let peers: Vec<PeerId> = self.peers.keys().copied().collect();
        for peer in peers {
            let Some(known) = self.peers.get(&peer) else { continue };
            if let Some((until, _)) = known.closing {
                if until <= now {
                    self.close_now(&peer);
                }
                continue;
            }
            if known.status.is_none() && now.saturating_duration_since(known.since) >= timing.handshake {
                self.dismiss(peer, Goodbye::Fault, DropReason::NoStatus);
            } else if known.outbound && now.saturating_duration_since(known.status_at) >= timing.status {
                if let Some(known) = self.peers.get_mut(&peer) {
                    known.status_at = now;
                }
                self.ask_status(&peer);
            }
            let points = self.conduct.points(&peer, now);
            let gossipsub = &mut self.swarm.behaviour_mut().gossipsub;
            gossipsub.set_application_score(&peer, application_score(points));
            if gossipsub.peer_score(&peer).is_some_and(|score| score <= mesh::GRAYLIST) {
                self.ban(peer, now);
            }
        }
        self.conduct.prune(now);
        self.swarm.behaviour_mut().gate.bans.prune(now);
    }

    fn watch(&mut self, now: Instant) {
        let admitted = || self.peers.values().filter(|known| known.status.is_some() && known.closing.is_none());
        let peers = admitted().count();
        let groups = admitted().filter_map(|known| known.ip).map(group).collect::<HashSet<_>>().len();
        self.metrics.peers.set(peers as u64);
        self.metrics.address_groups.set(groups as u64);
        let mut scores = [0; ScoreBand::ALL.len()];
        let gossipsub = &self.swarm.behaviour().gossipsub;
        for (peer, _) in self.peers.iter().filter(|(_, known)| known.status.is_some() && known.closing.is_none()) {
            scores[ScoreBand::of(gossipsub.peer_score(peer).unwrap_or(0.0)).index()] += 1;
        }
        self.metrics.scores.iter().zip(scores).for_each(|(gauge, peers)| gauge.set(peers));
        for topic in Topic::ALL {
            let mesh = self.swarm.behaviour().gossipsub.mesh_peers(self.topics.hash(topic)).count();
            self.metrics.topic(topic).mesh.set(mesh as u64);
        }
        match self.isolation.check(peers, groups, now) {
            Some(Some(problem)) => {
                tracing::warn!(%problem, "this node looks cut off from the others");
                self.metrics.isolated.set(1);
                self.tell(NetworkEvent::Isolated(problem));
            }
            Some(None) => {
                self.metrics.isolated.set(0);
                self.tell(NetworkEvent::Reconnected);
            }
            None => {}
        }
    }
}
