//! Beacon API client: blocks, RANDAO, duties and events of a beacon node, verified as far as a client can.
//!
//! * Pure, for any program: [`decode`] turns answers of the Beacon API into a [`BlockInfo`], with its root computed and
//!   its [`ExecutionPayloadParts`] complete enough to rebuild the execution block header.
//! * Requests: [`BeaconClient`], over one or several nodes.
//! * A task that follows the chain: [`ChainFollower`], which reports [`ChainEvent`]s.

pub mod block;
mod bls;
pub mod client;
pub mod decode;
mod error;
pub mod events;
pub mod follower;
pub mod fork;
mod ids;
mod metrics;
pub mod payload;
pub mod preset;
mod proposers;
pub mod randao;
mod requests;
pub mod schema;
pub mod spec;
pub mod ssz;
pub mod state;
mod transport;

pub use block::{BlockInfo, Execution};
pub use client::{BeaconClient, Meta};
pub use decode::{BlockDecoder, DecodeError, decode_block_file};
pub use error::Error;
pub use follower::{ChainEvent, ChainFollower, FollowerConfig, Head, OptimisticHeads, Reorg};
pub use fork::Fork;
pub use ids::{BlockId, StateId};
pub use metrics::BeaconMetrics;
pub use payload::ExecutionPayloadParts;
pub use preset::Preset;
pub use proposers::Lookahead;
pub use spec::ChainSpec;
pub use transport::ClientConfig;
