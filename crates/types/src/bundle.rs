//! Phase bundles: the list of submissions with which a leader closes a phase, and its certificate.

use serde::{Deserialize, Serialize};
use ssz_derive::{Decode, Encode};
use ssz_types::VariableList;
use ssz_types::typenum::{U2048, U4096};
use tree_hash::TreeHash as _;
use tree_hash_derive::TreeHash;

use crate::domain::{DOMAIN_BUNDLE, DOMAIN_CERTIFICATE, compute_signing_root};
use crate::plan::MaxPlanEntries;
use crate::{JobId, Phase, PublicKeyBytes, Root, SignatureBytes, Slot, Spec, ValidatorIndex};

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
    /// The validator that closes the phase.
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
}

impl PhaseBundle {
    /// Hash tree root: what the leader and the attesters sign, and what the next bundle names.
    pub fn root(&self) -> Root {
        self.tree_hash_root()
    }

    /// Whether both lists rise strictly by key, which also means that no prover is there twice.
    pub fn is_ordered(&self) -> bool {
        self.accepted.is_sorted_by(|a, b| a.prover < b.prover) && self.agg_proofs.is_sorted_by(|a, b| a.prover < b.prover)
    }

    /// D as this bundle of a T1 has it, `None` for holes; empty for other phases.
    pub fn settled_digests(&self) -> Vec<Option<Root>> {
        self.digests.iter().map(|digest| (*digest != Root::ZERO).then_some(*digest)).collect()
    }

    /// What the leader signs.
    pub fn signing_root(&self, spec: &Spec) -> Root {
        compute_signing_root(self.root(), spec.domain(DOMAIN_BUNDLE))
    }

    /// What an attester of this bundle signs.
    pub fn certificate_signing_root(&self, spec: &Spec) -> Root {
        compute_signing_root(self.root(), spec.domain(DOMAIN_CERTIFICATE))
    }
}

/// A bundle with its leader's signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode, TreeHash)]
pub struct SignedPhaseBundle {
    /// The bundle.
    pub bundle: PhaseBundle,
    /// The leader's signature.
    pub signature: SignatureBytes,
}

/// Enough validators' signatures under one bundle. Empty where one sidecar runs alone as its own leader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode, TreeHash)]
pub struct BundleCertificate {
    /// Root of the bundle.
    pub bundle_root: Root,
    /// The signers in rising order, none twice.
    pub attesters: VariableList<ValidatorIndex, U2048>,
    /// Their aggregated signature; zero if there are none.
    pub signature: SignatureBytes,
}

/// A bundle that counts: with its leader's signature and its certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode, TreeHash)]
pub struct CertifiedBundle {
    /// The bundle and its leader's signature.
    pub signed: SignedPhaseBundle,
    /// The certificate.
    pub certificate: BundleCertificate,
}
