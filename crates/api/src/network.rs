//! The network of sidecars: peers, and the validators behind them.

use quintet_types::{Balance, PublicKeyBytes, Root, SigningVariant, Slot, ValidatorIndex};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /v1/node/peers`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct PeersView {
    /// Whether this sidecar runs alone (nothing of `[p2p]` is set): then it has no network, and nothing below says anything.
    pub alone: bool,
    /// Name of this node in the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_id: Option<String>,
    /// Addresses that it listens on.
    pub addresses: Vec<String>,
    /// Whether it looks cut off from the others.
    pub isolated: bool,
    /// Peers that were banned since the start.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub bans: u64,
    /// The peers that are connected, in order of their names.
    pub peers: Vec<PeerView>,
}

/// Who made a connection.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The peer.
    Inbound,
    /// We.
    Outbound,
}

/// One peer. Which validator it belongs to is not known: messages name their makers, and are handed on by everyone.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct PeerView {
    /// Its name.
    pub peer_id: String,
    /// The address that it is connected by.
    pub address: String,
    /// Who made the connection.
    pub direction: Direction,
    /// The program that it says it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The validator whose sidecar it is, if it has shown that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub validator: Option<ValidatorIndex>,
    /// Connected since, Unix time in milliseconds.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub connected_ms: u64,
    /// Points for faults, which fade: at 100 it is banned.
    pub points: u32,
    /// What gossipsub thinks of it, rounded: above 0 it has been of use, at -80 it is not listened to.
    pub score: i64,
    /// Head that it told last.
    #[schema(value_type = String)]
    pub head_slot: Slot,
    /// Last finalized slot that it told.
    #[schema(value_type = String)]
    pub finalized_slot: Slot,
    /// Root of its ledger up to that slot: another one than ours at the same slot is a fault of one of us.
    #[schema(value_type = String)]
    pub ledger_root: Root,
}

/// `GET /v1/validators`.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct ValidatorsView {
    /// Whether this sidecar runs alone: then its own validator leads every phase, and is the only one listed.
    pub alone: bool,
    /// The validator of this sidecar.
    #[schema(value_type = String)]
    pub own: ValidatorIndex,
    /// Whether that validator votes: enrolled, and with a key here.
    pub votes: bool,
    /// Weight of all, in gwei of effective balance.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub total_weight: u64,
    /// Certificates seen since the start, of which `certificates_signed` counts a part.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub certificates: u64,
    /// The enrolled validators by index.
    pub validators: Vec<ValidatorView>,
}

/// One enrolled validator.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct ValidatorView {
    /// Its index on the beacon chain.
    #[schema(value_type = String)]
    pub index: ValidatorIndex,
    /// Its key, where it is enrolled with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub pubkey: Option<PublicKeyBytes>,
    /// Its weight, in gwei of effective balance.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub weight: u64,
    /// How it signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub signing: Option<SigningVariant>,
    /// When a vote or proposal of it came last since the start, Unix time in milliseconds; absent if none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard_ms: Option<u64>,
    /// Certificates since the start that it signed. A certificate needs more than two thirds, not all: who is slow is left out.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub certificates_signed: u64,
    /// What it earned, provisional entries included.
    #[schema(value_type = String)]
    pub balance: Balance,
}
