//! Witness columns on their way to the device, as narrow as their values.

use quintet_air::{ColumnData, F};

use crate::{Batch, Buffer, Device, DeviceScalars, Error, KernelSpec, Slice, columns::groups, field};

/// A column of integers of `bits` bits each, packed into words, in the host's memory.
#[derive(Clone, Debug)]
pub struct HostColumn {
    words: Vec<u32>,
    bits: u32,
    count: usize,
}

impl HostColumn {
    /// Packs a column in the narrowest of 8, 16, 32 and 64 bits that holds its integers, or as field elements.
    pub fn new(column: &ColumnData) -> Self {
        match column {
            ColumnData::Field(values) => Self::field(values),
            ColumnData::Uint(values) => {
                let bits = width(values);
                Self { words: pack(values, bits), bits, count: values.len() }
            }
        }
    }

    /// Packs field elements.
    pub fn field(values: &[F]) -> Self {
        Self { words: field::integers(values), bits: 256, count: values.len() }
    }

    /// Bytes that it takes on a device.
    pub fn bytes(&self) -> u64 {
        (4 * self.words.len() as u64).next_multiple_of(16).max(16)
    }

    /// Brings it to a device.
    ///
    /// # Errors
    /// If there is not enough memory.
    pub fn upload(&self, device: &Device) -> Result<PackedColumn, Error> {
        Ok(PackedColumn { buffer: device.upload("column", &self.words)?, bits: self.bits, count: self.count })
    }
}

/// A [`HostColumn`] on a device: what multi-scalar multiplications read, and what field elements are made from.
#[derive(Debug)]
pub struct PackedColumn {
    buffer: Buffer,
    bits: u32,
    count: usize,
}

impl PackedColumn {
    /// Packs a column and brings it to the device.
    ///
    /// # Errors
    /// If there is not enough memory.
    pub fn new(device: &Device, column: &ColumnData) -> Result<Self, Error> {
        HostColumn::new(column).upload(device)
    }

    /// Its values as scalars.
    pub fn scalars(&self) -> DeviceScalars<'_> {
        DeviceScalars { words: self.buffer.all(), bits: self.bits, count: self.count }
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> u64 {
        self.buffer.bytes()
    }

    /// Bits of a value.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// Records its values as field elements; the rows of the target that it does not state become 0.
    ///
    /// # Errors
    /// If the device fails.
    pub fn expand(&self, batch: &mut Batch<'_>, target: Slice<'_>) -> Result<(), Error> {
        let rows = (target.bytes() / field::BYTES) as usize;
        let kernel = batch.device().kernel(&KernelSpec::fp("expand"))?;
        batch.run(&kernel, &[rows as u32, self.count as u32, self.bits], &[self.buffer.all(), target], groups(rows))
    }
}

fn width(values: &[u64]) -> u32 {
    let bits = values.iter().fold(0, |all, value| all | value).checked_ilog2().map_or(1, |top| top + 1);
    bits.next_power_of_two().max(8)
}

fn pack(values: &[u64], bits: u32) -> Vec<u32> {
    match bits {
        64 => values.iter().flat_map(|value| [*value as u32, (value >> 32) as u32]).collect(),
        bits => {
            let word =
                |values: &[u64]| (0..).zip(values).fold(0, |word, (place, value)| word | (*value as u32) << (place * bits));
            values.chunks((32 / bits) as usize).map(word).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_packed_as_narrow_as_they_are() {
        for (values, bits, words) in [
            (vec![], 8, vec![]),
            (vec![0, 0], 8, vec![0]),
            (vec![1, 0xff, 3, 4, 5], 8, vec![0x0403_ff01, 5]),
            (vec![0x100, 2, 3], 16, vec![0x0002_0100, 3]),
            (vec![1 << 31, 7], 32, vec![1 << 31, 7]),
            (vec![1 << 32, 7], 64, vec![0, 1, 7, 0]),
        ] {
            assert_eq!(width(&values), bits);
            assert_eq!(pack(&values, bits), words);
        }
    }
}
