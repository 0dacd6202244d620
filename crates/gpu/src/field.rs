//! Field elements and points on their way to the device and back.

use ff::PrimeField;
use halo2_proofs::arithmetic::CurveAffine;
use pasta_curves::{EqAffine, Fq};

use crate::{Error, shader::Layout};

/// Words of an element in a buffer.
pub const WORDS: usize = 8;
/// Bytes of an element in a buffer.
pub const BYTES: u64 = 32;

/// The words of elements as integers.
pub fn integers<T: PrimeField<Repr = [u8; 32]>>(values: &[T]) -> Vec<u32> {
    values.iter().flat_map(words).collect()
}

/// The words of elements in Montgomery form, as kernels hold them.
pub fn montgomery<T: PrimeField<Repr = [u8; 32]>>(layout: Layout, values: &[T]) -> Vec<u32> {
    let radix: T = layout.radix();
    values.iter().flat_map(|value| words(&(*value * radix))).collect()
}

fn words<T: PrimeField<Repr = [u8; 32]>>(value: &T) -> [u32; WORDS] {
    let bytes = value.to_repr();
    let chunks = bytes.as_chunks::<4>().0;
    std::array::from_fn(|place| u32::from_le_bytes(chunks[place]))
}

/// Elements from the words of integers.
///
/// # Errors
/// If one is not below the modulus: no correct kernel writes that.
pub fn from_integers<T: PrimeField<Repr = [u8; 32]>>(words: &[u32]) -> Result<Vec<T>, Error> {
    let element = |words: &[u32; WORDS]| {
        let mut bytes = [0; 32];
        bytes.as_chunks_mut::<4>().0.iter_mut().zip(words).for_each(|(bytes, word)| *bytes = word.to_le_bytes());
        T::from_repr(bytes).into_option().ok_or(Error::WrongResult("a field element is not below the modulus"))
    };
    words.as_chunks::<WORDS>().0.iter().map(element).collect()
}

/// Elements from words in Montgomery form.
///
/// # Errors
/// As [`from_integers`].
pub fn from_montgomery<T: PrimeField<Repr = [u8; 32]>>(layout: Layout, words: &[u32]) -> Result<Vec<T>, Error> {
    let inverse = layout.radix::<T>().invert().into_option().unwrap_or(T::ONE);
    Ok(from_integers::<T>(words)?.into_iter().map(|value| value * inverse).collect())
}

/// The words of affine points in Montgomery form, x before y; the identity is (0, 0), which is not on the curve.
pub fn points(layout: Layout, points: &[EqAffine]) -> Vec<u32> {
    let coordinates = points.iter().flat_map(|point| {
        let coordinates = point.coordinates().into_option();
        coordinates.map_or([Fq::from(0); 2], |point| [*point.x(), *point.y()])
    });
    montgomery(layout, &coordinates.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ff::Field;
    use pasta_curves::Fp;

    #[test]
    fn words_are_read_back_and_checked() {
        let values = [Fp::ZERO, Fp::ONE, -Fp::ONE, Fp::from(1 << 40)];
        for layout in [Layout::Limbs13, Layout::Limbs32] {
            assert_eq!(from_montgomery::<Fp>(layout, &montgomery(layout, &values)).unwrap(), values);
        }
        assert_eq!(from_integers::<Fp>(&integers(&values)).unwrap(), values);
        let mut modulus = integers(&[-Fp::ONE]);
        modulus[0] += 1;
        assert!(matches!(from_integers::<Fp>(&modulus), Err(Error::WrongResult(_))));
    }
}
