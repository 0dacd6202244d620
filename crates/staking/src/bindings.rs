//! The contracts' interfaces, generated from the ABI files that `scripts/test-contracts.sh` holds against the source.
#![allow(missing_docs, missing_debug_implementations, unreachable_pub, clippy::too_many_arguments)]

// The structs that all three share would meet in one module.
mod prover_registry {
    alloy_sol_types::sol!(ProverRegistry, "../../contracts/abi/ProverRegistry.json");
}
mod settlement {
    alloy_sol_types::sol!(Settlement, "../../contracts/abi/Settlement.json");
}
mod validator_set {
    alloy_sol_types::sol!(ValidatorSet, "../../contracts/abi/ValidatorSet.json");
}

pub use prover_registry::{BeaconClock as RegistryClock, ProverRegistry};
pub use settlement::Settlement;
pub use validator_set::{BeaconClock as ValidatorClock, ValidatorSet};
