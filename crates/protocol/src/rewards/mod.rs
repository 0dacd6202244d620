//! Rewards and penalties of each phase, exactly as the source's table and rules have them.
//!
//! Each function takes what a certified bundle holds, judged by its verifier, and returns the ledger's entries: sorted,
//! one for each (account, reason), none of zero. Amounts are integers in 10⁻⁹ units; divisions round down.

mod aggregation;
mod commit;
mod joint;
mod partial;
mod self_made;
mod sink;

pub use aggregation::{FullProofParts, aggregation_rewards};
pub use commit::commit_rewards;
pub use joint::{agg_prover_rewards, agg_validator_rewards};
pub use partial::{Share, partial_rewards};
pub use self_made::self_made_rewards;
pub use sink::{Payees, fault_penalties};
