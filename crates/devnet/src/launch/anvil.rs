//! A real execution client for development, with the contracts deployed by the script.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use alloy_primitives::{Address, B256, U256};
use anyhow::{Context as _, bail, ensure};
use quintet_beacon::Fork;
use quintet_staking::cli::DeploymentFile;
use serde_json::{Value, json};
use tokio::process::Command;

use super::Children;
use crate::Devnet;

/// How long anvil may take until it answers.
const START: Duration = Duration::from_secs(60);
/// How long the script may take: it compiles the contracts.
const DEPLOY: Duration = Duration::from_secs(900);
/// The contract of EIP-4788, and its code as it is on every chain that has it. anvil has neither, nor a beacon chain behind it.
const BEACON_ROOTS: &str = "0x000F3df6D732807Ef1319fB7B8bB8522d0Beac02";
const BEACON_ROOTS_CODE: &str = "0x3373fffffffffffffffffffffffffffffffffffffffe14604d57602036146024575f5ffd5b5f35801560495762001fff810690815414603c575f5ffd5b62001fff01545f5260205ff35b5f5ffd5b62001fff42064281555f359062001fff015500";
/// Length of its ring.
const HISTORY: u64 = 8191;

/// The clock that the contracts go by.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// Unix time of slot 0, seconds.
    pub genesis_time: u64,
    /// Length of a slot, whole seconds.
    pub seconds_per_slot: u64,
    /// Slots of an epoch.
    pub slots_per_epoch: u64,
    /// Genesis fork version.
    pub fork_version: [u8; 4],
    /// Genesis validators root.
    pub validators_root: B256,
}

impl Clock {
    /// That of an embedded chain.
    ///
    /// # Errors
    /// If its slots are not of whole seconds: contracts count in these.
    pub fn of(chain: &Devnet) -> anyhow::Result<Self> {
        let config = chain.config();
        let seconds_per_slot = config.slot_duration.as_secs();
        ensure!(
            config.slot_duration == Duration::from_secs(seconds_per_slot) && seconds_per_slot > 0,
            "contracts count whole seconds; take a slot of some"
        );
        Ok(Self {
            genesis_time: config.genesis_time,
            seconds_per_slot,
            slots_per_epoch: config.preset.slots_per_epoch,
            fork_version: config.fork_version(Fork::Phase0).0,
            validators_root: B256::from(chain.genesis_validators_root().0),
        })
    }
}

/// A running anvil.
#[derive(Debug, Clone)]
pub struct Anvil {
    /// Its RPC.
    pub url: String,
    http: reqwest::Client,
}

/// The repository's `contracts/`.
fn contracts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contracts")
}

/// Where the program is: what the contracts' tests use, or what is installed.
#[must_use]
pub fn anvil_program() -> Option<PathBuf> {
    let packages = std::fs::read_dir(contracts().join("node_modules/@foundry-rs")).into_iter().flatten().flatten();
    let packaged = packages.map(|entry| entry.path().join("bin/anvil")).find(|path| path.is_file());
    let installed = || {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|dir| dir.join("anvil")).find(|path| path.is_file())
    };
    packaged.or_else(installed)
}

impl Anvil {
    /// Starts one with the rules of Prague and a block a second; the finalized block is two behind the head.
    ///
    /// # Errors
    /// If there is no such program, or it does not answer.
    pub async fn start(children: &mut Children, port: u16, log: PathBuf) -> anyhow::Result<Self> {
        let program =
            anvil_program().context("anvil is not there: `make test-contracts` installs it (npm), or take foundry's")?;
        let port_flag = format!("--port={port}");
        let arguments = [port_flag.as_str(), "--block-time=1", "--slots-in-an-epoch=1", "--hardfork=prague"];
        children.spawn("anvil", &program, arguments.into_iter().map(str::to_owned), log)?;
        let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).build()?;
        let anvil = Self { url: format!("http://127.0.0.1:{port}"), http };
        let until = Instant::now() + START;
        while anvil.rpc("eth_chainId", json!([])).await.is_err() {
            children.check()?;
            ensure!(Instant::now() < until, "anvil does not answer at {}", anvil.url);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(anvil)
    }

    /// Asks it something.
    ///
    /// # Errors
    /// If it does not answer, or answers with an error.
    pub async fn rpc(&self, method: &str, params: Value) -> anyhow::Result<Value> {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let mut answer: Value = self.http.post(&self.url).json(&body).send().await?.json().await?;
        if let Some(error) = answer.get("error") {
            bail!("{method}: {error}");
        }
        Ok(answer["result"].take())
    }

    /// What an account holds, wei.
    ///
    /// # Errors
    /// As [`Self::rpc`].
    pub async fn balance(&self, account: Address) -> anyhow::Result<U256> {
        let balance = self.rpc("eth_getBalance", json!([account, "latest"])).await?;
        Ok(balance.as_str().unwrap_or_default().parse()?)
    }

    /// Gives an account this much.
    ///
    /// # Errors
    /// As [`Self::rpc`].
    pub async fn set_balance(&self, account: Address, wei: U256) -> anyhow::Result<()> {
        self.rpc("anvil_setBalance", json!([account, format!("{wei:#x}")])).await.map(|_| ())
    }

    /// Runs `scripts/deploy-devnet.sh` (`make deploy-devnet`) for a beacon chain with this clock, and leaves the addresses at `file`.
    ///
    /// # Errors
    /// With the script's output, if it fails.
    pub async fn deploy(&self, clock: &Clock, environment: &[(&str, String)], file: &Path) -> anyhow::Result<DeploymentFile> {
        deploy(&self.url, clock, environment, file).await
    }

    /// Makes EIP-4788 answer `root`, and says for which time. Simulated: the contract's code is put in place and its storage written, as anvil
    /// has no beacon chain that would do it.
    ///
    /// # Errors
    /// As [`Self::rpc`].
    pub async fn simulate_beacon_root(&self, root: B256) -> anyhow::Result<u64> {
        self.rpc("anvil_setCode", json!([BEACON_ROOTS, BEACON_ROOTS_CODE])).await?;
        let block = self.rpc("eth_getBlockByNumber", json!(["latest", false])).await?;
        let time: U256 = block["timestamp"].as_str().context("a block without a time")?.parse()?;
        let time: u64 = time.to();
        let place = |slot: u64| format!("{:#x}", U256::from(slot));
        let word = |value: u64| B256::from(U256::from(value));
        self.rpc("anvil_setStorageAt", json!([BEACON_ROOTS, place(time % HISTORY), word(time)])).await?;
        self.rpc("anvil_setStorageAt", json!([BEACON_ROOTS, place(time % HISTORY + HISTORY), root])).await?;
        Ok(time)
    }
}

/// Runs `scripts/deploy-devnet.sh` (`make deploy-devnet`) against the execution node at `url` for a beacon chain with this clock, and leaves the addresses
/// at `file`. The node's first account is anvil's, unless `environment` has another `PRIVATE_KEY`.
///
/// # Errors
/// With the script's output, if it fails.
pub async fn deploy(url: &str, clock: &Clock, environment: &[(&str, String)], file: &Path) -> anyhow::Result<DeploymentFile> {
    // forge scripts write below the contracts' folder only.
    let written = format!("out/deployment-{}.json", std::process::id());
    let mut command = Command::new(contracts().join("../scripts/deploy-devnet.sh"));
    command
        .env("RPC_URL", url)
        .env("DEPLOYMENT_FILE", &written)
        .env("GENESIS_TIME", clock.genesis_time.to_string())
        .env("SECONDS_PER_SLOT", clock.seconds_per_slot.to_string())
        .env("SLOTS_PER_EPOCH", clock.slots_per_epoch.to_string())
        .env("GENESIS_FORK_VERSION", u32::from_be_bytes(clock.fork_version).to_string())
        .env("GENESIS_VALIDATORS_ROOT", clock.validators_root.to_string())
        .envs(environment.iter().cloned())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(DEPLOY, command.output()).await.context("the deployment script goes on and on")??;
    let said = || format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "the deployment script failed:\n{}", said());
    let written = contracts().join(written);
    std::fs::copy(&written, file).with_context(|| format!("{} was not written:\n{}", written.display(), said()))?;
    std::fs::remove_file(&written)?;
    Ok(DeploymentFile::read(file)?)
}
