//! Secret keys: made, loaded, used, and wiped from memory when dropped.

use blst::min_pk;
use rand::{TryRng, rngs::SysRng};
use zeroize::Zeroizing;

use crate::{BlsError, PublicKey, SIGNATURE_DST, Signature};

/// A scalar in `1..r`. Not `Clone`, and its `Debug` shows nothing; the memory is zeroed on drop.
pub struct SecretKey(pub(crate) min_pk::SecretKey);

impl SecretKey {
    /// A fresh key from the operating system's randomness (KeyGen of the IETF draft over 32 random bytes).
    ///
    /// # Errors
    /// [`BlsError::Randomness`] if the system has none to give.
    pub fn generate() -> Result<Self, BlsError> {
        let mut ikm = Zeroizing::new([0u8; 32]);
        random_bytes(&mut *ikm)?;
        min_pk::SecretKey::key_gen(&*ikm, &[]).map(Self).map_err(|_| BlsError::SecretKey)
    }

    /// Loads a key from 32 big-endian bytes.
    ///
    /// # Errors
    /// [`BlsError::SecretKey`] for zero and for anything from the group order on.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, BlsError> {
        min_pk::SecretKey::from_bytes(bytes).map(Self).map_err(|_| BlsError::SecretKey)
    }

    /// The scalar as 32 big-endian bytes, in memory that is wiped. For keystores and backups only.
    #[must_use]
    pub fn expose_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public key that belongs to this secret.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey::from_trusted(self.0.sk_to_pk())
    }

    /// Signs a 32-byte signing root (consensus specs, `compute_signing_root`). Deterministic.
    #[must_use]
    pub fn sign(&self, signing_root: &[u8; 32]) -> Signature {
        Signature::from_trusted(self.0.sign(signing_root, SIGNATURE_DST, &[]))
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey(redacted)")
    }
}

/// Fills `out` from the operating system.
pub(crate) fn random_bytes(out: &mut [u8]) -> Result<(), BlsError> {
    SysRng.try_fill_bytes(out).map_err(|error| BlsError::Randomness(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_outside_the_scalar_range_are_refused() {
        let order = "73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001";
        let order: [u8; 32] = hex::decode(order).unwrap().try_into().unwrap();
        assert_eq!(SecretKey::from_bytes(&[0; 32]).unwrap_err(), BlsError::SecretKey);
        assert_eq!(SecretKey::from_bytes(&order).unwrap_err(), BlsError::SecretKey);
        assert_eq!(SecretKey::from_bytes(&[0xff; 32]).unwrap_err(), BlsError::SecretKey);
        let mut below = order;
        below[31] = 0;
        assert!(SecretKey::from_bytes(&below).is_ok());
    }

    #[test]
    fn debug_output_shows_no_secret() {
        let secret = SecretKey::from_bytes(&[0x11; 32]).unwrap();
        let shown = format!("{secret:?} {secret:#?}");
        assert!(!shown.contains("11"), "{shown}");
    }

    #[test]
    fn fresh_keys_differ() {
        let (a, b) = (SecretKey::generate().unwrap(), SecretKey::generate().unwrap());
        assert_ne!(a.public_key(), b.public_key());
    }
}
