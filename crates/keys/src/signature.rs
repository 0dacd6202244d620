//! Signatures over 32-byte signing roots: decoding, verification, aggregation.

use std::{any::Any, fmt, str::FromStr};

use blst::{BLST_ERROR, Pairing, blst_p2_affine, min_pk};
use quintet_types::SignatureBytes;

use crate::{BlsError, PointFault, PublicKey, bytes::decode_hex};

/// Domain separation tag of the consensus layer's signatures (proof-of-possession ciphersuite, minimal public keys).
pub const SIGNATURE_DST: &[u8] = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

/// A point of the prime-order subgroup of G2 other than infinity, single or aggregated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(min_pk::Signature);

impl Signature {
    /// Length of the compressed form.
    pub const BYTES: usize = 96;

    /// For signatures made here, which need no check.
    pub(crate) fn from_trusted(signature: min_pk::Signature) -> Self {
        Self(signature)
    }

    pub(crate) fn point(&self) -> &blst_p2_affine {
        (&self.0).into()
    }

    /// Decompresses and validates a signature.
    ///
    /// # Errors
    /// [`BlsError::Signature`] with what is wrong with the point.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Result<Self, BlsError> {
        let fault = |error| BlsError::Signature(PointFault::from(error));
        let signature = min_pk::Signature::uncompress(bytes).map_err(fault)?;
        signature.validate(true).map_err(fault)?;
        Ok(Self(signature))
    }

    /// The compressed form.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        self.0.compress()
    }

    /// The uncompressed form, 192 bytes big-endian (x.c1, x.c0, y.c1, y.c0).
    #[must_use]
    pub fn to_uncompressed(&self) -> [u8; 192] {
        self.0.serialize()
    }

    /// Whether this is `key`'s signature of `signing_root`.
    #[must_use]
    pub fn verify(&self, signing_root: &[u8; 32], key: &PublicKey) -> bool {
        self.verify_message(signing_root, key, SIGNATURE_DST)
    }

    /// Verification under any tag; the tag decides what is being signed, so it never comes from outside the crate.
    pub(crate) fn verify_message(&self, message: &[u8], key: &PublicKey, dst: &[u8]) -> bool {
        self.pairing_holds([(message, key)].into_iter(), dst)
    }

    /// Adds signatures up.
    ///
    /// # Errors
    /// [`BlsError::EmptyAggregate`], or [`BlsError::Signature`] if they cancel to infinity.
    pub fn aggregate<'a>(signatures: impl IntoIterator<Item = &'a Self>) -> Result<Self, BlsError> {
        let mut signatures = signatures.into_iter();
        let first = signatures.next().ok_or(BlsError::EmptyAggregate)?;
        let mut sum = min_pk::AggregateSignature::from_signature(&first.0);
        let fault = |error| BlsError::Signature(PointFault::from(error));
        for signature in signatures {
            // Group membership is this type's invariant.
            sum.add_signature(&signature.0, false).map_err(fault)?;
        }
        let sum = sum.to_signature();
        sum.validate(true).map_err(fault)?;
        Ok(Self(sum))
    }

    /// Whether this is the aggregate of all `keys`' signatures of one root (`FastAggregateVerify`).
    ///
    /// Sound only for keys whose possession was proved ([`crate::ProofOfPossession`]): otherwise one signer can choose
    /// a key that cancels the others. No keys, or keys that cancel to infinity, verify nothing.
    #[must_use]
    pub fn fast_aggregate_verify<'a>(&self, signing_root: &[u8; 32], keys: impl IntoIterator<Item = &'a PublicKey>) -> bool {
        let mut keys = keys.into_iter();
        let Some(first) = keys.next() else { return false };
        let mut sum = min_pk::AggregatePublicKey::from_public_key(first.inner());
        for key in keys {
            if sum.add_public_key(key.inner(), false).is_err() {
                return false;
            }
        }
        let sum = sum.to_public_key();
        if sum.validate().is_err() {
            return false;
        }
        self.verify(signing_root, &PublicKey::from_trusted(sum))
    }

    /// Whether this is the aggregate of each key's signature of its own root (`AggregateVerify`). Keys need proofs of
    /// possession if roots repeat. No pairs verify nothing.
    #[must_use]
    pub fn aggregate_verify<'a>(&self, pairs: impl IntoIterator<Item = (&'a [u8; 32], &'a PublicKey)>) -> bool {
        let pairs = pairs.into_iter().map(|(root, key)| (root.as_slice(), key));
        self.pairing_holds(pairs, SIGNATURE_DST)
    }

    /// `Π e(keyᵢ, H(messageᵢ)) = e(g₁, self)`, on this thread.
    fn pairing_holds<'a>(&self, pairs: impl Iterator<Item = (&'a [u8], &'a PublicKey)>, dst: &[u8]) -> bool {
        let mut pairing = Pairing::new(true, dst);
        let mut signature: &dyn Any = self.point();
        for (message, key) in pairs {
            // Both points are validated values, so neither is checked again; blst takes "no signature" as any other type.
            let added = pairing.aggregate(key.point(), false, signature, false, message, &[]);
            if added != BLST_ERROR::BLST_SUCCESS {
                return false;
            }
            signature = &();
        }
        pairing.commit();
        // Without any pair there is nothing to compare with, and blst says no.
        pairing.finalverify(None)
    }
}

impl TryFrom<&[u8]> for Signature {
    type Error = BlsError;

    fn try_from(bytes: &[u8]) -> Result<Self, BlsError> {
        let got = bytes.len();
        let bytes = bytes.try_into().map_err(|_| BlsError::Length { expected: Self::BYTES, got })?;
        Self::from_bytes(bytes)
    }
}

impl TryFrom<&SignatureBytes> for Signature {
    type Error = BlsError;

    fn try_from(bytes: &SignatureBytes) -> Result<Self, BlsError> {
        Self::from_bytes(bytes)
    }
}

impl From<Signature> for SignatureBytes {
    fn from(signature: Signature) -> Self {
        signature.to_bytes().into()
    }
}

impl FromStr for Signature {
    type Err = BlsError;

    /// Hex, with or without `0x`.
    fn from_str(text: &str) -> Result<Self, BlsError> {
        let bytes = decode_hex(text).map_err(|_| BlsError::Signature(PointFault::Encoding))?;
        Self::try_from(bytes.as_slice())
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.to_bytes()))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SecretKey;

    fn secret(seed: u8) -> SecretKey {
        SecretKey::from_bytes(&[seed; 32]).unwrap()
    }

    /// The secret whose key is the negative of `secret`'s: r − s, in big-endian bytes.
    fn negated(secret: &SecretKey) -> SecretKey {
        let order = "73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001";
        let order: [u8; 32] = hex::decode(order).unwrap().try_into().unwrap();
        let scalar = secret.expose_bytes();
        let (mut out, mut borrow) = ([0u8; 32], 0i16);
        for i in (0..32).rev() {
            let digit = i16::from(order[i]) - i16::from(scalar[i]) - borrow;
            borrow = i16::from(digit < 0);
            out[i] = digit.rem_euclid(256) as u8;
        }
        SecretKey::from_bytes(&out).unwrap()
    }

    #[test]
    fn signature_holds_for_its_root_and_key_only() {
        let (a, b) = (secret(1), secret(2));
        let signature = a.sign(&[7; 32]);
        assert!(signature.verify(&[7; 32], &a.public_key()));
        assert!(!signature.verify(&[8; 32], &a.public_key()));
        assert!(!signature.verify(&[7; 32], &b.public_key()));
        assert_eq!(Signature::from_bytes(&signature.to_bytes()).unwrap(), signature);
    }

    #[test]
    fn aggregate_needs_every_signer_exactly_once() {
        let secrets = [secret(1), secret(2), secret(3)];
        let root = [9; 32];
        let keys: Vec<_> = secrets.iter().map(SecretKey::public_key).collect();
        let signatures: Vec<_> = secrets.iter().map(|s| s.sign(&root)).collect();
        let aggregate = Signature::aggregate(&signatures).unwrap();
        assert!(aggregate.fast_aggregate_verify(&root, &keys));
        assert!(!aggregate.fast_aggregate_verify(&root, &keys[..2]));
        assert!(!aggregate.fast_aggregate_verify(&root, keys.iter().chain(&keys[..1])));
        assert!(!aggregate.fast_aggregate_verify(&root, []));
        assert!(!aggregate.aggregate_verify([]));
        assert_eq!(Signature::aggregate([]).unwrap_err(), BlsError::EmptyAggregate);
    }

    #[test]
    fn aggregate_over_distinct_roots_verifies_pairwise() {
        let secrets = [secret(1), secret(2)];
        let roots = [[4; 32], [5; 32]];
        let keys = secrets.each_ref().map(SecretKey::public_key);
        let signatures = [secrets[0].sign(&roots[0]), secrets[1].sign(&roots[1])];
        let aggregate = Signature::aggregate(&signatures).unwrap();
        assert!(aggregate.aggregate_verify(roots.iter().zip(&keys)));
        assert!(!aggregate.aggregate_verify(roots.iter().rev().zip(&keys)));
    }

    #[test]
    fn cancelling_keys_and_signatures_are_refused() {
        let (a, minus_a) = (secret(1), negated(&secret(1)));
        let root = [3; 32];
        let cancelled = Signature::aggregate(&[a.sign(&root), minus_a.sign(&root)]);
        assert_eq!(cancelled.unwrap_err(), BlsError::Signature(PointFault::Infinity));
        let keys = [a.public_key(), minus_a.public_key()];
        assert!(!a.sign(&root).fast_aggregate_verify(&root, &keys));
    }

    #[test]
    fn infinity_and_foreign_points_are_no_signatures() {
        let mut infinity = [0u8; 96];
        infinity[0] = 0xc0;
        assert_eq!(Signature::from_bytes(&infinity).unwrap_err(), BlsError::Signature(PointFault::Infinity));
        let mut outside = 0;
        for x in 1u8..=20 {
            let mut bytes = [0u8; 96];
            (bytes[0], bytes[95]) = (0x80, x);
            match Signature::from_bytes(&bytes).unwrap_err() {
                BlsError::Signature(PointFault::NotInGroup) => outside += 1,
                BlsError::Signature(PointFault::NotOnCurve) => {}
                other => panic!("x = {x}: {other}"),
            }
        }
        assert!(outside > 2, "{outside}");
    }
}
