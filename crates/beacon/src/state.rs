//! Finds the RANDAO mix in the first bytes of a serialised beacon state.
//!
//! A mainnet state has hundreds of megabytes, but the mixes stand in its fixed part, at an offset that has not
//! changed from phase 0 to Gloas. The client therefore reads only a prefix and hangs up.

use alloy_primitives::B256;
use quintet_types::Slot;

use crate::preset::Preset;

const ROOT_BYTES: u64 = 32;
/// `genesis_time`, `genesis_validators_root`, `slot`, `fork`, `latest_block_header`.
const BEFORE_BLOCK_ROOTS: u64 = 8 + 32 + 8 + 16 + (8 + 8 + 3 * 32);
/// Offset of `historical_roots`, `eth1_data`, offset of `eth1_data_votes`, `eth1_deposit_index`, offsets of
/// `validators` and `balances`.
const BETWEEN: u64 = 4 + (32 + 8 + 32) + 4 + 8 + 4 + 4;
/// Where `slot` stands.
const SLOT_OFFSET: usize = 8 + 32;

/// The bytes of a state that [`mix_in_state`] has to see, counted from the start.
#[must_use]
pub const fn mix_prefix_bytes(preset: &Preset) -> u64 {
    mixes_offset(preset) + ROOT_BYTES * preset.epochs_per_historical_vector
}

/// Slot of a state and the RANDAO mix of its epoch. `None` when `prefix` is too short to hold them.
#[must_use]
pub fn mix_in_state(preset: &Preset, prefix: &[u8]) -> Option<(Slot, B256)> {
    let slot = u64::from_le_bytes(prefix.get(SLOT_OFFSET..SLOT_OFFSET + 8)?.try_into().ok()?);
    let epoch = slot / preset.slots_per_epoch;
    let position = mixes_offset(preset) + ROOT_BYTES * (epoch % preset.epochs_per_historical_vector);
    let start = usize::try_from(position).ok()?;
    Some((Slot(slot), B256::from_slice(prefix.get(start..start + ROOT_BYTES as usize)?)))
}

const fn mixes_offset(preset: &Preset) -> u64 {
    BEFORE_BLOCK_ROOTS + 2 * ROOT_BYTES * preset.slots_per_historical_root + BETWEEN
}
