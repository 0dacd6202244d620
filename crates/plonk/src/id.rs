//! Names of things that proofs are about.

use std::fmt;

use ff::FromUniformBytes;
use quintet_air::F;

use crate::{
    hash::{Domain, ProofHash},
    suite::Hash,
};

/// One instance of one AIR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceId {
    /// Number of the AIR in the machine.
    pub air: u16,
    /// Number of the instance among those of its AIR.
    pub index: u32,
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.air, self.index)
    }
}

/// A prover's public key, as bytes: what a proof is bound to. Whose key it is and that it is a valid one is the protocol's business.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProverKey(pub [u8; ProverKey::BYTES]);

impl ProverKey {
    /// Length of a compressed BLS12-381 G1 point.
    pub const BYTES: usize = 48;
}

impl fmt::Debug for ProverKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The element that makes a proof useless to anyone but its maker: a hash of prover key, job and instance, in the instance column.
pub fn binding(prover: &ProverKey, job_root: &[u8; 32], id: InstanceId) -> F {
    Hash::new(Domain::Binding).bytes(&prover.0).word(job_root).uint(u64::from(id.air)).uint(u64::from(id.index)).element()
}

/// A 32-byte hash as a field element: both halves, so that nothing is lost to the modulus.
pub(crate) fn to_field(digest: &crate::Digest) -> F {
    let mut wide = [0; 64];
    wide[..32].copy_from_slice(&digest.0);
    F::from_uniform_bytes(&wide)
}
