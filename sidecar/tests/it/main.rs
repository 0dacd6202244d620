//! The sidecar's core, driven by a clock that the test holds.

mod phases;
mod world;
