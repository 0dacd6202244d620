//! Constants of the two fields in a layout's limbs: generated, so that none is typed in.

use ff::PrimeField;
use pasta_curves::{Fp, Fq};

use super::Context;

/// Which of the two Pasta fields a kernel computes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldKind {
    /// Scalars of commitments: what columns hold.
    Fp,
    /// Coordinates of commitments.
    Fq,
}

/// How a field element is cut into limbs while it is computed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Twenty limbs of 13 bits: products of all limbs add up in 32 bits without carries.
    Limbs13,
    /// Eight limbs of 32 bits, with 64-bit integers.
    Limbs32,
}

impl Layout {
    /// Name, for tables and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Limbs13 => "13-bit limbs",
            Self::Limbs32 => "32-bit limbs with 64-bit products",
        }
    }

    const fn bits(self) -> u32 {
        match self {
            Self::Limbs13 => 13,
            Self::Limbs32 => 32,
        }
    }

    const fn limbs(self) -> u32 {
        match self {
            Self::Limbs13 => 20,
            Self::Limbs32 => 8,
        }
    }

    /// Log₂ of the Montgomery radix.
    pub const fn radix_bits(self) -> u32 {
        self.bits() * self.limbs()
    }

    /// The factor by which elements are multiplied on the device.
    pub fn radix<T: PrimeField>(self) -> T {
        T::from(2).pow_vartime([u64::from(self.radix_bits())])
    }

    fn cut(self, bytes: &[u8; 32]) -> Vec<u32> {
        let bit = |place: u32| bytes.get(place as usize / 8).map_or(0, |byte| u32::from(byte >> (place % 8)) & 1);
        let limb = |limb: u32| (0..self.bits()).map(|place| bit(limb * self.bits() + place) << place).sum();
        (0..self.limbs()).map(limb).collect()
    }
}

/// What shaders know of a field in a layout: `LIMBS`, `BITS`, and limb by limb the modulus `P_i`, the radix `ONE_i` (which is 1 in Montgomery form), its
/// square `R2_i`; `P_INV`, the negative inverse of the modulus modulo `2^BITS`; lists `P_LIMBS` and `P_HIGH` of the modulus' limbs that are not 0, the
/// second without the lowest; the bits of the modulus minus 2 as eight words `P_MINUS_2_i`.
pub fn constants(field: FieldKind, layout: Layout) -> Context {
    match field {
        FieldKind::Fp => of::<Fp>(layout),
        FieldKind::Fq => of::<Fq>(layout),
    }
}

fn of<T: PrimeField<Repr = [u8; 32]>>(layout: Layout) -> Context {
    let mut context = Context::default();
    context.set("LIMBS", i64::from(layout.limbs())).set("BITS", i64::from(layout.bits()));
    context.set("INT64", i64::from(layout == Layout::Limbs32));
    // −1 is the modulus minus 1, which is even, so that adding 1 carries nothing.
    let mut bytes = (-T::ONE).to_repr();
    bytes[0] += 1;
    let modulus = layout.cut(&bytes);
    let radix: T = layout.radix();
    for (name, limbs) in
        [("P", modulus.clone()), ("ONE", layout.cut(&radix.to_repr())), ("R2", layout.cut(&radix.square().to_repr()))]
    {
        for (place, limb) in limbs.into_iter().enumerate() {
            context.set(&format!("{name}_{place}"), i64::from(limb));
        }
    }
    let places = || (0i64..).zip(&modulus).filter(|(_, limb)| **limb != 0).map(|(place, _)| place);
    context.set_list("P_LIMBS", places()).set_list("P_HIGH", places().skip(1));
    // Newton's iteration doubles the number of correct bits; an odd number is its own inverse modulo 8.
    let inverse =
        (0..4).fold(modulus[0], |inverse, _| inverse.wrapping_mul(2u32.wrapping_sub(modulus[0].wrapping_mul(inverse))));
    context.set("P_INV", i64::from(inverse.wrapping_neg() & (u32::MAX >> (32 - layout.bits()))));
    let minus_two = (-T::from(2)).to_repr();
    for (place, word) in minus_two.as_chunks::<4>().0.iter().enumerate() {
        context.set(&format!("P_MINUS_2_{place}"), i64::from(u32::from_le_bytes(*word)));
    }
    context
}
