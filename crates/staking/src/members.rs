//! The validators that sign settlements, from the logs of their contract.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256};
use alloy_sol_types::SolEventInterface as _;
use quintet_types::{Epoch, PublicKeyBytes, ValidatorIndex};

use crate::{DecodeError, bindings::ValidatorSet as Abi};

/// How far a validator is in or out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It counts from an epoch on.
    Joining(Epoch),
    /// It counts.
    Member,
    /// It counts until an epoch.
    Leaving(Epoch),
}

/// One enrolled validator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its key.
    pub pubkey: PublicKeyBytes,
    /// Who enrolled it.
    pub owner: Address,
    /// Where its rewards go.
    pub payout: Address,
    /// Its effective balance as the contract knows it, gwei.
    pub weight_gwei: u64,
    /// Whether it counts.
    pub standing: Standing,
}

impl Member {
    /// Whether it counts in a block of `epoch`. Requests are carried out when a settlement is posted, at the latest.
    #[must_use]
    pub fn counts_in(&self, epoch: Epoch) -> bool {
        match self.standing {
            Standing::Joining(from) => from <= epoch,
            Standing::Member => true,
            Standing::Leaving(until) => epoch < until,
        }
    }

    /// Whether a request of it is due in `epoch` that the contract has not carried out yet.
    #[must_use]
    pub fn is_due_in(&self, epoch: Epoch) -> bool {
        matches!(self.standing, Standing::Joining(at) | Standing::Leaving(at) if at <= epoch)
    }
}

/// All enrolled validators, those that join or leave included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemberView(BTreeMap<ValidatorIndex, Member>);

impl MemberView {
    /// Carries out a log of the contract.
    ///
    /// # Errors
    /// [`DecodeError`] for logs that this contract does not write. The view is as before then.
    pub fn push(&mut self, topics: &[B256], data: &[u8]) -> Result<(), DecodeError> {
        use Abi::ValidatorSetEvents as Event;
        let malformed = |error: alloy_sol_types::Error| DecodeError::Malformed {
            topic: topics.first().copied(),
            reason: error.to_string(),
        };
        match Event::decode_raw_log(topics, data).map_err(malformed)? {
            Event::Enrolled(event) => {
                let wrong = |_| DecodeError::MemberKeyLength { index: ValidatorIndex(event.index), got: event.pubkey.len() };
                let member = Member {
                    pubkey: event.pubkey.as_ref().try_into().map_err(wrong)?,
                    owner: event.owner,
                    payout: event.payout,
                    weight_gwei: event.weight,
                    standing: Standing::Joining(Epoch(event.fromEpoch)),
                };
                self.0.insert(ValidatorIndex(event.index), member);
            }
            Event::Joined(event) => self.change(event.index, |member| {
                member.standing = Standing::Member;
                member.weight_gwei = event.weight;
            }),
            // Of one that had not joined yet nothing is left.
            Event::LeaveRequested(event) => {
                self.change(event.index, |member| member.standing = Standing::Leaving(Epoch(event.fromEpoch)));
            }
            Event::Removed(event) => {
                self.0.remove(&ValidatorIndex(event.index));
            }
            Event::WeightChanged(event) => self.change(event.index, |member| member.weight_gwei = event.to),
            Event::PayoutChanged(event) => self.change(event.index, |member| member.payout = event.to),
        }
        Ok(())
    }

    fn change(&mut self, index: u64, change: impl FnOnce(&mut Member)) {
        if let Some(member) = self.0.get_mut(&ValidatorIndex(index)) {
            change(member);
        }
    }

    /// A validator, if it is enrolled.
    #[must_use]
    pub fn get(&self, index: ValidatorIndex) -> Option<&Member> {
        self.0.get(&index)
    }

    /// All of them by index.
    pub fn iter(&self) -> impl Iterator<Item = (ValidatorIndex, &Member)> {
        self.0.iter().map(|(index, member)| (*index, member))
    }

    /// Those that count in a block of `epoch`, by index.
    pub fn counting_in(&self, epoch: Epoch) -> impl Iterator<Item = (ValidatorIndex, &Member)> {
        self.iter().filter(move |(_, member)| member.counts_in(epoch))
    }

    /// What those weigh together, gwei.
    #[must_use]
    pub fn weight_in(&self, epoch: Epoch) -> u128 {
        self.counting_in(epoch).map(|(_, member)| u128::from(member.weight_gwei)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Bytes, LogData};
    use alloy_sol_types::SolEvent;

    fn push(view: &mut MemberView, event: &impl SolEvent) -> Result<(), DecodeError> {
        let log: LogData = event.encode_log_data();
        view.push(log.topics(), &log.data)
    }

    fn enrolled(index: u64, bytes: usize) -> Abi::Enrolled {
        Abi::Enrolled {
            index,
            owner: Address::ZERO,
            pubkey: Bytes::from(vec![index as u8; bytes]),
            payout: Address::repeat_byte(1),
            weight: 32,
            fromEpoch: 5,
        }
    }

    #[test]
    fn members_join_leave_and_change_as_the_contract_says() {
        let mut view = MemberView::default();
        push(&mut view, &enrolled(7, 48)).unwrap();
        push(&mut view, &enrolled(3, 48)).unwrap();
        let counting = |view: &MemberView, epoch| view.counting_in(Epoch(epoch)).map(|(i, _)| i.0).collect::<Vec<_>>();
        assert!(counting(&view, 4).is_empty());
        assert_eq!(counting(&view, 5), [3, 7], "whoever posts carries it out");
        push(&mut view, &Abi::Joined { index: 7, weight: 30 }).unwrap();
        assert_eq!((counting(&view, 0), view.weight_in(Epoch(5))), (vec![7], 62));
        push(&mut view, &Abi::WeightChanged { index: 7, from: 30, to: 31 }).unwrap();
        push(&mut view, &Abi::LeaveRequested { index: 7, fromEpoch: 9 }).unwrap();
        assert_eq!((view.weight_in(Epoch(8)), view.weight_in(Epoch(9))), (63, 32));
        assert!(!view.get(ValidatorIndex(7)).unwrap().is_due_in(Epoch(8)));
        assert!(view.get(ValidatorIndex(7)).unwrap().is_due_in(Epoch(9)));
        // One that had not joined leaves at once: removed, then said to leave.
        push(&mut view, &Abi::Removed { index: 3 }).unwrap();
        push(&mut view, &Abi::LeaveRequested { index: 3, fromEpoch: 4 }).unwrap();
        assert_eq!(view.get(ValidatorIndex(3)), None);
        assert!(matches!(push(&mut view, &enrolled(4, 47)), Err(DecodeError::MemberKeyLength { got: 47, .. })));
    }
}
