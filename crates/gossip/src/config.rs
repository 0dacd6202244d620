//! How the network is set up.

use std::sync::Arc;
use std::time::Duration;

use libp2p::Multiaddr;

use crate::NetworkError;
use crate::event::{BodyCheck, check_submission};
use crate::node_key::NodeKey;
use crate::peers::allowance::{Rate, Rates};
use crate::peers::fetcher::FetchLimits;
use crate::peers::flood::FloodLimits;
use crate::peers::isolation::IsolationLimits;
use crate::wire::requests::{RequestKind, Status};
use crate::wire::topic::Topic;

/// Everything that [`crate::Network::start`] needs.
#[derive(Clone)]
pub struct NetworkConfig {
    /// The key that this node is known by.
    pub node_key: NodeKey,
    /// Where this node stands at first; its fork digest says which network it is in. Kept up to date through [`crate::NetworkHandle::set_status`].
    pub status: Status,
    /// Addresses to listen on: `/ip4/…/tcp/…`, and with `quic` also `/ip4/…/udp/…/quic-v1`. May be empty.
    pub listen: Vec<Multiaddr>,
    /// Whether QUIC is spoken beside TCP.
    pub quic: bool,
    /// Peers to be connected to always. May name a host (`/dns4/…`) and should end in `/p2p/…`.
    pub static_peers: Vec<Multiaddr>,
    /// Peers to be connected to while there are fewer than [`Limits::target_peers`].
    pub bootnodes: Vec<Multiaddr>,
    /// What programs tell each other of themselves.
    pub agent: String,
    /// Tells whether bytes are the submission with this id.
    pub body_check: BodyCheck,
    /// How much of everything.
    pub limits: Limits,
    /// How long everything.
    pub timing: Timing,
}

impl std::fmt::Debug for NetworkConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NetworkConfig")
            .field("node_key", &self.node_key)
            .field("status", &self.status)
            .field("listen", &self.listen)
            .field("quic", &self.quic)
            .field("static_peers", &self.static_peers)
            .field("bootnodes", &self.bootnodes)
            .field("limits", &self.limits)
            .field("timing", &self.timing)
            .finish_non_exhaustive()
    }
}

impl NetworkConfig {
    /// A node that knows nobody and does not listen.
    pub fn new(node_key: NodeKey, status: Status) -> Self {
        Self {
            node_key,
            status,
            listen: vec![],
            quic: false,
            static_peers: vec![],
            bootnodes: vec![],
            agent: concat!("quintet/", env!("CARGO_PKG_VERSION")).into(),
            body_check: Arc::new(check_submission),
            limits: Limits::default(),
            timing: Timing::default(),
        }
    }

    pub(crate) fn check(&self) -> Result<(), NetworkError> {
        let fault = |what: &str| Err(NetworkError::Config(what.into()));
        let limits = &self.limits;
        if limits.peers == 0 || limits.per_address == 0 || limits.events == 0 || limits.pending_messages == 0 {
            return fault("limits of peers, per_address, events and pending_messages must not be 0");
        }
        if limits.fetch.running == 0 || limits.fetch.per_peer == 0 || limits.fetch.wanted == 0 {
            return fault("limits of fetch must not be 0");
        }
        if limits.target_peers > limits.peers {
            return fault("target_peers is more than peers");
        }
        // Gossipsub forgets a message after its history, and a verdict then has nothing to send on.
        if self.timing.verdict + limits.fetch.give_up + self.timing.attempt() > crate::service::mesh::HISTORY {
            return fault("verdict, fetch.give_up and one and a half of request together are longer than gossip is remembered");
        }
        Ok(())
    }
}

/// How much of everything.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Peers, most.
    pub peers: u32,
    /// Peers at which bootnodes are no longer dialled.
    pub target_peers: u32,
    /// Connections that one address (IPv6: /64) may make to us.
    pub per_address: usize,
    /// Banned peers of one address at which the address itself is banned; 0 for never.
    pub address_ban_after: usize,
    /// Messages without a verdict; more are ignored.
    pub pending_messages: usize,
    /// Messages of one peer without a verdict; more are ignored.
    pub pending_per_peer: usize,
    /// Bytes that messages without a verdict take, and those that were sent on until gossip forgets them; more are ignored.
    pub message_bytes: usize,
    /// Bytes that messages of one peer without a verdict take; more are ignored.
    pub message_bytes_per_peer: usize,
    /// Bytes of answers to peers that are not written yet; who asks for more is refused.
    pub answer_bytes: usize,
    /// Bytes of answers of peers that are being read, and of pulled submissions until the sidecar takes them; more are not read.
    pub received_bytes: usize,
    /// Connections that others make to us.
    pub inbound: Rate,
    /// Messages that are ignored.
    pub flood: FloodLimits,
    /// Bytes of memory of the process at which nobody is let in; 0 for never.
    pub process_bytes: u64,
    /// Events that the sidecar has not taken yet; more are lost.
    pub events: usize,
    /// Bytes of a submission by [`Topic::index`]; larger ones are not taken. The gateway's limits are the same.
    pub body_bytes: [usize; Topic::ALL.len()],
    /// How submissions are pulled.
    pub fetch: FetchLimits,
    /// What one peer may ask.
    pub rates: Rates,
    /// When the node looks cut off.
    pub isolation: IsolationLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            peers: 100,
            target_peers: 50,
            per_address: 8,
            address_ban_after: 5,
            pending_messages: 8192,
            pending_per_peer: 2048,
            message_bytes: 64 << 20,
            message_bytes_per_peer: 16 << 20,
            answer_bytes: 256 << 20,
            received_bytes: 256 << 20,
            inbound: Rate { burst: 100.0, per_second: 4.0 },
            flood: FloodLimits {
                // A committee of 2,048 votes twice in each of three phases of a slot.
                all: Rate { burst: 65_536.0, per_second: 1024.0 },
                each: Rate { burst: 256.0, per_second: 16.0 },
                useless: Rate { burst: 4096.0, per_second: 4096.0 / 60.0 },
            },
            process_bytes: 0,
            events: 8192,
            body_bytes: [8 << 20, 16 << 20, 8 << 20, 8 << 20, 0, 0],
            fetch: FetchLimits {
                running: 16,
                per_peer: 4,
                wanted: 4096,
                pause: Duration::from_millis(300),
                give_up: Duration::from_secs(8),
                wait: Duration::from_millis(500),
                part_bytes: 16 << 20,
            },
            rates: Rates::default(),
            isolation: IsolationLimits {
                peers: 3,
                groups: 2,
                after: Duration::from_secs(60),
                silence: Duration::from_secs(180),
            },
        }
    }
}

/// How long everything.
#[derive(Debug, Clone)]
pub struct Timing {
    /// Time for a verdict, after which a message is ignored.
    pub verdict: Duration,
    /// Time for an answer to a request.
    pub request: Duration,
    /// Time for a new peer to tell its status.
    pub handshake: Duration,
    /// How often a peer's status is asked again.
    pub status: Duration,
    /// First pause before a peer is dialled again; doubles each time.
    pub back_off: Duration,
    /// Longest pause.
    pub back_off_most: Duration,
    /// How long a peer is banned.
    pub ban: Duration,
    /// How long a peer of another network is not dialled.
    pub cool_off: Duration,
    /// How often limits, scores and pauses are looked at.
    pub tick: Duration,
}

impl Timing {
    /// Time for the answer to a request. Outlines and parts are small, and asked for one after the other.
    pub(crate) fn answer(&self, kind: RequestKind) -> Duration {
        match kind {
            RequestKind::Outline | RequestKind::Parts => self.request / 2,
            _ => self.request,
        }
    }

    /// Most time that a peer has to hand out a submission: its outline and then all of it, or, with what `wait` is less than the rest, parts of it.
    pub(crate) fn attempt(&self) -> Duration {
        self.request / 2 * 3
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            verdict: Duration::from_secs(4),
            request: Duration::from_secs(5),
            handshake: Duration::from_secs(10),
            status: Duration::from_secs(300),
            back_off: Duration::from_secs(1),
            back_off_most: Duration::from_secs(120),
            ban: Duration::from_secs(3600),
            cool_off: Duration::from_secs(600),
            tick: Duration::from_millis(250),
        }
    }
}
