//! Proofs of possession: why aggregation over a registry of keys is safe from keys made to cancel others.
//!
//! A proof is a signature under a tag of its own, [`POSSESSION_DST`], so that no protocol signature can pass for one and
//! the reverse. The plain form is `PopProve` of the IETF draft, over the 48 key bytes. The bound form signs the key bytes
//! followed by 32 bytes of the verifier's choice (chain, contract, owner address, …), so that a proof seen in one place
//! cannot be handed in under another name elsewhere. The lengths differ, so neither form passes for the other.

use crate::{BlsError, PublicKey, SecretKey, Signature};

/// Domain separation tag of proofs of possession.
pub const POSSESSION_DST: &[u8] = b"BLS_POP_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

/// Shows that whoever made it knows the secret of a public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProofOfPossession(Signature);

impl ProofOfPossession {
    /// The plain proof (`PopProve`).
    #[must_use]
    pub fn prove(secret: &SecretKey) -> Self {
        Self::sign(secret, &secret.public_key().to_bytes())
    }

    /// The proof for one purpose only, named by `binding`.
    #[must_use]
    pub fn prove_bound(secret: &SecretKey, binding: &[u8; 32]) -> Self {
        Self::sign(secret, &bound_message(&secret.public_key(), binding))
    }

    fn sign(secret: &SecretKey, message: &[u8]) -> Self {
        Self(Signature::from_trusted(secret.0.sign(message, POSSESSION_DST, &[])))
    }

    /// Whether this is a plain proof for `key` (`PopVerify`).
    #[must_use]
    pub fn verify(&self, key: &PublicKey) -> bool {
        self.0.verify_message(&key.to_bytes(), key, POSSESSION_DST)
    }

    /// Whether this is a proof for `key` made for `binding`.
    #[must_use]
    pub fn verify_bound(&self, key: &PublicKey, binding: &[u8; 32]) -> bool {
        self.0.verify_message(&bound_message(key, binding), key, POSSESSION_DST)
    }

    /// Decodes a proof; the point is validated, the proof is not yet verified.
    ///
    /// # Errors
    /// [`BlsError::Signature`] with what is wrong with the point.
    pub fn from_bytes(bytes: &[u8; Signature::BYTES]) -> Result<Self, BlsError> {
        Signature::from_bytes(bytes).map(Self)
    }

    /// The compressed form.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Signature::BYTES] {
        self.0.to_bytes()
    }

    /// The point behind the proof, for callers that need its uncompressed form.
    #[must_use]
    pub fn signature(&self) -> &Signature {
        &self.0
    }
}

/// `key ‖ binding`, 80 bytes.
fn bound_message(key: &PublicKey, binding: &[u8; 32]) -> [u8; 80] {
    let mut message = [0; 80];
    message[..48].copy_from_slice(&key.to_bytes());
    message[48..].copy_from_slice(binding);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proof_holds_for_its_key_and_binding_only() {
        let secret = SecretKey::from_bytes(&[1; 32]).unwrap();
        let other = SecretKey::from_bytes(&[2; 32]).unwrap().public_key();
        let key = secret.public_key();
        let plain = ProofOfPossession::prove(&secret);
        let bound = ProofOfPossession::prove_bound(&secret, &[9; 32]);
        assert!(plain.verify(&key) && bound.verify_bound(&key, &[9; 32]));
        assert!(!plain.verify(&other) && !bound.verify_bound(&other, &[9; 32]));
        assert!(!bound.verify_bound(&key, &[8; 32]));
        assert!(!bound.verify(&key) && !plain.verify_bound(&key, &[0; 32]));
        assert_eq!(ProofOfPossession::from_bytes(&plain.to_bytes()).unwrap(), plain);
    }

    #[test]
    fn signature_is_no_proof_of_possession() {
        let secret = SecretKey::from_bytes(&[1; 32]).unwrap();
        let key = secret.public_key();
        let signed = secret.0.sign(&key.to_bytes(), crate::SIGNATURE_DST, &[]);
        assert!(!ProofOfPossession(Signature::from_trusted(signed)).verify(&key));
    }
}
