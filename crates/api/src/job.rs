//! Jobs, their phases, instances and submissions as the gateway shows them.

use quintet_types::{InstanceIndex, JobId, Phase, ProverIndex, PublicKeyBytes, Root, Slot, ValidatorIndex};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::CertificateState;

/// Where a job is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Opened; T1 has not begun.
    Announced,
    /// Commitments are taken.
    T1,
    /// Partial proofs are taken.
    T2,
    /// Full proofs are taken.
    T3,
    /// First fall-back.
    T4,
    /// Second fall-back.
    T5,
    /// A valid full proof was included.
    Finalized,
    /// All attempts ended without one.
    Failed,
    /// Too few provers could be drawn.
    Unserved,
    /// Its block left the head; it goes on if the block comes back.
    Suspended,
}

/// A line in the list of jobs.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct JobSummary {
    /// `slot-block_root-sub_block-attempt`.
    pub id: String,
    /// The same in parts.
    #[schema(value_type = Object)]
    pub job: JobId,
    /// Where it is.
    pub state: JobState,
    /// Gas used by the block.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub gas_used: u64,
    /// Number of transactions of the block.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub transactions: u64,
    /// Number of selected provers.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub num_provers: u64,
    /// Number of instances; 0 until the plan is made.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub num_instances: u64,
    /// End of the current phase, Unix time in milliseconds; 0 if none runs.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub deadline_ms: u64,
}

/// One phase of a job.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct PhaseView {
    /// Which.
    #[schema(value_type = String)]
    pub phase: Phase,
    /// Start, Unix time in milliseconds.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub starts_ms: u64,
    /// Deadline, Unix time in milliseconds.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub deadline_ms: u64,
    /// When it was closed; absent while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_ms: Option<u64>,
    /// Root of the bundle that closed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub bundle_root: Option<Root>,
    /// The validator whose bundle closed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub leader: Option<ValidatorIndex>,
    /// Its rank in this phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<u16>,
    /// Where the agreement of several validators is; `…/certificates` says more.
    #[serde(default)]
    pub certificate: CertificateState,
    /// Submissions in the bundle, or so far.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub submissions: u64,
}

/// How far one instance is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InstanceState {
    /// Assigned.
    Assigned,
    /// Someone committed.
    Committed,
    /// A valid partial proof is there.
    Proven,
    /// A full proof contains it.
    Aggregated,
}

/// One instance of the plan.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct InstanceView {
    /// Place in the plan.
    #[schema(value_type = String)]
    pub instance: InstanceIndex,
    /// Name of the AIR.
    pub air: String,
    /// Index among the instances of its AIR.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub index: u64,
    /// Rows in use.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub rows: u64,
    /// How far it is.
    pub state: InstanceState,
    /// Provers with a valid partial proof of it.
    #[schema(value_type = Vec<String>)]
    pub proven_by: Vec<PublicKeyBytes>,
}

/// Everything about a job.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct JobDetail {
    /// As in the list.
    #[serde(flatten)]
    pub summary: JobSummary,
    /// Root of the plan; absent until it is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub plan_root: Option<Root>,
    /// Log₂ of the rows of every instance; 0 until the plan is made.
    pub k: u8,
    /// Hash of the canonical input.
    #[schema(value_type = String)]
    pub input_root: Root,
    /// Selected provers in order of selection.
    #[schema(value_type = Vec<String>)]
    pub selected: Vec<PublicKeyBytes>,
    /// Phases so far.
    pub phases: Vec<PhaseView>,
    /// Instances of the plan.
    pub instances: Vec<InstanceView>,
    /// Root of the full proof that finalized the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub full_proof: Option<Root>,
    /// Why the job is where it is, if that needs a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Filter and paging of `GET /v1/jobs`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
pub struct JobFilter {
    /// Only jobs in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<JobState>,
    /// Only jobs of blocks at this slot or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_slot: Option<u64>,
    /// Only jobs of blocks at this slot or earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_slot: Option<u64>,
    /// Most entries of an answer, at most 1000; 100 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Where to go on: `next` of the answer before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// What one selected prover owes: an entry of `GET /v1/jobs/{id}/assignments`.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct Assignment {
    /// The prover's index in the registry.
    #[schema(value_type = String)]
    pub index: ProverIndex,
    /// The prover.
    #[schema(value_type = String)]
    pub prover: PublicKeyBytes,
    /// Instances to commit in T1.
    #[schema(value_type = Vec<String>)]
    pub commit: Vec<InstanceIndex>,
    /// Instances to prove in T2.
    #[schema(value_type = Vec<String>)]
    pub prove: Vec<InstanceIndex>,
}

/// `GET /v1/jobs/{id}/challenge`, once T1 is closed.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct Challenge {
    /// D: one digest for each plan entry, in plan order.
    #[schema(value_type = Vec<String>)]
    pub digests: Vec<Root>,
    /// Challenge α, little-endian.
    #[schema(value_type = String)]
    pub alpha: Root,
    /// Challenge β, little-endian.
    #[schema(value_type = String)]
    pub beta: Root,
}

/// A submission without its body.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct SubmissionView {
    /// Who submitted.
    #[schema(value_type = String)]
    pub prover: PublicKeyBytes,
    /// The phase.
    #[schema(value_type = String)]
    pub phase: Phase,
    /// Root of the body; the body is at `…/{body_root}`.
    #[schema(value_type = String)]
    pub body_root: Root,
    /// Arrival, Unix time in milliseconds.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub received_ms: u64,
    /// Bytes of the SSZ body.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub bytes: u64,
    /// Instances whose commitment or proof is valid; all instances for a valid full proof.
    #[schema(value_type = Vec<String>)]
    pub valid: Vec<InstanceIndex>,
}

/// Answer to a submission: it is on disk.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct Accepted {
    /// Root of the body.
    #[schema(value_type = String)]
    pub body_root: Root,
    /// False if the same submission was already here.
    pub new: bool,
}

impl JobState {
    /// Whether nothing more will happen.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Finalized | Self::Failed | Self::Unserved)
    }
}

impl JobSummary {
    /// Slot of the block.
    pub const fn slot(&self) -> Slot {
        self.job.slot
    }
}

/// A prover that could be drawn.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct Candidate {
    /// Index in the registry.
    #[schema(value_type = String)]
    pub index: ProverIndex,
    /// Key.
    #[schema(value_type = String)]
    pub pubkey: PublicKeyBytes,
    /// Weight in 1/65,536.
    pub weight: u32,
}

/// `GET /v1/jobs/{id}/selection`: what the selection was drawn from, and what came of it.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct SelectionView {
    /// RANDAO mix after the block.
    #[schema(value_type = String)]
    pub randao_mix: Root,
    /// Gas used by the block.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub gas_used: u64,
    /// Eligible provers by index.
    pub candidates: Vec<Candidate>,
    /// Those of them that were busy.
    #[schema(value_type = Vec<String>)]
    pub unavailable: Vec<ProverIndex>,
    /// Those that a retry leaves out for wrong digests in earlier attempts.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub culprits: Vec<ProverIndex>,
    /// The set of the attempt before this one, in its order; what a retry with the same set starts from.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub before: Vec<ProverIndex>,
    /// Those of it that missed both T1 and T2, whom a retry with the same set leaves out.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub idle: Vec<ProverIndex>,
    /// Selected provers in the order of the draw.
    #[schema(value_type = Vec<String>)]
    pub selected: Vec<ProverIndex>,
    /// Provers drawn after them, who may fill holes in T1.
    #[schema(value_type = Vec<String>)]
    pub reserves: Vec<ProverIndex>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_survives_its_json() {
        let job = JobId { slot: Slot(7), block_root: Root::repeat_byte(1), sub_block: 0, attempt: 1 };
        let summary = JobSummary {
            id: job.to_string(),
            job,
            state: JobState::T2,
            gas_used: 252_000,
            transactions: 12,
            num_provers: 4,
            num_instances: 1,
            deadline_ms: 99,
        };
        let instance = InstanceView {
            instance: InstanceIndex(0),
            air: "cpu".into(),
            index: 0,
            rows: 5,
            state: InstanceState::Proven,
            proven_by: vec![PublicKeyBytes::repeat_byte(2)],
        };
        let phase = PhaseView {
            phase: Phase::T1,
            starts_ms: 1,
            deadline_ms: 2,
            closed_ms: Some(3),
            bundle_root: Some(Root::repeat_byte(3)),
            leader: Some(ValidatorIndex(7)),
            rank: Some(1),
            certificate: CertificateState::Certified,
            submissions: 4,
        };
        let detail = JobDetail {
            summary,
            plan_root: Some(Root::repeat_byte(4)),
            k: 11,
            input_root: Root::repeat_byte(5),
            selected: vec![PublicKeyBytes::repeat_byte(2)],
            phases: vec![phase],
            instances: vec![instance],
            full_proof: None,
            note: None,
        };
        let json = serde_json::to_string(&detail).unwrap();
        assert_eq!(serde_json::from_str::<JobDetail>(&json).unwrap(), detail, "{json}");
    }
}
