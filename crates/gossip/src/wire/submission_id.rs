//! The announcement of a submission: its signed header, small and of fixed size.

use quintet_types::{JobId, Phase, PublicKeyBytes, Root, SignatureBytes, Submission, SubmissionHeader};
use ssz_derive::{Decode, Encode};
use tree_hash::TreeHash as _;
use tree_hash_derive::TreeHash;

use super::topic::Topic;

/// What sidecars tell each other of a submission; whoever wants the rest pulls it by [`SubmissionId::root`].
///
/// It carries the job itself and not its root only, so that who gets it need not know the job by root, and the prover's signature, so that nobody can make
/// others pull what no prover signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode, TreeHash)]
pub struct SubmissionId {
    /// The job.
    pub job: JobId,
    /// The phase.
    pub phase: Phase,
    /// Key of the prover.
    pub prover: PublicKeyBytes,
    /// Hash tree root of the body.
    pub body_root: Root,
    /// The prover's signature over the header.
    pub signature: SignatureBytes,
}

impl SubmissionId {
    /// Length in SSZ.
    pub const BYTES: usize = 43 + 1 + 48 + 32 + 96;

    /// The id of a submission. Hashes its body.
    pub fn of(submission: &Submission) -> Self {
        Self::from_header(*submission.job(), &submission.header(), *submission.signature())
    }

    /// The id of the submission with this header.
    pub const fn from_header(job: JobId, header: &SubmissionHeader, signature: SignatureBytes) -> Self {
        Self { job, phase: header.phase, prover: header.prover, body_root: header.body_root, signature }
    }

    /// What the signature is over.
    pub fn header(&self) -> SubmissionHeader {
        SubmissionHeader { job_root: self.job.root(), phase: self.phase, prover: self.prover, body_root: self.body_root }
    }

    /// The name by which the submission is pulled: hash tree root of the header. Not the body's root, since two provers may well submit the same body, for
    /// example nothing.
    pub fn root(&self) -> Root {
        self.header().tree_hash_root()
    }

    /// Whether an announcement of it belongs on this topic.
    pub fn belongs_on(&self, topic: Topic) -> bool {
        self.topic() == topic
    }

    /// The topic that it is announced on.
    pub fn topic(&self) -> Topic {
        match self.phase {
            _ if self.job.is_aggregation() => Topic::AggProofs,
            Phase::T1 => Topic::Commitments,
            Phase::T2 => Topic::PartialProofs,
            Phase::T3 | Phase::T4 | Phase::T5 => Topic::FullProofs,
        }
    }
}

#[cfg(test)]
mod tests {
    use quintet_types::submission::SignedCommitments;
    use quintet_types::{Commitments, Decode as _, Encode as _, Slot};

    use super::*;

    fn id(phase: Phase, sub_block: u16) -> SubmissionId {
        let job = JobId { slot: Slot(9), block_root: Root::repeat_byte(7), sub_block, attempt: 0 };
        let submission = Submission::Commitments(SignedCommitments {
            job,
            phase,
            prover: PublicKeyBytes::repeat_byte(3),
            body: Commitments::default(),
            signature: SignatureBytes::repeat_byte(4),
        });
        SubmissionId::of(&submission)
    }

    #[test]
    fn size_is_fixed() {
        assert_eq!(id(Phase::T1, 0).as_ssz_bytes().len(), SubmissionId::BYTES);
        assert_eq!(<SubmissionId as quintet_types::Encode>::ssz_fixed_len(), SubmissionId::BYTES);
        assert!(SubmissionId::from_ssz_bytes(&[0; SubmissionId::BYTES]).is_err(), "there is no phase 0");
    }

    #[test]
    fn same_body_of_two_provers_has_two_roots() {
        let one = id(Phase::T1, 0);
        let other = SubmissionId { prover: PublicKeyBytes::repeat_byte(5), ..one };
        assert_eq!(one.body_root, other.body_root);
        assert_ne!(one.root(), other.root());
    }

    #[test]
    fn each_phase_has_its_topic() {
        for (phase, sub_block, topic) in [
            (Phase::T1, 0, Topic::Commitments),
            (Phase::T2, 1, Topic::PartialProofs),
            (Phase::T3, 0, Topic::FullProofs),
            (Phase::T5, 0, Topic::FullProofs),
            (Phase::T3, JobId::AGGREGATION, Topic::AggProofs),
        ] {
            let id = id(phase, sub_block);
            assert_eq!(id.topic(), topic);
            assert!(id.belongs_on(topic));
        }
        assert!(!id(Phase::T1, 0).belongs_on(Topic::PartialProofs));
        assert!(!id(Phase::T3, JobId::AGGREGATION).belongs_on(Topic::FullProofs));
    }
}
