//! The device: opened once, kernels compiled when first asked for, work recorded in batches, results read back and checked.

mod adapter;
mod arena;
mod batch;
mod buffer;
mod fault;
mod kernel;
mod memory;
mod open;

pub(crate) use adapter::WORKGROUP_THREADS;
pub use adapter::{AdapterInfo, Adapters};
pub(crate) use arena::{ARENA, ARENAS};
pub use batch::Batch;
pub(crate) use buffer::uploads;
pub use buffer::{Buffer, Slice};
pub use fault::Fault;
pub use kernel::{Kernel, KernelSpec};
pub use open::{Device, DeviceOptions};
