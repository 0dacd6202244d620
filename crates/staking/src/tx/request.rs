//! What is to be sent, what it will cost, what is heard on the way, and what came of it.

use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, Log, U256, keccak256, utils::format_ether};
use alloy_sol_types::{SolCall, SolEvent};

use super::Fees;

/// A call of a contract that is to be included in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The contract.
    pub to: Address,
    /// Wei that go along.
    pub value: U256,
    /// Selector and arguments.
    pub data: Bytes,
    /// In words, for people: "register prover 0xab…".
    pub what: String,
}

impl Request {
    /// A call without value.
    #[must_use]
    pub fn call(to: Address, call: &impl SolCall, what: impl Into<String>) -> Self {
        Self { to, value: U256::ZERO, data: call.abi_encode().into(), what: what.into() }
    }

    /// The same call with this value, wei.
    #[must_use]
    pub fn with_value(self, value: U256) -> Self {
        Self { value, ..self }
    }

    /// Two requests with one intent are one: the second follows the first while that is under way.
    pub(super) fn intent(&self) -> B256 {
        keccak256([self.to.as_slice(), &self.value.to_be_bytes::<32>(), &self.data].concat())
    }
}

/// What a request would do and cost, without sending it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The account that pays.
    pub from: Address,
    /// Its balance, wei.
    pub balance: U256,
    /// Gas limit that it would be sent with.
    pub gas: u64,
    /// Fees that it would be sent with first.
    pub fees: Fees,
    /// What the call would return.
    pub returned: Bytes,
}

impl Preview {
    /// The highest fee that the first transaction can cost, wei.
    #[must_use]
    pub fn highest_fee(&self) -> U256 {
        U256::from(self.gas) * U256::from(self.fees.max)
    }

    /// Value and highest fee together, wei.
    #[must_use]
    pub fn needed(&self, request: &Request) -> U256 {
        self.highest_fee() + request.value
    }
}

/// A transaction that is in the chain, as deep as was asked for, and was not refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The transaction.
    pub hash: B256,
    /// Number of its block.
    pub block: u64,
    /// Hash of its block.
    pub block_hash: B256,
    /// Gas that it took.
    pub gas_used: u64,
    /// What it paid for gas, wei.
    pub fee: U256,
    /// What the contracts logged.
    pub logs: Vec<Log>,
}

impl Receipt {
    /// The first event of this kind that `contract` logged.
    #[must_use]
    pub fn event<E: SolEvent>(&self, contract: Address) -> Option<E> {
        self.logs.iter().filter(|log| log.address == contract).find_map(|log| E::decode_log(log).ok()).map(|log| log.data)
    }
}

/// What happens while a request is on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Another process sends from this account; its turn comes first.
    WaitingForAccount,
    /// Something that was asked for earlier came to an end meanwhile.
    Earlier {
        /// In words.
        what: String,
        /// Its transaction, if it is in the chain; otherwise another wallet used its nonce.
        hash: Option<B256>,
    },
    /// The same request is under way already, and is followed.
    Resumed {
        /// Its latest transaction.
        hash: B256,
        /// Its nonce.
        nonce: u64,
    },
    /// A transaction was given to the nodes.
    Sent {
        /// The transaction.
        hash: B256,
        /// Its nonce.
        nonce: u64,
        /// Its fees.
        fees: Fees,
        /// Whether it replaces one that was not included in time.
        replaces: bool,
    },
    /// Somebody else with this key used the nonce; the request gets another.
    NonceTaken {
        /// The nonce.
        nonce: u64,
    },
    /// Not in the chain yet.
    Waiting {
        /// Since it was asked for.
        waited: Duration,
    },
    /// In the chain, not as deep as was asked for.
    Included {
        /// Its block.
        block: u64,
        /// Blocks on it, its own included.
        depth: u64,
        /// As many are asked for.
        wanted: u64,
    },
    /// No node answers at the moment; what was sent stays on its way.
    NoAnswer {
        /// What the last one said.
        reason: String,
    },
}

impl std::fmt::Display for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::WaitingForAccount => write!(f, "another process sends from this account, waiting for it"),
            Self::Earlier { what, hash: Some(hash) } => write!(f, "sent earlier and included meanwhile: {what} ({hash})"),
            Self::Earlier { what, hash: None } => write!(f, "sent earlier and displaced by another wallet: {what}"),
            Self::Resumed { hash, nonce } => write!(f, "this is under way already as {hash}, nonce {nonce}; following it"),
            Self::Sent { hash, nonce, fees, replaces } => {
                let verb = if *replaces { "replaced with" } else { "sent as" };
                let gwei = |wei: u128| alloy_primitives::utils::format_units(wei, "gwei").unwrap_or_default();
                write!(f, "{verb} {hash}, nonce {nonce}, at most {} gwei per gas", gwei(fees.max))
            }
            Self::NonceTaken { nonce } => write!(f, "nonce {nonce} was used by another wallet with this key, trying the next"),
            Self::Waiting { waited } => write!(f, "waiting for the receipt, {} s", waited.as_secs()),
            Self::Included { block, depth, wanted } => write!(f, "in block {block}, {depth} of {wanted} confirmations"),
            Self::NoAnswer { reason } => write!(f, "no node answers ({reason}), still waiting"),
        }
    }
}

impl std::fmt::Display for Preview {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { from, balance, gas, .. } = self;
        write!(f, "from {from} (holds {} ETH), gas {gas}, ", format_ether(*balance))?;
        write!(f, "fee {} ETH at most", format_ether(self.highest_fee()))
    }
}
