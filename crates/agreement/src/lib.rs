//! How the sidecars of several validators agree on the bundle of a phase: one instance of Tendermint a (job, phase).
//!
//! Pure: signed messages, verdicts and the time go in, effects come out; no network, no clock, no disk. The engine is
//! Malachite's driver (`arc-malachitebft-core-driver`); this crate gives it our rounds, votes and records.
//!
//! ```text
//!              Judge, Propose, Sign, Persist, Broadcast, Decided, …
//! sidecar ◀──────────────────────────────────────────────── Agreement ── driver (round state machine, vote keeper)
//!         ──────────────────────────────────────────────▶
//!              Proposal, Vote, Judged, MyBundle, Signed, Tick, …
//! ```

mod agreement;
mod committee;
mod effects;
mod engine;
mod error;
pub mod judge;
mod record;
mod rounds;
mod verify;

pub use agreement::Agreement;
pub use committee::{COMMITTEE_SEATS, Committee, Enrolled, Member};
pub use effects::{Decision, Effect, Input, Leaders, Message, Setup, SigningRequest};
pub use error::AgreementError;
pub use judge::{LocalView, Objection, judge_proposal};
pub use record::{Lock, OwnVote, Record};
pub use rounds::{Rounds, Timing};
pub use verify::{Verified, verify_certificate, verify_certified, verify_evidence, verify_proposal, verify_votes};
