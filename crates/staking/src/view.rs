//! The registry as it stood at any moment, from its changes in order.

use quintet_protocol::{Pause, ProverRecord};
use quintet_types::{Epoch, ProverIndex};

use crate::{Change, change::gwei};

/// A change with the timestamp of its block, seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimedChange {
    /// When.
    pub timestamp: u64,
    /// Who.
    pub prover: ProverIndex,
    /// What.
    pub change: Change,
}

/// Why a change cannot follow those before it: logs are missing, or come from another contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// Provers register in order of their indices.
    #[error("prover {got} registered when {expected} was next")]
    Registration {
        /// The next index.
        expected: u64,
        /// What came.
        got: ProverIndex,
    },
    /// Something happened to a prover that has not registered.
    #[error("prover {prover} changed, of {known} that are registered")]
    UnknownProver {
        /// The prover.
        prover: ProverIndex,
        /// How many there are.
        known: u64,
    },
    /// Settlements are posted in order of their numbers.
    #[error("settlement {got} was posted when {expected} was next")]
    Posting {
        /// The next number.
        expected: u64,
        /// What came.
        got: u64,
    },
    /// Time went backwards.
    #[error("a change at {got} after one at {last}")]
    Time {
        /// The last one's timestamp.
        last: u64,
        /// This one's.
        got: u64,
    },
}

/// All changes so far. Any earlier state is a fold over a part of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegistryView {
    changes: Vec<TimedChange>,
    registered: u64,
}

impl RegistryView {
    /// Adds the next change.
    ///
    /// # Errors
    /// [`OrderError`] if it cannot be the next one; the view is as before then.
    pub fn push(&mut self, change: TimedChange) -> Result<(), OrderError> {
        let last = self.changes.last().map_or(0, |last| last.timestamp);
        if change.timestamp < last {
            return Err(OrderError::Time { last, got: change.timestamp });
        }
        if matches!(change.change, Change::Registered { .. }) {
            if change.prover.0 != self.registered {
                return Err(OrderError::Registration { expected: self.registered, got: change.prover });
            }
            self.registered += 1;
        } else if change.prover.0 >= self.registered {
            return Err(OrderError::UnknownProver { prover: change.prover, known: self.registered });
        }
        self.changes.push(change);
        Ok(())
    }

    /// How many provers ever registered.
    #[must_use]
    pub const fn registered(&self) -> u64 {
        self.registered
    }

    /// All changes, oldest first.
    #[must_use]
    pub fn changes(&self) -> &[TimedChange] {
        &self.changes
    }

    /// All provers that had registered before the moment `timestamp` (seconds), by index, as they stood then. Pauses are complete, earlier ones included.
    #[must_use]
    pub fn provers_before(&self, timestamp: u64) -> Vec<ProverRecord> {
        let end = self.changes.partition_point(|change| change.timestamp < timestamp);
        let mut provers: Vec<ProverRecord> = Vec::new();
        for TimedChange { prover, change, .. } in &self.changes[..end] {
            if let Change::Registered { pubkey, stake, activation, .. } = change {
                provers.push(ProverRecord {
                    index: *prover,
                    pubkey: *pubkey,
                    stake_gwei: gwei(*stake),
                    activation: *activation,
                    exit: None,
                    pauses: Vec::new(),
                });
            } else {
                // `push` holds it: every prover registers, at its own place, before anything else happens to it.
                apply(&mut provers[prover.as_usize()], change);
            }
        }
        provers
    }
}

fn apply(prover: &mut ProverRecord, change: &Change) {
    match *change {
        Change::Stake(stake) => prover.stake_gwei = gwei(stake),
        Change::ToppedUp { stake, activation } => {
            prover.stake_gwei = gwei(stake);
            prover.activation = activation;
        }
        Change::Exit { epoch } => prover.exit = Some(prover.exit.map_or(epoch, |known: Epoch| known.min(epoch))),
        Change::Paused(from) => prover.pauses.push(Pause { from, until: None }),
        Change::Resumed(until) => {
            if let Some(pause) = prover.pauses.last_mut() {
                pause.until = Some(until);
            }
        }
        Change::WithdrawalAddress(_) | Change::Registered { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, U256};
    use proptest::prelude::*;
    use quintet_types::PublicKeyBytes;

    const ETHER: u64 = 1_000_000_000_000_000_000;

    fn registered(timestamp: u64, index: u64) -> TimedChange {
        let change = Change::Registered {
            pubkey: PublicKeyBytes::repeat_byte(index as u8),
            owner: Address::ZERO,
            withdrawal_address: Address::ZERO,
            stake: U256::from(ETHER),
            activation: Epoch(5),
        };
        TimedChange { timestamp, prover: ProverIndex(index), change }
    }

    fn view(changes: &[(u64, u64, Change)]) -> RegistryView {
        let mut view = RegistryView::default();
        view.push(registered(10, 0)).unwrap();
        view.push(registered(10, 1)).unwrap();
        for &(timestamp, prover, change) in changes {
            view.push(TimedChange { timestamp, prover: ProverIndex(prover), change }).unwrap();
        }
        view
    }

    #[test]
    fn the_past_is_not_changed_by_what_follows() {
        let view = view(&[(20, 1, Change::Stake(U256::from(ETHER / 2))), (30, 1, Change::Exit { epoch: Epoch(9) })]);
        assert_eq!(view.provers_before(10), []);
        let at = |timestamp| view.provers_before(timestamp)[1].clone();
        assert_eq!((at(20).stake_gwei, at(20).exit), (1_000_000_000, None));
        assert_eq!((at(21).stake_gwei, at(21).exit), (500_000_000, None));
        assert_eq!((at(31).stake_gwei, at(31).exit), (500_000_000, Some(Epoch(9))));
    }

    #[test]
    fn all_pauses_are_kept_and_exits_never_move_back() {
        let view = view(&[
            (20, 0, Change::Paused(Epoch(8))),
            (30, 0, Change::Resumed(Epoch(12))),
            (40, 0, Change::Paused(Epoch(20))),
            (50, 0, Change::Exit { epoch: Epoch(30) }),
            (60, 0, Change::Exit { epoch: Epoch(40) }),
        ]);
        let prover = &view.provers_before(u64::MAX)[0];
        let pauses = [Pause { from: Epoch(8), until: Some(Epoch(12)) }, Pause { from: Epoch(20), until: None }];
        assert_eq!((prover.pauses.as_slice(), prover.exit), (pauses.as_slice(), Some(Epoch(30))));
    }

    #[test]
    fn gaps_are_noticed() {
        let mut view = view(&[]);
        let unknown = TimedChange { timestamp: 11, prover: ProverIndex(2), change: Change::Stake(U256::ZERO) };
        assert_eq!(view.push(unknown), Err(OrderError::UnknownProver { prover: ProverIndex(2), known: 2 }));
        assert_eq!(view.push(registered(11, 3)), Err(OrderError::Registration { expected: 2, got: ProverIndex(3) }));
        assert_eq!(view.push(registered(9, 2)), Err(OrderError::Time { last: 10, got: 9 }));
        assert_eq!(view.registered(), 2);
    }

    proptest! {
        #[test]
        fn a_prefix_of_the_log_gives_the_same_past(times in proptest::collection::vec(0u64..50, 1..40), cut in 0u64..60) {
            let mut times = times;
            times.sort_unstable();
            let mut whole = RegistryView::default();
            let mut early = RegistryView::default();
            for (index, &timestamp) in times.iter().enumerate() {
                let change = registered(timestamp, index as u64);
                whole.push(change).unwrap();
                if timestamp < cut {
                    early.push(change).unwrap();
                }
            }
            prop_assert_eq!(whole.provers_before(cut), early.provers_before(u64::MAX));
        }
    }
}
