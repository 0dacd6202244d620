//! A real block, eight registered provers of whom four are drawn, and a core whose threads are this one.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use quintet_beacon::{BlockInfo, decode_block_file};
use quintet_keys::SecretKey;
use quintet_plonk::ParamsCache;
use quintet_protocol::{Assignment, JobState};
use quintet_proving::{Circuits, Guest, ProvingJob};
use quintet_sidecar::{
    core::{Core, CoreConfig, CoreError, Intake, LiveJob, Refusal, Todo, judge, verify_signatures},
    db,
    registry::{ProverSource, RegistryFile},
};
use quintet_store::{Options, Store};
use quintet_types::spec::Network;
use quintet_types::{
    Account, Commitment, InstanceIndex, JobId, PartialProof, Phase, ProverIndex, PublicKeyBytes, Reason, Reward, Root, Spec,
    Submission, ValidatorIndex,
};

use crate::{
    provers::{self, Share, key_of},
    recording::recording,
};

/// Provers in the registry; half of them are drawn.
const PROVERS: u8 = 8;

/// Genesis of the chain, Unix milliseconds.
pub(crate) const GENESIS_MS: u64 = 1_000_000;

/// One sidecar in a folder of its own.
pub(crate) struct World {
    pub(crate) core: Core,
    /// The true time.
    pub(crate) now: u64,
    /// How far this sidecar's clock is ahead.
    pub(crate) skew_ms: i64,
    folder: Folder,
    setup: Setup,
}

/// Where the store is, and who removes it.
enum Folder {
    Temporary(tempfile::TempDir),
    Kept(PathBuf),
}

impl Folder {
    fn store(&self) -> PathBuf {
        match self {
            Self::Temporary(folder) => folder.path().join("store"),
            Self::Kept(path) => path.join("store"),
        }
    }
}

/// What does not change over a restart.
#[derive(Clone)]
struct Setup {
    config: CoreConfig,
    registry: Arc<dyn ProverSource>,
    recorded: bool,
    fsync: bool,
}

pub(crate) fn circuits() -> &'static Circuits {
    static CIRCUITS: OnceLock<Circuits> = OnceLock::new();
    CIRCUITS.get_or_init(|| {
        let cache = ParamsCache::new(ParamsCache::default_folder().unwrap());
        Circuits::new(Guest::payload().unwrap(), Box::new(move |k| cache.load(k, &|_| {})))
    })
}

pub(crate) fn block() -> BlockInfo {
    decode_block_file(include_bytes!("../../../integration-tests/tests/data/block-fulu-26.json")).unwrap()
}

/// The network of these tests: as the devnet's, but phases end at their deadlines, each instance is proven once, and there are two attempts.
pub(crate) fn spec() -> Spec {
    Spec {
        k_min: 11,
        k_max: 11,
        phase_slots: 4,
        job_interval_slots: 1,
        redundancy_factor: 1,
        t1_redundancy: 2,
        max_attempts: 2,
        ..Network::Devnet.spec()
    }
}

/// Secret keys of the registered provers, the same in every run: selection depends on the order, proofs on the keys.
pub(crate) fn secrets() -> &'static [SecretKey] {
    static SECRETS: OnceLock<Vec<SecretKey>> = OnceLock::new();
    SECRETS.get_or_init(|| {
        let bytes = |number: u8| std::array::from_fn(|place| if place == 31 { number } else { 0 });
        (1..=PROVERS).map(|number| SecretKey::from_bytes(&bytes(number)).unwrap()).collect()
    })
}

pub(crate) fn secret(key: &PublicKeyBytes) -> &'static SecretKey {
    secrets().iter().find(|secret| key_of(secret) == *key).unwrap()
}

impl Setup {
    fn new(spec: Spec, recorded: bool) -> Self {
        let registry: String = secrets().iter().map(|key| format!("[[prover]]\npubkey = \"{}\"\n", key.public_key())).collect();
        let registry = Arc::new(RegistryFile::parse(&registry, "registry").unwrap());
        let config = CoreConfig {
            spec: Arc::new(spec),
            genesis_ms: GENESIS_MS,
            validator: ValidatorIndex(3),
            program_hash: circuits().guest().hash,
            retention_epochs: 64,
            max_job_bytes: 64 << 20,
            max_fill: 64,
            joint: false,
            contract_votes: false,
            first_slot: Default::default(),
        };
        Self { config, registry, recorded, fsync: false }
    }

    fn open(&self, folder: &Folder, now: u64) -> Core {
        self.try_open(folder, now).unwrap()
    }

    fn try_open(&self, folder: &Folder, now: u64) -> Result<Core, CoreError> {
        let options = Options { fsync: self.fsync, ..Options::default() };
        let store = Store::open(&folder.store(), &db::SCHEMA, &options).unwrap();
        Core::load(self.config.clone(), store, self.registry.clone(), now)
    }
}

impl World {
    pub(crate) fn new(spec: Spec) -> Self {
        Self::with(Setup::new(spec, true))
    }

    /// One that recomputes at most `max_fill` digests at a time.
    pub(crate) fn filling(spec: Spec, max_fill: usize) -> Self {
        let mut setup = Setup::new(spec, true);
        setup.config.max_fill = max_fill;
        Self::with(setup)
    }

    /// One of several, which closes phases with certified bundles only.
    pub(crate) fn joint(spec: Spec, validator: u64) -> Self {
        let mut setup = Setup::new(spec, true);
        setup.config.validator = ValidatorIndex(validator);
        setup.config.joint = true;
        Self::with(setup)
    }

    /// One in a folder that is there already or stays behind, at a moment; acknowledged means synced to the drive.
    pub(crate) fn at(path: &Path, now: u64, spec: Spec) -> Self {
        let setup = Setup { fsync: true, ..Setup::new(spec, true) };
        let folder = Folder::Kept(path.to_owned());
        Self { core: setup.open(&folder, now), now, skew_ms: 0, folder, setup }
    }

    /// One that does not rely on the recording.
    pub(crate) fn unrecorded(spec: Spec) -> Self {
        Self::with(Setup::new(spec, false))
    }

    /// One whose provers come from the staking contracts.
    pub(crate) fn staked(spec: Spec, registry: Arc<dyn ProverSource>) -> Self {
        Self::with(Setup { registry, ..Setup::new(spec, true) })
    }

    /// One of several, whose provers and validators come from the staking contracts.
    pub(crate) fn of_contracts(spec: Spec, registry: Arc<dyn ProverSource>) -> Self {
        let mut setup = Setup { registry, ..Setup::new(spec, true) };
        (setup.config.joint, setup.config.contract_votes) = (true, true);
        Self::with(setup)
    }

    fn with(setup: Setup) -> Self {
        let folder = Folder::Temporary(tempfile::tempdir().unwrap());
        let now = GENESIS_MS + 26 * setup.config.spec.slot_duration_ms;
        let core = setup.open(&folder, now);
        Self { core, now, skew_ms: 0, folder, setup }
    }

    /// The process ends without a goodbye, and another one takes over at the same moment.
    pub(crate) fn restart(self) -> Self {
        let Self { core, now, skew_ms, folder, setup } = self;
        drop(core);
        let core = setup.open(&folder, now.saturating_add_signed(skew_ms));
        Self { core, now, skew_ms, folder, setup }
    }

    /// The core, and the folder that it writes to.
    pub(crate) fn into_parts(self) -> (Core, tempfile::TempDir) {
        match self.folder {
            Folder::Temporary(folder) => (self.core, folder),
            Folder::Kept(path) => panic!("{} is somebody else's", path.display()),
        }
    }

    /// The process ends, and the next one is told to take the provers from a file.
    pub(crate) fn reopen_with_file(self) -> Result<Core, CoreError> {
        let Self { core, now, folder, setup, .. } = self;
        drop(core);
        Setup { registry: Setup::new(setup.config.spec.as_ref().clone(), true).registry, ..setup }.try_open(&folder, now)
    }

    pub(crate) fn spec(&self) -> &Spec {
        &self.setup.config.spec
    }

    /// The time as this sidecar has it.
    pub(crate) fn clock(&self) -> u64 {
        self.now.saturating_add_signed(self.skew_ms)
    }

    /// The recorded block becomes the head, and its job is planned.
    pub(crate) fn announce(&mut self) -> JobId {
        let job = self.head(&block()).expect("the block gets a job");
        self.settle();
        assert_eq!(self.state(&job), JobState::Open(Phase::T1));
        job
    }

    /// A block becomes the head.
    pub(crate) fn head(&mut self, block: &BlockInfo) -> Option<JobId> {
        self.core.on_block(block, self.clock()).unwrap()
    }

    /// Does all the work that there is until two looks at the clock find none.
    pub(crate) fn settle(&mut self) {
        let mut idle = 0;
        while idle < 2 {
            let todo = self.core.tick(self.clock()).unwrap();
            idle = if todo.is_empty() { idle + 1 } else { 0 };
            todo.into_iter().for_each(|todo| self.work(todo));
        }
    }

    pub(crate) fn work(&mut self, todo: Todo) {
        match todo {
            Todo::Plan { job, .. } => {
                let plan = self.plan(job);
                if self.setup.recorded {
                    assert_eq!(plan.plan_root(), recording().plan_root, "the recording is out of date, see recording.rs");
                }
                self.core.planned(&job, Ok(plan), self.clock()).unwrap();
            }
            Todo::Judge { job, phase, prover, body_root, bench, submission } => {
                self.core.judged(&job, phase, (prover, body_root), judge(&bench, &submission)).unwrap();
            }
            // Commitments are the same whoever makes them.
            Todo::Recompute { job, instance, .. } => {
                self.core.recomputed(&job, instance, Ok(commitment(instance))).unwrap();
            }
        }
    }

    /// Execution and plan of an attempt at the recorded block.
    pub(crate) fn plan(&self, job: JobId) -> ProvingJob {
        let input = quintet_proving::payload_input(block().payload().unwrap()).unwrap().encode().unwrap();
        ProvingJob::new(circuits(), job, input.into(), 11..=11, 4 << 20).unwrap()
    }

    /// Lets true time pass to `at`, and the sidecar act on it.
    pub(crate) fn pass_to(&mut self, at: u64) {
        self.now = self.now.max(at);
        self.settle();
    }

    /// Lets time pass to the end of the open phase and a little more.
    pub(crate) fn pass_deadline(&mut self, job: &JobId) {
        let after = self.deadline_ms(job) + self.spec().arrival_tolerance_ms + 1;
        self.pass_to(after.saturating_add_signed(-self.skew_ms));
    }

    pub(crate) fn deadline_ms(&self, job: &JobId) -> u64 {
        self.core.slot_start_ms(self.live(job).job().deadline())
    }

    pub(crate) fn live(&self, job: &JobId) -> &LiveJob {
        self.core.job(job).unwrap()
    }

    pub(crate) fn state(&self, job: &JobId) -> JobState {
        self.live(job).job().state()
    }

    pub(crate) fn proving(&self, job: &JobId) -> Arc<ProvingJob> {
        Arc::clone(self.live(job).proving.as_ref().unwrap())
    }

    pub(crate) fn assignment(&self, job: &JobId) -> &Assignment {
        self.live(job).job().assignment().unwrap()
    }

    pub(crate) fn index(&self, key: &PublicKeyBytes) -> ProverIndex {
        self.core.prover_index(key).unwrap()
    }

    /// The provers drawn for a job, in order.
    pub(crate) fn selected(&self, job: &JobId) -> Vec<PublicKeyBytes> {
        let selection = self.live(job).job().selection().unwrap().clone();
        selection.provers.iter().map(|prover| self.core.prover_key(*prover)).collect()
    }

    pub(crate) fn ledger_root(&self) -> Root {
        self.core.books.ledger.root()
    }

    /// Ledger lines of an account for a job, as (phase, reason, amount).
    pub(crate) fn account_lines(&self, job: &JobId, account: Account) -> Vec<(Phase, Reason, Reward)> {
        let entries = self.core.books.ledger.job(job).filter(|entry| entry.account == account);
        entries.map(|entry| (entry.phase, entry.reason, entry.amount)).collect()
    }

    /// Ledger lines of a prover.
    pub(crate) fn lines(&self, job: &JobId, key: &PublicKeyBytes) -> Vec<(Phase, Reason, Reward)> {
        self.account_lines(job, Account::Prover(self.index(key)))
    }

    /// T1 with the right commitments of all assigned instances.
    pub(crate) fn commitments(&self, job: &JobId, key: &PublicKeyBytes) -> Submission {
        let instances = self.assignment(job).to_commit(self.index(key));
        let made = instances.into_iter().map(commitment).collect();
        provers::sign_commitments(secret(key), self.spec(), job, made)
    }

    /// A prover's recorded share.
    pub(crate) fn share(&self, job: &JobId, key: &PublicKeyBytes) -> Share {
        let index = self.index(key);
        let of = |instance| recorded_partial(key, instance);
        Share { key: *key, partials: self.assignment(job).to_prove(index).into_iter().map(of).collect() }
    }

    /// T2 with the recorded partials of all assigned instances.
    pub(crate) fn partials(&self, job: &JobId, key: &PublicKeyBytes) -> Submission {
        provers::sign_partials(secret(key), self.spec(), job, self.share(job, key).partials)
    }

    /// T2 with partials that are changed before they are signed.
    pub(crate) fn changed_partials(
        &self,
        job: &JobId,
        key: &PublicKeyBytes,
        change: impl FnMut(&mut PartialProof),
    ) -> Submission {
        let mut partials = self.share(job, key).partials;
        partials.iter_mut().for_each(change);
        provers::sign_partials(secret(key), self.spec(), job, partials)
    }

    /// The recorded full proof, which takes every prover's share.
    pub(crate) fn full_proof(&self, job: &JobId, key: &PublicKeyBytes, phase: Phase) -> Submission {
        provers::sign_full(secret(key), self.spec(), job, phase, recording().full_proofs[key].clone())
    }

    /// Hands a submission in, as the gateway does.
    pub(crate) fn submit(&mut self, submission: Submission) -> Result<bool, Refusal> {
        self.take(submission, false)
    }

    /// As [`Self::submit`], or fetched because a bundle lists it.
    pub(crate) fn take(&mut self, submission: Submission, listed: bool) -> Result<bool, Refusal> {
        let intake = Intake { listed, ..Intake::new(submission, self.spec(), self.clock())? };
        if self.core.check(&intake)? {
            return Ok(false);
        }
        if verify_signatures(std::slice::from_ref(&intake)) != [true] {
            return Err(Refusal::Signature(intake.submission.prover().to_string()));
        }
        let (new, pending) = self.core.accept(intake).unwrap()?;
        if let Some(pending) = pending {
            pending.wait().unwrap();
        }
        Ok(new)
    }

    /// All selected provers hand in right commitments, and T1 ends.
    pub(crate) fn honest_t1(&mut self, job: &JobId) {
        for key in self.selected(job) {
            assert_eq!(self.submit(self.commitments(job, &key)), Ok(true));
        }
        self.pass_deadline(job);
        assert_eq!(self.state(job), JobState::Open(Phase::T2));
    }

    /// All selected provers hand in valid partials, and T2 ends.
    pub(crate) fn honest_t2(&mut self, job: &JobId) {
        for key in self.selected(job) {
            assert_eq!(self.submit(self.partials(job, &key)), Ok(true));
        }
        self.pass_deadline(job);
        assert_eq!(self.state(job), JobState::Open(Phase::T3));
    }
}

pub(crate) fn commitment(instance: InstanceIndex) -> Commitment {
    recording().commitments[instance.as_usize()].clone()
}

pub(crate) fn recorded_partial(key: &PublicKeyBytes, instance: InstanceIndex) -> PartialProof {
    recording().partials[&(*key, instance)].clone()
}
