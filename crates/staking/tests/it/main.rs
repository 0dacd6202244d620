//! Tests of the staking crate against what the contracts see.

mod anvil;
mod follower;
mod settle;
mod tx;
mod vectors;
