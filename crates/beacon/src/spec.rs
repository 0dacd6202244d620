//! What `config/spec` and `genesis` say about a network: clock, preset and fork schedule.

use std::collections::BTreeMap;
use std::time::Duration;

use alloy_primitives::{B256, FixedBytes, hex};
use quintet_types::{Epoch, Slot};
use serde_json::Value;

use crate::fork::Fork;
use crate::preset::{Preset, PresetError};
use crate::schema::Schemas;

/// The values of `config/spec`. Most are strings; newer nodes also answer numbers, lists and objects.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(transparent)]
pub struct SpecValues(pub BTreeMap<String, Value>);

impl SpecValues {
    /// A value that is a string.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(Value::as_str)
    }

    /// A value that is an integer, quoted or not.
    #[must_use]
    pub fn integer(&self, key: &str) -> Option<u64> {
        match self.0.get(key)? {
            Value::String(text) => text.parse().ok(),
            Value::Number(number) => number.as_u64(),
            _ => None,
        }
    }

    /// A value that is a fork version.
    #[must_use]
    pub fn version(&self, key: &str) -> Option<FixedBytes<4>> {
        let digits = self.text(key)?.strip_prefix("0x")?;
        let bytes: [u8; 4] = hex::decode(digits).ok()?.try_into().ok()?;
        Some(bytes.into())
    }
}

/// When a fork version takes effect. Forks that we cannot read yet are listed too, for their signing domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForkActivation {
    /// First epoch of the fork.
    pub epoch: Epoch,
    /// Its version in signing domains.
    pub version: FixedBytes<4>,
    /// Its name as in `<NAME>_FORK_EPOCH`, in lower case.
    pub name: String,
}

/// All forks that a network has scheduled, by epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForkSchedule {
    activations: Vec<ForkActivation>,
}

/// Why a node's answers do not describe a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// `config/spec` lacks a value that nothing can stand in for.
    #[error("config/spec: {0} is missing or not of its type")]
    Missing(&'static str),
    /// A size is out of range.
    #[error(transparent)]
    Preset(#[from] PresetError),
    /// The slot duration is zero or longer than a day.
    #[error("config/spec: a slot of {0} ms cannot be")]
    SlotDuration(u64),
}

impl ForkSchedule {
    /// Reads every `<NAME>_FORK_EPOCH` with its `<NAME>_FORK_VERSION`; forks at the far-future epoch are not scheduled.
    ///
    /// # Errors
    /// When there is no `GENESIS_FORK_VERSION`.
    pub fn from_spec(values: &SpecValues) -> Result<Self, SpecError> {
        let genesis = values.version("GENESIS_FORK_VERSION").ok_or(SpecError::Missing("GENESIS_FORK_VERSION"))?;
        let mut activations = vec![ForkActivation { epoch: Epoch(0), version: genesis, name: "phase0".into() }];
        for key in values.0.keys() {
            let Some(name) = key.strip_suffix("_FORK_EPOCH") else { continue };
            let Some(epoch) = values.integer(key).filter(|epoch| *epoch != u64::MAX) else { continue };
            let Some(version) = values.version(&format!("{name}_FORK_VERSION")) else { continue };
            activations.push(ForkActivation { epoch: Epoch(epoch), version, name: name.to_lowercase() });
        }
        // Devnets start several forks at epoch 0: the latest of them counts. Forks unknown to us come after known ones.
        let rank = |name: &str| name.parse::<Fork>().map_or(usize::MAX, |fork| fork as usize);
        activations.sort_by_key(|activation| (activation.epoch, rank(&activation.name)));
        Ok(Self { activations })
    }

    /// The activations, oldest first.
    #[must_use]
    pub fn activations(&self) -> &[ForkActivation] {
        &self.activations
    }

    fn at(&self, epoch: Epoch) -> &ForkActivation {
        let later = self.activations.partition_point(|activation| activation.epoch <= epoch);
        // Genesis is at epoch 0, so that at least one activation is not later.
        &self.activations[later.saturating_sub(1)]
    }

    /// The first epoch in which `fork`, or a later one, is in force; `None` if that is not scheduled.
    #[must_use]
    pub fn epoch_of(&self, fork: Fork) -> Option<Epoch> {
        let no_older = |activation: &&ForkActivation| activation.name.parse::<Fork>().is_ok_and(|other| other >= fork);
        self.activations.iter().find(no_older).map(|activation| activation.epoch)
    }

    /// The fork version in force at `epoch`.
    #[must_use]
    pub fn version_at(&self, epoch: Epoch) -> FixedBytes<4> {
        self.at(epoch).version
    }

    /// The fork in force at `epoch`, or `None` when it is one that we cannot read.
    #[must_use]
    pub fn fork_at(&self, epoch: Epoch) -> Option<Fork> {
        self.at(epoch).name.parse().ok()
    }
}

/// Everything about a network that the client and the follower need.
#[derive(Debug, Clone)]
pub struct ChainSpec {
    /// Container sizes.
    pub preset: Preset,
    /// When which fork is in force.
    pub forks: ForkSchedule,
    /// Length of a slot.
    pub slot_duration: Duration,
    /// Unix time of slot 0, in seconds.
    pub genesis_time: u64,
    /// Root that tells this network from all others.
    pub genesis_validators_root: B256,
    /// `CONFIG_NAME`, for people.
    pub name: String,
    /// All values as the node gave them.
    pub values: SpecValues,
}

impl ChainSpec {
    /// Puts together what `config/spec` and `genesis` say.
    ///
    /// # Errors
    /// When a value that is needed is missing or cannot be.
    pub fn new(values: SpecValues, genesis_time: u64, genesis_validators_root: B256) -> Result<Self, SpecError> {
        let preset = Preset::from_spec(&values)?;
        let forks = ForkSchedule::from_spec(&values)?;
        let millis = match values.integer("SLOT_DURATION_MS") {
            Some(millis) => millis,
            None => values.integer("SECONDS_PER_SLOT").ok_or(SpecError::Missing("SECONDS_PER_SLOT"))?.saturating_mul(1000),
        };
        if !(1..=86_400_000).contains(&millis) {
            return Err(SpecError::SlotDuration(millis));
        }
        Ok(Self {
            preset,
            forks,
            slot_duration: Duration::from_millis(millis),
            genesis_time,
            genesis_validators_root,
            name: values.text("CONFIG_NAME").unwrap_or("unnamed").to_owned(),
            values,
        })
    }

    /// The epoch of `slot`.
    #[must_use]
    pub fn epoch_of(&self, slot: Slot) -> Epoch {
        slot.epoch(self.preset.slots_per_epoch)
    }

    /// The SSZ schemas of this network.
    #[must_use]
    pub fn schemas(&self) -> Schemas {
        Schemas::new(self.preset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn values(value: Value) -> SpecValues {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn values_that_are_not_strings_are_kept_and_integers_read_either_way() {
        let values = values(json!({
            "SECONDS_PER_SLOT": "12", "SLOTS_PER_EPOCH": 32, "BLOB_SCHEDULE": [{"EPOCH": "1", "MAX_BLOBS_PER_BLOCK": "9"}],
        }));
        assert_eq!(values.integer("SECONDS_PER_SLOT"), Some(12));
        assert_eq!(values.integer("SLOTS_PER_EPOCH"), Some(32));
        assert_eq!(values.integer("BLOB_SCHEDULE"), None);
    }

    #[test]
    fn latest_of_the_forks_at_one_epoch_is_in_force_and_far_future_is_not_scheduled() {
        let schedule = ForkSchedule::from_spec(&values(json!({
            "GENESIS_FORK_VERSION": "0x00000001",
            "ALTAIR_FORK_EPOCH": "0", "ALTAIR_FORK_VERSION": "0x01000001",
            "DENEB_FORK_EPOCH": "0", "DENEB_FORK_VERSION": "0x04000001",
            "CAPELLA_FORK_EPOCH": "0", "CAPELLA_FORK_VERSION": "0x03000001",
            "ELECTRA_FORK_EPOCH": "4", "ELECTRA_FORK_VERSION": "0x05000001",
            "FULU_FORK_EPOCH": "18446744073709551615", "FULU_FORK_VERSION": "0x06000001",
            "HEZE_FORK_EPOCH": "9", "HEZE_FORK_VERSION": "0x08000001",
        })))
        .unwrap();
        assert_eq!(schedule.fork_at(Epoch(3)), Some(Fork::Deneb));
        assert_eq!(schedule.version_at(Epoch(4)), FixedBytes([5, 0, 0, 1]));
        assert_eq!(schedule.fork_at(Epoch(8)), Some(Fork::Electra));
        assert_eq!(schedule.fork_at(Epoch(9)), None);
        assert_eq!(schedule.version_at(Epoch(u64::MAX)), FixedBytes([8, 0, 0, 1]));
    }

    #[test]
    fn sizes_that_cannot_be_are_refused_by_key() {
        let error = Preset::from_spec(&values(json!({"SLOTS_PER_EPOCH": "0"}))).unwrap_err();
        assert_eq!(error.key, "SLOTS_PER_EPOCH");
        assert!(Preset::from_spec(&values(json!({"SYNC_COMMITTEE_SIZE": u64::MAX}))).is_err());
    }
}
