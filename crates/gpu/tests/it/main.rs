//! Every kernel on whatever device there is, against the CPU.

mod device;
mod failures;
mod field;
mod folding;
mod memory;
mod msm;
mod proof;
mod vectors;
mod written;
// Instances of the machine's AIRs, as the tests of quintet-plonk make them.
#[path = "../../../plonk/tests/it/workload.rs"]
mod workload;
