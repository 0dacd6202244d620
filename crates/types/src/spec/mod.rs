//! The parameters of a network: every variable of the source by its name, and ours.
//!
//! `Spec::default()` is mainnet. Network files (`configs/networks/*.toml`) set all of them; what a file leaves
//! out has mainnet's value, and a key that does not exist is refused.

mod check;
mod networks;
mod render;
mod table;
mod views;

use serde::{Deserialize, Serialize};

pub use networks::Network;
pub use table::{ParameterInfo, Spec};
pub use views::{AggregationRewards, SelfMadeRewards};

use crate::TypesError;
use crate::domain::{Domain, DomainType, compute_domain};

/// Whom a retry is given to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryPolicy {
    /// Provers are drawn again; the attempt number is part of the seed.
    #[default]
    NewSet,
    /// The same provers, without those that missed both T1 and T2.
    SameSet,
}

impl Spec {
    /// Reads a network file.
    ///
    /// # Errors
    /// If it is not TOML, holds an unknown key, or a value that the protocol cannot run with.
    pub fn from_toml(text: &str) -> Result<Self, TypesError> {
        let spec: Self = toml::from_str(text).map_err(|e| TypesError::Spec(e.to_string()))?;
        spec.check()?;
        Ok(spec)
    }

    /// The signing domain of type `domain_type` on this network.
    pub fn domain(&self, domain_type: DomainType) -> Domain {
        compute_domain(domain_type, self.genesis_fork_version, self.genesis_validators_root)
    }
}
