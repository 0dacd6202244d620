//! A daemon between two real gateways, one of which is killed.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use quintet_api::GatewayClient;
use quintet_beacon::{BlockInfo, decode_block_file};
use quintet_keys::{KdfCost, Keystore, Password, SecretKey, StakeKey};
use quintet_node::spec_root;
use quintet_proving::{Circuits, ProvingJob};
use quintet_sidecar::{
    config::{Config, millis},
    core::{Core, CoreConfig, Todo},
    db,
    gateway::{Admission, App, router},
    metrics::Metrics as SidecarMetrics,
    net::{Listener, ListenerLimits, Seats},
    registry::RegistryFile,
    service::{IntakeQueue, Shared as SidecarShared},
};
use quintet_store::{Options, Store};
use quintet_types::{JobId, Phase, Root, Spec, ValidatorIndex, spec::Network};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    Shared,
    board::Board,
    gateways::{Gateways, now_ms},
    metrics::Metrics,
    twin::LookOutPolicy,
};
use crate::protection::Protection;

fn block() -> BlockInfo {
    decode_block_file(include_bytes!("../../../integration-tests/tests/data/block-fulu-26.json")).unwrap()
}

/// A phase does not end during the test.
fn spec() -> Spec {
    Spec { k_min: 11, k_max: 11, phase_slots: 1000, job_interval_slots: 1, ..Network::Devnet.spec() }
}

fn secrets() -> Vec<SecretKey> {
    (1..=8).map(|number| SecretKey::from_bytes(&[number; 32]).unwrap()).collect()
}

/// A sidecar's gateway with the job of [`block`] in T1.
struct Sidecar {
    shared: SidecarShared,
    address: SocketAddr,
    stop: CancellationToken,
    server: JoinHandle<bool>,
    _folder: tempfile::TempDir,
}

impl Sidecar {
    async fn start(circuits: &Circuits, genesis_ms: u64) -> (Self, JobId) {
        let folder = tempfile::tempdir().unwrap();
        let (mut core, job) = core(folder.path(), circuits, genesis_ms);
        for todo in core.tick(now_ms()).unwrap() {
            if let Todo::Plan { job, input } = todo {
                core.planned(&job, ProvingJob::new(circuits, job, input, 11..=11, 4 << 20), now_ms()).unwrap();
            }
        }
        core.node.synced = true;
        let (shared, metrics, stop) = (SidecarShared::new(core), SidecarMetrics::default(), CancellationToken::new());
        let config = Config { network: "devnet".into(), ..Config::default() };
        let app = App {
            intake: IntakeQueue::start(shared.clone(), 16, metrics.clone()),
            shared: shared.clone(),
            metrics: Arc::new(metrics),
            spec_root: spec_root(&spec()),
            spec: Arc::new(spec()),
            admission: Arc::new(Admission::new(&config)),
            board: None,
            stop: stop.clone(),
        };
        let limits = ListenerLimits {
            seats: Seats::new(64, 64),
            header_timeout: millis(5_000),
            write_timeout: millis(5_000),
            drain_timeout: millis(100),
            trusted_proxies: Vec::new(),
        };
        let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0)), limits, None).await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(listener.serve(router(app), stop.clone()));
        (Self { shared, address, stop, server, _folder: folder }, job)
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The root of what a prover has submitted in T1.
    fn body(&self, job: &JobId, prover: &SecretKey) -> Option<Root> {
        let core = self.shared.read();
        let index = core.prover_index(&prover.public_key().into())?;
        let live = core.job(job)?;
        live.of_phase(Phase::T1).find(|(of, _)| *of == index).map(|(_, received)| received.body_root)
    }
}

fn core(folder: &Path, circuits: &Circuits, genesis_ms: u64) -> (Core, JobId) {
    let registry: String = secrets().iter().map(|key| format!("[[prover]]\npubkey = \"{}\"\n", key.public_key())).collect();
    let config = CoreConfig {
        genesis_ms,
        spec: Arc::new(spec()),
        validator: ValidatorIndex(3),
        program_hash: circuits.guest().hash,
        retention_epochs: 64,
        max_job_bytes: 64 << 20,
        max_fill: 64,
        joint: false,
        contract_votes: false,
        first_slot: Default::default(),
    };
    let store = Store::open(&folder.join("store"), &db::SCHEMA, &Options { fsync: false, ..Options::default() }).unwrap();
    let mut core = Core::load(config, store, Arc::new(RegistryFile::parse(&registry, "registry").unwrap()), now_ms()).unwrap();
    let job = core.on_block(&block(), now_ms()).unwrap().expect("the block gets a job");
    (core, job)
}

/// The daemon of a prover.
fn daemon(folder: &Path, secret: &SecretKey, circuits: Arc<Circuits>, gateways: &[String]) -> Shared {
    let password = Password::new("a password");
    let keystore = folder.join("keystore.json");
    Keystore::encrypt(secret, &password, KdfCost::Pbkdf2 { rounds: 2 }, None, None).unwrap().write(&keystore).unwrap();
    let key = StakeKey::unlock(&keystore, &password, None).unwrap();
    let pubkey = (*key.public_key()).into();
    let gateways = Gateways::new(gateways).unwrap();
    let mut metrics = Metrics::new("cpu", 2);
    metrics.show_gateways(gateways.switches(), gateways.in_use());
    Shared {
        chain: None,
        board: Arc::new(Board::new(pubkey, "cpu")),
        metrics: Arc::new(metrics),
        speed: Arc::default(),
        gateways,
        spec: Arc::new(spec()),
        key,
        pubkey,
        circuits,
        protection: Protection::open(&folder.join("protection"), pubkey).unwrap(),
        beacon: None,
        aggregate: false,
        full_proof_when_faster: false,
        look_out: LookOutPolicy::Never,
        quiet: true,
    }
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(120), async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("{what}: not within two minutes"));
}

/// The gateway that took a submission dies; what it may not have passed on goes to the next one, byte for byte.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_turns_to_the_next_gateway_and_signs_nothing_twice() {
    let circuits = Arc::new(crate::circuits(None, true).unwrap());
    let genesis_ms = (now_ms() - block().slot.0 * spec().slot_duration_ms) / 1000 * 1000;
    let (first, job) = Sidecar::start(&circuits, genesis_ms).await;
    let (second, same) = Sidecar::start(&circuits, genesis_ms).await;
    assert_eq!(job, same);
    let of = |sidecar: &Sidecar| GatewayClient::new(&sidecar.url(), Duration::from_secs(20)).unwrap();
    assert_eq!(of(&first).assignments(&job).await.unwrap(), of(&second).assignments(&job).await.unwrap());

    let drawn = first.shared.read().job(&job).unwrap().job().selection().unwrap().provers[0];
    let key = first.shared.read().prover_key(drawn);
    let secret = secrets().into_iter().find(|secret| secret.public_key().to_bytes() == key.0).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let shared = Arc::new(daemon(folder.path(), &secret, circuits, &[first.url(), second.url()]));
    let stop = CancellationToken::new();
    let running = tokio::spawn(super::run(Arc::clone(&shared), stop.clone()));

    until("the first gateway has the commitments", || first.body(&job, &secret).is_some()).await;
    assert_eq!((shared.gateways.switches().get(), second.body(&job, &secret)), (0, None));
    let body = first.body(&job, &secret);
    first.stop.cancel();
    first.server.await.unwrap();

    until("the second gateway has them too", || second.body(&job, &secret).is_some()).await;
    assert_eq!(second.body(&job, &secret), body);
    assert_eq!(shared.protection.body_root(&job, Phase::T1).unwrap(), body);
    assert!(second.shared.read().evidence().next().is_none());
    let text = shared.metrics.render();
    for line in ["quintet_prover_gateway_in_use 1", "quintet_prover_gateway_switches_total 1"] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    stop.cancel();
    running.await.unwrap().unwrap();
}
