//! Connections: made, looked at, ended.

use std::time::{Duration, Instant};

use libp2p::core::ConnectedPoint;
use libp2p::swarm::ConnectionId;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::{Multiaddr, PeerId};

use super::{Internal, Peer, Purpose, Service};
use crate::event::{DropReason, NetworkEvent};
use crate::peers::address::ip_of;
use crate::peers::allowance::Allowance;
use crate::peers::conduct::{BAN_POINTS, Fault, application_score};
use crate::peers::dialer::peer_of;
use crate::wire::requests::{Goodbye, Request, Status};

mod resolve;

/// Characters of a peer's name of itself that are kept.
const MAX_AGENT: usize = 64;

/// Time for a goodbye to arrive.
const FAREWELL: Duration = Duration::from_millis(500);

impl Service {
    pub(super) fn on_connected(&mut self, peer: PeerId, connection: ConnectionId, endpoint: &ConnectedPoint) {
        let now = Instant::now();
        if let Some(entry) = self.dialling.remove(&connection) {
            self.dialer.reached(entry, peer);
        }
        self.dialer.connected(&peer);
        if self.peers.contains_key(&peer) {
            return;
        }
        let address = endpoint.get_remote_address().clone();
        let known = Peer {
            ip: ip_of(&address),
            address,
            outbound: endpoint.is_dialer(),
            agent: None,
            since: now,
            status: None,
            status_at: now,
            allowance: Allowance::new(&self.config.limits.rates, now),
            closing: None,
        };
        self.peers.insert(peer, known);
        if endpoint.is_dialer() {
            self.ask_status(&peer);
        }
    }

    /// A peer said which program it is: for people to read, so nothing that a terminal would take for more than text.
    pub(super) fn on_identified(&mut self, peer: PeerId, agent: &str) {
        if let Some(known) = self.peers.get_mut(&peer) {
            let shown: String = agent.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(MAX_AGENT).collect();
            known.agent = (!shown.is_empty()).then_some(shown);
        }
    }

    /// Tells our status and asks for theirs.
    pub(super) fn ask_status(&mut self, peer: &PeerId) {
        let status = self.config.status;
        self.send(peer, Request::Status(status), Purpose::Status);
    }

    /// A peer told its status.
    pub(super) fn on_status(&mut self, peer: PeerId, status: Status) {
        let ours = self.config.status.fork_digest;
        let now = Instant::now();
        let Some(known) = self.peers.get_mut(&peer).filter(|known| known.closing.is_none()) else { return };
        if status.fork_digest != ours {
            tracing::debug!(%peer, theirs = %status.fork_digest, %ours, "peer is of another network");
            self.metrics.wrong_network.add(1);
            let until = now + self.config.timing.cool_off;
            self.swarm.behaviour_mut().gate.bans.avoid(peer, until, now);
            return self.dismiss(peer, Goodbye::IrrelevantNetwork, DropReason::WrongNetwork);
        }
        let known_before = known.status.replace(status).is_some();
        known.status_at = now;
        if known_before {
            self.tell(NetworkEvent::PeerStatus { peer, status });
        } else {
            self.dialer.admitted(&peer);
            self.tell(NetworkEvent::PeerConnected { peer, status });
            self.start_fetches();
        }
    }

    /// Records a fault; bans the peer if it was one too many.
    pub(super) fn fault(&mut self, peer: PeerId, fault: Fault) {
        let now = Instant::now();
        let over = self.conduct.fault(peer, fault, now);
        self.metrics.fault(fault).add(1);
        let points = self.conduct.points(&peer, now);
        tracing::debug!(%peer, ?fault, points, "fault of a peer");
        self.swarm.behaviour_mut().gossipsub.set_application_score(&peer, application_score(points));
        if over {
            self.ban(peer, now);
        }
    }

    /// Bans a peer and hangs up.
    pub(super) fn ban(&mut self, peer: PeerId, now: Instant) {
        let bans = &mut self.swarm.behaviour_mut().gate.bans;
        if bans.peer(&peer, now).is_some() {
            return;
        }
        bans.ban(peer, self.peers.get(&peer).and_then(|known| known.ip), now + self.config.timing.ban, now);
        self.metrics.bans.add(1);
        tracing::info!(%peer, points = self.conduct.points(&peer, now), limit = BAN_POINTS, "peer banned");
        self.dismiss(peer, Goodbye::BadConduct, DropReason::Banned);
    }

    /// Says goodbye and hangs up when that has arrived.
    pub(super) fn dismiss(&mut self, peer: PeerId, goodbye: Goodbye, reason: DropReason) {
        if self.peers.get(&peer).is_some_and(|known| known.closing.is_none()) {
            self.close_soon(peer, reason);
            self.send(&peer, Request::Goodbye(goodbye), Purpose::Goodbye);
        }
    }

    /// Hangs up after the time that a last word takes. The first reason counts.
    pub(super) fn close_soon(&mut self, peer: PeerId, reason: DropReason) {
        if let Some(known) = self.peers.get_mut(&peer) {
            known.closing.get_or_insert((Instant::now() + FAREWELL, reason));
        }
    }

    /// Hangs up.
    pub(super) fn close_now(&mut self, peer: &PeerId) {
        // Fails if the connection is closed already.
        let _ = self.swarm.disconnect_peer_id(*peer);
    }

    pub(super) fn on_disconnected(&mut self, peer: PeerId) {
        let now = Instant::now();
        self.dialer.disconnected(&peer, now);
        self.flood.forget(&peer);
        let Some(known) = self.peers.remove(&peer) else { return };
        let reason = known.closing.map_or(DropReason::Disconnected, |(_, reason)| reason);
        self.tell(NetworkEvent::PeerDropped { peer, reason });
    }

    /// Dials those who are due.
    pub(super) fn dial_due(&mut self, now: Instant) {
        let more = self.peers.len() < self.config.limits.target_peers as usize;
        let bans = &self.swarm.behaviour().gate.bans;
        for (entry, address) in self.dialer.due(now, more, |peer| bans.peer(peer, now).is_some()) {
            if resolve::needs_lookup(&address) {
                let done = self.internal.0.clone();
                tokio::spawn(async move {
                    let found = resolve::lookup(&address).await;
                    // The service may have ended meanwhile.
                    let _ = done.send(Internal::Resolved { entry, address, found });
                });
            } else {
                self.dial(entry, vec![address]);
            }
        }
    }

    fn dial(&mut self, entry: usize, addresses: Vec<Multiaddr>) {
        let now = Instant::now();
        let Some(first) = addresses.first().cloned() else { return self.dialer.failed(entry, now) };
        let options = match peer_of(&first) {
            Some(peer) if self.peers.contains_key(&peer) => return self.dialer.reached(entry, peer),
            Some(peer) => DialOpts::peer_id(peer).condition(PeerCondition::NotDialing).addresses(addresses).build(),
            None => DialOpts::unknown_peer_id().address(first).build(),
        };
        let connection = options.connection_id();
        match self.swarm.dial(options) {
            Ok(()) => drop(self.dialling.insert(connection, entry)),
            Err(error) => {
                tracing::debug!(%error, "dialling failed at once");
                self.metrics.dial_failures.add(1);
                self.dialer.failed(entry, now);
            }
        }
    }

    pub(super) fn on_internal(&mut self, report: Internal) {
        match report {
            Internal::Resolved { entry, found: Ok(addresses), .. } if !addresses.is_empty() => self.dial(entry, addresses),
            Internal::Resolved { entry, address, found } => {
                tracing::warn!(%address, error = ?found.err(), "host of a peer is not found");
                self.metrics.dial_failures.add(1);
                self.dialer.failed(entry, Instant::now());
            }
            Internal::Checked { root, peer, found } => self.on_checked(root, peer, found),
        }
    }

    /// Says goodbye to all and gives it the time to arrive.
    pub(super) async fn farewell(&mut self) {
        use futures::StreamExt as _;

        let peers: Vec<_> = self.peers.keys().copied().collect();
        for peer in peers {
            self.dismiss(peer, Goodbye::Shutdown, DropReason::Ours);
        }
        let all_gone = async {
            while !self.peers.is_empty() {
                let event = self.swarm.select_next_some().await;
                self.on_swarm(event);
            }
        };
        let _ = tokio::time::timeout(FAREWELL, all_gone).await;
    }
}
