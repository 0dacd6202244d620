//! How much memory steps take that can do with less: shares of what the device may hold.

use crate::{Device, field};

/// Sizes of buffers that hold a part of the work at a time, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rooms {
    /// Columns between two passes of a transform.
    pub(crate) scratch: u64,
    /// One multi-scalar multiplication.
    pub(crate) msm: u64,
    /// Columns of the host that are on the device at a time.
    pub(crate) columns: u64,
    /// Rows of all columns that constraints run over where the columns do not fit one binding.
    pub(crate) tile: u64,
    /// Uploads under way.
    pub(crate) uploads: u64,
    /// Most that one kernel sees.
    pub(crate) binding: u64,
}

impl Rooms {
    pub(crate) fn of(device: &Device) -> Self {
        Self::new(device.budget(), device.options().max_binding)
    }

    pub(crate) fn new(budget: u64, binding: u64) -> Self {
        let part = (budget / 32).min(64 << 20);
        Self {
            scratch: part.min(binding),
            msm: (budget / 4).min(1 << 30),
            columns: part,
            tile: part.min(binding),
            uploads: crate::device::uploads(budget),
            binding,
        }
    }

    /// Columns of so many rows that are transformed at a time.
    pub(crate) fn scratch_columns(&self, rows: usize) -> usize {
        ((self.scratch / (rows as u64 * field::BYTES)) as usize).clamp(1, 1 << 12)
    }
}
