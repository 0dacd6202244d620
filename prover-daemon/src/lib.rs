//! The prover's daemon: follows a gateway, finds out what it owes to each job, commits, proves, aggregates and submits; and the commands beside it.
//!
//! The program is [`cli::Cli`]. The parts that work out a duty ([`Duty`]) and compute what it asks for ([`Work`], [`full_proof`]) are public, so that
//! tests can put together provers that do not keep to the protocol.

// `println!` panics when its reader has gone; `quintet_node::outln!` does not.
#![cfg_attr(not(test), deny(clippy::print_stdout))]

mod block_file;
pub mod cli;
mod params;
mod progress;
mod protection;
mod run;
mod stake;
mod watch;

pub use params::circuits;
pub use run::{
    aggregate::{Found, Material, full_proof},
    duty::{Duty, Role},
    speed::Speed,
    work::{Challenged, OnStep, Step, Work},
};
