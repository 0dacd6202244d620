//! The follower against a real execution client and the contracts as forge compiled them.
//!
//! Needs what `make test-contracts` leaves behind; CI runs that before these tests. Elsewhere they say that they were skipped.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use alloy_primitives::{Address, Bytes, U256, address};
use alloy_sol_types::{SolCall, SolConstructor as _, SolValue};
use quintet_keys::{ProofOfPossession, SecretKey};
use quintet_protocol::{Pause, ProverRecord};
use quintet_staking::{
    FollowError, Follower, FollowerConfig,
    bindings::{ProverRegistry as Abi, RegistryClock},
    g1_words, g2_words, prover_possession_binding,
};
use quintet_types::{Epoch, Slot, Spec, spec::Network};
use serde_json::{Value, json};

const CHAIN_ID: u64 = 31337;
const OWNER: Address = address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
const ETHER: u64 = 1_000_000_000_000_000_000;
/// A slot of two seconds, four to the epoch.
const EPOCH_SECONDS: u64 = 8;

fn contracts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contracts")
}

/// A running anvil, killed on drop.
struct Anvil {
    process: Child,
    url: String,
    genesis: u64,
}

impl Drop for Anvil {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Anvil {
    /// Starts one whose finalized block is two behind the head, which moves only when asked to.
    fn start() -> Option<Self> {
        let packages = std::fs::read_dir(contracts().join("node_modules/@foundry-rs")).ok();
        let program = packages.and_then(|mut entries| {
            entries.find_map(|entry| Some(entry.ok()?.path().join("bin/anvil")).filter(|path| path.is_file()))
        });
        let built = contracts().join("out/ProverRegistry.sol/ProverRegistry.json").is_file();
        let Some(program) = program.filter(|_| built) else {
            assert!(std::env::var_os("CI").is_none(), "`make test-contracts` has not run");
            eprintln!("SKIPPED: run `make test-contracts` first");
            return None;
        };
        let mut command = Command::new(program);
        command.args(["--port", "0", "--slots-in-an-epoch", "1", "--no-mining", "--hardfork", "prague"]);
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = lines
            .find_map(|line| Some(line.ok()?.strip_prefix("Listening on ")?.to_owned()))
            .expect("anvil says where it listens");
        // It goes on writing, and must not be stopped by a closed pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let mut anvil = Self { process, url: format!("http://{address}"), genesis: 0 };
        anvil.genesis = anvil.timestamp();
        Some(anvil)
    }

    fn rpc(&self, method: &str, params: Value) -> Value {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let (url, method) = (self.url.clone(), method.to_owned());
        // A runtime of its own: the tests' are busy waiting for this.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let answer: Value = runtime
                .block_on(async { reqwest::Client::new().post(url).json(&body).send().await.unwrap().json().await.unwrap() });
            assert!(answer.get("error").is_none(), "{method}: {answer}");
            answer["result"].clone()
        })
        .join()
        .unwrap()
    }

    fn timestamp(&self) -> u64 {
        let block = self.rpc("eth_getBlockByNumber", json!(["latest", false]));
        u64::from_str_radix(&block["timestamp"].as_str().unwrap()[2..], 16).unwrap()
    }

    /// Mines blocks of two seconds each.
    fn mine(&self, blocks: u64) {
        self.rpc("anvil_mine", json!([blocks, 2]));
    }

    /// Sends a transaction and mines it; the receipt.
    fn send(&self, to: Option<Address>, data: Vec<u8>, value: u64) -> Value {
        let mut transaction = json!({
            "from": OWNER, "data": Bytes::from(data), "value": format!("{value:#x}"), "gas": "0x989680",
        });
        if let Some(to) = to {
            transaction["to"] = json!(to);
        }
        let hash = self.rpc("eth_sendTransaction", json!([transaction]));
        self.mine(1);
        let receipt = self.rpc("eth_getTransactionReceipt", json!([hash]));
        assert_eq!(receipt["status"], "0x1", "{receipt}");
        receipt
    }

    fn deploy_registry(&self) -> (Address, u64) {
        let artifact = std::fs::read_to_string(contracts().join("out/ProverRegistry.sol/ProverRegistry.json")).unwrap();
        let artifact: Value = serde_json::from_str(&artifact).unwrap();
        let mut code: Vec<u8> = artifact["bytecode"]["object"].as_str().unwrap().parse::<Bytes>().unwrap().to_vec();
        let network = RegistryClock::Network {
            genesisTime: self.genesis,
            secondsPerSlot: 2,
            slotsPerEpoch: 4,
            genesisForkVersion: [0; 4].into(),
            genesisValidatorsRoot: Default::default(),
        };
        let config = Abi::Config {
            minStake: U256::from(ETHER),
            delayEpochs: 5,
            exitDelayEpochs: 20,
            slashBps: 5000,
            reporterBps: 1000,
            // Penalties come from here in this test.
            settlement: OWNER,
        };
        code.extend(Abi::constructorCall { network, config }.abi_encode());
        let receipt = self.send(None, code, 0);
        let number = u64::from_str_radix(&receipt["blockNumber"].as_str().unwrap()[2..], 16).unwrap();
        (receipt["contractAddress"].as_str().unwrap().parse().unwrap(), number)
    }

    fn call(&self, registry: Address, call: &impl SolCall, value: u64) {
        self.send(Some(registry), call.abi_encode(), value);
    }

    fn register(&self, registry: Address, byte: u8, stake: u64) {
        let secret = SecretKey::from_bytes(&[byte; 32]).unwrap();
        let proof = ProofOfPossession::prove_bound(&secret, &prover_possession_binding(CHAIN_ID, registry, OWNER));
        let call = Abi::registerCall {
            pubkey: Bytes::copy_from_slice(&secret.public_key().to_bytes()),
            key: SolValue::abi_decode(&g1_words(&secret.public_key())).unwrap(),
            possession: SolValue::abi_decode(&g2_words(proof.signature())).unwrap(),
            withdrawalAddress: OWNER,
        };
        self.call(registry, &call, stake);
    }

    fn follow(&self, registry: Address, deployed_at: u64, store: &Path) -> Follower {
        let config = FollowerConfig {
            // The first does not answer.
            endpoints: vec!["http://127.0.0.1:1".into(), self.url.clone()],
            chain_id: CHAIN_ID,
            registry,
            deployed_at,
            store: store.to_owned(),
        };
        Follower::open(config).unwrap()
    }
}

fn provers(follower: &Follower) -> Vec<ProverRecord> {
    follower.view().provers_before(u64::MAX)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: starts anvil"]
async fn the_registry_is_followed_to_the_final_block_and_survives_a_restart() {
    let Some(anvil) = Anvil::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (registry, deployed_at) = anvil.deploy_registry();
    anvil.register(registry, 1, ETHER);
    anvil.register(registry, 2, 3 * ETHER);

    let mut follower = anvil.follow(registry, deployed_at, folder.path());
    follower.poll().await.unwrap();
    assert!(follower.view().registered() < 2, "the head is not final");
    anvil.mine(3);
    follower.poll().await.unwrap();
    let found = provers(&follower);
    assert_eq!(found.iter().map(|prover| prover.stake_gwei).collect::<Vec<_>>(), [1_000_000_000, 3_000_000_000]);
    assert_eq!(found[1].pubkey.0, SecretKey::from_bytes(&[2; 32]).unwrap().public_key().to_bytes());
    let first_activation = found[0].activation;

    // Everything that can happen to a prover, with a restart in between.
    anvil.call(registry, &Abi::pauseCall { index: 0 }, 0);
    anvil.call(registry, &Abi::takePenaltyCall { index: 0, amount: U256::from(ETHER / 4) }, 0);
    drop(follower);
    anvil.call(registry, &Abi::resumeCall { index: 0 }, 0);
    anvil.mine(8);
    anvil.call(registry, &Abi::topUpCall { index: 0 }, ETHER / 2);
    anvil.call(registry, &Abi::requestExitCall { index: 1 }, 0);
    anvil.mine(3);
    let mut follower = anvil.follow(registry, deployed_at, folder.path());
    assert_eq!(provers(&follower), found);
    assert_eq!(follower.poll().await.unwrap(), 5);
    let now = provers(&follower);
    assert_eq!(now[0].stake_gwei, 1_250_000_000);
    assert!(now[0].activation > first_activation);
    assert!(matches!(now[0].pauses[..], [Pause { until: Some(_), .. }]));
    assert!(now[1].exit.is_some_and(|exit| exit > now[1].activation || exit.0 >= 5));

    // The past as it was: four epochs back, for a whole epoch the same.
    let spec = Spec { slots_per_epoch: 4, slot_duration_ms: 2000, registry_lookback_epochs: 1, ..Network::Mainnet.spec() };
    let known = follower.checkpoint().unwrap().timestamp;
    let epoch = Epoch((known - anvil.genesis) / EPOCH_SECONDS + 1);
    let first = follower.registry_at(epoch.start_slot(4), anvil.genesis, &spec).unwrap();
    assert_eq!(first, follower.registry_at(epoch.start_slot(4).plus(3), anvil.genesis, &spec).unwrap());
    assert_eq!(first, follower.view().provers_before(anvil.genesis + (epoch.0 - 1) * EPOCH_SECONDS));
    assert_eq!(follower.registry_at(Slot(4), anvil.genesis, &spec).unwrap(), []);
    let later = follower.registry_at(epoch.plus(1).start_slot(4), anvil.genesis, &spec).unwrap_err();
    assert_eq!(later.known, known);

    // Nothing new, nothing changed.
    assert_eq!(follower.poll().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: starts anvil"]
async fn another_chain_or_contract_is_refused() {
    let Some(anvil) = Anvil::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (registry, deployed_at) = anvil.deploy_registry();
    anvil.mine(4);
    let mut follower = anvil.follow(registry, deployed_at, folder.path());
    follower.poll().await.unwrap();
    drop(follower);

    let config = |chain_id, registry, url: &str| FollowerConfig {
        endpoints: vec![url.to_owned()],
        chain_id,
        registry,
        deployed_at,
        store: folder.path().to_owned(),
    };
    let foreign = Follower::open(config(CHAIN_ID, OWNER, &anvil.url)).unwrap_err();
    assert!(matches!(foreign, FollowError::ForeignStore { contract, .. } if contract == registry), "{foreign}");
    assert!(matches!(Follower::open(config(1, registry, "no url")), Err(FollowError::Url(_))));

    // A second chain with the same id: what was final there is another block.
    let other = Anvil::start().unwrap();
    other.rpc("evm_increaseTime", json!([77]));
    other.mine(9);
    let mut follower = Follower::open(config(CHAIN_ID, registry, &other.url)).unwrap();
    let reorg = follower.poll().await.unwrap_err();
    assert!(matches!(reorg, FollowError::FinalizedReorg { .. }), "{reorg}");
    drop(follower);

    let elsewhere = tempfile::tempdir().unwrap();
    let config = FollowerConfig { store: elsewhere.path().to_owned(), ..config(5, registry, &anvil.url) };
    let wrong = Follower::open(config).unwrap().poll().await.unwrap_err();
    assert!(matches!(wrong, FollowError::WrongChain { expected: 5, got: CHAIN_ID, .. }), "{wrong}");
}
