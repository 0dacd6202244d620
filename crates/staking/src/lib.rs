//! The contracts in `contracts/`, seen from Rust: what is signed for them, how points and leaves are encoded, and the prover registry as
//! far as the chain is final; and the sender of transactions to them ([`tx`]).

// `println!` panics when its reader has gone; `quintet_node::outln!` does not.
#![cfg_attr(not(test), deny(clippy::print_stdout))]

pub mod bindings;
mod branch;
pub mod calls;
mod change;
#[cfg(feature = "cli")]
pub mod cli;
mod contracts;
mod endpoint;
mod follower;
mod known;
mod leaves;
mod log_store;
mod members;
mod points;
mod possession;
mod settlement;
mod statement;
pub mod tx;
mod view;

pub use branch::{BranchError, MAX_BRANCH};
pub use change::{Change, DecodeError};
pub use contracts::{Contracts, Deployment, ForeignNetwork};
pub use follower::{FollowError, Follower, FollowerConfig};
pub use known::{Known, NotFinal, PostedSettlement, StateAt, registry_moment};
pub use leaves::{AccountKind, Leaf, LeafTree};
pub use log_store::{Checkpoint, LogStore, StoredLog};
pub use members::{Member, MemberView, Standing};
pub use points::{g1_words, g2_words};
pub use possession::{DOMAIN_SETTLEMENT, DOMAIN_VALIDATOR_ENROLMENT, prover_possession_binding, validator_possession_binding};
pub use settlement::{LedgerSettlement, NoQuorum, Quorum, Signed};
pub use statement::Statement;
pub use view::{OrderError, RegistryView, TimedChange};
