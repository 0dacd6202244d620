//! Tests with a chain, a sidecar and provers as processes of their own.

mod killed;
mod net;
mod proxy;
mod stake_commands;
mod staking;
mod villains;
