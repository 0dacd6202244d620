//! The staking contracts: provers come from them, and the ledger is settled with them.
//!
//! * [`StakingRegistry`] is the source of provers; [`follow`] keeps it up to date.
//! * [`Settler`] signs settlements with the keys of [`SettlementSigners`], gives the signatures to peers, and posts what two thirds have signed.

mod follow;
mod keys;
mod post;
mod registry;
mod settle;
mod signers;

pub use follow::{Follow, NothingNew, follow};
pub use keys::{KeysError, ValidatorKeys};
pub use registry::{StakingRegistry, Wanted};
pub use settle::{Peer, Settler};
pub use signers::SettlementSigners;
