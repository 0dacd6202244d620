//! Why a transaction was not sent, failed, or is not known to have done either.

use std::{io, path::PathBuf, time::Duration};

use alloy_primitives::{B256, U256, utils::format_ether, utils::format_units};

use super::{KeyError, Revert};

/// Why there is no receipt.
#[derive(Debug, thiserror::Error)]
pub enum TxError {
    /// No endpoint is configured.
    #[error("no execution endpoint is configured")]
    NoEndpoint,
    /// An endpoint is no URL. It is not repeated here: it may hold a key.
    #[error("an execution endpoint is no URL: {0}")]
    Url(String),
    /// No node answered. Nothing was sent.
    #[error("no execution node answers: {0}")]
    Unreachable(String),
    /// A node is on another chain.
    #[error("{endpoint} is on chain {got}, not {expected}")]
    WrongChain {
        /// Host and port.
        endpoint: String,
        /// The configured chain.
        expected: u64,
        /// The node's.
        got: u64,
    },
    /// The contract would refuse it as the chain stands. Nothing was sent.
    #[error("{0}")]
    WouldRevert(Revert),
    /// It is in the chain, and the contract refused it. The fee is spent.
    #[error("transaction {hash} is in the chain and was refused: {reason}")]
    Reverted {
        /// The transaction.
        hash: B256,
        /// What the contract said, found by calling again.
        reason: Revert,
    },
    /// The chain asks for a higher fee than is allowed. Nothing was sent.
    #[error("the chain asks for {} gwei per gas, allowed are {}", gwei(*wanted), gwei(*cap))]
    TooExpensive {
        /// Wei per gas.
        wanted: u128,
        /// The configured bound.
        cap: u128,
    },
    /// The account cannot pay. Nothing was sent.
    #[error("the account holds {} ETH, {} ETH may be needed", format_ether(*balance), format_ether(*needed))]
    Insufficient {
        /// Wei.
        balance: U256,
        /// Value and highest fee, wei.
        needed: U256,
    },
    /// Every node refused to take it. A later transaction takes its nonce, so that both can never happen.
    #[error("every node refused the transaction: {0}")]
    Refused(String),
    /// It was sent, and whether it will be included is not known. Asking for the same thing again goes on waiting for it.
    #[error(
        "unknown after {} s: transaction {} with nonce {nonce} is not in the chain yet and may still come; the same command again goes on waiting for it",
        waited.as_secs(), hashes.last().copied().unwrap_or_default()
    )]
    Unknown {
        /// All transactions with this nonce, oldest first.
        hashes: Vec<B256>,
        /// Their nonce.
        nonce: u64,
        /// How long it was waited for.
        waited: Duration,
    },
    /// Another process is sending from this account, and did not come to an end.
    #[error("another process is sending from this account (it holds {})", path.display())]
    Busy {
        /// The lock file.
        path: PathBuf,
    },
    /// The signer refused.
    #[error("signing: {0}")]
    Sign(String),
    /// The key could not be loaded.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The journal of what was sent cannot be read or written. Nothing is sent without it.
    #[error("journal {}: {source}", path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
}

/// Wei in gwei, for people.
fn gwei(wei: u128) -> String {
    format_units(wei, "gwei").unwrap_or_else(|_| wei.to_string())
}
