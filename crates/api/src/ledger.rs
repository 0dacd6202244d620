//! The ledger as the gateway shows it.

use quintet_types::{
    Balance, EquivocationEvidence, JobId, LedgerEntry, PublicKeyBytes, Root, SigningVariant, Slot, ValidatorEquivocation,
    WrongDigestEvidence,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /v1/ledger`.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct LedgerView {
    /// Hash tree root over all entries, provisional ones included.
    #[schema(value_type = String)]
    pub root: Root,
    /// Hash tree root over the entries of finalized blocks.
    #[schema(value_type = String)]
    pub finalized_root: Root,
    /// Last finalized slot.
    #[schema(value_type = String)]
    pub finalized_slot: Slot,
    /// Accounts with a balance.
    pub accounts: Vec<AccountView>,
}

/// One account.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct AccountView {
    /// `prover` or `validator`, and the index.
    #[schema(value_type = Object)]
    pub account: quintet_types::Account,
    /// Sum of positive entries, in 10⁻⁹ of the source's unit.
    #[schema(value_type = String)]
    pub rewards: Balance,
    /// Sum of negative entries.
    #[schema(value_type = String)]
    pub penalties: Balance,
    /// The part of both that belongs to finalized blocks.
    #[schema(value_type = String)]
    pub finalized: Balance,
}

/// One ledger entry with the parameter that was applied.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct RewardEntry {
    /// The entry.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub entry: LedgerEntry,
    /// Name of the parameter in the source's table or ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
}

/// `GET /v1/validators/{index}/rewards`.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct ValidatorRewards {
    /// Sum in 10⁻⁹ of the source's unit.
    #[schema(value_type = String)]
    pub total: Balance,
    /// The entries, newest job first, at most 1000.
    pub entries: Vec<RewardEntry>,
}

/// `GET /v1/evidence`: faults that anyone can check.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct EvidenceView {
    /// Two signed headers of one prover for one job and phase.
    #[schema(value_type = Vec<Object>)]
    pub equivocations: Vec<EquivocationEvidence>,
    /// Signed T1 bodies with a digest that recomputation contradicts, of the jobs that are kept.
    #[schema(value_type = Vec<Object>)]
    pub wrong_digests: Vec<WrongDigestEvidence>,
    /// Validators that contradicted themselves while a phase was agreed on, kept for good: the first evidence for each job, phase and validator.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub validators: Vec<ValidatorEvidence>,
}

/// Two proposals or two votes by one validator for one round, with what it takes to check the signatures.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct ValidatorEvidence {
    /// The job.
    pub job: JobId,
    /// The validator's key.
    pub pubkey: PublicKeyBytes,
    /// What its signatures are over.
    pub signing: SigningVariant,
    /// What it signed.
    pub evidence: ValidatorEquivocation,
}
