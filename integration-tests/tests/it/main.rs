//! Tests of several parts together.

mod block;
mod plan;
mod testnet;
