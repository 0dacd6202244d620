//! Who gets in: no banned peer or host, not too many connections of one host.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::behaviour::ConnectionEstablished;
use libp2p::swarm::{
    ConnectionClosed, ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent,
    ToSwarm, dummy,
};
use libp2p::{Multiaddr, PeerId};

use super::address::{host, ip_of};
use super::conduct::Bans;
use crate::metrics::Metrics;

/// Why a connection is refused.
#[derive(Debug, thiserror::Error)]
enum Denied {
    #[error("peer {0} is banned")]
    Peer(PeerId),
    #[error("address {0} is banned")]
    Host(IpAddr),
    #[error("{0} has as many connections as one address may have")]
    Crowded(IpAddr),
}

/// A behaviour that speaks no protocol and looks at connections only.
pub(crate) struct Gate {
    pub(crate) bans: Bans,
    per_host: usize,
    hosts: HashMap<IpAddr, usize>,
    connections: HashMap<ConnectionId, IpAddr>,
    metrics: Arc<Metrics>,
}

impl Gate {
    pub(crate) fn new(per_host: usize, bans: Bans, metrics: Arc<Metrics>) -> Self {
        Self { bans, per_host, hosts: HashMap::new(), connections: HashMap::new(), metrics }
    }

    fn deny(&self, reason: Denied) -> ConnectionDenied {
        self.metrics.denied.add(1);
        tracing::debug!(%reason, "connection refused");
        ConnectionDenied::new(reason)
    }

    fn check_address(&self, address: &Multiaddr, inbound: bool) -> Result<(), ConnectionDenied> {
        let Some(ip) = ip_of(address) else { return Ok(()) };
        if self.bans.is_host_banned(ip, Instant::now()) {
            return Err(self.deny(Denied::Host(ip)));
        }
        // Whom we dial is our choice.
        if inbound && self.hosts.get(&host(ip)).is_some_and(|count| *count >= self.per_host) {
            return Err(self.deny(Denied::Crowded(ip)));
        }
        Ok(())
    }

    fn check_peer(&self, peer: PeerId) -> Result<(), ConnectionDenied> {
        match self.bans.peer(&peer, Instant::now()) {
            Some(_) => Err(self.deny(Denied::Peer(peer))),
            None => Ok(()),
        }
    }
}

impl NetworkBehaviour for Gate {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.check_address(remote, true)
    }

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.check_peer(peer)?;
        self.check_address(remote, true)?;
        Ok(dummy::ConnectionHandler)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: Option<PeerId>,
        _: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        peer.map_or(Ok(()), |peer| self.check_peer(peer))?;
        Ok(vec![])
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.check_peer(peer)?;
        self.check_address(address, false)?;
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished { connection_id, endpoint, .. }) => {
                if let Some(ip) = ip_of(endpoint.get_remote_address()) {
                    self.connections.insert(connection_id, host(ip));
                    *self.hosts.entry(host(ip)).or_default() += 1;
                }
            }
            FromSwarm::ConnectionClosed(ConnectionClosed { connection_id, .. }) => {
                if let Some(host) = self.connections.remove(&connection_id)
                    && let Some(count) = self.hosts.get_mut(&host)
                {
                    *count -= 1;
                    if *count == 0 {
                        self.hosts.remove(&host);
                    }
                }
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}
