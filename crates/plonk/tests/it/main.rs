//! Commit, prove and verify over a toy machine, and every way in which that has to fail.

mod batch_cost;
mod codecs;
mod determinism;
mod flow;
mod forgeries;
mod native;
mod native_cost;
mod native_soak;
mod plans;
mod toy;
mod traps;
mod workload;
