//! An embedded chain with a Beacon API, for demos and tests. What is real and what is not:
//!
//! * Real: SSZ and hash tree roots of signed beacon blocks (Electra or Fulu), BLS reveals and block signatures by interop
//!   keys, the RANDAO mix chain, signed EIP-1559 transactions with data, right nonces, gas and base fees, transactions, receipts,
//!   withdrawals and requests roots, execution block hashes, slots by a clock, reorgs, events.
//! * Simulated: execution state is simulated. Transactions are not executed, the payload's state root is an opaque value,
//!   and no account has a balance. There is no beacon state either: state roots are opaque, blocks carry no attestations,
//!   proposers are drawn from the seed, and epochs finalize as if everybody had voted.
//!
//! [`Devnet::start`] takes the clock as an argument. Control: the methods of [`Devnet`], or `/devnet/v1/…` over HTTP.

// `println!` panics when its reader has gone; `quintet_node::outln!` does not.
#![cfg_attr(not(test), deny(clippy::print_stdout))]

mod accounts;
mod block;
mod chain;
mod clock;
mod config;
mod control;
mod execution;
mod flags;
pub mod launch;
mod node;
mod server;
mod validators;

pub use clock::{Clock, VirtualClock};
pub use config::{DevnetConfig, DevnetError, MAX_CALLDATA, MAX_TRANSACTIONS, MAX_VALIDATORS};
pub use control::{Orders, Rhythm};
pub use flags::ChainFlags;
pub use node::{Devnet, MAX_REORG_DEPTH};
pub use validators::interop_key;
