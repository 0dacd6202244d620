//! Integers in limbs, each limb looked up in the instance's limb table.

use crate::{Column, Expr, Packed, Proven, RowMut};

/// An integer below `2^bits`, little-endian in limb columns, enforced on every trace row. Made by [`crate::Builder::range`].
#[derive(Clone, Debug)]
pub struct Range {
    limbs: Vec<Column<Proven>>,
}

impl Range {
    pub(crate) fn new(limbs: Vec<Column<Proven>>) -> Self {
        Self { limbs }
    }

    /// Width of the integer.
    pub fn bits(&self) -> u32 {
        self.limbs.iter().map(Column::bits).sum()
    }

    /// The limbs, lowest first.
    pub fn limbs(&self) -> &[Column<Proven>] {
        &self.limbs
    }

    /// The integer.
    pub fn expr(&self) -> Expr {
        self.packed().expr()
    }

    /// The integer as a part of a message that can be packed further.
    pub fn packed(&self) -> Packed {
        self.limbs.iter().fold(Packed::empty(), |packed, limb| packed.push(*limb))
    }

    /// Writes the limbs of `value` into a row.
    ///
    /// Bits of `value` above [`Self::bits`] are dropped: a value out of range makes a trace that does not satisfy its constraints.
    pub fn write(&self, row: &mut RowMut<'_, '_>, value: u128) {
        let mut rest = value;
        for limb in &self.limbs {
            row.set(*limb, (rest & ((1 << limb.bits()) - 1)) as u64);
            rest >>= limb.bits();
        }
    }
}
