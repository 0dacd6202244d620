//! A real execution client with the contracts as forge compiled them.
//!
//! Needs what `make test-contracts` leaves behind; CI runs that before these tests. Elsewhere they say that they were skipped.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use alloy_primitives::{Address, B256, Bytes, U256, address};
use alloy_sol_types::{SolCall, SolConstructor as _, SolValue};
use quintet_keys::{ProofOfPossession, SecretKey};
use quintet_staking::{
    Contracts, Follower, FollowerConfig,
    bindings::{ProverRegistry as Abi, RegistryClock, Settlement, ValidatorClock, ValidatorSet},
    g1_words, g2_words, prover_possession_binding,
};
use serde_json::{Value, json};

pub(crate) const CHAIN_ID: u64 = 31337;
pub(crate) const OWNER: Address = address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
pub(crate) const ETHER: u64 = 1_000_000_000_000_000_000;
/// A slot of two seconds, four to the epoch.
pub(crate) const EPOCH_SECONDS: u64 = 8;
/// Epochs of a settlement.
pub(crate) const SETTLEMENT_EPOCHS: u64 = 4;

fn contracts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contracts")
}

/// A running anvil, killed on drop.
pub(crate) struct Anvil {
    process: Child,
    pub(crate) url: String,
    pub(crate) genesis: u64,
}

impl Drop for Anvil {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Anvil {
    /// Starts one whose finalized block is two behind the head, which moves only when asked to.
    pub(crate) fn start() -> Option<Self> {
        Self::final_after(2)
    }

    /// Starts one whose finalized block is `blocks` (an even number) behind the head.
    pub(crate) fn final_after(blocks: u64) -> Option<Self> {
        let packages = std::fs::read_dir(contracts().join("node_modules/@foundry-rs")).ok();
        let program = packages.and_then(|mut entries| {
            entries.find_map(|entry| Some(entry.ok()?.path().join("bin/anvil")).filter(|path| path.is_file()))
        });
        let built = contracts().join("out/ProverRegistry.sol/ProverRegistry.json").is_file();
        let Some(program) = program.filter(|_| built) else {
            // Where the packages can be installed, `scripts/test.sh` has done so and built the contracts before it comes here.
            let installed = contracts().join("node_modules/.package-lock.json").is_file();
            assert!(!installed || std::env::var_os("CI").is_none(), "`make test-contracts` has not run");
            eprintln!("SKIPPED: anvil or the built contracts are missing; `make test-contracts` gets both");
            return None;
        };
        let mut command = Command::new(program);
        let epoch = (blocks / 2).to_string();
        command.args(["--port", "0", "--slots-in-an-epoch", &epoch, "--no-mining", "--hardfork", "prague"]);
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

    pub(crate) fn rpc(&self, method: &str, params: Value) -> Value {
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

    pub(crate) fn timestamp(&self) -> u64 {
        let block = self.rpc("eth_getBlockByNumber", json!(["latest", false]));
        u64::from_str_radix(&block["timestamp"].as_str().unwrap()[2..], 16).unwrap()
    }

    /// Hash of the latest block, and a moment (seconds) after it.
    pub(crate) fn head(&self) -> (B256, u64) {
        let block = self.rpc("eth_getBlockByNumber", json!(["latest", false]));
        (block["hash"].as_str().unwrap().parse().unwrap(), self.timestamp() + 1)
    }

    /// Mines blocks of two seconds each.
    pub(crate) fn mine(&self, blocks: u64) {
        self.rpc("anvil_mine", json!([blocks, 2]));
    }

    /// Sends a transaction and mines it; the receipt.
    pub(crate) fn send(&self, to: Option<Address>, data: Vec<u8>, value: u64) -> Value {
        self.send_from(OWNER, to, data, value)
    }

    /// As [`Self::send`], from anybody: also from a contract.
    pub(crate) fn send_from(&self, from: Address, to: Option<Address>, data: Vec<u8>, value: u64) -> Value {
        self.rpc("anvil_impersonateAccount", json!([from]));
        self.rpc("anvil_setBalance", json!([from, "0x3635c9adc5dea00000"]));
        let mut transaction = json!({
            "from": from, "data": Bytes::from(data), "value": format!("{value:#x}"), "gas": "0x989680",
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

    fn deploy(&self, name: &str, arguments: Vec<u8>) -> (Address, u64) {
        let artifact = std::fs::read_to_string(contracts().join(format!("out/{name}.sol/{name}.json"))).unwrap();
        let artifact: Value = serde_json::from_str(&artifact).unwrap();
        let mut code: Vec<u8> = artifact["bytecode"]["object"].as_str().unwrap().parse::<Bytes>().unwrap().to_vec();
        code.extend(arguments);
        let receipt = self.send(None, code, 0);
        let number = u64::from_str_radix(&receipt["blockNumber"].as_str().unwrap()[2..], 16).unwrap();
        (receipt["contractAddress"].as_str().unwrap().parse().unwrap(), number)
    }

    /// The three contracts, and the block of the first.
    pub(crate) fn deploy_all(&self) -> (Contracts, u64) {
        let nonce = self.rpc("eth_getTransactionCount", json!([OWNER, "latest"]));
        let nonce = u64::from_str_radix(&nonce.as_str().unwrap()[2..], 16).unwrap();
        let config = Abi::Config {
            minStake: U256::from(ETHER),
            delayEpochs: 5,
            exitDelayEpochs: 20,
            slashBps: 5000,
            reporterBps: 1000,
            settlement: OWNER.create(nonce + 2),
        };
        let network = RegistryClock::Network {
            genesisTime: self.genesis,
            secondsPerSlot: 2,
            slotsPerEpoch: 4,
            genesisForkVersion: [0; 4].into(),
            genesisValidatorsRoot: Default::default(),
        };
        let (registry, deployed_at) = self.deploy("ProverRegistry", Abi::constructorCall { network, config }.abi_encode());
        let network = ValidatorClock::Network {
            genesisTime: self.genesis,
            secondsPerSlot: 2,
            slotsPerEpoch: 4,
            genesisForkVersion: [0; 4].into(),
            genesisValidatorsRoot: Default::default(),
        };
        let config = ValidatorSet::Config { delayEpochs: 1, maxProofAge: 3600, minMembers: 2, minTotalWeight: 1 };
        let (validators, _) = self.deploy("ValidatorSet", ValidatorSet::constructorCall { network, config }.abi_encode());
        let config =
            Settlement::Config { settlementEpochs: SETTLEMENT_EPOCHS, weiPerUnit: U256::from(1000), registry, validators };
        let (settlement, _) = self.deploy("Settlement", Settlement::constructorCall { config }.abi_encode());
        (Contracts { registry, validators, settlement }, deployed_at)
    }

    pub(crate) fn call(&self, registry: Address, call: &impl SolCall, value: u64) {
        self.send(Some(registry), call.abi_encode(), value);
    }

    pub(crate) fn register(&self, registry: Address, byte: u8, stake: u64) {
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

    pub(crate) fn follow(&self, contracts: Contracts, deployed_at: u64, store: &Path) -> Follower {
        let config = FollowerConfig {
            // The first does not answer.
            endpoints: vec!["http://127.0.0.1:1".into(), self.url.clone()],
            chain_id: CHAIN_ID,
            contracts,
            deployed_at,
            store: store.to_owned(),
        };
        Follower::open(config).unwrap()
    }
}
