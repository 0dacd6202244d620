//! The one task that owns the swarm: it waits for what happens and for what it is told, and keeps the books.

pub(crate) mod behaviour;
mod commands;
mod connections;
mod counting;
mod fetching;
mod gossip;
pub(crate) mod mesh;
mod muxing;
mod outlines;
mod requests;
mod tick;
mod validation;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt as _;
use libp2p::request_response::OutboundRequestId;
use libp2p::swarm::{ConnectionId, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, identify, ping};
use quintet_types::Root;
use tokio::sync::{mpsc, oneshot};

use self::behaviour::{Behaviour, BehaviourEvent};
use self::fetching::Found;
use self::validation::Validation;
use crate::config::NetworkConfig;
use crate::error::NetworkError;
use crate::event::{DropReason, NetworkEvent};
use crate::handle::Command;
use crate::memory::Budget;
use crate::metrics::Metrics;
use crate::peers::allowance::Allowance;
use crate::peers::assembler::Assembler;
use crate::peers::conduct::Conduct;
use crate::peers::dialer::Dialer;
use crate::peers::fetcher::Fetcher;
use crate::peers::flood::Flood;
use crate::peers::isolation::IsolationWatch;
use crate::wire::requests::{RequestKind, Response, Status};
use crate::wire::topic::Topics;

/// A connected node.
#[derive(Debug)]
struct Peer {
    address: Multiaddr,
    ip: Option<IpAddr>,
    outbound: bool,
    /// What it says it is.
    agent: Option<String>,
    since: Instant,
    /// Set once it has told a status of our network.
    status: Option<Status>,
    status_at: Instant,
    allowance: Allowance,
    /// Set once the connection is to be closed: when at the latest, and why.
    closing: Option<(Instant, DropReason)>,
}

/// Why a request was made.
#[derive(Debug)]
enum Purpose {
    /// To tell and hear statuses.
    Status,
    /// To say goodbye.
    Goodbye,
    /// To pull a submission, whole.
    Fetch(Root),
    /// To pull its outline.
    Outline(Root),
    /// To pull parts of it.
    Parts(Root),
    /// Because the sidecar wants to know.
    Sidecar(oneshot::Sender<Result<Response, NetworkError>>),
}

/// What tasks of the service itself report.
#[derive(Debug)]
enum Internal {
    /// A host was looked up.
    Resolved { entry: usize, address: Multiaddr, found: std::io::Result<Vec<Multiaddr>> },
    /// A submission was checked.
    Checked { root: Root, peer: PeerId, found: Option<Found> },
}

/// The task's state.
pub(crate) struct Service {
    config: NetworkConfig,
    swarm: Swarm<Behaviour>,
    topics: Topics,
    metrics: Arc<Metrics>,
    commands: mpsc::UnboundedReceiver<Command>,
    /// For responders.
    to_self: mpsc::WeakUnboundedSender<Command>,
    events: mpsc::Sender<NetworkEvent>,
    internal: (mpsc::UnboundedSender<Internal>, mpsc::UnboundedReceiver<Internal>),
    peers: HashMap<PeerId, Peer>,
    outbound: HashMap<(RequestKind, OutboundRequestId), Purpose>,
    dialling: HashMap<ConnectionId, usize>,
    dialer: Dialer,
    conduct: Conduct,
    validation: Validation,
    flood: Flood,
    /// Of answers that are not written yet.
    answers: Budget,
    /// Of what peers send.
    received: Budget,
    fetcher: Fetcher,
    assembler: Assembler,
    isolation: IsolationWatch,
    /// Whether this node does not know yet what others speak of, so that what it ignores says nothing of them.
    behind: bool,
}

impl Service {
    pub(crate) fn new(
        config: NetworkConfig,
        metrics: Arc<Metrics>,
        commands: mpsc::UnboundedReceiver<Command>,
        to_self: mpsc::WeakUnboundedSender<Command>,
        events: mpsc::Sender<NetworkEvent>,
    ) -> Result<Self, NetworkError> {
        let (timing, limits) = (&config.timing, &config.limits);
        let received = Budget::new(limits.received_bytes);
        let swarm = behaviour::swarm(&config, &metrics, &received)?;
        let now = Instant::now();
        Ok(Self {
            swarm,
            topics: Topics::new(config.status.fork_digest),
            metrics,
            commands,
            to_self,
            events,
            internal: mpsc::unbounded_channel(),
            peers: HashMap::new(),
            outbound: HashMap::new(),
            dialling: HashMap::new(),
            dialer: Dialer::new(&config.static_peers, &config.bootnodes, timing.back_off, timing.back_off_most, now),
            conduct: Conduct::default(),
            validation: Validation::new(limits),
            flood: Flood::new(limits.flood, now),
            answers: Budget::new(limits.answer_bytes),
            received,
            fetcher: Fetcher::new(limits.fetch),
            assembler: Assembler::new(limits.fetch.part_bytes),
            isolation: IsolationWatch::new(limits.isolation),
            behind: false,
            config,
        })
    }

    /// Runs until it is told to stop or nobody is left to tell it.
    pub(crate) async fn run(mut self) {
        let mut ticks = tokio::time::interval(self.config.timing.tick);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_swarm(event),
                command = self.commands.recv() => match command {
                    None | Some(Command::Shutdown) => break,
                    Some(command) => self.on_command(command),
                },
                Some(report) = self.internal.1.recv() => self.on_internal(report),
                _ = ticks.tick() => self.on_tick(Instant::now()),
            }
        }
        self.farewell().await;
    }

    fn on_swarm(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour(event),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.on_connected(peer_id, connection_id, &endpoint);
            }
            SwarmEvent::ConnectionClosed { peer_id, num_established: 0, cause, .. } => {
                tracing::debug!(peer = %peer_id, ?cause, "connection closed");
                self.on_disconnected(peer_id);
            }
            SwarmEvent::OutgoingConnectionError { connection_id, peer_id, error } => {
                tracing::debug!(?peer_id, %error, "dialling failed");
                self.metrics.dial_failures.add(1);
                if let Some(entry) = self.dialling.remove(&connection_id) {
                    self.dialer.failed(entry, Instant::now());
                }
            }
            SwarmEvent::NewListenAddr { address, .. } => tracing::info!(%address, "listening"),
            SwarmEvent::ListenerClosed { addresses, reason, .. } => {
                tracing::error!(?addresses, ?reason, "no longer listening");
            }
            _ => {}
        }
    }

    fn on_behaviour(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Gossipsub(event) => self.on_gossipsub(event),
            BehaviourEvent::Status(event) => self.on_request_event(RequestKind::Status, event),
            BehaviourEvent::Goodbye(event) => self.on_request_event(RequestKind::Goodbye, event),
            BehaviourEvent::Jobs(event) => self.on_request_event(RequestKind::Jobs, event),
            BehaviourEvent::Bundles(event) => self.on_request_event(RequestKind::Bundles, event),
            BehaviourEvent::Submissions(event) => self.on_request_event(RequestKind::Submissions, event),
            BehaviourEvent::Introduction(event) => self.on_request_event(RequestKind::Introduction, event),
            BehaviourEvent::Outline(event) => self.on_request_event(RequestKind::Outline, event),
            BehaviourEvent::Parts(event) => self.on_request_event(RequestKind::Parts, event),
            BehaviourEvent::Gate(never) | BehaviourEvent::Limits(never) => match never {},
            // A connection whose other end does not answer is dead; one that does not speak ping may be well.
            BehaviourEvent::Ping(ping::Event { peer, connection, result: Err(error) }) => {
                tracing::debug!(%peer, %error, "ping failed");
                if !matches!(error, ping::Failure::Unsupported) {
                    self.swarm.close_connection(connection);
                }
            }
            BehaviourEvent::Ping(_) => {}
            // Addresses that peers tell of themselves are not used: nobody is dialled whom the operator did not name.
            BehaviourEvent::Identify(identify::Event::Received { peer_id, info, .. }) => {
                self.on_identified(peer_id, &info.agent_version)
            }
            BehaviourEvent::Identify(_) => {}
        }
    }

    /// Tells the sidecar; `false` if it is too slow.
    fn tell(&self, event: NetworkEvent) -> bool {
        let told = self.events.try_send(event).is_ok();
        if !told {
            self.metrics.events_lost.add(1);
        }
        told
    }
}
