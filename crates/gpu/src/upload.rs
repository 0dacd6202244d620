//! Witness columns on the device, as narrow as their values.

use quintet_air::{ColumnData, F};

use crate::{Batch, Buffer, Device, Error, KernelSpec, Slice, columns::groups, field};

/// A column of integers of `bits` bits each, packed into words: what multi-scalar multiplications read, and what field elements are made from.
#[derive(Debug)]
pub struct PackedColumn {
    buffer: Buffer,
    bits: u32,
    count: usize,
}

impl PackedColumn {
    /// Brings a column to the device in the narrowest of 8, 16, 32 and 64 bits that holds its integers, or as field elements.
    ///
    /// # Errors
    /// If there is not enough memory.
    pub fn new(device: &Device, column: &ColumnData) -> Result<Self, Error> {
        match column {
            ColumnData::Field(values) => Self::field(device, values),
            ColumnData::Uint(values) => {
                let bits = width(values);
                let buffer = device.upload("column", &pack(values, bits))?;
                Ok(Self { buffer, bits, count: values.len() })
            }
        }
    }

    /// Brings field elements to the device.
    ///
    /// # Errors
    /// If there is not enough memory.
    pub fn field(device: &Device, values: &[F]) -> Result<Self, Error> {
        Ok(Self { buffer: device.upload("column", &field::integers(values))?, bits: 256, count: values.len() })
    }

    /// Its words.
    pub fn words(&self) -> Slice<'_> {
        self.buffer.all()
    }

    /// Bits of a value.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// Number of values.
    pub fn count(&self) -> usize {
        self.count
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
