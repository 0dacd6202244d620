//! Tests with a chain, a sidecar and provers as processes of their own.

mod joined;
mod killed;
mod net;
mod proxy;
mod relay;
mod siege;
mod stake_commands;
mod staking;
mod villains;
