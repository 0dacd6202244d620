//! Public keys: validated points of G1, 48 bytes compressed.

use std::{
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

use blst::{blst_p1_affine, min_pk};
use quintet_types::PublicKeyBytes;

use crate::{BlsError, PointFault, bytes::decode_hex};

/// A point of the prime-order subgroup of G1 other than infinity.
///
/// Decoding decompresses and checks the subgroup (tens of microseconds): keep the value, not the bytes, for keys that
/// verify more than once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(min_pk::PublicKey);

impl PublicKey {
    /// Length of the compressed form.
    pub const BYTES: usize = 48;

    /// For keys computed here from a secret, which need no check.
    pub(crate) fn from_trusted(key: min_pk::PublicKey) -> Self {
        Self(key)
    }

    pub(crate) fn point(&self) -> &blst_p1_affine {
        (&self.0).into()
    }

    pub(crate) fn inner(&self) -> &min_pk::PublicKey {
        &self.0
    }

    /// Decompresses and validates a key (`KeyValidate` of the IETF draft).
    ///
    /// # Errors
    /// [`BlsError::PublicKey`] with what is wrong with the point.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Result<Self, BlsError> {
        let fault = |error| BlsError::PublicKey(PointFault::from(error));
        let key = min_pk::PublicKey::uncompress(bytes).map_err(fault)?;
        key.validate().map_err(fault)?;
        Ok(Self(key))
    }

    /// The compressed form.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        self.0.compress()
    }

    /// The uncompressed form, x then y, 96 bytes big-endian: what an EVM contract takes apart for EIP-2537.
    #[must_use]
    pub fn to_uncompressed(&self) -> [u8; 96] {
        self.0.serialize()
    }
}

impl TryFrom<&[u8]> for PublicKey {
    type Error = BlsError;

    fn try_from(bytes: &[u8]) -> Result<Self, BlsError> {
        let got = bytes.len();
        let bytes = bytes.try_into().map_err(|_| BlsError::Length { expected: Self::BYTES, got })?;
        Self::from_bytes(bytes)
    }
}

impl TryFrom<&PublicKeyBytes> for PublicKey {
    type Error = BlsError;

    fn try_from(bytes: &PublicKeyBytes) -> Result<Self, BlsError> {
        Self::from_bytes(bytes)
    }
}

impl From<PublicKey> for PublicKeyBytes {
    fn from(key: PublicKey) -> Self {
        key.to_bytes().into()
    }
}

impl FromStr for PublicKey {
    type Err = BlsError;

    /// Hex, with or without `0x`.
    fn from_str(text: &str) -> Result<Self, BlsError> {
        let bytes = decode_hex(text).map_err(|_| BlsError::PublicKey(PointFault::Encoding))?;
        Self::try_from(bytes.as_slice())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.to_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl Hash for PublicKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.to_bytes().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infinity_and_garbage_are_no_public_keys() {
        let mut infinity = [0u8; 48];
        infinity[0] = 0xc0;
        assert_eq!(PublicKey::from_bytes(&infinity).unwrap_err(), BlsError::PublicKey(PointFault::Infinity));
        // An infinity with a sign, and one with a coordinate, are not even encodings.
        for (at, value) in [(0, 0xe0), (47, 1)] {
            let mut bytes = infinity;
            bytes[at] = value;
            assert_eq!(PublicKey::from_bytes(&bytes).unwrap_err(), BlsError::PublicKey(PointFault::Encoding));
        }
        // Without the compression bit.
        assert_eq!(PublicKey::from_bytes(&[0; 48]).unwrap_err(), BlsError::PublicKey(PointFault::Encoding));
        assert_eq!(PublicKey::try_from([1u8; 3].as_slice()).unwrap_err(), BlsError::Length { expected: 48, got: 3 });
    }

    #[test]
    fn a_curve_point_outside_the_subgroup_is_refused() {
        // The cofactor of G1 is about 2^126: small x with a point on the curve are never in the subgroup.
        let mut seen = 0;
        for x in 1u8..=40 {
            let mut bytes = [0u8; 48];
            (bytes[0], bytes[47]) = (0x80, x);
            match PublicKey::from_bytes(&bytes).unwrap_err() {
                BlsError::PublicKey(PointFault::NotInGroup) => seen += 1,
                BlsError::PublicKey(PointFault::NotOnCurve) => {}
                other => panic!("x = {x}: {other}"),
            }
        }
        assert!(seen > 5, "{seen}");
    }

    #[test]
    fn a_coordinate_beyond_the_field_is_refused() {
        let modulus = "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab";
        let mut bytes: [u8; 48] = hex::decode(modulus).unwrap().try_into().unwrap();
        bytes[0] |= 0x80;
        assert_eq!(PublicKey::from_bytes(&bytes).unwrap_err(), BlsError::PublicKey(PointFault::Encoding));
    }
}
