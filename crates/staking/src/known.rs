//! What is known of the contracts, as far as the chain is final.

use alloy_sol_types::SolEventInterface as _;
use quintet_protocol::ProverRecord;
use quintet_types::{Epoch, Root, Slot, Spec};

use crate::{
    Change, Checkpoint, Contracts, DecodeError, Deployment, FollowError, MemberView, OrderError, RegistryView, StoredLog,
    TimedChange, bindings::Settlement as Abi,
};

/// A settlement that was posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostedSettlement {
    /// Its number.
    pub number: u64,
    /// Everything before this epoch is in its leaves.
    pub end_epoch: Epoch,
    /// Root of its leaves.
    pub leaves_root: Root,
    /// Root of the ledger that was signed.
    pub ledger_root: Root,
}

/// The contracts' state up to a final block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// How far it is known; `None` before the first final block.
    pub checkpoint: Option<Checkpoint>,
    /// What was fixed at deployment; `None` until a node was asked once.
    pub deployment: Option<Deployment>,
    /// The provers and all that happened to them.
    pub registry: RegistryView,
    /// The validators that sign settlements.
    pub members: MemberView,
    /// All that their contract wrote, for who they were at an earlier moment.
    pub member_logs: Vec<StoredLog>,
    /// Settlements in order of their numbers, from 1.
    pub posted: Vec<PostedSettlement>,
}

/// What the contracts said before one moment, on one branch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StateAt {
    /// The moment, seconds.
    pub moment: u64,
    /// The provers that had registered, by index.
    pub provers: Vec<ProverRecord>,
    /// The validators that had enrolled.
    pub members: MemberView,
}

/// The moment (seconds) before which the contracts' state counts for a block at `slot`: the start of the epoch that is `REGISTRY_LOOKBACK_EPOCHS` before its own.
#[must_use]
pub fn registry_moment(slot: Slot, genesis_time: u64, spec: &Spec) -> u64 {
    let epoch = slot.epoch(spec.slots_per_epoch).minus(spec.registry_lookback_epochs);
    let start = epoch.start_slot(spec.slots_per_epoch);
    genesis_time.saturating_add(start.0.saturating_mul(spec.slot_duration_ms) / 1000)
}

/// The moment that was asked for is not final here yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the registry at {wanted} s is not final yet: known up to {known} s")]
pub struct NotFinal {
    /// The moment, seconds.
    pub wanted: u64,
    /// Timestamp of the last block that is known, seconds.
    pub known: u64,
}

impl Known {
    /// Carries out the next log of one of the contracts.
    ///
    /// # Errors
    /// If it is no log of them, or cannot be the next one.
    pub(crate) fn push(&mut self, contracts: &Contracts, log: &StoredLog) -> Result<(), FollowError> {
        if log.contract == contracts.registry {
            let (prover, change) = Change::decode(&log.topics, &log.data)?;
            self.registry.push(TimedChange { timestamp: log.timestamp, prover, change })?;
        } else if log.contract == contracts.validators {
            self.push_member(log.clone())?;
        } else if let Some(posted) = posted(log)? {
            let expected = self.posted.len() as u64 + 1;
            if posted.number != expected {
                return Err(OrderError::Posting { expected, got: posted.number }.into());
            }
            self.posted.push(posted);
        }
        Ok(())
    }

    /// Carries out the next log of the validator set.
    ///
    /// # Errors
    /// If it is no log of it.
    pub fn push_member(&mut self, log: StoredLog) -> Result<(), DecodeError> {
        self.members.push(&log.topics, &log.data)?;
        self.member_logs.push(log);
        Ok(())
    }

    /// The validators as they stood before the moment `moment` (seconds).
    #[must_use]
    pub fn members_before(&self, moment: u64) -> MemberView {
        let mut members = MemberView::default();
        for log in self.member_logs.iter().take_while(|log| log.timestamp < moment) {
            // It was taken in once.
            let _ = members.push(&log.topics, &log.data);
        }
        members
    }

    /// Provers and validators as they stood before the moment `moment` (seconds).
    #[must_use]
    pub fn state_before(&self, moment: u64) -> StateAt {
        StateAt { moment, provers: self.registry.provers_before(moment), members: self.members_before(moment) }
    }

    /// The latest settlement that was posted.
    #[must_use]
    pub fn latest_posted(&self) -> Option<&PostedSettlement> {
        self.posted.last()
    }

    /// The provers that count for a block at `slot`: as of the last block before the epoch that begins `REGISTRY_LOOKBACK_EPOCHS` before the block's own. That
    /// block is an ancestor and final, so that it is the same in every sidecar, and the answer is the same for a whole epoch.
    ///
    /// # Errors
    /// [`NotFinal`] while finality has not reached that epoch. Guessing would mean a ledger of one's own.
    pub fn registry_at(&self, slot: Slot, genesis_time: u64, spec: &Spec) -> Result<Vec<ProverRecord>, NotFinal> {
        self.final_at(slot, genesis_time, spec).map(|moment| self.registry.provers_before(moment))
    }

    /// The moment (seconds) as of which [`Self::registry_at`] answers for a block at `slot`.
    ///
    /// # Errors
    /// As there.
    pub fn final_at(&self, slot: Slot, genesis_time: u64, spec: &Spec) -> Result<u64, NotFinal> {
        let wanted = registry_moment(slot, genesis_time, spec);
        let known = self.checkpoint.map_or(0, |checkpoint| checkpoint.timestamp);
        // A block at the moment itself shows that all earlier ones are known.
        if known < wanted {
            return Err(NotFinal { wanted, known });
        }
        Ok(wanted)
    }
}

/// The settlement that a log of the settlement contract posts, if it does; payments and donations are no state of ours.
pub(crate) fn posted(log: &StoredLog) -> Result<Option<PostedSettlement>, DecodeError> {
    let malformed = |error: alloy_sol_types::Error| DecodeError::Malformed {
        topic: log.topics.first().copied(),
        reason: error.to_string(),
    };
    use Abi::SettlementEvents as Event;
    Ok(match Event::decode_raw_log(&log.topics, &log.data).map_err(malformed)? {
        Event::Posted(event) => Some(PostedSettlement {
            number: event.number,
            end_epoch: Epoch(event.endEpoch),
            leaves_root: event.leavesRoot,
            ledger_root: event.ledgerRoot,
        }),
        Event::Funded(_) | Event::Claimed(_) | Event::PenaltyCollected(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, U256};
    use alloy_sol_types::SolEvent as _;

    #[test]
    fn settlements_follow_each_other() {
        let contracts = Contracts {
            registry: Address::repeat_byte(1),
            validators: Address::repeat_byte(2),
            settlement: Address::repeat_byte(3),
        };
        let log = |number| {
            let event = Abi::Posted {
                number,
                endEpoch: 4 * number,
                leavesRoot: Root::repeat_byte(1),
                totalRewards: 1,
                totalPenalties: 2,
                ledgerRoot: Root::repeat_byte(3),
                signedWeight: U256::from(1),
            };
            let data = event.encode_log_data();
            StoredLog { contract: contracts.settlement, timestamp: 1, topics: data.topics().to_vec(), data: data.data.to_vec() }
        };
        let mut known = Known::default();
        known.push(&contracts, &log(1)).unwrap();
        assert!(matches!(
            known.push(&contracts, &log(3)),
            Err(FollowError::Order(OrderError::Posting { expected: 2, got: 3 }))
        ));
        known.push(&contracts, &log(2)).unwrap();
        assert_eq!(known.latest_posted().map(|posted| (posted.number, posted.end_epoch)), Some((2, Epoch(8))));
    }
}
