//! What a gateway says of itself.

use quintet_types::{Root, Slot};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /v1/node/health`: 200 when healthy, 206 while the beacon node syncs, 503 when it is away.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct Health {
    /// Whether the beacon node answers.
    pub beacon_node: bool,
    /// Whether the beacon node is in sync.
    pub synced: bool,
    /// Whether the store takes writes.
    pub store: bool,
}

/// `GET /v1/node/version`.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct Version {
    /// `Quintet/0.1.0/x86_64-linux`.
    pub version: String,
}

/// `GET /v1/node/identity`: what a daemon compares with its own before it works for this gateway.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct Identity {
    /// Name of the network.
    pub network: String,
    /// Genesis validators root of the chain.
    #[schema(value_type = String)]
    pub genesis_validators_root: Root,
    /// Hash of all parameters.
    #[schema(value_type = String)]
    pub spec_root: Root,
    /// SHA-256 of the guest program that is proven.
    #[schema(value_type = String)]
    pub program_hash: Root,
    /// Unix time of genesis in milliseconds.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub genesis_time_ms: u64,
    /// Unix time of this gateway in milliseconds, to notice a skewed clock.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub now_ms: u64,
    /// Index of the validator that this sidecar belongs to.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub validator_index: u64,
}

/// `GET /v1/node/syncing`.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct Syncing {
    /// Last head that was seen.
    #[schema(value_type = String)]
    pub head_slot: Slot,
    /// Its root.
    #[schema(value_type = String)]
    pub head_root: Root,
    /// Last finalized slot.
    #[schema(value_type = String)]
    pub finalized_slot: Slot,
    /// Whether the beacon node is still syncing.
    pub is_syncing: bool,
    /// Whether the head's payload is not validated yet.
    pub is_optimistic: bool,
}
