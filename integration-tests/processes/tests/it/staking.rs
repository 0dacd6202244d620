//! Stake, slashing and settlement from end to end: contracts on a real anvil, everything else as processes, all through the programs' own commands.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use alloy_primitives::{Address, U256};
use quintet_api::{GatewayClient, JobFilter, JobState, SettlementState};
use quintet_devnet::{
    Devnet, DevnetConfig,
    launch::{
        Account, Children, Clock, Files, Programs, SIGNERS, Staked, VALIDATORS, anvil_program, devnet_spec, run_for_json,
    },
};
use quintet_types::{EquivocationEvidence, JobId, PublicKeyBytes};
use serde_json::Value;

use crate::net::{free_port, phase_slots};

/// Length of a slot: contracts count whole seconds.
const SLOT: Duration = Duration::from_secs(1);
/// Provers.
const PROVERS: usize = 4;
/// Slots of a phase that somebody leaves open.
const PHASE_SLOTS: u64 = 45;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(900);

/// The whole network.
struct Net {
    staked: Staked,
    client: GatewayClient,
    gateway: String,
    files: Files,
    children: Children,
    programs: Programs,
    chain: Devnet,
}

impl Net {
    async fn start() -> Self {
        let spec = devnet_spec(SLOT, phase_slots(PHASE_SLOTS)).unwrap();
        let files = Files::create(None, PROVERS, &spec).unwrap();
        let programs = Programs::find().unwrap();
        let config = DevnetConfig { slot_duration: SLOT, txs_per_block: 1, ..DevnetConfig::default() };
        let chain = Devnet::start(config).await.unwrap();
        let mut children = Children::default();
        let clock = Clock::of(&chain).unwrap();
        let staked = Staked::start(&files, &mut children, free_port(), &clock).await.unwrap();
        let port = free_port();
        let gateway = format!("http://127.0.0.1:{port}");
        let client = GatewayClient::new(&gateway, Duration::from_secs(20)).unwrap();
        Self { staked, client, gateway, files, children, programs, chain }
    }

    /// Starts the sidecar, which has its provers from the contracts.
    async fn start_sidecar(&mut self) {
        let config = self.staked.sidecar_config().await.unwrap();
        let listen = self.gateway.trim_start_matches("http://").to_owned();
        let arguments = [
            "run".to_owned(),
            format!("--config={}", config.display()),
            format!("--network={}", self.files.network().display()),
            format!("--data-dir={}", self.files.sidecar().display()),
            format!("--beacon-url={}", self.chain.url()),
            format!("--listen={listen}"),
            "--set=admin.listen=127.0.0.1:0".to_owned(),
        ];
        let log = self.files.log("sidecar");
        self.children.spawn("sidecar", &self.programs.sidecar, arguments.into_iter(), log).unwrap();
        let client = self.client.clone();
        self.until("the sidecar answers", || {
            let client = client.clone();
            async move { client.identity().await.ok() }
        })
        .await;
    }

    /// Starts a prover's daemon, with its own listener at `metrics`.
    fn start_daemon(&mut self, number: usize, metrics: u16) {
        let prover = self.files.provers()[number].clone();
        let mut arguments = vec![
            "run".to_owned(),
            "--aggregate".to_owned(),
            format!("--gateway={}", self.gateway),
            format!("--beacon-url={}", self.chain.url()),
            format!("--stake-key={}", prover.keystore.display()),
            format!("--password-file={}", self.files.password().display()),
            format!("--data-dir={}", prover.data.display()),
            format!("--metrics=127.0.0.1:{metrics}"),
        ];
        arguments.extend(self.staked.chain_flags());
        let name = format!("prover-{number}");
        let log = self.files.log(&name);
        self.children.spawn(&name, &self.programs.prover, arguments.into_iter(), log).unwrap();
    }

    /// Waits until something is there.
    async fn until<T, F: Future<Output = Option<T>>>(&mut self, what: &str, ask: impl Fn() -> F) -> T {
        let until = Instant::now() + PATIENCE;
        loop {
            self.children.check().unwrap();
            if let Some(found) = ask().await {
                eprintln!("{what}");
                return found;
            }
            if Instant::now() > until {
                self.children.print_tails();
                panic!("not within {} s: {what}", PATIENCE.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Waits for a job after `after` that is final, and returns it.
    async fn finalized(&mut self, after: u64) -> JobId {
        let client = self.client.clone();
        self.until(&format!("a job after slot {after} is finalized"), || {
            let client = client.clone();
            async move {
                let jobs = client.jobs(&JobFilter { limit: Some(200), ..JobFilter::default() }).await.ok()?.data;
                let wanted = |job: &&quintet_api::JobSummary| job.state == JobState::Finalized && job.job.slot.0 > after;
                jobs.iter().rfind(wanted).map(|job| job.job)
            }
        })
        .await
    }

    fn key(&self, number: usize) -> PublicKeyBytes {
        self.files.provers()[number].pubkey
    }

    async fn account(&self, number: usize) -> Account {
        self.staked.account(&format!("prover-{number}")).await.unwrap()
    }

    /// `quintet-prover stake …` of a prover, by its own account.
    async fn stake(&self, number: usize, words: &[&str]) -> anyhow::Result<Value> {
        let key = self.key(number).to_string();
        let mut all = vec!["stake"];
        all.extend(words);
        all.extend(["--prover", &key]);
        self.staked.send(&self.programs.prover, &all, &self.account(number).await).await
    }

    /// `quintet-prover stake status`.
    async fn status(&self, number: usize) -> Value {
        let key = self.key(number).to_string();
        let mut arguments: Vec<String> = ["stake", "status", "--json", "--prover", &key].map(str::to_owned).into();
        arguments.extend(self.staked.chain_flags());
        run_for_json(&self.programs.prover, &arguments).await.unwrap()
    }

    async fn balance(&self, account: Address) -> U256 {
        self.staked.anvil.balance(account).await.unwrap()
    }
}

/// What a daemon says of itself.
async fn daemon_status(metrics: u16) -> Option<Value> {
    reqwest::get(format!("http://127.0.0.1:{metrics}/status")).await.ok()?.json().await.ok()
}

/// Two bodies for one phase of a job, signed with a prover's key, as if a copy of the key had worked elsewhere.
fn equivocate(files: &Files, spec: &quintet_types::Spec, number: usize, job: &JobId) -> EquivocationEvidence {
    use quintet_types::{Phase, Root, SignatureBytes, SubmissionHeader, TreeHash as _, domain::submission_domain_type};
    let prover = &files.provers()[number];
    let password = quintet_keys::Password::from_file(&files.password()).unwrap();
    // The daemon has the lock; a thief would not ask.
    let key = quintet_keys::Keystore::read(&prover.keystore).unwrap().decrypt(&password).unwrap();
    let signed = |byte| {
        let header = SubmissionHeader {
            job_root: job.tree_hash_root(),
            phase: Phase::T1,
            prover: prover.pubkey,
            body_root: Root::repeat_byte(byte),
        };
        let root = header.signing_root(submission_domain_type(Phase::T1), spec);
        (header, SignatureBytes::from(key.sign(&root.0).to_bytes()))
    };
    EquivocationEvidence::new(signed(1), signed(2)).unwrap()
}

fn wei(value: &Value) -> U256 {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: anvil, a forge script, and epochs that pass in real time"]
async fn provers_stake_work_are_paid_slashed_and_leave() {
    if anvil_program().is_none() {
        assert!(std::env::var_os("CI").is_none(), "`make test-contracts` has not run");
        eprintln!("SKIPPED: run `make test-contracts` first, which installs anvil and forge");
        return;
    }
    let mut net = Net::start().await;
    net.staked.deposit_all(&net.programs, &net.files).await.unwrap();
    net.staked.enrol_all(&net.programs).await.unwrap();
    let registered = net.status(0).await;
    assert_eq!((registered["state"].as_str(), registered["slashed"].as_bool()), (Some("pending"), Some(false)), "{registered}");
    // Twice is refused, in words, before anything is sent.
    let password = net.files.password().display().to_string();
    let keystore = net.files.provers()[0].keystore.display().to_string();
    let again = ["stake", "deposit", "--stake-key", &keystore, "--password-file", &password, "--amount", "2"];
    let refused = net.staked.send(&net.programs.prover, &again, &net.account(0).await).await.unwrap_err();
    assert!(refused.to_string().contains("belongs to prover 0 already"), "{refused}");

    // The sidecar finds them, and jobs run.
    net.start_sidecar().await;
    let metrics: Vec<u16> = (0..PROVERS).map(|_| free_port()).collect();
    for (number, port) in metrics.iter().enumerate() {
        net.start_daemon(number, *port);
    }
    let client = net.client.clone();
    net.until("the sidecar has four provers from the contract", || {
        let client = client.clone();
        async move { client.provers().await.ok().filter(|provers| provers.len() == PROVERS) }
    })
    .await;
    let job = net.finalized(0).await;

    // A settlement with what that job paid, signed by three of four.
    let client = net.client.clone();
    let settled = net
        .until("a settlement that pays is posted", || {
            let client = client.clone();
            async move {
                let all = client.settlements(50).await.ok()?;
                let paid =
                    |one: &quintet_api::SettlementSummary| one.state == SettlementState::Posted && one.total_rewards.0 > 0;
                all.into_iter().find(paid)
            }
        })
        .await;
    let detail = client.settlement(settled.number, 0, 100).await.unwrap();
    assert_eq!(detail.signers.len() as u64, SIGNERS, "{VALIDATORS} are enrolled: {detail:?}");
    assert!(detail.settlement.signed_gwei.0 * 3 >= detail.settlement.total_gwei.0 * 2);

    // Whoever earned is paid exactly that, less nothing but the fee.
    let mut paid = 0;
    for number in 0..PROVERS {
        let gateway = net.gateway.clone();
        let claim = match client.claim(&net.key(number), None).await {
            Ok(claim) if claim.leaf.rewards.0 > 0 => claim,
            other => {
                eprintln!("prover {number} has nothing to claim: {other:?}");
                continue;
            }
        };
        let account = net.account(number).await;
        let (before, stake) = (net.balance(account.address).await, wei(&net.status(number).await["stake_wei"]));
        let receipt = net.stake(number, &["claim", "--gateway", &gateway]).await.unwrap();
        let (after, status) = (net.balance(account.address).await, net.status(number).await);
        let due = wei(&status["paid_wei"]);
        assert!(due >= U256::from(claim.leaf.rewards.0 as u128) * U256::from(1000), "{claim:?}");
        assert_eq!(after + wei(&receipt["fee_wei"]), before + due, "{receipt}");
        // Penalties come out of the stake, to the wei.
        assert_eq!(stake - wei(&status["stake_wei"]), wei(&status["penalties_taken_wei"]), "{status}");
        assert_eq!(status["penalties_owed_wei"], "0", "{status}");
        paid += 1;
    }
    assert!(paid > 0, "nobody earned anything in {job}");

    // One has signed two bodies; anyone may say so, and its daemon stops by itself.
    let villain = 0;
    let stake = wei(&net.status(villain).await["stake_wei"]);
    let spec = net.client.spec().await.unwrap();
    let evidence = equivocate(&net.files, &spec, villain, &job);
    let file = net.files.dir().join("evidence.json");
    let view = serde_json::json!({ "data": { "equivocations": [evidence], "wrong_digests": [] } });
    std::fs::write(&file, serde_json::to_vec(&view).unwrap()).unwrap();
    let reporter = net.staked.account("reporter").await.unwrap();
    let report = |file: &Path| ["slash".to_owned(), "submit".to_owned(), "--evidence".to_owned(), file.display().to_string()];
    let words = report(&file);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let before = net.balance(reporter.address).await;
    let receipt = net.staked.send(&net.programs.sidecar, &words, &reporter).await.unwrap();
    let after = net.balance(reporter.address).await;
    let status = net.status(villain).await;
    let left = wei(&status["stake_wei"]);
    assert_eq!(status["slashed"], true, "{status}");
    assert_eq!(stake - left, stake / U256::from(2), "half of the stake");
    assert_eq!(after + wei(&receipt["fee_wei"]) - before, (stake - left) / U256::from(10), "the reporter's tenth");
    let port = metrics[villain];
    let stopped = net
        .until("the slashed daemon has stopped", || async move {
            daemon_status(port).await.filter(|status| status["mode"] == "stopped")
        })
        .await;
    assert!(stopped["idle"].as_str().unwrap().contains("slashed on chain"), "{stopped}");
    assert_eq!(daemon_status(metrics[1]).await.unwrap()["mode"], "following");

    // Another leaves: not at once, and then with everything.
    let leaver = 1;
    net.stake(leaver, &["exit"]).await.unwrap();
    let early = net.stake(leaver, &["withdraw"]).await.unwrap_err();
    assert!(early.to_string().contains("can be withdrawn from epoch"), "{early}");
    let status = net.status(leaver).await;
    assert_eq!(status["state"], "exiting", "{status}");
    let until = Instant::now() + PATIENCE;
    while net.status(leaver).await["state"] != "withdrawable" {
        assert!(Instant::now() < until, "the exit takes too long");
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    let account = net.account(leaver).await;
    let (stake, before) = (wei(&net.status(leaver).await["stake_wei"]), net.balance(account.address).await);
    let receipt = net.stake(leaver, &["withdraw"]).await.unwrap();
    assert_eq!(net.balance(account.address).await + wei(&receipt["fee_wei"]), before + stake);
    assert_eq!(net.status(leaver).await["state"], "withdrawn");

    net.children.stop().await;
    net.chain.shutdown().await;
}
