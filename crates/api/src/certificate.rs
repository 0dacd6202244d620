//! Who closed a phase, and who agreed to it.

use quintet_types::{Phase, PublicKeyBytes, Root, SignatureBytes, ValidatorIndex};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where the agreement on a phase is.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CertificateState {
    /// This sidecar runs alone: it closes phases by itself, and nobody certifies anything.
    #[default]
    Alone,
    /// The phase is open, and its deadline is not here yet.
    Waiting,
    /// The deadline has passed, and the validators have not agreed yet.
    Agreeing,
    /// More than two thirds of the weight signed the bundle.
    Certified,
}

/// One phase in `GET /v1/jobs/{id}/certificates`.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct CertificateView {
    /// Which.
    #[schema(value_type = String)]
    pub phase: Phase,
    /// Where the agreement is.
    pub state: CertificateState,
    /// How often the deadline moved because nobody certified a bundle in time.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub extensions: u64,
    /// Who may lead at the deadline as it is now, rank 0 first; empty once the phase is closed.
    #[schema(value_type = Vec<String>)]
    pub ranks: Vec<ValidatorIndex>,
    /// The round that the agreement is in, or the one of the certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<u32>,
    /// Whose bundle closed the phase; while it is open, whose turn the round is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub leader: Option<ValidatorIndex>,
    /// Its rank.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<u16>,
    /// Root of the bundle that closed the phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub bundle_root: Option<Root>,
    /// Who signed the certificate; while the phase is open, who has committed itself to a bundle in this round.
    #[schema(value_type = Vec<String>)]
    pub signers: Vec<ValidatorIndex>,
    /// Weight of these: gwei of effective balance, or seats where the job's committee was drawn.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub weight: u64,
    /// Weight of all who may vote.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub total_weight: u64,
    /// The aggregated signature, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub signature: Option<SignatureBytes>,
}

/// One full proof in `GET /v1/jobs/{id}/reuse`: whose partial proofs it is made of.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct ReuseView {
    /// The phase that it was submitted in.
    #[schema(value_type = String)]
    pub phase: Phase,
    /// Who submitted it.
    #[schema(value_type = String)]
    pub prover: PublicKeyBytes,
    /// Root of its body.
    #[schema(value_type = String)]
    pub body_root: Root,
    /// Whether it is in a bundle that closed its phase, so that reuse is paid.
    pub included: bool,
    /// For each instance in plan order the prover whose partial proof it holds, as a place in `provers` of the answer.
    pub makers: Vec<u32>,
}

/// `GET /v1/jobs/{id}/reuse`.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct JobReuse {
    /// Provers that are named in `makers`.
    #[schema(value_type = Vec<String>)]
    pub provers: Vec<PublicKeyBytes>,
    /// Valid full proofs of T3 to T5, in order of phase and prover.
    pub full_proofs: Vec<ReuseView>,
}
