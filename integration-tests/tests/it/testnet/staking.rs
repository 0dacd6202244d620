//! The contracts on a real execution client over a real beacon chain: nothing is simulated, neither precompiles nor beacon roots.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use quintet_devnet::{
    interop_key,
    launch::{Clock, deploy, run_for_json},
};
use quintet_integration_tests::testnet::{Chain, Testnet, TestnetOptions, beacon, unavailable};
use quintet_keys::{KdfCost, Keystore, Password};
use quintet_staking::{Follower, FollowerConfig, Known, cli::DeploymentFile};
use quintet_types::PublicKeyBytes;
use serde_json::Value;

use super::stack::program;

pub(super) const SLOT: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(300);
/// Slots of an epoch in the minimal preset.
pub(super) const SLOTS_PER_EPOCH: u64 = 8;
/// The account that the genesis of the execution chain has provided for, as anvil's first.
pub(super) const KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

/// Where provers want their rewards.
pub(super) const PAYOUT: &str = "0x00000000000000000000000000000000000000aa";

/// The chain with the contracts on it, and one account that does everything.
pub(super) struct Staked {
    pub(super) testnet: Testnet,
    pub(super) deployment: DeploymentFile,
    pub(super) clock: Clock,
    dir: tempfile::TempDir,
}

impl Staked {
    /// Starts clients and deploys, with `parameters` for the deployment script.
    pub(super) async fn start(parameters: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = TestnetOptions { chain: Chain::Fulu, slot: SLOT, transfers: 0 };
        let mut testnet = Testnet::start(&dir.path().join("clients"), options).await.unwrap();
        // EthereumJS answers `eth_feeHistory` for ten blocks only once it has ten.
        testnet.wait_for_head(12).await.unwrap();
        let genesis = beacon(&testnet.beacon_url(), "/eth/v1/beacon/genesis").await.unwrap()["data"].take();
        let text = |key: &str| genesis[key].as_str().unwrap().to_owned();
        let clock = Clock {
            genesis_time: text("genesis_time").parse().unwrap(),
            seconds_per_slot: SLOT.as_secs(),
            slots_per_epoch: SLOTS_PER_EPOCH,
            fork_version: alloy_primitives::hex::decode(text("genesis_fork_version")).unwrap().try_into().unwrap(),
            validators_root: text("genesis_validators_root").parse().unwrap(),
        };
        let file = dir.path().join("deployment.json");
        let mut environment = vec![("PRIVATE_KEY", format!("0x{KEY}"))];
        environment.extend(parameters.iter().map(|&(name, value)| (name, value.to_owned())));
        let deployment = deploy(&testnet.rpc_url(), &clock, &environment, &file).await.unwrap();
        std::fs::write(dir.path().join("account"), KEY).unwrap();
        std::fs::write(dir.path().join("password"), "password").unwrap();
        Self { testnet, deployment, clock, dir }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs a command of a program on this chain; what it printed.
    pub(super) async fn run(&self, name: &str, words: &[&str], sends: bool) -> anyhow::Result<Value> {
        let mut arguments: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        arguments.push(format!("--execution-url={}", self.testnet.rpc_url()));
        arguments.push(format!("--deployment={}", shown(&self.path("deployment.json"))));
        arguments.push("--json".to_owned());
        if sends {
            arguments.push(format!("--account-key-file={}", shown(&self.path("account"))));
            arguments.push(format!("--journal={}", shown(&self.path("transactions"))));
            arguments.extend(["--yes", "--confirmations=1"].map(str::to_owned));
        }
        run_for_json(&program(name), &arguments).await
    }

    /// Stakes 2 ETH with the stake key of this number; rewards go to [`PAYOUT`].
    pub(super) async fn deposit(&self, number: u64) -> anyhow::Result<()> {
        let (key, password) = (shown(&self.keystore(number)), shown(&self.path("password")));
        let words = ["stake", "deposit", "--stake-key", &key, "--password-file", &password, "--amount", "2"];
        let words = [&words[..], &["--withdrawal-address", PAYOUT]].concat();
        let said = self.run("quintet-prover", &words, true).await?;
        anyhow::ensure!(said["sent"] == true, "{said}");
        Ok(())
    }

    /// A key as the validator client or the daemon would have it.
    fn keystore(&self, index: u64) -> PathBuf {
        let file = self.path(&format!("key-{index}.json"));
        let password = Password::from_file(&self.path("password")).unwrap();
        let key = interop_key(index).unwrap();
        Keystore::encrypt(&key, &password, KdfCost::DEVNET, None, None).unwrap().write(&file).unwrap();
        file
    }

    /// Proves a validator's record to the contract by a state of the beacon node and the root that the chain itself put into EIP-4788's contract.
    pub(super) async fn enrol(&self, index: u64) {
        let proof = shown(&self.path(&format!("validator-{index}.proof.json")));
        let (beacon, index_text) = (self.testnet.beacon_url(), index.to_string());
        let words = ["validator", "prove", "--block", "head", "--index", &index_text, "--beacon-url", &beacon, "--out", &proof];
        let output = tokio::process::Command::new(program("quintet-sidecar")).args(words).output().await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let (keystore, password) = (shown(&self.keystore(index)), shown(&self.path("password")));
        let words = ["validator", "enrol", "--validator-key", &keystore, "--password-file", &password, "--proof", &proof];
        let said = self.run("quintet-sidecar", &words, true).await.unwrap();
        assert_eq!(said["sent"], true, "{said}");
    }

    /// What is final of the contracts, once `wanted` holds of it.
    pub(super) async fn known(&self, what: &str, wanted: impl Fn(&Known) -> bool) -> Arc<Known> {
        let mut follower = Follower::open(FollowerConfig {
            endpoints: vec![self.testnet.rpc_url()],
            chain_id: self.deployment.chain_id,
            contracts: self.deployment.contracts(),
            deployed_at: self.deployment.deployed_at_block,
            store: self.path("store"),
        })
        .unwrap();
        let until = Instant::now() + PATIENCE;
        loop {
            let polled = follower.poll().await;
            if wanted(&follower.known()) {
                return follower.known();
            }
            assert!(Instant::now() < until, "not final: {what}; {polled:?}");
            tokio::time::sleep(SLOT).await;
        }
    }
}

pub(super) fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: real clients from npm, a forge script, and finality"]
async fn provers_stake_and_validators_enrol_by_real_beacon_roots() {
    if let Some(reason) = unavailable(Chain::Fulu.packages()) {
        println!("SKIPPED: no real clients from npm here: {reason}");
        return;
    }
    let mut staked = Staked::start(&[]).await;

    // A prover: the client's own precompiles check its proof of possession.
    let key = interop_key(100).unwrap();
    staked.deposit(100).await.unwrap();
    let again = staked.deposit(100).await.unwrap_err().to_string();
    assert!(again.contains("belongs to prover 0 already"), "{again}");

    // Validators, by a state of Fulu.
    staked.testnet.wait_for_head(SLOTS_PER_EPOCH + 2).await.unwrap();
    for index in [0, 1] {
        staked.enrol(index).await;
    }
    let known = staked.known("a prover and two validators", |known| known.members.iter().count() == 2).await;
    assert_eq!(known.registry.registered(), 1);
    let [prover] = &known.registry.provers_before(u64::MAX)[..] else { panic!("one prover") };
    assert_eq!((prover.pubkey, prover.stake_gwei), (key.public_key().into(), 2_000_000_000));
    for (index, member) in known.members.iter() {
        let key: PublicKeyBytes = interop_key(index.0).unwrap().public_key().into();
        assert_eq!(member.pubkey, key);
        assert_eq!(member.weight_gwei, 32_000_000_000, "as the beacon state has it");
    }

    let status = staked.run("quintet-prover", &["stake", "status", "--prover", "0"], false).await.unwrap();
    assert_eq!(
        (status["slashed"].as_bool(), status["stake_wei"].as_str()),
        (Some(false), Some("2000000000000000000")),
        "{status}"
    );
    staked.testnet.stop().await.unwrap();
}
