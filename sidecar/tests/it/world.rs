//! A real block, four provers, and a core whose threads are this one.

use std::sync::{Arc, OnceLock};

use quintet_beacon::{BlockInfo, decode_block_file};
use quintet_keys::SecretKey;
use quintet_plonk::ParamsCache;
use quintet_proving::{Circuits, Guest, ProvingJob};
use quintet_sidecar::{
    core::{Core, CoreConfig, Intake, Refusal, Todo, judge, verify_signatures},
    db,
    registry::RegistryFile,
};
use quintet_store::{Options, Store};
use quintet_types::spec::Network;
use quintet_types::{
    Commitment, Commitments, InstanceIndex, JobId, PartialProof, PartialProofs, Phase, PublicKeyBytes, SignedCommitments,
    SignedPartialProofs, Spec, Submission, ValidatorIndex,
};

/// Provers in the registry; half of them are drawn.
const PROVERS: usize = 8;

/// One sidecar in a folder of its own.
pub(crate) struct World {
    pub(crate) core: Core,
    pub(crate) keys: Vec<SecretKey>,
    pub(crate) now: u64,
    folder: tempfile::TempDir,
    config: CoreConfig,
    registry: Arc<RegistryFile>,
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

fn spec() -> Spec {
    Spec {
        k_min: 11,
        k_max: 11,
        early_close: true,
        phase_slots: 4,
        job_interval_slots: 1,
        max_attempts: 2,
        ..Network::Devnet.spec()
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let keys: Vec<SecretKey> = (0..PROVERS).map(|_| SecretKey::generate().unwrap()).collect();
        let registry: String = keys.iter().map(|key| format!("[[prover]]\npubkey = \"{}\"\n", key.public_key())).collect();
        let registry = Arc::new(RegistryFile::parse(&registry, "registry").unwrap());
        let config = CoreConfig {
            spec: Arc::new(spec()),
            genesis_ms: 1_000_000,
            validator: ValidatorIndex(3),
            program_hash: circuits().guest().hash,
            retention_epochs: 64,
            max_job_bytes: 64 << 20,
            max_fill: 64,
        };
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        let now = 1_000_000 + 26 * config.spec.slot_duration_ms;
        let core = Core::load(config.clone(), store, registry.clone(), now).unwrap();
        Self { core, keys, now, folder, config, registry }
    }

    /// The process ends without a goodbye, and another one takes over at the same moment.
    pub(crate) fn restart(self) -> Self {
        let Self { core, keys, now, folder, config, registry } = self;
        drop(core);
        let core = Core::load(config.clone(), open(&folder), registry.clone(), now).unwrap();
        Self { core, keys, now, folder, config, registry }
    }

    pub(crate) fn spec(&self) -> &Spec {
        &self.config.spec
    }

    /// Does all the work that there is until two looks at the clock find none.
    pub(crate) fn settle(&mut self) {
        let mut idle = 0;
        while idle < 2 {
            let todo = self.core.tick(self.now).unwrap();
            idle = if todo.is_empty() { idle + 1 } else { 0 };
            todo.into_iter().for_each(|todo| self.work(todo));
        }
    }

    fn work(&mut self, todo: Todo) {
        match todo {
            Todo::Plan { job, input } => {
                let plan = ProvingJob::new(circuits(), job, input, 11..=11, 4 << 20);
                self.core.planned(&job, plan, self.now).unwrap();
            }
            Todo::Judge { job, phase, prover, bench, submission } => {
                self.core.judged(&job, phase, prover, judge(&bench, &submission)).unwrap();
            }
            Todo::Recompute { job, instance, proving } => {
                let commitment = commit(&proving, instance);
                self.core.recomputed(&job, instance, Ok(commitment)).unwrap();
            }
        }
    }

    /// Lets time pass to the end of the open phase and a little more.
    pub(crate) fn pass_deadline(&mut self, job: &JobId) {
        let deadline = self.core.job(job).unwrap().job().deadline();
        self.now = self.now.max(self.core.slot_start_ms(deadline) + self.spec().arrival_tolerance_ms + 1);
        self.settle();
    }

    pub(crate) fn secret(&self, key: &PublicKeyBytes) -> &SecretKey {
        self.keys.iter().find(|secret| secret.public_key().to_bytes() == key.0).unwrap()
    }

    /// The provers drawn for a job, in order.
    pub(crate) fn selected(&self, job: &JobId) -> Vec<PublicKeyBytes> {
        let selection = self.core.job(job).unwrap().job().selection().unwrap().clone();
        selection.provers.iter().map(|prover| self.core.prover_key(*prover)).collect()
    }

    /// A T1 submission of all assigned instances, each changed by `change`.
    pub(crate) fn commitments(&self, job: &JobId, key: &PublicKeyBytes, change: impl Fn(&mut Commitment)) -> Submission {
        let live = self.core.job(job).unwrap();
        let prover = self.core.prover_index(key).unwrap();
        let proving = live.proving.as_ref().unwrap();
        let commitments: Vec<Commitment> = live
            .job()
            .assignment()
            .unwrap()
            .to_commit(prover)
            .into_iter()
            .map(|instance| {
                let mut commitment = commit(proving, instance);
                change(&mut commitment);
                commitment
            })
            .collect();
        let body = Commitments { commitments: commitments.try_into().unwrap(), full_proof: Default::default() };
        let mut signed = SignedCommitments { job: *job, phase: Phase::T1, prover: *key, body, signature: Default::default() };
        let root = signed.signing_root(self.spec()).unwrap();
        signed.signature = self.secret(key).sign(&root.0).to_bytes().into();
        Submission::Commitments(signed)
    }

    /// A T2 submission whose proofs are garbage of the given length.
    pub(crate) fn garbage(&self, job: &JobId, key: &PublicKeyBytes, length: usize) -> Submission {
        let live = self.core.job(job).unwrap();
        let prover = self.core.prover_index(key).unwrap();
        let digests = live.job().digests().to_vec();
        let proofs: Vec<PartialProof> = live
            .job()
            .assignment()
            .unwrap()
            .to_prove(prover)
            .into_iter()
            .map(|instance| PartialProof {
                instance,
                digest: digests[instance.as_usize()].unwrap(),
                sum: Default::default(),
                proof: vec![7; length].try_into().unwrap(),
            })
            .collect();
        let body = PartialProofs { proofs: proofs.try_into().unwrap(), full_proof: Default::default() };
        let mut signed = SignedPartialProofs { job: *job, phase: Phase::T2, prover: *key, body, signature: Default::default() };
        let root = signed.signing_root(self.spec()).unwrap();
        signed.signature = self.secret(key).sign(&root.0).to_bytes().into();
        Submission::PartialProofs(signed)
    }

    /// Hands a submission in, as the gateway does.
    pub(crate) fn submit(&mut self, submission: Submission) -> Result<bool, Refusal> {
        let intake = Intake::new(submission, self.spec(), self.now)?;
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
}

/// Commitments do not depend on the prover, so each is made once for all tests of the process.
fn commit(proving: &ProvingJob, instance: InstanceIndex) -> Commitment {
    static MADE: OnceLock<std::sync::Mutex<std::collections::BTreeMap<InstanceIndex, Commitment>>> = OnceLock::new();
    let mut made = MADE.get_or_init(Default::default).lock().unwrap();
    let make = || proving.commit(&proving.prover(&PublicKeyBytes::default()), instance).unwrap().to_wire().unwrap();
    made.entry(instance).or_insert_with(make).clone()
}

fn open(folder: &tempfile::TempDir) -> Store {
    Store::open(&folder.path().join("store"), &db::SCHEMA, &Options { fsync: false, ..Options::default() }).unwrap()
}
