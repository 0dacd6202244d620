//! What can go wrong at the edge of the network.

use std::path::PathBuf;

use libp2p::Multiaddr;

/// Why the network does not start, or does not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The file of the node key cannot be read or written.
    #[error("node key {path}: {source}")]
    NodeKeyFile {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file of the node key holds something else.
    #[error("node key {0}: expected a secp256k1 secret key as 64 hex digits")]
    NodeKeyContent(PathBuf),
    /// A parameter that makes no sense.
    #[error("configuration of the network: {0}")]
    Config(String),
    /// An address cannot be listened on.
    #[error("listening on {address}: {reason}")]
    Listen {
        /// The address.
        address: Multiaddr,
        /// What happened.
        reason: String,
    },
    /// A message is longer than its topic allows.
    #[error("{bytes} bytes on {topic}, at most {limit} are allowed")]
    TooLarge {
        /// The topic's name.
        topic: &'static str,
        /// Length of the message.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Nobody to publish to. The message is not kept.
    #[error("no peer is subscribed to {0}")]
    NoPeers(&'static str),
    /// The same message went out or came in before.
    #[error("this message is known already")]
    Duplicate,
    /// Gossipsub refuses to publish.
    #[error("publishing: {0}")]
    Publish(String),
    /// No such peer is connected and has told its status.
    #[error("peer {0} is not connected")]
    NotConnected(libp2p::PeerId),
    /// A request got no answer.
    #[error("request to {peer}: {reason}")]
    Request {
        /// Whom it was sent to.
        peer: libp2p::PeerId,
        /// What happened.
        reason: String,
    },
    /// The peer answered that it cannot.
    #[error("peer {peer} refused the request: {code}")]
    Refused {
        /// Whom it was sent to.
        peer: libp2p::PeerId,
        /// Its reason.
        code: crate::wire::requests::Refusal,
    },
    /// The network was shut down.
    #[error("the network is shut down")]
    Closed,
}
