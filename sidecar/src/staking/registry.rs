//! The contracts' provers behind the trait of the registry file.

use std::sync::{Arc, PoisonError, RwLock};

use quintet_protocol::ProverRecord;
use quintet_staking::{Contracts, Known, NotFinal};
use quintet_types::{Slot, Spec};

use crate::registry::ProverSource;

/// What is known of the contracts, shared between the one who follows them and those who ask.
#[derive(Debug)]
pub struct StakingRegistry {
    identity: String,
    known: RwLock<Arc<Known>>,
}

impl StakingRegistry {
    /// The contracts on a chain, as far as they are known.
    pub fn new(chain_id: u64, contracts: &Contracts, known: Arc<Known>) -> Self {
        Self { identity: format!("the registry {} of chain {chain_id}", contracts.registry), known: RwLock::new(known) }
    }

    /// More is known. Returns whether anything changed.
    pub fn update(&self, known: Arc<Known>) -> bool {
        let mut held = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let changed = !Arc::ptr_eq(&held, &known) && **held != *known;
        *held = known;
        changed
    }

    /// All that is known.
    pub fn known(&self) -> Arc<Known> {
        // Nothing under the lock panics.
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ProverSource for StakingRegistry {
    fn identity(&self) -> String {
        self.identity.clone()
    }

    fn check_known(&self, slot: Slot, genesis_time: u64, spec: &Spec) -> Result<(), NotFinal> {
        self.known().final_at(slot, genesis_time, spec).map(|_| ())
    }

    fn provers_for(&self, slot: Slot, genesis_time: u64, spec: &Spec) -> Result<Vec<ProverRecord>, NotFinal> {
        self.known().registry_at(slot, genesis_time, spec)
    }

    fn latest(&self) -> Vec<ProverRecord> {
        self.known().registry.provers_before(u64::MAX)
    }

    fn version(&self) -> u64 {
        self.known().registry.changes().len() as u64
    }

    fn contracts(&self) -> Option<Arc<Known>> {
        Some(self.known())
    }
}
