//! The device: opened once, kernels compiled when first asked for, work recorded in batches, results read back and checked.

mod adapter;
mod batch;
mod buffer;
mod kernel;
mod open;

pub(crate) use adapter::WORKGROUP_THREADS;
pub use adapter::{AdapterInfo, Adapters};
pub use batch::Batch;
pub use buffer::{Buffer, Slice};
pub use kernel::{Kernel, KernelSpec};
pub use open::{Device, DeviceOptions};
