//! The sidecar's state and every rule about it.
//!
//! What is accepted is written to disk before it is acknowledged; what follows from it (ledger, histories, who is busy) is derived from records of closed
//! phases, so that a restart finds the same state at any moment.

mod agreed;
mod books;
mod bound;
mod catch_up;
mod chain;
mod clock;
mod close;
mod correct;
mod event_log;
mod intake;
mod job;
mod joint;
mod judge;
mod known;
mod load;
mod open;
mod propose;
mod rivals;
mod settlements;
mod signatures;
mod views;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use quintet_api::ValidatorEvidence;
use quintet_beacon::BlockInfo;
use quintet_protocol::{CandidateTable, ProverRecord, SubmissionLog};
use quintet_staking::MemberView;
use quintet_store::{Store, StoreError};
use quintet_types::{Epoch, EquivocationEvidence, JobId, Phase, ProverIndex, PublicKeyBytes, Root, Slot, Spec, ValidatorIndex};

pub use books::Books;
pub use chain::{BlockMeta, ChainView};
pub use clock::Todo;
pub use close::ClosedRecord;
pub use event_log::EventLog;
pub use intake::{Intake, Refusal};
pub use job::{JobRecord, LiveJob, PhaseRecord, Received, Verdict};
pub use joint::{Announced, GRACE_MS, OpenPhase};
pub use judge::{Bench, judge};
pub use settlements::{SettlementRefusal, Settlements, settlement_state};
pub use signatures::{KeyCache, verify_signatures};

use crate::registry::{BlockAt, NotKnown, ProverSource};

/// What a core is set up with.
#[derive(Clone, Debug)]
pub struct CoreConfig {
    /// Parameters of the network.
    pub spec: Arc<Spec>,
    /// Unix time of genesis in milliseconds.
    pub genesis_ms: u64,
    /// Our validator: a sidecar alone leads every phase.
    pub validator: ValidatorIndex,
    /// SHA-256 of the guest.
    pub program_hash: Root,
    /// Finalized jobs are forgotten after so many epochs; ledger balances stay.
    pub retention_epochs: u64,
    /// Most bytes of submissions held for one job.
    pub max_job_bytes: usize,
    /// Most holes in D that this sidecar fills itself.
    pub max_fill: usize,
    /// Whether phases are closed by certified bundles only ([`crate::joint`]).
    pub joint: bool,
    /// Whether the validators that certify them are those of the contract. A block for which none counts gets no provers, since its phases would never close.
    pub contract_votes: bool,
    /// Blocks before this slot get no jobs: where the ledger of a network of sidecars begins.
    pub first_slot: Slot,
}

/// The state.
#[derive(Debug)]
pub struct Core {
    /// Set-up.
    pub config: CoreConfig,
    store: Store,
    registry: Arc<dyn ProverSource>,
    /// Version of the registry that `provers` is.
    registry_version: Option<u64>,
    provers: Vec<ProverRecord>,
    by_key: HashMap<PublicKeyBytes, ProverIndex>,
    /// The chain as the beacon node shows it.
    pub chain: ChainView,
    /// Ledger, histories, busy provers.
    pub books: Books,
    jobs: BTreeMap<JobId, LiveJob>,
    log: SubmissionLog,
    evidence: BTreeMap<(Root, u8, PublicKeyBytes), EquivocationEvidence>,
    /// Validators that contradicted themselves, by job, phase and validator.
    validator_evidence: BTreeMap<(Root, u8, ValidatorIndex), ValidatorEvidence>,
    /// Senders of false full proofs, with the slot until which theirs are refused.
    barred: BTreeMap<ProverIndex, Slot>,
    candidates: Option<(Epoch, Root, CandidateTable)>,
    next_closed: u64,
    /// From this slot on all that happened is kept here.
    kept_from: Slot,
    /// Settlements of the ledger, and who signed them.
    pub settlements: Settlements,
    /// Blocks without a job because it was not known who could be drawn.
    pub blocks_without_registry: u64,
    /// When this process took over, Unix milliseconds.
    started_ms: u64,
    /// Events for subscribers.
    pub events: EventLog,
    /// Whether the beacon node answers, and whether it is in sync.
    pub node: NodeState,
}

/// What is known of the beacon node.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodeState {
    /// It answers.
    pub up: bool,
    /// It is in sync.
    pub synced: bool,
    /// Its head is optimistic.
    pub optimistic: bool,
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum CoreError {
    /// The store.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// A record in the store cannot be read.
    #[error("store: {table}: {reason}")]
    Record {
        /// Table.
        table: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A rule of the protocol.
    #[error(transparent)]
    Protocol(#[from] quintet_protocol::ProtocolError),
    /// A bundle that counts lists what is not here.
    #[error("a bundle of {phase} lists {body_root} of {prover}, which is not held and verified here")]
    NotHeld {
        /// The phase.
        phase: Phase,
        /// Whose submission.
        prover: PublicKeyBytes,
        /// Root of its body.
        body_root: Root,
    },
    /// The books were made with another registry, whose indices mean other provers.
    #[error("the store's ledger was made with {stored}, the configuration names {configured}: use another data_dir")]
    OtherRegistry {
        /// Whose indices the books have.
        stored: String,
        /// What is configured.
        configured: String,
    },
    /// The proof system or the machine.
    #[error(transparent)]
    Proving(#[from] quintet_proving::Error),
}

impl Core {
    /// All jobs that are kept, by id.
    pub fn jobs(&self) -> impl DoubleEndedIterator<Item = (&JobId, &LiveJob)> {
        self.jobs.iter()
    }

    /// A job.
    pub fn job(&self, id: &JobId) -> Option<&LiveJob> {
        self.jobs.get(id)
    }

    /// The registered provers by index.
    pub fn provers(&self) -> &[ProverRecord] {
        &self.provers
    }

    /// Index of a prover.
    pub fn prover_index(&self, key: &PublicKeyBytes) -> Option<ProverIndex> {
        self.by_key.get(key).copied()
    }

    /// Key of a prover.
    pub fn prover_key(&self, index: ProverIndex) -> PublicKeyBytes {
        self.provers.get(index.as_usize()).map(|record| record.pubkey).unwrap_or_default()
    }

    /// Evidence of equivocation.
    pub fn evidence(&self) -> impl Iterator<Item = &EquivocationEvidence> {
        self.evidence.values()
    }

    /// Evidence against validators.
    pub fn validator_evidence(&self) -> impl Iterator<Item = &ValidatorEvidence> {
        self.validator_evidence.values()
    }

    /// A validator contradicted itself: the evidence is written down, once for each job, phase and validator. The signatures under it were verified.
    /// Whether it is new.
    ///
    /// # Errors
    /// If the store fails.
    pub fn accuse_validator(&mut self, evidence: ValidatorEvidence) -> Result<bool, CoreError> {
        let ((job, phase), validator) = (evidence.evidence.place(), evidence.evidence.validator());
        let place = (job, phase.number(), validator);
        if self.validator_evidence.contains_key(&place) {
            return Ok(false);
        }
        let json = load::to_json("validator_evidence", &evidence)?;
        self.store.put(&crate::db::VALIDATOR_EVIDENCE, &(place.0.0, place.1, validator.0), &json)?;
        let message = format!("validator {validator} contradicted itself in the agreement on {phase} of job {}", evidence.job);
        self.events.push(quintet_api::EventKind::Warning { message });
        self.validator_evidence.insert(place, evidence);
        Ok(true)
    }

    /// The store.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Slot at a moment.
    pub fn slot_at(&self, now_ms: u64) -> Slot {
        Slot(now_ms.saturating_sub(self.config.genesis_ms) / self.config.spec.slot_duration_ms.max(1))
    }

    /// Start of a slot in Unix milliseconds.
    pub fn slot_start_ms(&self, slot: Slot) -> u64 {
        self.config.genesis_ms.saturating_add(slot.0.saturating_mul(self.config.spec.slot_duration_ms))
    }

    /// Whether it is known who can be drawn for a block.
    ///
    /// # Errors
    /// [`NotKnown`] while it is not.
    pub fn check_registry(&self, block: &BlockInfo) -> Result<(), NotKnown> {
        self.registry.check_known(&block.into(), self.genesis_time(), &self.config.spec)
    }

    /// The contract's validators that count for a block, if provers come from contracts.
    ///
    /// # Errors
    /// [`NotKnown`] while they are not known.
    pub fn members_for(&self, at: &BlockAt) -> Option<Result<MemberView, NotKnown>> {
        self.registry.members_for(at, self.genesis_time(), &self.config.spec)
    }

    /// More may be known of the contracts.
    pub fn contracts_changed(&mut self) {
        self.refresh_provers();
    }

    /// Genesis in seconds, as contracts count.
    const fn genesis_time(&self) -> u64 {
        self.config.genesis_ms / 1000
    }

    /// Provers never leave their places, so that new ones change nothing about those that were known.
    fn refresh_provers(&mut self) {
        let version = self.registry.version();
        if self.registry_version != Some(version) {
            self.registry_version = Some(version);
            self.provers = self.registry.latest();
            self.by_key = self.provers.iter().map(|record| (record.pubkey, record.index)).collect();
        }
    }
}
