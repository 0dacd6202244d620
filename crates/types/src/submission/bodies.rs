//! The bodies of submissions: T1 `Commitments`, T2 `PartialProofs`, T3–T5 `FullProof`, and `AggProof`.

use serde::{Deserialize, Serialize};
use ssz_derive::{Decode, Encode};
use ssz_types::VariableList;
use ssz_types::typenum::{U16, U64, U32768, U65536, U8388608};
use tree_hash::TreeHash as _;
use tree_hash_derive::TreeHash;

use super::PartialProof;
use crate::plan::MaxPlanEntries;
use crate::{BloomHash, ByteList, InstanceIndex, JobId, Root};

/// SSZ limit of a self-made full proof. The network's `MAX_FULL_PROOF_BYTES` is the smaller, effective one.
pub type MaxFullProofBytes = U8388608;

/// SSZ limit of sub-blocks. The network's `MAX_SUB_BLOCKS` is the smaller, effective one.
pub type MaxSubBlocks = U64;

/// The commitment to one instance.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode, TreeHash)]
pub struct Commitment {
    /// Which instance of the plan.
    pub instance: InstanceIndex,
    /// H(domain, AIR, index, k, boundary values, phase-1 points), computed by the proof system's hash.
    pub digest: Root,
    /// Boundary values, canonical field elements, little-endian; as many as the machine's AIRs all have.
    pub boundary: VariableList<Root, U16>,
    /// Compressed phase-1 commitment points, one after the other.
    pub points: ByteList<U32768>,
}

/// T1: commitments to the assigned instances, further ones at will, and optionally a full proof.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode, TreeHash)]
pub struct Commitments {
    /// In rising order of instance, none twice. Empty for an empty share.
    pub commitments: VariableList<Commitment, MaxPlanEntries>,
    /// A self-made full proof; empty for none.
    pub full_proof: ByteList<MaxFullProofBytes>,
}

/// [`Commitments`] with the full proof replaced by its root: the same hash tree root, fit for evidence.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode, TreeHash)]
pub struct CommitmentsSummary {
    /// As in [`Commitments`].
    pub commitments: VariableList<Commitment, MaxPlanEntries>,
    /// Hash tree root of the full proof's bytes.
    pub full_proof_root: Root,
}

/// T2: partial proofs of the assigned instances, and optionally a full proof.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode, TreeHash)]
pub struct PartialProofs {
    /// In rising order of instance, none twice.
    pub proofs: VariableList<PartialProof, MaxPlanEntries>,
    /// A self-made full proof; empty for none.
    pub full_proof: ByteList<MaxFullProofBytes>,
}

/// T3–T5: a full proof, put together from partial proofs.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode, TreeHash)]
pub struct FullProof {
    /// Ids of the partials it consists of, exactly one for each entry of the plan, in plan order.
    pub partials: VariableList<Root, MaxPlanEntries>,
    /// The sender's own partials among them that no certified bundle holds yet, in rising order of instance.
    pub own: VariableList<PartialProof, MaxPlanEntries>,
    /// The aggregation proof, bound to its maker's key.
    pub aggregation: ByteList<U65536>,
    /// Bloom filter over the ids of the partials that others made.
    pub bloom_hash: BloomHash,
}

/// One sub-block in an [`AggProof`].
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode, TreeHash)]
pub struct SubBlockProof {
    /// The sub-block's job, with the attempt that finalized.
    pub job: JobId,
    /// `body_root` of the full proof that finalized it.
    pub full_proof_root: Root,
    /// State root before the sub-block's first transaction.
    pub pre_state: Root,
    /// State root after its last.
    pub post_state: Root,
}

/// Gigagas: the proof that joins the sub-blocks of a block.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode, TreeHash)]
pub struct AggProof {
    /// All sub-blocks, in order.
    pub sub_blocks: VariableList<SubBlockProof, MaxSubBlocks>,
    /// The aggregation proof, bound to its maker's key.
    pub proof: ByteList<MaxFullProofBytes>,
}

impl Commitments {
    /// The self-made full proof, if there is one.
    pub fn full_proof(&self) -> Option<&[u8]> {
        (!self.full_proof.is_empty()).then_some(&self.full_proof)
    }

    /// The form of this body that evidence holds.
    pub fn summary(&self) -> CommitmentsSummary {
        CommitmentsSummary { commitments: self.commitments.clone(), full_proof_root: self.full_proof.tree_hash_root() }
    }

    /// Whether instances rise strictly, which also means that none is there twice.
    pub fn is_ordered(&self) -> bool {
        self.commitments.is_sorted_by(|a, b| a.instance < b.instance)
    }
}

impl PartialProofs {
    /// The self-made full proof, if there is one.
    pub fn full_proof(&self) -> Option<&[u8]> {
        (!self.full_proof.is_empty()).then_some(&self.full_proof)
    }

    /// Whether instances rise strictly, which also means that none is there twice.
    pub fn is_ordered(&self) -> bool {
        self.proofs.is_sorted_by(|a, b| a.instance < b.instance)
    }
}

impl FullProof {
    /// Whether the own partials' instances rise strictly.
    pub fn is_ordered(&self) -> bool {
        self.own.is_sorted_by(|a, b| a.instance < b.instance)
    }
}

#[cfg(test)]
mod tests {
    use tree_hash::TreeHash;

    use super::*;

    #[test]
    fn summary_has_the_root_of_the_body() {
        let mut body = Commitments::default();
        body.commitments.push(Commitment { instance: InstanceIndex(3), ..Commitment::default() }).unwrap();
        for bytes in [vec![], vec![7; 100]] {
            body.full_proof = bytes.try_into().unwrap();
            assert_eq!(body.summary().tree_hash_root(), body.tree_hash_root());
        }
    }

    #[test]
    fn repeated_instances_are_not_ordered() {
        let mut body = Commitments::default();
        assert!(body.is_ordered());
        for n in [1, 2] {
            body.commitments.push(Commitment { instance: InstanceIndex(n), ..Commitment::default() }).unwrap();
        }
        assert!(body.is_ordered());
        body.commitments.push(body.commitments[1].clone()).unwrap();
        assert!(!body.is_ordered());
    }
}
