//! Provers as the gateway shows them.

use quintet_types::{Balance, InstanceIndex, JobId, Phase, ProverIndex, PublicKeyBytes};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What a prover may do now.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProverStatus {
    /// Can be selected.
    Active,
    /// Works on a job.
    Busy,
    /// Registered, not active yet.
    Pending,
    /// Paused by its owner.
    Paused,
    /// Asked to leave.
    Exiting,
    /// Stake below the minimum.
    Underfunded,
}

/// A line in the list of provers.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct ProverView {
    /// Index in the registry.
    #[schema(value_type = String)]
    pub index: ProverIndex,
    /// Key.
    #[schema(value_type = String)]
    pub pubkey: PublicKeyBytes,
    /// Stake in gwei.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub stake_gwei: u64,
    /// Status.
    pub status: ProverStatus,
    /// Selection weight in 1/65,536; 65,536 is a newcomer's.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub weight: u64,
    /// Sum of ledger entries, provisional ones included, in 10⁻⁹ of the source's unit.
    #[schema(value_type = String)]
    pub balance: Balance,
}

/// Paging of `GET /v1/provers`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
pub struct ProverFilter {
    /// Most entries of an answer, at most 1000; 1000 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Where to go on: `next` of the answer before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

/// `GET /v1/provers/{pubkey}`.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct ProverDetail {
    /// As in the list.
    #[serde(flatten)]
    pub prover: ProverView,
    /// Duties of jobs that are not over.
    pub duties: Vec<DutyView>,
    /// Past duties, newest first, at most 100.
    pub history: Vec<HistoryView>,
}

/// What a prover owes to one job.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct DutyView {
    /// The job.
    #[schema(value_type = Object)]
    pub job: JobId,
    /// Instances to commit in T1.
    #[schema(value_type = Vec<String>)]
    pub commit: Vec<InstanceIndex>,
    /// Instances to prove in T2.
    #[schema(value_type = Vec<String>)]
    pub prove: Vec<InstanceIndex>,
}

/// What became of one duty.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct HistoryView {
    /// The job.
    #[schema(value_type = Object)]
    pub job: JobId,
    /// The phase.
    #[schema(value_type = String)]
    pub phase: Phase,
    /// Instances that were due.
    pub due: u32,
    /// Instances delivered and valid.
    pub valid: u32,
}
