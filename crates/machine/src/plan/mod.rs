//! Count & plan: from an execution to the instances that are to be proven, and from an instance to its records.

mod capacity;
mod instances;
mod planned;

pub use capacity::{KECCAK_MEMORY_ROWS, KECCAK_ROWS, RESERVED_ROWS, SUPPORTED_K, capacity, height, rows_per_operation};
pub use instances::{choose_k, instances};
pub use planned::{PlanIds, Planned};
