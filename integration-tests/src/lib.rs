//! Whole-system tests, and what they and `make testnet` start: real consensus and execution clients.

pub mod testnet;
