//! The sidecar's core, driven by a clock that the test holds.

mod agreed;
mod bound;
mod branches;
mod catching_up;
mod clocks;
mod contracts;
mod culprits;
mod execution;
mod fallbacks;
mod forks;
mod gateway;
mod joint;
mod kill;
mod liars;
mod outage;
mod phases;
mod posting;
mod provers;
mod recording;
mod settling;
mod staking;
mod unattended;
mod world;
