//! The one LogUp bus through which AIRs talk: tags, messages and the two kinds of interaction.
//!
//! An interaction adds `± m / (α + tag + β·v₁ + β²·v₂ + …)` to the running sum of its instance for each trace row. Over all instances and the
//! verifier's public terms the sums add up to 0 exactly if what is sent equals what is received, except with probability about
//! `number of messages / |F|` (Haböck, *Multivariate lookups based on logarithmic derivatives*, 2022).

use ff::Field;

use crate::{
    Expr, F,
    column::{Column, Fixed, Free, Proven},
};

/// What a message is about. Messages with different tags never cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(pub u64);

impl Tag {
    /// Lookup of a value below `2^(k−1)` in the instance's own table.
    pub const LIMB: Self = Self(11);
    /// Lookup of a value below 256 in the instance's own table.
    pub const BYTE: Self = Self(12);
}

/// Several bounded values in one cell-sized value, lowest first. Only columns whose bound is proven in this AIR can be packed:
///
/// ```compile_fail
/// # use quintet_air::{Column, Free, Packed};
/// fn pack(operand: Column<Free>) -> Packed {
///     Packed::new(operand)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Packed {
    expr: Expr,
    bits: u32,
}

impl Packed {
    /// Widest sum of parts: below the field's 254 bits, so that no two different packings are equal.
    pub const MAX_BITS: u32 = 253;

    /// A packing of one column.
    pub fn new(column: Column<Proven>) -> Self {
        Self { expr: column.cur(), bits: column.bits }
    }

    /// A packing of nothing, 0 bits wide.
    pub fn empty() -> Self {
        Self { expr: Expr::zero(), bits: 0 }
    }

    /// Adds a column above what is there.
    ///
    /// # Panics
    /// If the packing becomes wider than [`Self::MAX_BITS`]: a mistake of the AIR's author, seen when the AIR is built.
    pub fn push(self, column: Column<Proven>) -> Self {
        let bits = self.bits + column.bits;
        assert!(bits <= Self::MAX_BITS, "packing of {bits} bits");
        Self { expr: self.expr + column.cur() * Expr::pow2(self.bits), bits }
    }

    /// The packed value.
    pub fn expr(&self) -> Expr {
        self.expr.clone()
    }

    /// Width in bits.
    pub fn bits(&self) -> u32 {
        self.bits
    }
}

/// An expression that is 0 or 1 on every trace row because of constraints of this AIR.
#[derive(Clone, Debug)]
pub struct Bool(pub(crate) Expr);

impl Bool {
    /// The expression.
    pub fn expr(&self) -> Expr {
        self.0.clone()
    }

    /// Both.
    pub fn and(&self, other: impl Into<Bool>) -> Self {
        Self(&self.0 * other.into().0)
    }

    /// This and not the other.
    pub fn and_not(&self, other: impl Into<Bool>) -> Self {
        Self(&self.0 * (Expr::one() - other.into().0))
    }
}

impl From<Column<Proven>> for Bool {
    /// # Panics
    /// If the column is wider than one bit: a mistake of the AIR's author, seen when the AIR is built.
    fn from(column: Column<Proven>) -> Self {
        assert_eq!(column.bits, 1, "a multiplicity has to be boolean");
        Self(column.cur())
    }
}

impl From<Fixed> for Bool {
    /// A fixed column is trusted to hold 0 and 1 only; [`crate::Builder::flag`] makes such columns.
    fn from(fixed: Fixed) -> Self {
        Self(fixed.cur())
    }
}

impl From<&Bool> for Bool {
    fn from(value: &Bool) -> Self {
        value.clone()
    }
}

/// A tagged tuple. Each part has a power of β of its own.
#[derive(Clone, Debug)]
pub struct Message {
    /// What it is about.
    pub tag: Tag,
    /// The tuple.
    pub parts: Vec<Expr>,
}

impl Message {
    /// A message without parts.
    pub fn new(tag: Tag) -> Self {
        Self { tag, parts: Vec::new() }
    }

    /// Adds one value, free or not.
    pub fn value(mut self, value: impl Into<Expr>) -> Self {
        self.parts.push(value.into());
        self
    }

    /// Adds several bounded values as one part.
    pub fn packed(self, packed: &Packed) -> Self {
        self.value(packed.expr())
    }

    /// Degree of the fingerprint: the parts are multiplied with a power of β, which is a column.
    pub fn degree(&self) -> usize {
        self.parts.iter().map(|part| part.degree() + 1).max().unwrap_or(0).max(1)
    }
}

/// `α + tag + β·v₁ + β²·v₂ + …`
pub fn fingerprint(alpha: F, beta: F, tag: Tag, parts: &[F]) -> F {
    let tail = parts.iter().rev().fold(F::ZERO, |sum, part| (sum + part) * beta);
    alpha + F::from(tag.0) + tail
}

/// The two kinds of interaction that exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InteractionKind {
    /// Both sides have boolean multiplicities.
    Permute,
    /// The user has a boolean multiplicity, the stateless provider a free one.
    Lookup,
}

/// One interaction of each trace row with the bus.
#[derive(Clone, Debug)]
pub struct Interaction {
    /// Name, unique in the AIR.
    pub name: String,
    /// Permute or lookup.
    pub kind: InteractionKind,
    /// How often the message counts, positive if sent (or provided), negative if received (or looked up).
    pub multiplicity: Expr,
    /// The message.
    pub message: Message,
}

/// A provider's multiplicity: the only free one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count(pub(crate) Column<Free>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprint_is_the_stated_polynomial() {
        let (alpha, beta) = (F::from(1000), F::from(10));
        let got = fingerprint(alpha, beta, Tag(7), &[F::from(2), F::from(3)]);
        assert_eq!(got, F::from(1000 + 7 + 20 + 300));
    }

    #[test]
    fn packing_places_columns_side_by_side() {
        let packed = Packed::new(Column::new(0, 5)).push(Column::new(1, 8));
        assert_eq!(packed.bits(), 13);
        let value = packed.expr().eval(&|cell| match cell {
            crate::Cell::Advice(0, 0) => F::from(3),
            _ => F::from(9),
        });
        assert_eq!(value, F::from(3 + (9 << 5)));
    }

    #[test]
    #[should_panic(expected = "packing of 256 bits")]
    fn packing_wider_than_the_field_is_refused() {
        (0..4).fold(Packed::empty(), |packed, i| packed.push(Column::new(i, 64)));
    }
}
