//! From a password to 32 bytes: scrypt or PBKDF2, with limits on what a foreign file may ask of us.

use hmac::Hmac;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{KeystoreError, Password};

/// Most memory that scrypt may take, 128·n·r bytes. The EIP's own vector needs 256 MiB.
const MAX_SCRYPT_BYTES: u64 = 512 << 20;
/// Most work of scrypt in blocks, n·r·p. The EIP's own vector has 2²¹.
const MAX_SCRYPT_WORK: u64 = 1 << 24;
/// Most rounds of PBKDF2. The EIP's own vector has 2¹⁸.
const MAX_PBKDF2_ROUNDS: u32 = 1 << 24;
/// Longest salt taken.
const MAX_SALT_BYTES: usize = 1024;

/// How much an attacker must pay for each guess at the password, and we once for each start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KdfCost {
    /// scrypt with n = 2^`log_n`.
    Scrypt {
        /// Binary logarithm of the cost.
        log_n: u8,
        /// Block size.
        r: u32,
        /// Parallelism.
        p: u32,
    },
    /// PBKDF2 over HMAC-SHA256.
    Pbkdf2 {
        /// Iterations.
        rounds: u32,
    },
}

impl KdfCost {
    /// The EIP's scrypt parameters: 256 MiB of memory. What a new keystore gets unless asked otherwise.
    pub const SCRYPT: Self = Self::Scrypt { log_n: 18, r: 8, p: 1 };
    /// The EIP's PBKDF2 parameters, for machines without the memory.
    pub const PBKDF2: Self = Self::Pbkdf2 { rounds: 1 << 18 };
    /// Next to no protection: for keys without value on throw-away networks and in tests.
    pub const DEVNET: Self = Self::Scrypt { log_n: 10, r: 8, p: 1 };

    /// Refuses what would take absurd memory or time, and what scrypt is not defined for.
    fn check(self) -> Result<(), KeystoreError> {
        let field = |field, reason| Err(KeystoreError::Field { field, reason });
        match self {
            Self::Scrypt { log_n, r, p } => {
                if log_n == 0 || log_n > 31 || r == 0 || p == 0 {
                    return field("kdf.params", format!("n = 2^{log_n}, r = {r}, p = {p}"));
                }
                let blocks = (1u64 << log_n).saturating_mul(u64::from(r));
                if blocks.saturating_mul(128) > MAX_SCRYPT_BYTES
                    || blocks.saturating_mul(u64::from(p)) > MAX_SCRYPT_WORK
                    || u64::from(r) * u64::from(p) >= 1 << 30
                {
                    return field("kdf.params", format!("n = 2^{log_n}, r = {r}, p = {p} asks for too much memory or time"));
                }
            }
            Self::Pbkdf2 { rounds } if rounds == 0 || rounds > MAX_PBKDF2_ROUNDS => {
                return field("kdf.params.c", format!("{rounds} rounds, allowed are 1 to {MAX_PBKDF2_ROUNDS}"));
            }
            Self::Pbkdf2 { .. } => {}
        }
        Ok(())
    }
}

/// A cost with its salt, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kdf {
    cost: KdfCost,
    salt: Vec<u8>,
}

impl Kdf {
    pub(super) fn new(cost: KdfCost, salt: Vec<u8>) -> Result<Self, KeystoreError> {
        cost.check()?;
        if salt.len() > MAX_SALT_BYTES {
            let reason = format!("{} bytes, at most {MAX_SALT_BYTES}", salt.len());
            return Err(KeystoreError::Field { field: "kdf.params.salt", reason });
        }
        Ok(Self { cost, salt })
    }

    pub(super) fn cost(&self) -> KdfCost {
        self.cost
    }

    pub(super) fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// The 32 derived bytes. A longer `dklen` has these as its prefix in both functions.
    pub(super) fn derive(&self, password: &Password) -> Result<Zeroizing<[u8; 32]>, KeystoreError> {
        let mut out = Zeroizing::new([0; 32]);
        let refused = |what: &dyn std::fmt::Display| KeystoreError::Field {
            field: "kdf.params",
            reason: format!("{:?} refused: {what}", self.cost),
        };
        match self.cost {
            KdfCost::Scrypt { log_n, r, p } => {
                let params = scrypt::Params::new(log_n, r, p, out.len()).map_err(|error| refused(&error))?;
                scrypt::scrypt(password.as_bytes(), &self.salt, &params, &mut *out).map_err(|error| refused(&error))?;
            }
            KdfCost::Pbkdf2 { rounds } => {
                pbkdf2::pbkdf2::<Hmac<Sha256>>(password.as_bytes(), &self.salt, rounds, &mut *out)
                    .map_err(|error| refused(&error))?;
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absurd_costs_are_refused_before_any_work() {
        for (log_n, r, p) in
            [(0, 8, 1), (32, 8, 1), (18, 0, 1), (18, 8, 0), (30, 8, 1), (18, 64, 1), (18, 8, 64), (1, u32::MAX, u32::MAX)]
        {
            assert!(Kdf::new(KdfCost::Scrypt { log_n, r, p }, vec![]).is_err(), "{log_n} {r} {p}");
        }
        for rounds in [0, u32::MAX] {
            assert!(Kdf::new(KdfCost::Pbkdf2 { rounds }, vec![]).is_err(), "{rounds}");
        }
        assert!(Kdf::new(KdfCost::PBKDF2, vec![0; 1025]).is_err());
        assert!(Kdf::new(KdfCost::SCRYPT, vec![0; 32]).is_ok());
    }

    #[test]
    fn every_cost_that_passes_the_check_can_be_run() {
        let password = Password::new("x");
        for (log_n, r, p) in [(1, 1, 1), (4, 8, 2), (10, 8, 1), (15, 1, 1)] {
            let kdf = Kdf::new(KdfCost::Scrypt { log_n, r, p }, vec![1]).unwrap();
            assert!(kdf.derive(&password).is_ok(), "{log_n} {r} {p}");
        }
    }
}
