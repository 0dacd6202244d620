//! The behaviours that make up a node, and its transports.

use std::sync::Arc;
use std::time::Duration;

use futures::future::Either;
use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::{Boxed, OrTransport};
use libp2p::core::upgrade::Version;
use libp2p::gossipsub::{self, MaxCountSubscriptionFilter, MessageAuthenticity, WhitelistSubscriptionFilter};
use libp2p::identity::Keypair;
use libp2p::request_response::{self, ProtocolSupport};
use libp2p::swarm::NetworkBehaviour;
use libp2p::{PeerId, Swarm, Transport, connection_limits, identify, noise, ping, quic, swarm, tcp};

use super::counting::CountedMuxer;
use super::{mesh, muxing};
use crate::config::NetworkConfig;
use crate::error::NetworkError;
use crate::memory::Budget;
use crate::metrics::Metrics;
use crate::peers::gate::Gate;
use crate::wire::codec::{Codec, Protocol};
use crate::wire::requests::RequestKind;
use crate::wire::topic::Topic;
use crate::wire::transform::SnappyTransform;

pub(crate) type Gossipsub = gossipsub::Behaviour<SnappyTransform, MaxCountSubscriptionFilter<WhitelistSubscriptionFilter>>;
pub(crate) type Requests = request_response::Behaviour<Codec>;

/// Everything a node speaks. One behaviour a request's protocol, since a behaviour with several protocols leaves the choice to the other side.
#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    // First: what is refused here costs the others nothing.
    pub(crate) gate: Gate,
    limits: connection_limits::Behaviour,
    pub(crate) gossipsub: Gossipsub,
    pub(crate) status: Requests,
    pub(crate) goodbye: Requests,
    pub(crate) jobs: Requests,
    pub(crate) bundles: Requests,
    pub(crate) submissions: Requests,
    pub(crate) introduction: Requests,
    pub(crate) outline: Requests,
    pub(crate) parts: Requests,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
}

impl Behaviour {
    fn new(config: &NetworkConfig, key: &Keypair, metrics: &Arc<Metrics>, received: &Budget) -> Result<Self, NetworkError> {
        let digest = config.status.fork_digest;
        let fault = |error: &str| NetworkError::Config(error.into());
        let most = config.limits.peers;
        let limits = connection_limits::ConnectionLimits::default()
            .with_max_pending_incoming(Some(most))
            .with_max_pending_outgoing(Some(most))
            .with_max_established(Some(most))
            // Two that dial each other at the same moment have two.
            .with_max_established_per_peer(Some(2));
        let filter = MaxCountSubscriptionFilter {
            filter: WhitelistSubscriptionFilter(Topic::ALL.iter().map(|topic| topic.hash(digest)).collect()),
            max_subscribed_topics: Topic::ALL.len(),
            max_subscriptions_per_request: 2 * Topic::ALL.len(),
        };
        let transform = SnappyTransform::new(digest, metrics.clone());
        let mut gossipsub = gossipsub::Behaviour::new_with_subscription_filter_and_transform(
            MessageAuthenticity::Anonymous,
            mesh::config(config)?,
            filter,
            transform,
        )
        .map_err(fault)?;
        gossipsub.with_peer_score(mesh::scores(config), mesh::thresholds()).map_err(|error| fault(&error))?;
        for topic in Topic::ALL {
            gossipsub.subscribe(&topic.ident(digest)).map_err(|error| fault(&error.to_string()))?;
        }
        let requests = |kind| {
            Requests::with_codec(
                Codec::new(metrics.clone(), received.clone()),
                [(Protocol::new(kind, digest), ProtocolSupport::Full)],
                request_response::Config::default()
                    .with_request_timeout(config.timing.answer(kind))
                    .with_max_concurrent_streams(muxing::MAX_STREAMS),
            )
        };
        Ok(Self {
            gate: Gate::new(&config.limits, metrics.clone()),
            limits: connection_limits::Behaviour::new(limits),
            gossipsub,
            status: requests(RequestKind::Status),
            goodbye: requests(RequestKind::Goodbye),
            jobs: requests(RequestKind::Jobs),
            bundles: requests(RequestKind::Bundles),
            submissions: requests(RequestKind::Submissions),
            introduction: requests(RequestKind::Introduction),
            outline: requests(RequestKind::Outline),
            parts: requests(RequestKind::Parts),
            identify: identify::Behaviour::new(
                identify::Config::new("quintet/1".into(), key.public())
                    .with_agent_version(config.agent.clone())
                    .with_cache_size(0),
            ),
            ping: ping::Behaviour::new(ping::Config::new()),
        })
    }

    pub(crate) fn requests(&mut self, kind: RequestKind) -> &mut Requests {
        match kind {
            RequestKind::Status => &mut self.status,
            RequestKind::Goodbye => &mut self.goodbye,
            RequestKind::Jobs => &mut self.jobs,
            RequestKind::Bundles => &mut self.bundles,
            RequestKind::Submissions => &mut self.submissions,
            RequestKind::Introduction => &mut self.introduction,
            RequestKind::Outline => &mut self.outline,
            RequestKind::Parts => &mut self.parts,
        }
    }
}

fn transport(key: &Keypair, with_quic: bool, metrics: &Arc<Metrics>) -> Result<Boxed<(PeerId, StreamMuxerBox)>, NetworkError> {
    let noise = noise::Config::new(key).map_err(|error| NetworkError::Config(error.to_string()))?;
    let counted = metrics.clone();
    let tcp = tcp::tokio::Transport::new(tcp::Config::default().nodelay(true))
        .upgrade(Version::V1Lazy)
        .authenticate(noise)
        .multiplex(muxing::Yamux)
        .timeout(Duration::from_secs(10))
        .map(move |(peer, muxer), _| (peer, StreamMuxerBox::new(CountedMuxer::new(muxer, counted.clone()))));
    if !with_quic {
        return Ok(tcp.boxed());
    }
    let counted = metrics.clone();
    let mut bounds = quic::Config::new(key);
    bounds.max_concurrent_stream_limit = muxing::MAX_STREAMS as u32;
    bounds.max_connection_data = muxing::MAX_RECEIVE_WINDOW as u32;
    let quic = quic::tokio::Transport::new(bounds)
        .map(move |(peer, muxer), _| (peer, StreamMuxerBox::new(CountedMuxer::new(muxer, counted.clone()))));
    let either = OrTransport::new(quic, tcp).map(|output, _| match output {
        Either::Left(output) | Either::Right(output) => output,
    });
    Ok(either.boxed())
}

/// A node that does nothing yet.
pub(crate) fn swarm(
    config: &NetworkConfig,
    metrics: &Arc<Metrics>,
    received: &Budget,
) -> Result<Swarm<Behaviour>, NetworkError> {
    let key = config.node_key.keypair();
    let behaviour = Behaviour::new(config, &key, metrics, received)?;
    // Peers outside all meshes are kept as well: submissions and history are asked of them.
    let settings = swarm::Config::with_tokio_executor()
        .with_idle_connection_timeout(Duration::from_secs(u64::from(u32::MAX)))
        // Each may be a whole RPC of gossip.
        .with_per_connection_event_buffer_size(2);
    let mut swarm = Swarm::new(transport(&key, config.quic, metrics)?, behaviour, config.node_key.peer_id(), settings);
    for address in &config.listen {
        let listening = swarm.listen_on(address.clone());
        listening.map_err(|error| NetworkError::Listen { address: address.clone(), reason: error.to_string() })?;
    }
    Ok(swarm)
}
