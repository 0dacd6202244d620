//! The libp2p network between sidecars: it carries, bounds, scores and pulls.
//!
//! A sidecar gives a [`NetworkConfig`] to [`Network::start`] and gets a [`NetworkHandle`] to speak with and a stream of [`NetworkEvent`]s. Everything here
//! knows messages and peers; what a message means is for the sidecar to say, through verdicts. The network's rules (topics, containers, sizes, what is
//! ignored and what is rejected) are written down in `docs/p2p.md`.
//!
//! * [`wire`]: what goes over the wire, and its bounds.
//! * [`peers`]: who we speak with: conduct and bans, whom to dial, whom to pull from, whether we are cut off.
//! * [`memory`]: the budgets of what peers make a node hold.
//! * `service`: the one task that owns the swarm.

mod config;
mod error;
mod event;
mod handle;
pub mod memory;
pub mod metrics;
mod node_key;
pub mod peers;
mod service;
pub mod wire;

pub use config::{Limits, NetworkConfig, Timing};
pub use error::NetworkError;
pub use event::{BodyCheck, DropReason, Gossip, NetworkEvent, PeerInfo, Responder, Verdict, check_submission};
pub use handle::{Network, NetworkHandle};
pub use libp2p::gossipsub::MessageId;
pub use libp2p::{Multiaddr, PeerId};
pub use node_key::NodeKey;
pub use peers::isolation::Isolation;
pub use wire::digest::{ForkDigest, fork_digest};
pub use wire::outline::{Outline, OutlineByRoot, PartName, PartsByIndex};
pub use wire::requests::{BundlesByRange, Goodbye, JobsByRange, Request, Response, Status, SubmissionsByRoot};
pub use wire::submission_id::SubmissionId;
pub use wire::topic::Topic;
