//! Phase bundles: the list of submissions with which a leader closes a phase, and its certificate.

use serde::{Deserialize, Serialize};
use ssz_derive::{Decode, Encode};
use ssz_types::VariableList;
use ssz_types::typenum::{U16, U64, U2048, U4096, Unsigned as _};
use tree_hash::TreeHash as _;
use tree_hash_derive::TreeHash;

use crate::plan::MaxPlanEntries;
use crate::vote::{Ballot, VoteKind};
use crate::{
    EquivocationEvidence, JobId, Phase, PublicKeyBytes, Root, SignatureBytes, SigningVariant, Slot, Spec, ValidatorIndex,
};

/// Most validators that one committee has, and so most signers of one certificate.
pub type MaxCommittee = U2048;

/// Most pieces of evidence in one bundle: two signatures to verify each.
pub type MaxEquivocations = U64;

/// Most pieces of evidence about earlier jobs in one bundle.
pub type MaxLateEquivocations = U16;

/// Evidence about a job that had its last bundle before the evidence came. The job's id tells where it stands on the chain; a header has its root only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode, TreeHash)]
pub struct LateEquivocation {
    /// The job that the prover signed two bodies for.
    pub job: JobId,
    /// What it signed.
    pub evidence: EquivocationEvidence,
}

/// One accepted submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Encode, Decode, TreeHash)]
pub struct BundleEntry {
    /// Key of the prover.
    pub prover: PublicKeyBytes,
    /// Root of the submitted body: with job, phase and prover this is the signed header.
    pub body_root: Root,
}

/// What a leader closes a phase with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode, TreeHash)]
pub struct PhaseBundle {
    /// The job.
    pub job: JobId,
    /// The phase that it closes.
    pub phase: Phase,
    /// Hash tree root of the previous phase's bundle (certified); zero in T1 of a first attempt.
    pub previous: Root,
    /// Signers of the certificate of `previous`, in rising order; none where there is no certificate. They share what
    /// this bundle earns its leader: certificates of one bundle may differ in their signers, and this list is agreed.
    pub attesters: VariableList<ValidatorIndex, MaxCommittee>,
    /// The validator that made the bundle.
    pub leader: ValidatorIndex,
    /// The leader's rank in this phase: 0 is the proposer of the deadline slot.
    #[serde(with = "crate::quoted")]
    pub rank: u16,
    /// Deadline slot that it closes the phase at.
    pub slot: Slot,
    /// Root of the plan that the submissions were judged by.
    pub plan_root: Root,
    /// Accepted submissions in rising order of key, no prover twice.
    pub accepted: VariableList<BundleEntry, U4096>,
    /// D when this closes T1: one digest for each entry of the plan, zero for a hole. Empty in other phases.
    pub digests: VariableList<Root, MaxPlanEntries>,
    /// Aggregations of sub-blocks that are included, in rising order of key.
    pub agg_proofs: VariableList<BundleEntry, U4096>,
    /// Provers that signed two bodies for this job, in rising order of phase and key, no two of one phase and prover: what
    /// they are fined for once this is certified. Empty where one sidecar runs alone, which books such a fine at once.
    pub equivocations: VariableList<EquivocationEvidence, MaxEquivocations>,
    /// The same of earlier jobs, in rising order of job, phase and key.
    pub late_equivocations: VariableList<LateEquivocation, MaxLateEquivocations>,
}

impl PhaseBundle {
    /// Hash tree root: what the leader and the attesters sign, and what the next bundle names.
    pub fn root(&self) -> Root {
        self.tree_hash_root()
    }

    /// Whether all lists rise strictly by key (evidence: by phase and key), which also means that no prover is there twice.
    pub fn is_ordered(&self) -> bool {
        let rises = |list: &[BundleEntry]| list.is_sorted_by(|a, b| a.prover < b.prover);
        let place = |evidence: &EquivocationEvidence| (evidence.header_1.phase, evidence.header_1.prover);
        rises(&self.accepted)
            && rises(&self.agg_proofs)
            && self.equivocations.is_sorted_by(|a, b| place(a) < place(b))
            && self.late_equivocations.is_sorted_by(|a, b| (a.job, place(&a.evidence)) < (b.job, place(&b.evidence)))
    }

    /// Most pieces of evidence that it has room for.
    pub const fn max_equivocations() -> usize {
        MaxEquivocations::USIZE
    }

    /// Most pieces of evidence about earlier jobs that it has room for.
    pub const fn max_late_equivocations() -> usize {
        MaxLateEquivocations::USIZE
    }

    /// All evidence that it brings, with the job that it is about.
    pub fn evidence(&self) -> impl Iterator<Item = (&JobId, &EquivocationEvidence)> {
        let of_here = self.equivocations.iter().map(|evidence| (&self.job, evidence));
        of_here.chain(self.late_equivocations.iter().map(|late| (&late.job, &late.evidence)))
    }

    /// Whether it brings evidence that a prover signed two bodies for the very phase that it closes.
    pub fn shows_equivocation_of(&self, prover: &PublicKeyBytes) -> bool {
        self.equivocations.iter().any(|evidence| evidence.header_1.phase == self.phase && evidence.prover() == prover)
    }

    /// D as this bundle of a T1 has it, `None` for holes; empty for other phases.
    pub fn settled_digests(&self) -> Vec<Option<Root>> {
        self.digests.iter().map(|digest| (*digest != Root::ZERO).then_some(*digest)).collect()
    }

    /// The ballot that a vote for this bundle in `round` casts.
    pub fn ballot(&self, round: u32) -> Ballot {
        Ballot { job_root: self.job.root(), phase: self.phase, round, bundle_root: self.root() }
    }
}

/// The precommits of more than two thirds of the committee's weight, in one round, for one bundle. Without signers where
/// one sidecar runs alone as its own leader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode, TreeHash)]
pub struct BundleCertificate {
    /// What all of them signed.
    pub ballot: Ballot,
    /// The signers in rising order, none twice.
    pub attesters: VariableList<ValidatorIndex, MaxCommittee>,
    /// Their aggregated signature; zero if there are none.
    pub signature: SignatureBytes,
}

impl BundleCertificate {
    /// The certificate of a sidecar that runs alone.
    pub fn alone(bundle: &PhaseBundle) -> Self {
        Self { ballot: bundle.ballot(0), attesters: VariableList::empty(), signature: SignatureBytes::ZERO }
    }

    /// Whether the signers rise strictly.
    pub fn is_ordered(&self) -> bool {
        self.attesters.is_sorted_by(|a, b| a < b)
    }

    /// What signers with this variant have signed.
    pub fn signing_root(&self, variant: SigningVariant, spec: &Spec) -> Root {
        self.ballot.signing_root(VoteKind::Precommit, variant, spec)
    }
}

/// A bundle that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode, TreeHash)]
pub struct CertifiedBundle {
    /// The bundle.
    pub bundle: PhaseBundle,
    /// Its certificate.
    pub certificate: BundleCertificate,
}
