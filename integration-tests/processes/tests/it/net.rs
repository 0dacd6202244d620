//! A network for one job: chain and clock here, everything else in processes.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use quintet_api::{GatewayClient, JobDetail, JobFilter, JobState};
use quintet_devnet::launch::{Children, Files, Programs, devnet_spec};
use quintet_devnet::{Devnet, DevnetConfig};
use quintet_types::{JobId, PublicKeyBytes, Spec};

/// Slots of a phase that runs to its deadline; `QUINTET_TEST_PHASE_SLOTS` on a machine that has much else to do.
pub(crate) fn phase_slots(usual: u64) -> u64 {
    std::env::var("QUINTET_TEST_PHASE_SLOTS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Length of a slot.
const SLOT: Duration = Duration::from_secs(2);
/// Generous, for machines that do other things beside.
const START: Duration = Duration::from_secs(180);

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// Chain, sidecar, and provers by name.
pub(crate) struct Net {
    pub(crate) client: GatewayClient,
    pub(crate) gateway: String,
    pub(crate) files: Files,
    pub(crate) children: Children,
    pub(crate) spec: Spec,
    programs: Programs,
    chain: Devnet,
}

impl Net {
    /// Starts chain and sidecar. Blocks have `transactions`; `change` adapts the parameters.
    pub(crate) async fn start(provers: usize, transactions: usize, phase_slots: u64, change: impl FnOnce(&mut Spec)) -> Self {
        let mut spec = devnet_spec(SLOT, phase_slots).unwrap();
        change(&mut spec);
        spec.check().unwrap();
        let files = Files::create(None, provers, &spec).unwrap();
        let config = DevnetConfig { slot_duration: SLOT, txs_per_block: transactions, ..DevnetConfig::default() };
        let chain = Devnet::start(config).await.unwrap();
        let port = free_port();
        let gateway = format!("http://127.0.0.1:{port}");
        let programs = Programs::find().unwrap();
        let arguments = [
            "run".to_owned(),
            format!("--network={}", files.network().display()),
            format!("--registry={}", files.registry().display()),
            format!("--data-dir={}", files.sidecar().display()),
            format!("--beacon-url={}", chain.url()),
            format!("--listen=127.0.0.1:{port}"),
            // Not the port after the gateway's, which may be somebody's.
            "--set=admin.listen=127.0.0.1:0".to_owned(),
        ];
        let mut children = Children::default();
        children.spawn("sidecar", &programs.sidecar, arguments.into_iter(), files.log("sidecar")).unwrap();
        let client = GatewayClient::new(&gateway, Duration::from_secs(20)).unwrap();
        let until = Instant::now() + START;
        while client.identity().await.is_err() {
            children.check().unwrap();
            assert!(Instant::now() < until, "the sidecar does not answer");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Self { client, gateway, files, children, spec, programs, chain }
    }

    /// The first job that is served.
    pub(crate) async fn first_job(&mut self) -> JobDetail {
        let until = Instant::now() + START;
        loop {
            self.children.check().unwrap();
            let jobs = self.client.jobs(&JobFilter::default()).await.unwrap().data;
            if let Some(job) = jobs.iter().rfind(|job| job.state != JobState::Unserved) {
                return self.client.job(&job.job).await.unwrap();
            }
            assert!(Instant::now() < until, "no job");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until a job is in a state that is wanted.
    pub(crate) async fn until(&self, id: &JobId, within: Duration, wanted: impl Fn(JobState) -> bool) -> JobDetail {
        let until = Instant::now() + within;
        loop {
            let detail = self.client.job(id).await.unwrap();
            if wanted(detail.summary.state) {
                return detail;
            }
            assert!(Instant::now() < until, "{id} is still in {:?}", detail.summary.state);
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    fn keystore(&self, key: &PublicKeyBytes) -> (PathBuf, PathBuf) {
        let files = self.files.provers().iter().find(|prover| prover.pubkey == *key).unwrap();
        (files.keystore.clone(), files.data.clone())
    }

    /// Starts the real daemon with a key, speaking to `gateway`.
    pub(crate) fn daemon(&mut self, name: &str, key: &PublicKeyBytes, gateway: &str, further: &[&str]) {
        let (keystore, data) = self.keystore(key);
        let arguments = [
            "run".to_owned(),
            format!("--gateway={gateway}"),
            format!("--beacon-url={}", self.chain.url()),
            format!("--stake-key={}", keystore.display()),
            format!("--password-file={}", self.files.password().display()),
            format!("--data-dir={}", data.display()),
        ];
        let further = further.iter().map(|&argument| argument.to_owned());
        let log = self.files.log(name);
        self.children.spawn(name, &self.programs.prover, arguments.into_iter().chain(further), log).unwrap();
    }

    /// Starts a villain with a key; its log has a line for everything that it sends.
    pub(crate) fn villain(&mut self, role: &str, key: &PublicKeyBytes) -> PathBuf {
        let (keystore, _) = self.keystore(key);
        let arguments = [
            format!("--role={role}"),
            format!("--gateway={}", self.gateway),
            format!("--stake-key={}", keystore.display()),
            format!("--password-file={}", self.files.password().display()),
        ];
        let log = self.files.log(role);
        let program = Path::new(env!("CARGO_BIN_EXE_quintet-villain"));
        self.children.spawn(role, program, arguments.into_iter(), log.clone()).unwrap();
        log
    }

    /// Runs the real daemon with a copy of a key and a record of its own until it ends by itself, and says what it wrote.
    ///
    /// # Panics
    /// If it does not end.
    pub(crate) async fn twin(&self, key: &PublicKeyBytes, within: Duration) -> (bool, String) {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("keystore.json");
        std::fs::copy(self.keystore(key).0, &copy).unwrap();
        let mut command = tokio::process::Command::new(&self.programs.prover);
        command.arg("run").args(["--gateway", &self.gateway]).arg("--stake-key").arg(copy);
        command.arg("--password-file").arg(self.files.password()).arg("--data-dir").arg(folder.path());
        let running = command.kill_on_drop(true).output();
        let output = tokio::time::timeout(within, running).await.expect("the twin goes on").unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// The answer of a prover's own listener to `quintet-prover status`.
    pub(crate) async fn status(&self, address: &str) -> serde_json::Value {
        let mut command = tokio::process::Command::new(&self.programs.prover);
        command.args(["status", "--json", "--daemon", &format!("http://{address}")]);
        let output = command.output().await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Where the protection record of a key is.
    pub(crate) fn record(&self, key: &PublicKeyBytes) -> PathBuf {
        self.keystore(key).1.join("protection").join(key.to_string())
    }

    /// Ends all processes.
    pub(crate) async fn stop(mut self) {
        self.children.stop().await;
        self.chain.shutdown().await;
    }
}
