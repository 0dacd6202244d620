//! A job as the sidecar holds it: what is on disk, and what is worked out from it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use quintet_plonk::{PartialProof as PlonkPartial, Round};
use quintet_protocol::{Job, JudgedFullProof, Settlement, checks::KnownPartial};
use quintet_proving::ProvingJob;
use quintet_types::{Commitment, InstanceIndex, JobId, Phase, ProverIndex, Root, Slot, Submission, ValidatorIndex};
use serde::{Deserialize, Serialize};

use crate::db;

/// What verification found in a submission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// T1.
    Commitments {
        /// Whether the full proof that came along verifies.
        full_proof: Option<bool>,
    },
    /// T2.
    Partials {
        /// Instances whose partial has D's digest and verifies.
        valid: Vec<InstanceIndex>,
        /// Whether the full proof that came along verifies.
        full_proof: Option<bool>,
    },
    /// T3 to T5.
    FullProof {
        /// Who made its parts, in plan order, if it verifies.
        makers: Option<Vec<ProverIndex>>,
    },
}

impl Verdict {
    /// As the protocol wants it.
    pub fn full(&self) -> JudgedFullProof {
        match self {
            Self::FullProof { makers: Some(makers) } => JudgedFullProof::Valid(makers.clone()),
            _ => JudgedFullProof::False,
        }
    }

    /// Whether a full proof was there and does not verify.
    pub fn is_false_full_proof(&self) -> bool {
        match self {
            Self::FullProof { makers } => makers.is_none(),
            other => other.own_full_proof() == Some(false),
        }
    }

    /// The full proof that came with a T1 or T2 submission.
    pub const fn own_full_proof(&self) -> Option<bool> {
        match self {
            Self::Commitments { full_proof } | Self::Partials { full_proof, .. } => *full_proof,
            Self::FullProof { .. } => None,
        }
    }
}

/// An accepted submission.
#[derive(Clone, Debug)]
pub struct Received {
    /// The whole of it.
    pub submission: Arc<Submission>,
    /// Root of the body.
    pub body_root: Root,
    /// Unix milliseconds.
    pub arrival_ms: u64,
    /// Bytes of its SSZ.
    pub bytes: usize,
    /// What verification found; `None` while it is under way.
    pub verdict: Option<Verdict>,
}

/// One phase of a job, for those who look at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseRecord {
    /// Which.
    pub phase: Phase,
    /// Start, Unix milliseconds.
    pub starts_ms: u64,
    /// Deadline, Unix milliseconds.
    pub deadline_ms: u64,
    /// Deadline that the phase began with.
    #[serde(default)]
    pub due: Slot,
    /// When it was closed.
    pub closed_ms: Option<u64>,
    /// Root of the bundle that closed it.
    pub bundle_root: Option<Root>,
    /// Who made that bundle, and with which rank.
    #[serde(default)]
    pub leader: Option<(ValidatorIndex, u16)>,
    /// Number of submissions in the bundle.
    pub submissions: u64,
    /// Roots of their bodies.
    #[serde(default)]
    pub accepted: BTreeSet<Root>,
}

/// What is on disk of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRecord {
    /// The protocol's part.
    pub job: Job,
    /// The execution block that the job's block builds on: it names the branch whose contracts say who takes part.
    pub tip: Root,
    /// RANDAO mix after the block.
    pub randao_mix: Root,
    /// Gas used by the block.
    pub gas_used: u64,
    /// Number of transactions.
    pub transactions: u64,
    /// Root of the guest's input.
    pub input_root: Root,
    /// What the selection was drawn from, for those who check it.
    pub candidates: Vec<(ProverIndex, u32)>,
    /// Provers that were busy.
    pub unavailable: BTreeSet<ProverIndex>,
    /// The phases so far.
    pub phases: Vec<PhaseRecord>,
    /// Full proof that finalized the job.
    pub full_proof: Option<Root>,
    /// Why the job is where it is.
    pub note: Option<String>,
    /// Commitments that D is made of, from T1's end on, and those that an earlier attempt handed on.
    pub settled: BTreeMap<InstanceIndex, Commitment>,
    /// Instances recomputed by this sidecar in T1.
    pub recomputed: BTreeMap<InstanceIndex, Commitment>,
    /// Instances that this sidecar recomputes before it believes anybody.
    #[serde(default)]
    pub contested: BTreeSet<InstanceIndex>,
    /// Whether the holes of T1 were announced.
    pub holes_announced: bool,
}

/// A job with all that is derived.
#[derive(Debug)]
pub struct LiveJob {
    /// What is on disk.
    pub record: JobRecord,
    /// The guest's input.
    pub input: Arc<[u8]>,
    /// Execution and plan, once they are there.
    pub proving: Option<Arc<ProvingJob>>,
    /// D in the making.
    pub settlement: Option<Settlement>,
    /// The challenge of T2, once T1 is closed.
    pub round: Option<Arc<Round>>,
    /// Accepted submissions by phase and prover.
    pub received: BTreeMap<(Phase, ProverIndex), Received>,
    /// Further bodies of the same provers; see [`super::rivals`].
    pub rivals: BTreeMap<(Phase, ProverIndex), Vec<Received>>,
    /// Roots of bodies in bundles that this sidecar had nothing against.
    pub vouched: BTreeSet<Root>,
    /// Partials in certified bundles that verify.
    pub known: BTreeMap<Root, (KnownPartial, PlonkPartial)>,
    /// Instances that are being recomputed.
    pub recomputing: BTreeSet<InstanceIndex>,
    /// Submissions that are being verified.
    pub judging: BTreeSet<(Phase, ProverIndex, Root)>,
    /// The attempt failed and the next one is still to be announced.
    pub retry_due: bool,
    /// Before that: instances whose digests in D are in doubt and recomputed; `None` until they are known.
    pub doubted: Option<BTreeSet<InstanceIndex>>,
    /// Whether the plan is being worked out.
    pub planning: bool,
    /// Bytes of submissions held.
    pub bytes: usize,
    /// The deadline of the open phase has passed, and all that came is verified.
    pub ready: bool,
}

impl LiveJob {
    /// A job with nothing derived yet.
    pub fn new(record: JobRecord, input: Arc<[u8]>) -> Self {
        Self {
            record,
            input,
            proving: None,
            settlement: None,
            round: None,
            received: BTreeMap::new(),
            rivals: BTreeMap::new(),
            vouched: BTreeSet::new(),
            known: BTreeMap::new(),
            recomputing: BTreeSet::new(),
            judging: BTreeSet::new(),
            retry_due: false,
            doubted: None,
            planning: false,
            bytes: 0,
            ready: false,
        }
    }

    /// The protocol's part.
    pub const fn job(&self) -> &Job {
        &self.record.job
    }

    /// Name of the job.
    pub const fn id(&self) -> &JobId {
        self.record.job.id()
    }

    /// Key in the store.
    pub fn key(&self) -> db::JobKey {
        key_of(self.id())
    }

    /// Submissions of a phase.
    pub fn of_phase(&self, phase: Phase) -> impl Iterator<Item = (ProverIndex, &Received)> {
        let range = (phase, ProverIndex(0))..=(phase, ProverIndex(u64::MAX));
        self.received.range(range).map(|((_, prover), received)| (*prover, received))
    }

    /// Everything that was signed for a phase, second bodies included.
    pub fn bodies(&self, phase: Phase) -> impl Iterator<Item = (ProverIndex, &Received)> {
        let range = (phase, ProverIndex(0))..=(phase, ProverIndex(u64::MAX));
        let rivals = self.rivals.range(range).flat_map(|((_, prover), all)| all.iter().map(|received| (*prover, received)));
        self.of_phase(phase).chain(rivals)
    }

    /// One of the bodies that a prover signed for a phase.
    pub fn body(&self, phase: Phase, prover: ProverIndex, body_root: &Root) -> Option<&Received> {
        let place = (phase, prover);
        let rivals = self.rivals.get(&place).into_iter().flatten();
        self.received.get(&place).into_iter().chain(rivals).find(|received| received.body_root == *body_root)
    }

    /// The settled commitment of an instance.
    pub fn settled(&self, instance: InstanceIndex) -> Option<&Commitment> {
        self.record.settled.get(&instance)
    }
}

/// Key of a job in the store.
pub(super) fn key_of(id: &JobId) -> db::JobKey {
    (id.slot.0, id.block_root.0, id.sub_block, id.attempt)
}
