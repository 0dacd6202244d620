//! Who proposes at coming slots, as far as a block fixes it for good (EIP-7917).
//!
//! Duties (`/eth/v1/validator/duties/proposer/{epoch}`) are a function of a node's head, and nodes differ in what they call
//! their `dependent_root`: from Fulu on v1 goes on to name the block before the epoch, or the head, and only v2, which Gloas
//! requires, the one before the epoch before. The state after a block is the same in all nodes, so that its
//! `proposer_lookahead` is asked for, by the root of that state.

use quintet_types::{Root, Slot, ValidatorIndex};
use serde::Deserialize;

use crate::client::BeaconClient;
use crate::error::Error;
use crate::ids::{BlockId, StateId};

/// The proposers of an epoch and the next one, in the order of slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookahead {
    /// First slot of the epoch.
    pub first_slot: Slot,
    /// The proposers from there on.
    pub proposers: Vec<ValidatorIndex>,
}

impl Lookahead {
    /// The proposers with their slots.
    pub fn iter(&self) -> impl Iterator<Item = (Slot, ValidatorIndex)> + '_ {
        self.proposers.iter().zip(0..).map(|(proposer, place)| (self.first_slot.plus(place), *proposer))
    }

    /// The proposer of a slot.
    #[must_use]
    pub fn at(&self, slot: Slot) -> Option<ValidatorIndex> {
        let place = usize::try_from(slot.0.checked_sub(self.first_slot.0)?).ok()?;
        self.proposers.get(place).copied()
    }
}

/// Numbers are quoted in the Beacon API.
#[derive(Deserialize)]
#[serde(transparent)]
struct Proposers(Vec<ValidatorIndex>);

impl BeaconClient {
    /// The proposers that the state after a block holds: those of its epoch and of the next one. `None` for a block that the node does not know,
    /// one before Fulu, or where the node has let go of the state or does not offer the route.
    ///
    /// # Errors
    /// When no endpoint gives a usable answer.
    pub async fn proposers_after(&self, block: Root) -> Result<Option<Lookahead>, Error> {
        let Some(header) = self.header(BlockId::Root(block)).await? else { return Ok(None) };
        let header = header.data.header.message;
        let path = format!("/eth/v1/beacon/states/{}/proposer_lookahead", StateId::Root(header.state_root));
        let Some(found) = self.json_if_any::<Proposers>(&path).await? else { return Ok(None) };
        let slots = self.spec().preset.slots_per_epoch;
        let (first_slot, proposers) = (Slot(header.slot).epoch(slots).start_slot(slots), found.data.0);
        if proposers.len() as u64 != 2 * slots {
            tracing::warn!(%path, proposers = proposers.len(), expected = 2 * slots, "a lookahead of a wrong length");
            return Ok(None);
        }
        Ok(Some(Lookahead { first_slot, proposers }))
    }
}
