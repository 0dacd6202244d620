//! The three contracts as one: where they are, and what was fixed when they were deployed.

use alloy_primitives::{Address, B256, U256};
use quintet_types::{Spec, domain::compute_domain};
use ssz_derive::{Decode, Encode};

/// Where the contracts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Contracts {
    /// The prover registry.
    pub registry: Address,
    /// The validator set.
    pub validators: Address,
    /// The settlement contract.
    pub settlement: Address,
}

impl Contracts {
    /// All of them, as a filter of logs wants it.
    pub(crate) fn addresses(&self) -> Vec<Address> {
        vec![self.registry, self.validators, self.settlement]
    }
}

/// What the contracts say of themselves. None of it can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Deployment {
    /// Genesis of the beacon chain, seconds.
    pub genesis_time: u64,
    /// Length of a slot, seconds.
    pub seconds_per_slot: u64,
    /// Length of an epoch, slots.
    pub slots_per_epoch: u64,
    /// Fork data root that signatures are bound to.
    pub fork_data_root: B256,
    /// Settlements end at multiples of this.
    pub settlement_epochs: u64,
    /// Wei for 10⁻⁹ of the unit that the table of rewards is written in.
    pub wei_per_unit: U256,
    /// Fewer members than this cannot sign a settlement.
    pub min_members: u64,
    /// Less weight than this cannot sign a settlement, gwei.
    pub min_total_weight_gwei: u64,
}

/// The contracts are of another beacon chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the contracts were deployed for another beacon chain: {what} is {got} there, and {expected} here")]
pub struct ForeignNetwork {
    /// Which parameter.
    pub what: &'static str,
    /// Ours.
    pub expected: String,
    /// The contracts'.
    pub got: String,
}

impl Deployment {
    /// Whether the contracts are of the network that `spec` describes.
    ///
    /// # Errors
    /// [`ForeignNetwork`], with the first parameter that differs.
    pub fn check(&self, spec: &Spec) -> Result<(), ForeignNetwork> {
        let numbers = [
            ("GENESIS_TIME", spec.genesis_time, self.genesis_time),
            ("SECONDS_PER_SLOT", spec.slot_duration_ms / 1000, self.seconds_per_slot),
            ("SLOTS_PER_EPOCH", spec.slots_per_epoch, self.slots_per_epoch),
        ];
        for (what, expected, got) in numbers {
            if expected != got {
                return Err(ForeignNetwork { what, expected: expected.to_string(), got: got.to_string() });
            }
        }
        // A domain is its type followed by 28 bytes of the fork data root.
        let domain = compute_domain(Default::default(), spec.genesis_fork_version, spec.genesis_validators_root);
        if domain[4..] != self.fork_data_root[..28] {
            let expected = domain[4..].iter().map(|byte| format!("{byte:02x}")).collect();
            return Err(ForeignNetwork { what: "FORK_DATA_ROOT", expected, got: self.fork_data_root.to_string() });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quintet_types::spec::Network;

    #[test]
    fn contracts_of_another_chain_are_told_apart() {
        let spec = Spec { genesis_time: 7, ..Network::Mainnet.spec() };
        let domain = compute_domain([0; 4], spec.genesis_fork_version, spec.genesis_validators_root);
        let mut fork_data_root = B256::ZERO;
        fork_data_root[..28].copy_from_slice(&domain[4..]);
        let good = Deployment {
            genesis_time: 7,
            seconds_per_slot: 12,
            slots_per_epoch: 32,
            fork_data_root,
            settlement_epochs: 225,
            wei_per_unit: U256::from(1),
            min_members: 3,
            min_total_weight_gwei: 1,
        };
        good.check(&spec).unwrap();
        let what = |deployment: Deployment| deployment.check(&spec).unwrap_err().what;
        assert_eq!(what(Deployment { genesis_time: 8, ..good }), "GENESIS_TIME");
        assert_eq!(what(Deployment { seconds_per_slot: 2, ..good }), "SECONDS_PER_SLOT");
        assert_eq!(what(Deployment { fork_data_root: B256::ZERO, ..good }), "FORK_DATA_ROOT");
    }
}
