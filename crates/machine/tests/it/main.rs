//! Tests of loader, executor and planner as a whole.

mod airs_forgeries;
mod airs_programs;
mod airs_rows;
mod airs_support;
mod airs_values;
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
mod threads;
mod traps;
