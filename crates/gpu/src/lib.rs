//! The whole proof on a GPU, through wgpu: witness columns go up once, points and scalars for the transcript come down.
//!
//! * [`Adapters`], [`Device`], [`Buffer`], [`Batch`]: the device and work for it;
//! * [`shader`]: WGSL modules of `shaders/`, put together per kernel with constants that are generated;
//! * [`field`]: elements and points on their way to the device and back, checked when they come back.
//!
//! # How a kernel is added
//!
//! 1. Write `shaders/name.wgsl` with one entry point `main`. `#import field` gives `Fe` and its operations in the field and layout that the kernel is
//!    compiled for; shaders/README.md lists them and the composer's directives. Binding 0 is a uniform struct of parameters, bindings 1 and up are storage
//!    buffers, at most eight, all of which `main` uses.
//! 2. Name it in `shader/modules.rs`, which compiles the text into the program.
//! 3. Ask the device for it and record it:
//!
//! ```no_run
//! # fn add(device: &quintet_gpu::Device) -> Result<(), quintet_gpu::Error> {
//! use quintet_gpu::{KernelSpec, field};
//! # use quintet_air::F;
//!
//! let kernel = device.kernel(&KernelSpec::fp("field_ops"))?;
//! let left = device.upload("left", &field::integers(&[F::from(3), F::from(4)]))?;
//! let right = device.upload("right", &field::integers(&[F::from(5), F::from(6)]))?;
//! let sums = device.buffer("sums", 2 * field::BYTES)?;
//! let mut batch = device.batch();
//! batch.run(&kernel, &[2, 0, 1], &[left.all(), right.all(), sums.all()], [1, 1])?;
//! assert_eq!(field::from_integers::<F>(&batch.read(sums.all())?)?, [F::from(8), F::from(10)]);
//! # Ok(())
//! # }
//! ```
//! 4. Test it in `tests/it/` against pasta_curves or quintet-arith, with 0, 1, p − 1, the identity, and equal and opposite points.
//!
//! Elements in buffers are eight words in Montgomery form, whose radix depends on the layout; points are x, y, the identity being (0, 0).

mod backend;
mod choice;
mod columns;
mod device;
mod divide;
mod error;
pub mod field;
mod folding;
mod forms;
mod guard;
mod instance;
mod msm;
mod plan;
mod polynomials;
mod program;
mod prove;
mod quotient;
mod rooms;
pub mod shader;
mod slot;
mod tile;
mod transform;
pub mod tune;
mod upload;
mod written;

pub use backend::Gpu;
pub use choice::{Choice, Chosen, Constraints, GpuOptions, UnknownChoice, UnknownConstraints, open};
pub use columns::Columns;
pub use device::{AdapterInfo, Adapters, Batch, Buffer, Device, DeviceOptions, Fault, Kernel, KernelSpec, Slice};
pub use error::Error;
pub use folding::{Folding, Round};
pub use forms::{FormCost, Forms};
pub use guard::{Guarded, Monitor};
pub use msm::{Bases, DeviceScalars};
pub use plan::Need;
pub use slot::DeviceStatus;
pub use transform::{Scale, Transform};
pub use upload::{HostColumn, PackedColumn};
