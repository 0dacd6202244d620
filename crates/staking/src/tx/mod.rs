//! Sending transactions so that nothing is sent twice and nothing is called failed that is not.
//!
//! A transaction is written to a journal on disk before any node sees it, under its nonce. Whatever goes wrong after that (a time-out, a node
//! that is gone, a restart) leaves it *unknown*: the next [`Sender::send`] asks the chain for it, by hash and by nonce, before it does anything
//! else. Asking for the same thing again follows what is under way. A second transaction with one nonce is the only kind of repetition there
//! is, and of those the chain takes one.

mod error;
mod fees;
mod journal;
mod key;
mod keystore;
mod node;
mod reader;
mod request;
mod revert;
mod sender;
mod watch;

pub use error::TxError;
pub use fees::{FeePolicy, Fees};
pub use key::{KeyError, KeySource, LocalKey};
pub use reader::Reader;
pub use request::{Preview, Progress, Receipt, Request};
pub use revert::Revert;
pub use sender::{Sender, SenderConfig, Timing};

/// What signs: any of alloy's signers, [`LocalKey`] among them.
pub type BoxedSigner = Box<dyn alloy_network::TxSigner<alloy_primitives::Signature> + Send + Sync>;
