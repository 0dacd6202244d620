//! Clients with a sidecar and provers on top, and how a test waits for what it expects.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use quintet_api::{GatewayClient, JobDetail, JobFilter, JobState, JobSummary};
use quintet_devnet::launch::{LaunchOptions, launch};
use quintet_integration_tests::testnet::{Chain, Testnet, TestnetOptions, free_port};
use quintet_types::JobId;
use tokio::task::JoinHandle;

/// Slots that a machine with two busy cores keeps up with.
pub(crate) const SLOT: Duration = Duration::from_secs(6);
/// How long a job may take on such a machine.
const PATIENCE: Duration = Duration::from_secs(900);

/// Everything that runs for a test. Killed when dropped.
pub(crate) struct Stack {
    pub(crate) testnet: Testnet,
    pub(crate) gateway: GatewayClient,
    launched: Launched,
}

/// Sidecar and provers, and the folder of all logs.
struct Launched {
    task: JoinHandle<anyhow::Result<()>>,
    dir: tempfile::TempDir,
}

impl Drop for Launched {
    fn drop(&mut self) {
        self.task.abort();
        if std::thread::panicking() {
            self.dir.disable_cleanup(true);
            eprintln!("logs are in {}", self.dir.path().display());
        }
    }
}

impl Stack {
    /// Clients, sidecar and eight provers, up until dropped.
    pub(crate) async fn start(chain: Chain) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = TestnetOptions { chain, slot: SLOT, transfers: 10 };
        let testnet = Testnet::start(&dir.path().join("clients"), options).await.unwrap();
        let port = free_port().unwrap();
        let task = tokio::spawn(launch(LaunchOptions {
            keep: Some(dir.path().join("quintet")),
            // The test decides when it has seen enough.
            jobs: 1000,
            timeout: 4 * PATIENCE,
            // Phases end when everybody has submitted; on a busy machine that may be late.
            phase_slots: 100,
            slot: SLOT,
            beacon_url: Some(testnet.beacon_url()),
            listen: ([127, 0, 0, 1], port).into(),
            ..LaunchOptions::default()
        }));
        let gateway = GatewayClient::new(&format!("http://127.0.0.1:{port}"), Duration::from_secs(10)).unwrap();
        Self { testnet, gateway, launched: Launched { task, dir } }
    }

    /// Stops provers and sidecar, then the clients in order.
    pub(crate) async fn end(self) {
        drop(self.launched);
        self.testnet.stop().await.unwrap();
    }

    /// Waits for a job in `state` with transactions that is not among `known`.
    pub(crate) async fn job(&self, state: JobState, known: &[JobId]) -> JobDetail {
        let until = Instant::now() + PATIENCE;
        loop {
            let jobs = jobs(&self.gateway, state).await;
            if let Some(found) = jobs.iter().find(|job| job.transactions > 0 && !known.contains(&job.job)) {
                return self.gateway.job(&found.job).await.unwrap();
            }
            assert!(Instant::now() < until, "no job is in state {state:?}");
            assert!(!self.launched.task.is_finished(), "sidecar or provers have ended");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

/// The jobs in a state; none while the gateway does not answer.
pub(crate) async fn jobs(gateway: &GatewayClient, state: JobState) -> Vec<JobSummary> {
    let filter = JobFilter { state: Some(state), ..JobFilter::default() };
    gateway.jobs(&filter).await.map(|page| page.data).unwrap_or_default()
}

/// A program of this workspace, which lies one folder above the tests.
pub(crate) fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let path = own.parent().and_then(|deps| deps.parent()).unwrap().join(name);
    assert!(path.is_file(), "{} is not there; build it with: cargo build --workspace --bins", path.display());
    path
}
