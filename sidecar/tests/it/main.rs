//! The sidecar's core, driven by a clock that the test holds.

mod bound;
mod clocks;
mod contracts;
mod culprits;
mod fallbacks;
mod forks;
mod gateway;
mod kill;
mod outage;
mod phases;
mod provers;
mod recording;
mod settling;
mod staking;
mod world;
