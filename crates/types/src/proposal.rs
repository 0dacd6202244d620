//! A leader's proposal of a bundle, for one round of the agreement.

use serde::{Deserialize, Serialize};
use ssz_derive::{Decode, Encode};
use ssz_types::VariableList;
use ssz_types::typenum::U1;
use tree_hash::TreeHash as _;
use tree_hash_derive::TreeHash;

use crate::bundle::MaxCommittee;
use crate::domain::DOMAIN_PROPOSAL;
use crate::vote::{Ballot, SignedVote, VoteKind};
use crate::{BundleCertificate, Phase, PhaseBundle, Root, SignatureBytes, SigningVariant, Spec, ValidatorIndex};

/// What a proposer signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Encode, Decode, TreeHash)]
pub struct Proposal {
    /// Root of the job's id.
    pub job_root: Root,
    /// The phase.
    pub phase: Phase,
    /// Round of the agreement.
    #[serde(with = "crate::quoted")]
    pub round: u32,
    /// One more than the round in which the bundle got the prevotes of more than two thirds; 0 for a new bundle.
    #[serde(with = "crate::quoted")]
    pub polka: u32,
    /// Root of the bundle.
    pub bundle_root: Root,
    /// Who proposes.
    pub proposer: ValidatorIndex,
}

impl Proposal {
    /// The round in which the bundle got its prevotes, `None` for a new bundle.
    pub const fn polka_round(&self) -> Option<u32> {
        self.polka.checked_sub(1)
    }

    /// What the proposer signs if its key signs in `variant`.
    pub fn signing_root(&self, variant: SigningVariant, spec: &Spec) -> Root {
        variant.signing_root(self.tree_hash_root(), spec.domain(DOMAIN_PROPOSAL), spec)
    }
}

/// One of the prevotes by which a bundle may be proposed once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Encode, Decode, TreeHash)]
pub struct PolkaVote {
    /// Who voted.
    pub validator: ValidatorIndex,
    /// Its signature of the ballot.
    pub signature: SignatureBytes,
}

/// A proposal with what others need to judge it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode, TreeHash)]
pub struct SignedProposal {
    /// What is signed.
    pub proposal: Proposal,
    /// The bundle.
    pub bundle: PhaseBundle,
    /// The certificate of the previous phase that `bundle.attesters` are the signers of; at most one.
    pub previous: VariableList<BundleCertificate, U1>,
    /// The prevotes of `proposal.polka_round()`, rising by validator; empty for a new bundle.
    pub polka: VariableList<PolkaVote, MaxCommittee>,
    /// The proposer's signature.
    pub signature: SignatureBytes,
}

impl SignedProposal {
    /// The prevotes that come with a bundle that is proposed once more.
    pub fn polka_votes(&self) -> impl Iterator<Item = SignedVote> + '_ {
        let ballot = self.proposal.polka_round().map(|round| Ballot {
            job_root: self.proposal.job_root,
            phase: self.proposal.phase,
            round,
            bundle_root: self.proposal.bundle_root,
        });
        ballot.into_iter().flat_map(|ballot| {
            self.polka.iter().map(move |vote| SignedVote {
                ballot,
                kind: VoteKind::Prevote,
                validator: vote.validator,
                signature: vote.signature,
            })
        })
    }
}
