//! Who gets in: no banned peer or host, not too many connections of one host, nor too many newcomers, nor anybody when memory is short.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::behaviour::ConnectionEstablished;
use libp2p::swarm::{
    ConnectionClosed, ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent,
    ToSwarm, dummy,
};
use libp2p::{Multiaddr, PeerId};

use super::address::{host, ip_of};
use super::allowance::TokenBucket;
use super::conduct::Bans;
use crate::config::Limits;
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
    #[error("too many connections came lately")]
    Rush,
    #[error("the process holds {0} bytes")]
    Memory(u64),
}

/// A behaviour that speaks no protocol and looks at connections only.
pub(crate) struct Gate {
    pub(crate) bans: Bans,
    per_host: usize,
    hosts: HashMap<IpAddr, usize>,
    connections: HashMap<ConnectionId, IpAddr>,
    inbound: TokenBucket,
    most_memory: u64,
    /// What the process held, and when that was.
    memory: (u64, Instant),
    metrics: Arc<Metrics>,
}

/// How old a number of [`resident_bytes`] may be.
const MEMORY_AGE: Duration = Duration::from_secs(1);

/// Resident memory of this process, where the system says.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<u64>().ok().map(|kib| kib << 10)
}

impl Gate {
    pub(crate) fn new(limits: &Limits, metrics: Arc<Metrics>) -> Self {
        let now = Instant::now();
        Self {
            bans: Bans::new(limits.address_ban_after),
            per_host: limits.per_address,
            hosts: HashMap::new(),
            connections: HashMap::new(),
            inbound: TokenBucket::new(limits.inbound, now),
            most_memory: limits.process_bytes,
            memory: (resident_bytes().unwrap_or(0), now),
            metrics,
        }
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

    /// Whom a node dials is few, and needed when memory is short too.
    fn check_room(&mut self) -> Result<(), ConnectionDenied> {
        let now = Instant::now();
        if !self.inbound.take(1.0, now) {
            return Err(self.deny(Denied::Rush));
        }
        if self.most_memory == 0 {
            return Ok(());
        }
        if now.saturating_duration_since(self.memory.1) >= MEMORY_AGE {
            self.memory = (resident_bytes().unwrap_or(0), now);
        }
        if self.memory.0 > self.most_memory {
            return Err(self.deny(Denied::Memory(self.memory.0)));
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
        self.check_address(remote, true)?;
        self.check_room()
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
