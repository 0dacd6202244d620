//! Tests of loader, executor and planner as a whole.

mod airs_forgeries;
mod airs_programs;
mod airs_support;
mod audit;
mod decoding;
mod elf;
mod generator;
mod guests;
mod instances;
mod long;
mod planning;
mod qemu;
mod random;
mod semantics;
mod support;
mod traps;
