//! The validator's sidecar: follows the chain, opens jobs, takes in and verifies what provers submit, closes phases, and
//! keeps the ledger.
//!
//! * [`core`] holds the state and every rule about it; it does no I/O but durable writes, and time comes in as an argument.
//! * [`service`] drives it: chain events, the clock, planning and verification on threads of their own.
//! * [`joint`] agrees with other validators' sidecars on what a phase contains.
//! * [`staking`] follows the contracts and settles the ledger with them.
//! * [`gateway`] shows it over HTTP and takes submissions.

// `println!` panics when its reader has gone; `quintet_node::outln!` does not.
#![cfg_attr(not(test), deny(clippy::print_stdout))]

pub mod config;
pub mod core;
pub mod db;
pub mod gateway;
pub mod joint;
pub mod metrics;
pub mod net;
pub mod registry;
pub mod service;
pub mod staking;
#[cfg(feature = "otel")]
pub mod traces;
