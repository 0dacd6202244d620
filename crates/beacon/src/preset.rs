//! The sizes that shape SSZ containers, by preset or as a node announces them.

use crate::spec::SpecValues;

/// Container sizes and lengths of time in slots. Constants that no preset changes are in [`crate::schema`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// `SLOTS_PER_EPOCH`.
    pub slots_per_epoch: u64,
    /// `SLOTS_PER_HISTORICAL_ROOT`.
    pub slots_per_historical_root: u64,
    /// `EPOCHS_PER_HISTORICAL_VECTOR`.
    pub epochs_per_historical_vector: u64,
    /// `SYNC_COMMITTEE_SIZE`.
    pub sync_committee_size: u64,
    /// `MAX_COMMITTEES_PER_SLOT`.
    pub max_committees_per_slot: u64,
    /// `MAX_VALIDATORS_PER_COMMITTEE`.
    pub max_validators_per_committee: u64,
    /// `MAX_WITHDRAWALS_PER_PAYLOAD`.
    pub max_withdrawals: u64,
    /// `MAX_BLOB_COMMITMENTS_PER_BLOCK`.
    pub max_blob_commitments: u64,
    /// `MAX_DEPOSIT_REQUESTS_PER_PAYLOAD`.
    pub max_deposit_requests: u64,
    /// `MAX_WITHDRAWAL_REQUESTS_PER_PAYLOAD`.
    pub max_withdrawal_requests: u64,
    /// `MAX_CONSOLIDATION_REQUESTS_PER_PAYLOAD`.
    pub max_consolidation_requests: u64,
    /// `PTC_SIZE` (Gloas).
    pub ptc_size: u64,
}

/// Largest size a node may announce for a vector: keeps hostile specs from asking for gigabytes.
const MAX_VECTOR: u64 = 1 << 24;

impl Preset {
    /// The mainnet preset; also that of Hoodi and Sepolia.
    pub const MAINNET: Self = Self {
        slots_per_epoch: 32,
        slots_per_historical_root: 8192,
        epochs_per_historical_vector: 65_536,
        sync_committee_size: 512,
        max_committees_per_slot: 64,
        max_validators_per_committee: 2048,
        max_withdrawals: 16,
        max_blob_commitments: 4096,
        max_deposit_requests: 8192,
        max_withdrawal_requests: 16,
        max_consolidation_requests: 2,
        ptc_size: 512,
    };

    /// The minimal preset, for devnets.
    pub const MINIMAL: Self = Self {
        slots_per_epoch: 8,
        slots_per_historical_root: 64,
        epochs_per_historical_vector: 64,
        sync_committee_size: 32,
        max_committees_per_slot: 4,
        max_withdrawals: 4,
        ptc_size: 16,
        ..Self::MAINNET
    };

    /// What a node's `config/spec` says; values it leaves out are those of its `PRESET_BASE`.
    ///
    /// # Errors
    /// Names the key whose value cannot be the size of anything.
    pub fn from_spec(values: &SpecValues) -> Result<Self, PresetError> {
        let base = if values.text("PRESET_BASE") == Some("minimal") { Self::MINIMAL } else { Self::MAINNET };
        let read = |key: &'static str, default: u64| match values.integer(key) {
            None => Ok(default),
            Some(value) if (1..=MAX_VECTOR).contains(&value) => Ok(value),
            Some(value) => Err(PresetError { key, value }),
        };
        Ok(Self {
            slots_per_epoch: read("SLOTS_PER_EPOCH", base.slots_per_epoch)?,
            slots_per_historical_root: read("SLOTS_PER_HISTORICAL_ROOT", base.slots_per_historical_root)?,
            epochs_per_historical_vector: read("EPOCHS_PER_HISTORICAL_VECTOR", base.epochs_per_historical_vector)?,
            sync_committee_size: read("SYNC_COMMITTEE_SIZE", base.sync_committee_size)?,
            max_committees_per_slot: read("MAX_COMMITTEES_PER_SLOT", base.max_committees_per_slot)?,
            max_validators_per_committee: read("MAX_VALIDATORS_PER_COMMITTEE", base.max_validators_per_committee)?,
            max_withdrawals: read("MAX_WITHDRAWALS_PER_PAYLOAD", base.max_withdrawals)?,
            max_blob_commitments: read("MAX_BLOB_COMMITMENTS_PER_BLOCK", base.max_blob_commitments)?,
            max_deposit_requests: read("MAX_DEPOSIT_REQUESTS_PER_PAYLOAD", base.max_deposit_requests)?,
            max_withdrawal_requests: read("MAX_WITHDRAWAL_REQUESTS_PER_PAYLOAD", base.max_withdrawal_requests)?,
            max_consolidation_requests: read("MAX_CONSOLIDATION_REQUESTS_PER_PAYLOAD", base.max_consolidation_requests)?,
            ptc_size: read("PTC_SIZE", base.ptc_size)?,
        })
    }
}

/// A preset value out of range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("config/spec: {key} = {value} is out of range (1 to {MAX_VECTOR})")]
pub struct PresetError {
    /// The key in `config/spec`.
    pub key: &'static str,
    /// What the node says.
    pub value: u64,
}
