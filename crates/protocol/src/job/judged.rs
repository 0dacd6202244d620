//! What a certified bundle holds, once its submissions have been looked up and verified.

use std::collections::BTreeMap;

use quintet_types::{InstanceIndex, ProverIndex, Root};

use crate::rewards::FullProofParts;
use crate::settlement::Claims;

/// A T1 submission.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JudgedCommitments {
    /// The digests it commits to, in rising order of instance.
    pub claims: Claims,
    /// Whether the full proof that came with it verifies; `None` if none came.
    pub full_proof: Option<bool>,
}

/// A T2 submission.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JudgedPartials {
    /// Instances whose partial has D's digest and verifies.
    pub valid: Vec<InstanceIndex>,
    /// Whether the full proof that came with it verifies; `None` if none came.
    pub full_proof: Option<bool>,
}

/// A T3–T5 submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JudgedFullProof {
    /// It verifies; who made its parts, in plan order.
    Valid(Vec<ProverIndex>),
    /// It does not.
    False,
}

/// All submissions in a bundle, by prover. Provers that were not selected may be among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhaseContent {
    /// T1.
    Commitments {
        /// The submissions.
        submissions: BTreeMap<ProverIndex, JudgedCommitments>,
        /// D as the bundle has it, one for each instance, `None` for a hole.
        digests: Vec<Option<Root>>,
    },
    /// T2.
    Partials(BTreeMap<ProverIndex, JudgedPartials>),
    /// T3, T4 or T5.
    FullProofs(BTreeMap<ProverIndex, JudgedFullProof>),
}

impl PhaseContent {
    /// Provers whose full proof verifies.
    pub(super) fn senders(&self) -> Vec<ProverIndex> {
        self.with_full_proof(true)
    }

    /// Provers whose full proof does not verify.
    pub(super) fn false_senders(&self) -> Vec<ProverIndex> {
        self.with_full_proof(false)
    }

    fn with_full_proof(&self, verifies: bool) -> Vec<ProverIndex> {
        match self {
            Self::Commitments { submissions, .. } => pick(submissions, |submission| submission.full_proof == Some(verifies)),
            Self::Partials(submissions) => pick(submissions, |submission| submission.full_proof == Some(verifies)),
            Self::FullProofs(submissions) => {
                pick(submissions, |submission| matches!(submission, JudgedFullProof::Valid(_)) == verifies)
            }
        }
    }

    /// The valid full proofs of a T3–T5.
    pub(super) fn parts(&self) -> Vec<FullProofParts> {
        let Self::FullProofs(submissions) = self else { return Vec::new() };
        submissions
            .iter()
            .filter_map(|(&submitter, submission)| match submission {
                JudgedFullProof::Valid(makers) => Some(FullProofParts { submitter, makers: makers.clone() }),
                JudgedFullProof::False => None,
            })
            .collect()
    }
}

fn pick<T>(submissions: &BTreeMap<ProverIndex, T>, which: impl Fn(&T) -> bool) -> Vec<ProverIndex> {
    submissions.iter().filter(|(_, submission)| which(submission)).map(|(prover, _)| *prover).collect()
}
