//! Evidence of faults that anyone can check.

use serde::{Deserialize, Serialize};
use ssz_derive::{Decode, Encode};
use tree_hash::TreeHash as _;
use tree_hash_derive::TreeHash;

use crate::submission::{CommitmentsSummary, SubmissionHeader};
use crate::{InstanceIndex, JobId, Phase, PublicKeyBytes, Root, SignatureBytes};

/// Two signed headers of one prover for the same job and phase with different bodies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode, TreeHash)]
pub struct EquivocationEvidence {
    /// The header with the lower `body_root`.
    pub header_1: SubmissionHeader,
    /// Signature of the first.
    pub signature_1: SignatureBytes,
    /// The other header.
    pub header_2: SubmissionHeader,
    /// Signature of the second.
    pub signature_2: SignatureBytes,
}

impl EquivocationEvidence {
    /// Puts two signed headers together, in canonical order, if they are an equivocation that is slashable.
    /// The signatures are the caller's to verify.
    pub fn new(a: (SubmissionHeader, SignatureBytes), b: (SubmissionHeader, SignatureBytes)) -> Option<Self> {
        let (first, second) = if a.0.body_root <= b.0.body_root { (a, b) } else { (b, a) };
        let evidence = Self { header_1: first.0, signature_1: first.1, header_2: second.0, signature_2: second.1 };
        evidence.is_slashable().then_some(evidence)
    }

    /// Whether the headers conflict in T1 or T2. From T3 on different bodies are legitimate: an aggregate
    /// depends on what its maker has seen.
    pub fn is_slashable(&self) -> bool {
        let (a, b) = (&self.header_1, &self.header_2);
        a.job_root == b.job_root
            && a.phase == b.phase
            && a.prover == b.prover
            && a.body_root < b.body_root
            && matches!(a.phase, Phase::T1 | Phase::T2)
    }

    /// Who signed both.
    pub const fn prover(&self) -> &PublicKeyBytes {
        &self.header_1.prover
    }

    /// Hash tree root. One offence has many evidences (other pairs of headers): count by (job, phase, prover).
    pub fn root(&self) -> Root {
        self.tree_hash_root()
    }
}

/// A prover signed a digest that differs from the one that recomputation gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode, TreeHash)]
pub struct WrongDigestEvidence {
    /// The job.
    pub job: JobId,
    /// Who signed.
    pub prover: PublicKeyBytes,
    /// The signed T1 body; its root is the header's `body_root`.
    pub body: CommitmentsSummary,
    /// Signature of the T1 header.
    pub signature: SignatureBytes,
    /// Which instance is wrong.
    pub instance: InstanceIndex,
    /// The right digest.
    pub expected: Root,
}

impl WrongDigestEvidence {
    /// The signed header.
    pub fn header(&self) -> SubmissionHeader {
        SubmissionHeader {
            job_root: self.job.root(),
            phase: Phase::T1,
            prover: self.prover,
            body_root: self.body.tree_hash_root(),
        }
    }

    /// Whether the body does hold a digest for the instance that differs from `expected`.
    pub fn is_consistent(&self) -> bool {
        self.body.commitments.iter().any(|c| c.instance == self.instance && c.digest != self.expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(phase: Phase, body: u8) -> (SubmissionHeader, SignatureBytes) {
        let header = SubmissionHeader {
            job_root: Root::repeat_byte(1),
            phase,
            prover: PublicKeyBytes::repeat_byte(2),
            body_root: Root::repeat_byte(body),
        };
        (header, SignatureBytes::repeat_byte(body))
    }

    #[test]
    fn different_bodies_in_t1_and_t2_are_slashable_and_later_ones_are_not() {
        for phase in Phase::ALL {
            let found = EquivocationEvidence::new(header(phase, 3), header(phase, 4)).is_some();
            assert_eq!(found, matches!(phase, Phase::T1 | Phase::T2));
        }
    }

    #[test]
    fn evidence_does_not_depend_on_which_came_first() {
        let (a, b) = (header(Phase::T1, 3), header(Phase::T1, 4));
        assert_eq!(EquivocationEvidence::new(a, b), EquivocationEvidence::new(b, a));
    }

    #[test]
    fn same_body_other_job_phase_or_prover_is_no_equivocation() {
        let (a, b) = (header(Phase::T1, 3), header(Phase::T1, 4));
        assert_eq!(EquivocationEvidence::new(a, a), None);
        let mut other = b;
        other.0.job_root = Root::ZERO;
        assert_eq!(EquivocationEvidence::new(a, other), None);
        let mut other = b;
        other.0.phase = Phase::T2;
        assert_eq!(EquivocationEvidence::new(a, other), None);
        let mut other = b;
        other.0.prover = PublicKeyBytes::ZERO;
        assert_eq!(EquivocationEvidence::new(a, other), None);
    }
}
