//! How validators agree on the bundle of a phase.
