//! The gateway's HTTP interface: what goes over it, and the client that daemons, tools and tests use.
//!
//! Conventions are those of the Beacon API: answers are `{"data": …}`, integers are quoted, bytes are `0x` hex, errors are
//! `{"code", "message"}`; submissions and large objects are also served and taken as SSZ (`application/octet-stream`).

mod admin;
mod certificate;
mod client;
mod envelope;
mod event;
mod job;
mod ledger;
mod network;
mod node;
mod prover;
mod settlement;

pub use admin::{Backup, Stopping, StoreView, TableView};
pub use certificate::{CertificateState, CertificateView, JobReuse, ReuseView};
pub use client::{ClientError, EventStream, GatewayClient};
pub use envelope::{Data, ErrorBody, Page};
pub use event::{Event, EventKind, Topic};
pub use job::{
    Accepted, Assignment, Candidate, Challenge, InstanceState, InstanceView, JobDetail, JobFilter, JobState, JobSummary,
    PhaseView, SelectionView, SubmissionView,
};
pub use ledger::{AccountView, EvidenceView, LedgerView, RewardEntry, ValidatorEvidence, ValidatorRewards};
pub use network::{Direction, PeerView, PeersView, ValidatorView, ValidatorsView};
pub use node::{Health, Identity, Syncing, Version};
pub use prover::{DutyView, HistoryView, ProverDetail, ProverFilter, ProverStatus, ProverView};
pub use settlement::{
    Address, ClaimView, LeafView, MAX_SETTLEMENT_SIGNATURES, SettlementDetail, SettlementSignature, SettlementSignatures,
    SettlementState, SettlementSummary, SignatureRefused, SignaturesTaken,
};

/// Content type of SSZ bodies.
pub const SSZ: &str = "application/octet-stream";
/// Content type of JSON bodies.
pub const JSON: &str = "application/json";
