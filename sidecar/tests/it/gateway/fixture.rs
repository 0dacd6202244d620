//! A gateway on a port of its own, with or without a job.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, OnceLock},
};

use quintet_keys::SecretKey;
use quintet_node::spec_root;
use quintet_proving::ProvingJob;
use quintet_sidecar::{
    config::{Config, millis},
    core::{Core, CoreConfig, Todo},
    db,
    gateway::{Admission, App, admin, router},
    joint::Board,
    metrics::Metrics,
    net::{Listener, ListenerLimits, Seats, TlsFiles},
    registry::RegistryFile,
    service::{IntakeQueue, Shared, now_ms},
};
use quintet_store::{Options, Store};
use quintet_types::{Commitments, JobId, Phase, PublicKeyBytes, Root, SignedCommitments, Spec, ValidatorIndex, spec::Network};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::world::{block, circuits};

/// Registered provers: four are drawn, four are reserves, and some are neither.
pub(super) const PROVERS: u8 = 12;

/// A running gateway and what it stands on.
pub(super) struct Gateway {
    pub(super) address: SocketAddr,
    pub(super) admin: SocketAddr,
    pub(super) app: App,
    pub(super) stop: CancellationToken,
    pub(super) keys: Vec<SecretKey>,
    pub(super) servers: Vec<JoinHandle<bool>>,
    pub(super) folder: tempfile::TempDir,
}

/// Limits that no test reaches by accident.
pub(super) fn config() -> Config {
    let mut config = Config { network: "devnet".into(), ..Config::default() };
    config.limits.requests_per_second = 10_000;
    config.limits.requests_burst = 10_000;
    config.limits.connections_per_address = 1024;
    config
}

/// A core without jobs whose chain is at slot 26 now.
pub(super) fn core(folder: &Path, spec: Spec, keys: &[SecretKey]) -> Core {
    let registry: String = keys.iter().map(|key| format!("[[prover]]\npubkey = \"{}\"\n", key.public_key())).collect();
    let registry = Arc::new(RegistryFile::parse(&registry, "registry").unwrap());
    let config = CoreConfig {
        genesis_ms: (now_ms() - 26 * spec.slot_duration_ms) / 1000 * 1000,
        spec: Arc::new(spec),
        validator: ValidatorIndex(3),
        program_hash: Root::repeat_byte(9),
        retention_epochs: 64,
        max_job_bytes: 64 << 20,
        max_fill: 64,
        joint: false,
        contract_votes: false,
        first_slot: Default::default(),
    };
    let store = Store::open(&folder.join("store"), &db::SCHEMA, &Options { fsync: false, ..Options::default() }).unwrap();
    Core::load(config, store, registry, now_ms()).unwrap()
}

pub(super) fn keys() -> Vec<SecretKey> {
    (1..=PROVERS).map(|number| SecretKey::from_bytes(&[number; 32]).unwrap()).collect()
}

impl Gateway {
    /// One without jobs.
    pub(super) async fn start(config: Config) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (spec, keys) = (Network::Devnet.spec(), keys());
        let core = core(folder.path(), spec, &keys);
        Self::serve(config, core, keys, folder, None, None).await
    }

    /// One around a state that somebody else brought about, in a folder that outlives it.
    pub(super) async fn around(config: Config, core: Core) -> Self {
        Self::serve(config, core, keys(), tempfile::tempdir().unwrap(), None, None).await
    }

    /// As [`Self::around`], with other validators' sidecars.
    pub(super) async fn among(config: Config, core: Core, board: Board) -> Self {
        Self::serve(config, core, keys(), tempfile::tempdir().unwrap(), None, Some(board)).await
    }

    /// One whose certificate is in two files.
    pub(super) async fn with_tls(config: Config, tls: TlsFiles) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = keys();
        let core = core(folder.path(), Network::Devnet.spec(), &keys);
        Self::serve(config, core, keys, folder, Some(tls), None).await
    }

    /// One with a job in T1, whose deadline is far away.
    pub(super) async fn with_job(config: Config) -> (Self, JobId) {
        static PLANNED: OnceLock<std::sync::Mutex<()>> = OnceLock::new();
        let folder = tempfile::tempdir().unwrap();
        let spec = Spec { k_min: 11, k_max: 11, phase_slots: 1000, job_interval_slots: 1, ..Network::Devnet.spec() };
        let keys = keys();
        let mut core = core(folder.path(), spec, &keys);
        let job = core.on_block(&block(), now_ms()).unwrap().expect("the block gets a job");
        for todo in core.tick(now_ms()).unwrap() {
            let _one_at_a_time = PLANNED.get_or_init(Default::default).lock().unwrap();
            if let Todo::Plan { job, input } = todo {
                let plan = ProvingJob::new(circuits(), job, input, 11..=11, 4 << 20);
                core.planned(&job, plan, now_ms()).unwrap();
            }
        }
        (Self::serve(config, core, keys, folder, None, None).await, job)
    }

    async fn serve(
        config: Config,
        core: Core,
        keys: Vec<SecretKey>,
        folder: tempfile::TempDir,
        tls: Option<TlsFiles>,
        board: Option<Board>,
    ) -> Self {
        let (stop, metrics) = (CancellationToken::new(), Metrics::default());
        let (store, spec) = (core.store().clone(), Arc::clone(&core.config.spec));
        let shared = Shared::new(core);
        let app = App {
            intake: IntakeQueue::start(shared.clone(), config.limits.waiting, metrics.clone()),
            shared,
            metrics: Arc::new(metrics.clone()),
            spec_root: spec_root(&spec),
            spec,
            admission: Arc::new(Admission::new(&config)),
            board,
            stop: stop.clone(),
        };
        let limits = ListenerLimits {
            seats: Seats::new(config.limits.connections, config.limits.connections_per_address),
            header_timeout: millis(config.gateway.header_timeout_ms),
            write_timeout: millis(config.gateway.write_timeout_ms),
            drain_timeout: millis(config.gateway.drain_timeout_ms),
            trusted_proxies: config.gateway.trusted_proxies.clone(),
        };
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let public = Listener::bind(any, limits.clone(), tls.clone()).await.unwrap();
        let private = Listener::bind(any, limits, None).await.unwrap();
        let administration = admin::Admin {
            metrics,
            store,
            backups: folder.path().join("backups"),
            config: "network = \"devnet\"\n".into(),
            tls,
            stop: stop.clone(),
            app: Arc::new(OnceLock::from(app.clone())),
        };
        let (address, admin) = (public.local_addr().unwrap(), private.local_addr().unwrap());
        let servers = vec![
            tokio::spawn(public.serve(router(app.clone()), stop.clone())),
            tokio::spawn(private.serve(admin::router(administration), stop.clone())),
        ];
        Self { address, admin, app, stop, keys, servers, folder }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn admin_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.admin)
    }

    pub(super) async fn get(&self, path: &str) -> reqwest::Response {
        reqwest::get(self.url(path)).await.unwrap()
    }

    pub(super) async fn metrics(&self) -> String {
        reqwest::get(self.admin_url("/metrics")).await.unwrap().text().await.unwrap()
    }

    /// Keys of the selected provers, in order, and one that is not selected.
    pub(super) fn selected(&self, job: &JobId) -> (Vec<&SecretKey>, &SecretKey) {
        let core = self.app.shared.read();
        let selection = core.job(job).unwrap().job().selection().unwrap();
        let drawn: Vec<PublicKeyBytes> = selection.provers.iter().map(|prover| core.prover_key(*prover)).collect();
        let reserves: Vec<PublicKeyBytes> = selection.reserves.iter().map(|prover| core.prover_key(*prover)).collect();
        let of = |secret: &&SecretKey| PublicKeyBytes::from(secret.public_key());
        let selected = drawn.iter().map(|key| self.keys.iter().find(|secret| of(secret) == *key).unwrap()).collect();
        let other = self.keys.iter().find(|secret| !drawn.contains(&of(secret)) && !reserves.contains(&of(secret)));
        (selected, other.unwrap_or(&self.keys[0]))
    }
}

/// A signed T1 submission.
pub(super) fn signed(job: JobId, secret: &SecretKey, body: Commitments, spec: &Spec) -> SignedCommitments {
    let mut signed =
        SignedCommitments { job, phase: Phase::T1, prover: secret.public_key().into(), body, signature: Default::default() };
    let root = signed.signing_root(spec).unwrap();
    signed.signature = secret.sign(&root.0).to_bytes().into();
    signed
}
