//! Tests of the staking crate against what the contracts see.

mod anvil;
mod follower;
mod vectors;
