//! What handles tell the service.

use std::time::Instant;

use libp2p::multiaddr::Protocol;

use super::{Purpose, Service};
use crate::error::NetworkError;
use crate::event::PeerInfo;
use crate::handle::Command;

impl Service {
    pub(super) fn on_command(&mut self, command: Command) {
        match command {
            // Who asked may no longer want to know; so below.
            Command::Publish { gossip, done } => drop(done.send(self.publish(&gossip))),
            Command::Verdict { id, verdict } => self.on_verdict(&id, verdict),
            Command::Request { peer, request, done } => {
                if self.peers.get(&peer).is_some_and(|known| known.status.is_some() && known.closing.is_none()) {
                    self.send(&peer, request, Purpose::Sidecar(done));
                } else {
                    let _ = done.send(Err(NetworkError::NotConnected(peer)));
                }
            }
            Command::Respond { peer, kind, channel, response } => self.answer(peer, kind, channel, response),
            Command::SetStatus(status) => {
                let fork_digest = self.config.status.fork_digest;
                self.config.status = crate::Status { fork_digest, ..status };
            }
            Command::SetBehind(behind) => self.behind = behind,
            Command::Hold(parts) => self.assembler.learn(parts),
            Command::PhasePassed => self.isolation.phase_passed(Instant::now()),
            Command::Report { peer, fault } => self.fault(peer, fault),
            Command::Peers(done) => drop(done.send(self.peer_infos())),
            Command::ListenAddresses(done) => {
                let id = *self.swarm.local_peer_id();
                let _ = done.send(self.swarm.listeners().map(|address| address.clone().with(Protocol::P2p(id))).collect());
            }
            // Ends the loop before it gets here.
            Command::Shutdown => {}
        }
    }

    fn peer_infos(&self) -> Vec<PeerInfo> {
        let now = Instant::now();
        let gossipsub = &self.swarm.behaviour().gossipsub;
        let mut infos: Vec<_> = self
            .peers
            .iter()
            .filter_map(|(peer, known)| {
                Some(PeerInfo {
                    peer: *peer,
                    address: known.address.clone(),
                    ip: known.ip,
                    outbound: known.outbound,
                    agent: known.agent.clone(),
                    connected: now.saturating_duration_since(known.since),
                    status: known.status?,
                    points: self.conduct.points(peer, now).round() as u32,
                    score: gossipsub.peer_score(peer).unwrap_or(0.0).round() as i64,
                })
            })
            .collect();
        infos.sort_by_key(|info| info.peer);
        infos
    }
}
