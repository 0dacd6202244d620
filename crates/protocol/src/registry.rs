//! Who can be drawn: the registry of staked provers as the protocol sees it.

use std::collections::BTreeMap;

use quintet_types::{Epoch, ProverIndex, PublicKeyBytes, Slot, Spec};
use serde::{Deserialize, Serialize};

use crate::history::History;

/// A span of epochs in which a prover has paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// First epoch of the pause.
    pub from: Epoch,
    /// First epoch after it; `None` while there is no end.
    pub until: Option<Epoch>,
}

/// One staked prover. Epochs are those at which a change takes effect, at least `REGISTRY_DELAY_EPOCHS` after it
/// was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProverRecord {
    /// Place in the registry; given once.
    pub index: ProverIndex,
    /// Stake key.
    pub pubkey: PublicKeyBytes,
    /// Stake in gwei.
    #[serde(with = "quintet_types::quoted")]
    pub stake_gwei: u64,
    /// First epoch in which it can be drawn.
    pub activation: Epoch,
    /// First epoch in which it cannot be drawn any more.
    pub exit: Option<Epoch>,
    /// Pauses.
    pub pauses: Vec<Pause>,
}

impl ProverRecord {
    /// Whether the prover is staked, active, not paused and not exiting in `epoch`.
    pub fn is_eligible(&self, epoch: Epoch, spec: &Spec) -> bool {
        let paused = self.pauses.iter().any(|pause| pause.from <= epoch && pause.until.is_none_or(|until| epoch < until));
        self.stake_gwei >= spec.min_prover_stake_gwei
            && self.activation <= epoch
            && self.exit.is_none_or(|exit| epoch < exit)
            && !paused
    }
}

/// The provers that can be drawn in one epoch, with their weights. Built once an epoch; drawing from it does
/// not touch provers that are not drawn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CandidateTable {
    provers: Vec<ProverIndex>,
    weights: Vec<u32>,
    heaviest: u32,
}

impl CandidateTable {
    /// Candidates of `epoch`, from the registry as of `REGISTRY_LOOKBACK_EPOCHS` before on the chain in question,
    /// and the histories as of the same moment ([`history_slot`]).
    pub fn new<'a>(
        registry: impl IntoIterator<Item = &'a ProverRecord>,
        histories: &BTreeMap<ProverIndex, History>,
        epoch: Epoch,
        spec: &Spec,
    ) -> Self {
        let eligible = registry
            .into_iter()
            .filter(|record| record.is_eligible(epoch, spec))
            .map(|record| (record.index, histories.get(&record.index).copied().unwrap_or_default().weight()));
        Self::from_weights(eligible)
    }

    /// Candidates with weights that are known, each once: how whoever checks a selection draws it again.
    pub fn from_weights(candidates: impl IntoIterator<Item = (ProverIndex, u32)>) -> Self {
        // The permutation runs over positions, so the order must not depend on the caller's.
        let candidates: BTreeMap<ProverIndex, u32> = candidates.into_iter().collect();
        let heaviest = candidates.values().copied().max().unwrap_or_default();
        let (provers, weights) = candidates.into_iter().unzip();
        Self { provers, weights, heaviest }
    }

    /// The candidates with their weights, by index.
    pub fn weights(&self) -> impl Iterator<Item = (ProverIndex, u32)> + '_ {
        self.provers.iter().copied().zip(self.weights.iter().copied())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.provers.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.provers.is_empty()
    }

    /// Whether `prover` is among them.
    pub fn contains(&self, prover: ProverIndex) -> bool {
        self.provers.binary_search(&prover).is_ok()
    }

    /// The largest weight of all.
    pub(crate) const fn heaviest(&self) -> u32 {
        self.heaviest
    }

    /// Prover and weight at a position below [`Self::len`].
    pub(crate) fn get(&self, position: u64) -> (ProverIndex, u32) {
        (self.provers[position as usize], self.weights[position as usize])
    }
}

/// The slot whose start is the state of registry and histories that decides about blocks in `epoch`.
pub fn history_slot(epoch: Epoch, spec: &Spec) -> Slot {
    epoch.minus(spec.registry_lookback_epochs).start_slot(spec.slots_per_epoch)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(index: u64) -> ProverRecord {
        ProverRecord {
            index: ProverIndex(index),
            pubkey: PublicKeyBytes::ZERO,
            stake_gwei: Spec::default().min_prover_stake_gwei,
            activation: Epoch(10),
            exit: Some(Epoch(20)),
            pauses: vec![Pause { from: Epoch(12), until: Some(Epoch(14)) }],
        }
    }

    #[test]
    fn active_staked_unpaused_provers_are_eligible() {
        let spec = Spec::default();
        let eligible: Vec<_> = (0..30).filter(|&e| record(0).is_eligible(Epoch(e), &spec)).collect();
        assert_eq!(eligible, [10, 11, 14, 15, 16, 17, 18, 19]);
        let poor = ProverRecord { stake_gwei: spec.min_prover_stake_gwei - 1, ..record(0) };
        assert!(!poor.is_eligible(Epoch(10), &spec));
    }

    #[test]
    fn the_table_does_not_depend_on_the_order_of_the_registry() {
        let spec = Spec::default();
        let records: Vec<_> = (0..9).map(record).collect();
        let none = BTreeMap::new();
        let forward = CandidateTable::new(&records, &none, Epoch(10), &spec);
        let backward = CandidateTable::new(records.iter().rev().chain(&records), &none, Epoch(10), &spec);
        assert_eq!(forward, backward);
        assert_eq!(forward.len(), 9);
        let weights: Vec<_> = forward.weights().collect();
        assert_eq!(CandidateTable::from_weights(weights.into_iter().rev()), forward);
    }
}
