//! Keys from a seed: the tree of EIP-2333 and the paths of EIP-2334.

use std::{fmt, str::FromStr};

use blst::min_pk;
use zeroize::Zeroizing;

use crate::{BlsError, SecretKey, bytes::decode_hex};

/// `purpose` of EIP-2334: keys on BLS12-381.
pub const PURPOSE_BLS12_381: u32 = 12381;
/// `coin_type` of EIP-2334: Ethereum's consensus layer.
pub const ETH2_COIN_TYPE: u32 = 3600;
/// Last step of a stake key's path. EIP-2334 gives the 0th child of a withdrawal key to the validator; provers take
/// the 81st (0x51, as in our signing domains), so that a seed shared with validators never yields one key for both.
pub const PROVER_USE: u32 = 81;

/// The root of a tree of keys, 32 bytes at least. Wiped on drop; its `Debug` shows nothing.
pub struct Seed(Zeroizing<Vec<u8>>);

impl Seed {
    /// Takes a seed.
    ///
    /// # Errors
    /// [`BlsError::ShortSeed`] below 32 bytes.
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Result<Self, BlsError> {
        if bytes.len() < 32 {
            return Err(BlsError::ShortSeed { got: bytes.len() });
        }
        Ok(Self(bytes))
    }

    /// Takes a seed written in hex, with or without `0x`; white space around it is left out.
    ///
    /// # Errors
    /// [`BlsError::SeedNotHex`], [`BlsError::ShortSeed`].
    pub fn from_hex(text: &str) -> Result<Self, BlsError> {
        Self::new(Zeroizing::new(decode_hex(text.trim()).map_err(|_| BlsError::SeedNotHex)?))
    }

    /// The key at the root (`derive_master_SK`).
    ///
    /// # Errors
    /// [`BlsError::SecretKey`] never in practice: the seed's length is checked.
    pub fn master_key(&self) -> Result<SecretKey, BlsError> {
        min_pk::SecretKey::derive_master_eip2333(&self.0).map(SecretKey).map_err(|_| BlsError::SecretKey)
    }

    /// The key at the end of a path.
    ///
    /// # Errors
    /// As [`Seed::master_key`].
    pub fn derive(&self, path: &DerivationPath) -> Result<SecretKey, BlsError> {
        let master = self.master_key()?;
        Ok(path.0.iter().fold(master, |parent, &index| parent.derive_child(index)))
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(redacted)")
    }
}

impl SecretKey {
    /// The child key at `index` (`derive_child_SK`).
    #[must_use]
    pub fn derive_child(&self, index: u32) -> Self {
        Self(self.0.derive_child_eip2333(index))
    }
}

/// The way from the master key to a key, e.g. `m/12381/3600/0/0/81`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DerivationPath(Vec<u32>);

impl DerivationPath {
    /// A path from its steps; none of them stands for the master key.
    #[must_use]
    pub fn new(steps: Vec<u32>) -> Self {
        Self(steps)
    }

    /// `m/12381/3600/account/0/81`, the path of a prover's stake key.
    #[must_use]
    pub fn prover(account: u32) -> Self {
        Self(vec![PURPOSE_BLS12_381, ETH2_COIN_TYPE, account, 0, PROVER_USE])
    }

    /// `m/12381/3600/account/0/0`, the path of a validator's signing key.
    #[must_use]
    pub fn validator_signing(account: u32) -> Self {
        Self(vec![PURPOSE_BLS12_381, ETH2_COIN_TYPE, account, 0, 0])
    }

    /// The steps after `m`.
    #[must_use]
    pub fn steps(&self) -> &[u32] {
        &self.0
    }

    /// Whether EIP-2334 allows the path: its purpose, and four levels at least.
    #[must_use]
    pub fn is_eip2334(&self) -> bool {
        self.0.len() >= 4 && self.0[0] == PURPOSE_BLS12_381
    }
}

impl fmt::Display for DerivationPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("m")?;
        self.0.iter().try_for_each(|step| write!(f, "/{step}"))
    }
}

impl FromStr for DerivationPath {
    type Err = BlsError;

    fn from_str(path: &str) -> Result<Self, BlsError> {
        let wrong = |reason| BlsError::Path { path: path.to_owned(), reason };
        let mut parts = path.split('/');
        if parts.next() != Some("m") {
            return Err(wrong("starts with `m`"));
        }
        let step = |part: &str| {
            let canonical = part.bytes().all(|byte| byte.is_ascii_digit()) && (part.len() == 1 || !part.starts_with('0'));
            part.parse::<u32>()
                .ok()
                .filter(|_| canonical)
                .ok_or_else(|| wrong("steps are decimal numbers below 2^32 (no hardened steps)"))
        };
        parts.map(step).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn prover_and_validator_paths_never_meet() {
        assert_eq!(DerivationPath::prover(7).to_string(), "m/12381/3600/7/0/81");
        assert_ne!(DerivationPath::prover(7), DerivationPath::validator_signing(7));
        assert!(DerivationPath::prover(7).is_eip2334());
        assert!(!"m/44/60/0/0".parse::<DerivationPath>().unwrap().is_eip2334());
        assert!(!"m/12381/3600/0".parse::<DerivationPath>().unwrap().is_eip2334());
    }

    #[test]
    fn malformed_paths_are_refused() {
        for path in ["", "12381", "m/", "m/1/", "m//1", "m/1'", "m/+1", "m/-1", "m/01", "m/4294967296", "M/1", "m/ 1"] {
            assert!(path.parse::<DerivationPath>().is_err(), "{path:?}");
        }
        assert_eq!("m".parse::<DerivationPath>().unwrap().steps(), &[] as &[u32]);
    }

    #[test]
    fn short_seed_is_refused() {
        assert_eq!(Seed::from_hex("0x00").unwrap_err(), BlsError::ShortSeed { got: 1 });
        assert_eq!(Seed::from_hex("zz").unwrap_err(), BlsError::SeedNotHex);
    }

    proptest! {
        #[test]
        fn paths_survive_a_round_trip(steps in proptest::collection::vec(any::<u32>(), 0..8)) {
            let path = DerivationPath::new(steps);
            prop_assert_eq!(path.to_string().parse::<DerivationPath>().unwrap(), path);
        }
    }
}
