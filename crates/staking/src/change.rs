//! What can happen to a prover on chain, decoded from the registry's logs.

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolEventInterface as _;
use quintet_types::{Epoch, ProverIndex, PublicKeyBytes, ValidatorIndex};

use crate::bindings::ProverRegistry as Abi;

/// One change of one prover. Stakes are those after the change, in wei.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It registered.
    Registered {
        /// Its stake key.
        pubkey: PublicKeyBytes,
        /// Who may act for it.
        owner: Address,
        /// Where rewards and stake go.
        withdrawal_address: Address,
        /// Its stake.
        stake: U256,
        /// First epoch in which it can be drawn.
        activation: Epoch,
    },
    /// Its stake is another one.
    Stake(U256),
    /// Its stake is another one and so may its activation be.
    ToppedUp {
        /// Its stake.
        stake: U256,
        /// First epoch in which it can be drawn.
        activation: Epoch,
    },
    /// It leaves.
    Exit {
        /// First epoch in which it cannot be drawn.
        epoch: Epoch,
    },
    /// A pause begins with this epoch.
    Paused(Epoch),
    /// The pause ends before this epoch.
    Resumed(Epoch),
    /// Rewards and stake go elsewhere.
    WithdrawalAddress(Address),
}

/// Why a log is no change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The ABI does not fit the log.
    #[error("log with topic {topic:?}: {reason}")]
    Malformed {
        /// The event's hash, if there is one.
        topic: Option<B256>,
        /// What the decoder says.
        reason: String,
    },
    /// A validator's key does not have 48 bytes.
    #[error("validator {index} has a key of {got} bytes")]
    MemberKeyLength {
        /// The validator.
        index: ValidatorIndex,
        /// Its length.
        got: usize,
    },
    /// A prover's key does not have 48 bytes.
    #[error("prover {index} has a key of {got} bytes")]
    KeyLength {
        /// The prover.
        index: ProverIndex,
        /// Its length.
        got: usize,
    },
}

impl Change {
    /// Decodes a log of the registry: the prover, and what happened to it.
    ///
    /// # Errors
    /// [`DecodeError`] for logs that this registry does not write.
    pub fn decode(topics: &[B256], data: &[u8]) -> Result<(ProverIndex, Self), DecodeError> {
        let malformed = |error: alloy_sol_types::Error| DecodeError::Malformed {
            topic: topics.first().copied(),
            reason: error.to_string(),
        };
        use Abi::ProverRegistryEvents as Event;
        let (index, change) = match Event::decode_raw_log(topics, data).map_err(malformed)? {
            Event::Registered(event) => {
                let got = event.pubkey.len();
                let key = event.pubkey.as_ref().try_into();
                let pubkey = key.map_err(|_| DecodeError::KeyLength { index: ProverIndex(event.index), got })?;
                let registered = Self::Registered {
                    pubkey,
                    owner: event.owner,
                    withdrawal_address: event.withdrawalAddress,
                    stake: event.stake,
                    activation: Epoch(event.activationEpoch),
                };
                (event.index, registered)
            }
            Event::ToppedUp(event) => {
                (event.index, Self::ToppedUp { stake: event.stake, activation: Epoch(event.activationEpoch) })
            }
            Event::ExitScheduled(event) => (event.index, Self::Exit { epoch: Epoch(event.exitEpoch) }),
            Event::Withdrawn(event) => (event.index, Self::Stake(U256::ZERO)),
            Event::Paused(event) => (event.index, Self::Paused(Epoch(event.fromEpoch))),
            Event::Resumed(event) => (event.index, Self::Resumed(Epoch(event.untilEpoch))),
            Event::WithdrawalAddressChanged(event) => (event.index, Self::WithdrawalAddress(event.to)),
            Event::Slashed(event) => (event.index, Self::Stake(event.stake)),
            Event::PenaltyTaken(event) => (event.index, Self::Stake(event.stake)),
        };
        Ok((ProverIndex(index), change))
    }
}

/// Wei in whole gwei, as the rules of the protocol count stakes.
pub(crate) fn gwei(wei: U256) -> u64 {
    (wei / U256::from(1_000_000_000)).saturating_to()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Bytes, LogData};
    use alloy_sol_types::SolEvent as _;

    fn decode(log: &LogData) -> Result<(ProverIndex, Change), DecodeError> {
        Change::decode(log.topics(), &log.data)
    }

    #[test]
    fn what_the_contract_writes_is_what_is_read() {
        let event = Abi::Slashed {
            index: 7,
            jobRoot: B256::repeat_byte(1),
            phase: 2,
            reporter: Address::ZERO,
            burned: U256::from(1),
            reporterReward: U256::from(2),
            toPool: U256::from(3),
            stake: U256::from(4),
        };
        assert_eq!(decode(&event.encode_log_data()), Ok((ProverIndex(7), Change::Stake(U256::from(4)))));
        let event = Abi::Registered {
            index: 1,
            owner: Address::repeat_byte(1),
            pubkey: Bytes::from([9; 48]),
            withdrawalAddress: Address::repeat_byte(2),
            stake: U256::from(5),
            activationEpoch: 6,
        };
        let log = event.encode_log_data();
        assert_eq!(log.topics()[0], Abi::Registered::SIGNATURE_HASH);
        let (_, change) = decode(&log).unwrap();
        assert!(matches!(change, Change::Registered { pubkey, .. } if pubkey == PublicKeyBytes::repeat_byte(9)));
        let short = Abi::Registered { pubkey: Bytes::from([9; 47]), ..event };
        assert_eq!(decode(&short.encode_log_data()), Err(DecodeError::KeyLength { index: ProverIndex(1), got: 47 }));
    }

    #[test]
    fn foreign_and_cut_logs_are_refused() {
        assert!(matches!(Change::decode(&[], &[]), Err(DecodeError::Malformed { topic: None, .. })));
        let topics = [Abi::Registered::SIGNATURE_HASH, B256::ZERO, B256::ZERO];
        assert!(matches!(Change::decode(&topics, &[1; 31]), Err(DecodeError::Malformed { topic: Some(_), .. })));
    }
}
