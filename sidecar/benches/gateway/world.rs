//! Jobs of a real block, and one signed T1 submission of each of thousands of staked provers to each of them. The same in both processes.

use std::sync::Arc;

use anyhow::Context as _;
use quintet_beacon::{BlockInfo, decode_block_file};
use quintet_keys::SecretKey;
use quintet_plonk::ParamsCache;
use quintet_proving::{Circuits, Guest, ProvingJob};
use quintet_sidecar::{
    core::{Core, CoreConfig, Todo},
    db,
    registry::RegistryFile,
    service::now_ms,
};
use quintet_store::{Options, Store};
use quintet_types::{
    Commitment, Commitments, Encode as _, InstanceIndex, JobId, Phase, PublicKeyBytes, Root, SignedCommitments, Slot, Spec,
    ValidatorIndex, spec::Network,
};

/// Instances of the block's plan.
const INSTANCES: u64 = 17;
/// Jobs, each with a block of its own.
const JOBS: u8 = 5;

/// What both processes know.
pub(crate) struct World {
    keys: Vec<SecretKey>,
    registry: Arc<RegistryFile>,
    circuits: Circuits,
    commitments: usize,
    /// Provers of a job; twice as many are registered.
    selected: u64,
    genesis_ms: u64,
}

impl World {
    /// Submissions are to have `commitments` commitments each, `selected` provers send one to each job.
    pub(crate) fn new(commitments: usize, selected: u64) -> anyhow::Result<Self> {
        let key = |number: u64| {
            let mut bytes = [0; 32];
            bytes[24..].copy_from_slice(&(number + 1).to_be_bytes());
            SecretKey::from_bytes(&bytes)
        };
        let keys: Vec<SecretKey> = (0..2 * selected).map(key).collect::<Result<_, _>>()?;
        let lines: String = keys.iter().map(|key| format!("[[prover]]\npubkey = \"{}\"\n", key.public_key())).collect();
        let cache = ParamsCache::new(ParamsCache::default_folder().context("no folder for generators")?);
        let circuits = Circuits::new(Guest::payload()?, Box::new(move |k| cache.load(k, &|_| {})));
        // The same hour in both processes.
        let genesis_ms = now_ms() / 3_600_000 * 3_600_000;
        Ok(Self {
            keys,
            registry: Arc::new(RegistryFile::parse(&lines, "registry")?),
            circuits,
            commitments,
            selected,
            genesis_ms,
        })
    }

    fn spec(&self, t1_redundancy: u64) -> Spec {
        Spec {
            k_min: 11,
            k_max: 11,
            provers_per_proof: self.selected,
            gas_per_prover: 0,
            t1_redundancy,
            phase_slots: 1_000_000,
            job_interval_slots: 1,
            early_close: false,
            ..Network::Devnet.spec()
        }
    }

    /// A core with all jobs in T1.
    pub(crate) fn core(&self, store: Store) -> anyhow::Result<(Core, Vec<JobId>)> {
        let block = decode_block_file(include_bytes!("../../../integration-tests/tests/data/block-fulu-26.json"))?;
        let redundancy = self.commitments as u64 * self.selected / INSTANCES;
        let config = CoreConfig {
            spec: Arc::new(self.spec(redundancy.clamp(1, self.selected))),
            genesis_ms: self.genesis_ms,
            validator: ValidatorIndex(3),
            program_hash: self.circuits.guest().hash,
            retention_epochs: 64,
            max_job_bytes: 1 << 30,
            max_fill: 0,
            joint: false,
            contract_votes: false,
            first_slot: Default::default(),
        };
        let mut core = Core::load(config, store, self.registry.clone(), now_ms())?;
        let mut ids = Vec::new();
        for number in 0..JOBS {
            // Blocks on branches of their own: none keeps the provers of another busy.
            let root = Root::repeat_byte(number + 1);
            let (parent_root, slot) = (Root::repeat_byte(100 + number), Slot(block.slot.0 + u64::from(number)));
            let fork = BlockInfo { block_root: root, parent_root, slot, ..block.clone() };
            ids.push(core.on_block(&fork, now_ms())?.context("the block gets a job")?);
            for todo in core.tick(now_ms())? {
                if let Todo::Plan { job, input } = todo {
                    core.planned(&job, ProvingJob::new(&self.circuits, job, input, 11..=11, 4 << 20), now_ms())?;
                }
            }
        }
        Ok((core, ids))
    }

    /// For each job the requests of its provers, as they go over the wire.
    pub(crate) fn requests(&self) -> anyhow::Result<Vec<Vec<Vec<u8>>>> {
        let folder = tempfile::tempdir()?;
        let options = Options { fsync: false, ..Options::default() };
        let (core, ids) = self.core(Store::open(&folder.path().join("store"), &db::SCHEMA, &options)?)?;
        ids.iter().map(|id| self.of_job(&core, id)).collect()
    }

    fn of_job(&self, core: &Core, id: &JobId) -> anyhow::Result<Vec<Vec<u8>>> {
        let live = core.job(id).context("the job is there")?;
        let proving = live.proving.as_ref().context("it has a plan")?;
        let assignment = live.job().assignment().context("it is assigned")?;
        let all: Vec<Commitment> = (0..proving.instances() as u32)
            .map(|instance| {
                let instance = InstanceIndex(instance);
                Ok(proving.commit(&proving.prover(&PublicKeyBytes::default()), instance)?.to_wire()?)
            })
            .collect::<anyhow::Result<_>>()?;
        let selected = live.job().selection().context("provers are drawn")?.provers.clone();
        let request = |prover| {
            let secret = &self.keys[quintet_types::ProverIndex::as_usize(prover)];
            let mine: Vec<Commitment> =
                assignment.to_commit(prover).into_iter().map(|instance| all[instance.as_usize()].clone()).collect();
            let body = Commitments { commitments: mine.try_into().unwrap_or_default(), full_proof: Default::default() };
            let prover = secret.public_key().into();
            let mut signed = SignedCommitments { job: *id, phase: Phase::T1, prover, body, signature: Default::default() };
            let root = signed.signing_root(&core.config.spec)?;
            signed.signature = secret.sign(&root.0).to_bytes().into();
            let body = signed.as_ssz_bytes();
            let head = format!(
                "POST /v1/jobs/{id}/commitments HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            Ok([head.as_bytes(), &body].concat())
        };
        selected.into_iter().map(request).collect()
    }
}
