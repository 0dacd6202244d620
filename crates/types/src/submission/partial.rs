//! A partial proof and its id.

use serde::{Deserialize, Serialize};
use ssz_derive::{Decode, Encode};
use ssz_types::typenum::U32768;
use tree_hash::TreeHash as _;
use tree_hash_derive::TreeHash;

use crate::{ByteList, InstanceIndex, JobId, PublicKeyBytes, Root};

/// SSZ limit of one partial proof's bytes.
pub type MaxPartialProofBytes = U32768;

/// The proof of one instance under the challenge of D.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode, TreeHash)]
pub struct PartialProof {
    /// Which instance of the plan.
    pub instance: InstanceIndex,
    /// Digest of the phase-1 commitments it was made with; counts only if it equals D's entry.
    pub digest: Root,
    /// S, the instance's share of the bus sum: a canonical field element, little-endian.
    pub sum: Root,
    /// The proof.
    pub proof: ByteList<MaxPartialProofBytes>,
}

/// What a partial proof's id is the hash tree root of.
///
/// The prover is in it because every proof is bound to its prover's key: the same instance proven by two
/// provers is two partials.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, TreeHash)]
pub struct PartialId {
    /// The job.
    pub job: JobId,
    /// The instance.
    pub instance: InstanceIndex,
    /// Key of the prover that made it.
    pub prover: PublicKeyBytes,
    /// Its digest.
    pub digest: Root,
    /// Its S.
    pub sum: Root,
    /// Hash tree root of the proof's bytes.
    pub proof_root: Root,
}

impl PartialProof {
    /// The id under which full proofs refer to this partial.
    pub fn id(&self, job: &JobId, prover: &PublicKeyBytes) -> Root {
        PartialId {
            job: *job,
            instance: self.instance,
            prover: *prover,
            digest: self.digest,
            sum: self.sum,
            proof_root: self.proof.tree_hash_root(),
        }
        .tree_hash_root()
    }
}
