//! What can go wrong on a device.

use std::time::Duration;

/// Error of a device, or of opening one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such adapter.
    #[error("no GPU: {0}")]
    NoAdapter(String),
    /// An adapter lacks something that the kernels need.
    #[error("{adapter} cannot be used: {reason}")]
    Unsuitable {
        /// Name of the adapter.
        adapter: String,
        /// What it lacks.
        reason: String,
    },
    /// The driver refused to open the device.
    #[error("opening {adapter}: {reason}")]
    Open {
        /// Name of the adapter.
        adapter: String,
        /// The driver's words.
        reason: String,
    },
    /// The device went away: unplugged, reset, or its driver crashed.
    #[error("the device was lost: {0}")]
    Lost(String),
    /// Not enough memory on the device.
    #[error("the device has not enough memory for {bytes} more bytes in {label}; {in_use} of {budget} are in use")]
    OutOfMemory {
        /// What was to be stored.
        label: &'static str,
        /// Its size.
        bytes: u64,
        /// What this process holds there.
        in_use: u64,
        /// What it may hold.
        budget: u64,
    },
    /// The device did not finish in time.
    #[error("the device did not finish within {0:?}")]
    Hang(Duration),
    /// A buffer came back with something that no correct computation gives.
    #[error("the device gave a wrong result: {0}")]
    WrongResult(&'static str),
    /// A shader or a dispatch that wgpu refuses: a mistake in this crate.
    #[error("{kernel}: {reason}")]
    Kernel {
        /// Which.
        kernel: String,
        /// wgpu's words.
        reason: String,
    },
    /// A mistake in a shader's directives.
    #[error("shader {module}, line {line}: {reason}")]
    Compose {
        /// Module.
        module: String,
        /// Line in it.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// A proof that does not fit the device's memory even if its columns stream through the host.
    #[error("{air} at k = {k} needs {least} bytes on the device at least; it may hold {budget}, of which {in_use} are in use")]
    TooSmall {
        /// Name of the AIR.
        air: &'static str,
        /// Log₂ of its rows.
        k: u32,
        /// What it needs.
        least: u64,
        /// What the device may hold.
        budget: u64,
        /// What it holds for other proofs.
        in_use: u64,
    },
    /// A table that the kernels cannot hold.
    #[error("{0}")]
    Size(String),
}

impl From<Error> for quintet_plonk::Error {
    fn from(error: Error) -> Self {
        Self::Hardware(Box::new(error))
    }
}
