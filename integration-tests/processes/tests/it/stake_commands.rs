//! The programs' commands against the contracts on a real anvil, deployed by the script: stake, enrol, pause, slash, leave, withdraw. No sidecar and no
//! daemon runs; the clock is anvil's, which can be put forward.

use alloy_primitives::{Address, U256};
use quintet_devnet::launch::{
    Account, Children, Clock, Files, Programs, Staked, VALIDATORS, anvil_program, devnet_spec, run_for_json,
};
use quintet_keys::{Keystore, Password};
use quintet_types::{
    EquivocationEvidence, Phase, Root, SignatureBytes, SubmissionHeader, domain::compute_domain, domain::compute_signing_root,
    domain::submission_domain_type,
};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const PROVERS: usize = 4;
const FORK_VERSION: [u8; 4] = [0x10, 0, 0, 0x51];
const EPOCH_SECONDS: u64 = 8;

struct World {
    staked: Staked,
    files: Files,
    programs: Programs,
}

impl World {
    async fn account(&self, number: usize) -> Account {
        self.staked.account(&format!("prover-{number}")).await.unwrap()
    }

    /// `quintet-prover stake …` of a prover, by its own account.
    async fn stake(&self, number: usize, words: &[&str]) -> anyhow::Result<Value> {
        let key = self.files.provers()[number].pubkey.to_string();
        let mut all = vec!["stake"];
        all.extend(words);
        all.extend(["--prover", &key]);
        self.staked.send(&self.programs.prover, &all, &self.account(number).await).await
    }

    async fn status(&self, number: usize) -> Value {
        let number = number.to_string();
        let mut arguments: Vec<String> = ["stake", "status", "--json", "--prover", &number].map(str::to_owned).into();
        arguments.extend(self.staked.chain_flags());
        run_for_json(&self.programs.prover, &arguments).await.unwrap()
    }

    async fn set(&self, index: u64) -> Value {
        let index = index.to_string();
        let mut arguments: Vec<String> = ["validator", "status", "--json", "--index", &index].map(str::to_owned).into();
        arguments.extend(self.staked.chain_flags());
        run_for_json(&self.programs.sidecar, &arguments).await.unwrap()
    }

    async fn balance(&self, account: Address) -> U256 {
        self.staked.anvil.balance(account).await.unwrap()
    }

    async fn pass(&self, epochs: u64) {
        self.staked.anvil.rpc("evm_increaseTime", json!([epochs * EPOCH_SECONDS])).await.unwrap();
        self.staked.anvil.rpc("evm_mine", json!([])).await.unwrap();
    }

    /// Two bodies for one phase, signed with a prover's key.
    fn equivocation(&self, number: usize) -> EquivocationEvidence {
        let prover = &self.files.provers()[number];
        let password = Password::from_file(&self.files.password()).unwrap();
        let key = Keystore::read(&prover.keystore).unwrap().decrypt(&password).unwrap();
        let domain = compute_domain(submission_domain_type(Phase::T2), FORK_VERSION.into(), Root::ZERO);
        let signed = |byte| {
            let header = SubmissionHeader {
                job_root: Root::repeat_byte(7),
                phase: Phase::T2,
                prover: prover.pubkey,
                body_root: Root::repeat_byte(byte),
            };
            let root = compute_signing_root(quintet_types::TreeHash::tree_hash_root(&header), domain);
            (header, SignatureBytes::from(key.sign(&root.0).to_bytes()))
        };
        EquivocationEvidence::new(signed(1), signed(2)).unwrap()
    }
}

fn wei(value: &Value) -> U256 {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: anvil and a forge script"]
async fn commands_stake_enrol_pause_slash_and_withdraw() {
    if anvil_program().is_none() {
        assert!(std::env::var_os("CI").is_none(), "`make test-contracts` has not run");
        eprintln!("SKIPPED: run `make test-contracts` first, which installs anvil and forge");
        return;
    }
    let mut children = Children::default();
    let files = Files::create(None, PROVERS, &devnet_spec(Duration::from_secs(1), 45).unwrap()).unwrap();
    let clock = Clock {
        genesis_time: SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs(),
        seconds_per_slot: 1,
        slots_per_epoch: EPOCH_SECONDS,
        fork_version: FORK_VERSION,
        validators_root: Default::default(),
    };
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let staked = Staked::start(&files, &mut children, port, &clock).await.unwrap();
    let world = World { staked, files, programs: Programs::find().unwrap() };

    world.staked.deposit_all(&world.programs, &world.files).await.unwrap();
    world.staked.enrol_all(&world.programs).await.unwrap();
    assert_eq!(world.status(0).await["state"], "pending");
    assert_eq!(world.set(VALIDATORS - 1).await["validator"]["status"], "joining");

    // What the contract refuses is said in words, and nothing is sent.
    let (key, password) =
        (world.files.provers()[0].keystore.display().to_string(), world.files.password().display().to_string());
    let deposit = ["stake", "deposit", "--stake-key", &key, "--password-file", &password, "--amount", "2"];
    let account = world.account(0).await;
    let before = world.balance(account.address).await;
    let refused = world.staked.send(&world.programs.prover, &deposit, &account).await.unwrap_err().to_string();
    assert!(refused.contains("belongs to prover 0 already"), "{refused}");
    let stranger = world.account(2).await;
    let one = world.files.provers()[1].pubkey.to_string();
    let foreign = ["stake", "exit", "--prover", &one];
    let refused = world.staked.send(&world.programs.prover, &foreign, &stranger).await.unwrap_err().to_string();
    assert!(refused.contains("belongs to"), "{refused}");
    assert_eq!(world.balance(account.address).await, before);

    world.pass(5).await;
    assert_eq!(world.status(0).await["state"], "active");
    world.stake(2, &["top-up", "--amount", "0.5"]).await.unwrap();
    assert_eq!(wei(&world.status(2).await["stake_wei"]), U256::from(2_500_000_000_000_000_000u64));
    world.stake(3, &["pause"]).await.unwrap();
    world.pass(5).await;
    assert_eq!(world.status(3).await["state"], "paused");
    world.stake(3, &["resume"]).await.unwrap();
    world.pass(5).await;
    assert_eq!(world.status(3).await["state"], "active");

    // Anyone reports: half of the stake is gone, a tenth of that is the reporter's.
    let file = world.files.dir().join("evidence.json");
    let view = json!({ "data": { "equivocations": [world.equivocation(0)], "wrong_digests": [] } });
    std::fs::write(&file, serde_json::to_vec(&view).unwrap()).unwrap();
    let reporter = world.staked.account("reporter").await.unwrap();
    let path = file.display().to_string();
    let submit = ["slash", "submit", "--evidence", &path];
    let (stake, before) = (wei(&world.status(0).await["stake_wei"]), world.balance(reporter.address).await);
    let receipt = world.staked.send(&world.programs.sidecar, &submit, &reporter).await.unwrap();
    let status = world.status(0).await;
    let lost = stake - wei(&status["stake_wei"]);
    assert_eq!((lost, &status["slashed"]), (stake / U256::from(2), &json!(true)), "{status}");
    let after = world.balance(reporter.address).await;
    assert_eq!(after + wei(&receipt["fee_wei"]) - before, lost / U256::from(10));

    // Leaving takes its time, and gives everything back.
    world.stake(1, &["exit"]).await.unwrap();
    let early = world.stake(1, &["withdraw"]).await.unwrap_err().to_string();
    assert!(early.contains("can be withdrawn from epoch"), "{early}");
    assert_eq!(world.status(1).await["state"], "exiting");
    world.pass(13).await;
    assert_eq!(world.status(1).await["state"], "withdrawable");
    let leaver = world.account(1).await;
    let (stake, before) = (wei(&world.status(1).await["stake_wei"]), world.balance(leaver.address).await);
    let receipt = world.stake(1, &["withdraw"]).await.unwrap();
    assert_eq!(world.balance(leaver.address).await + wei(&receipt["fee_wei"]), before + stake);
    assert_eq!(world.status(1).await["state"], "withdrawn");

    let owner = world.staked.account("validator-3").await.unwrap();
    world.staked.send(&world.programs.sidecar, &["validator", "remove", "--index", "3"], &owner).await.unwrap();
    assert_eq!(world.set(3).await["validator"]["status"], "gone", "it had not been carried over yet, so it goes at once");
    children.stop().await;
}
