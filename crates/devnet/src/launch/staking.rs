//! A network's stake on chain: contracts on anvil, provers that deposit and validators that enrol by the programs' own commands.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use alloy_primitives::{Address, B256, U256};
use anyhow::{Context as _, bail, ensure};
use quintet_keys::{KdfCost, Keystore, Password};
use quintet_staking::{calls::ValidatorRecord, cli::DeploymentFile, tx::LocalKey};
use serde_json::{Value, json};
use tokio::process::Command;

use super::{
    Children, Contracted, Files, Programs,
    anvil::{Anvil, Clock},
    beacon_proof::simulated_proofs,
};
use crate::validators::interop_key;

/// Validators that enrol.
pub const VALIDATORS: u64 = 4;
/// Of these the sidecar has the keys: enough for a settlement, and one is missing.
pub const SIGNERS: u64 = 3;
/// What each account is given, and what the pool is, ETH.
const ALLOWANCE: u64 = 100;
/// Stake of each prover, ETH.
const STAKE: &str = "2";
const ETHER: u64 = 1_000_000_000_000_000_000;

/// Contracts with provers and validators in them.
#[derive(Debug)]
pub struct Staked {
    /// The execution client.
    pub anvil: Anvil,
    /// Where the contracts are.
    pub deployment: DeploymentFile,
    dir: PathBuf,
    password: PathBuf,
}

/// An execution account made for a network.
#[derive(Debug, Clone)]
pub struct Account {
    /// File with its key.
    pub key_file: PathBuf,
    /// The account.
    pub address: Address,
}

impl Staked {
    /// Starts anvil on `port`, deploys, fills the pool, and makes the account that posts settlements. Nobody is registered yet.
    ///
    /// # Errors
    /// If one of these fails.
    pub async fn start(files: &Files, children: &mut Children, port: u16, clock: &Clock) -> anyhow::Result<Self> {
        let dir = files.dir().join("staking");
        std::fs::create_dir_all(&dir)?;
        let anvil = Anvil::start(children, port, files.log("anvil")).await?;
        let deployment = anvil.deploy(clock, &[], &dir.join("deployment.json")).await?;
        let staked = Self { anvil, deployment, dir, password: files.password() };
        let rich = staked.anvil.rpc("eth_accounts", json!([])).await?;
        let pool = format!("{:#x}", U256::from(ETHER) * U256::from(ALLOWANCE));
        let gift = json!([{ "from": rich[0], "to": staked.deployment.settlement, "value": pool }]);
        staked.anvil.rpc("eth_sendTransaction", gift).await?;
        Ok(staked)
    }

    /// File with chain and contracts.
    #[must_use]
    pub fn deployment_file(&self) -> PathBuf {
        self.dir.join("deployment.json")
    }

    /// An account with some ether, always the same for a name.
    ///
    /// # Errors
    /// If its key cannot be written.
    pub async fn account(&self, name: &str) -> anyhow::Result<Account> {
        let secret = alloy_primitives::keccak256(format!("quintet devnet account {name}"));
        let key_file = self.dir.join(format!("{name}.key"));
        std::fs::write(&key_file, format!("{secret}\n")).with_context(|| format!("writing {}", key_file.display()))?;
        let address = LocalKey::from_bytes(&secret.0).context("a hash is a key")?.address();
        if self.anvil.balance(address).await?.is_zero() {
            self.anvil.set_balance(address, U256::from(ETHER) * U256::from(ALLOWANCE)).await?;
        }
        Ok(Account { key_file, address })
    }

    /// Flags of the chain.
    #[must_use]
    pub fn chain_flags(&self) -> Vec<String> {
        vec![format!("--execution-url={}", self.anvil.url), format!("--deployment={}", self.deployment_file().display())]
    }

    /// Runs a command that sends, from an account, and says what it printed: JSON.
    ///
    /// # Errors
    /// With what it wrote to standard error, if it fails.
    pub async fn send(&self, program: &Path, words: &[&str], account: &Account) -> anyhow::Result<Value> {
        let mut arguments: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        arguments.extend(self.chain_flags());
        arguments.push(format!("--account-key-file={}", account.key_file.display()));
        arguments.push(format!("--journal={}", self.dir.join("transactions").display()));
        arguments.extend(["--yes", "--json", "--confirmations=1"].map(str::to_owned));
        run(program, &arguments).await
    }

    /// Registers all provers of `files`, each with an account of its own, named as its log.
    ///
    /// # Errors
    /// If one fails.
    pub async fn deposit_all(&self, programs: &Programs, files: &Files) -> anyhow::Result<()> {
        for (number, prover) in files.provers().iter().enumerate() {
            let account = self.account(&format!("prover-{number}")).await?;
            let (key, password) = (prover.keystore.display().to_string(), self.password.display().to_string());
            let words = ["stake", "deposit", "--stake-key", &key, "--password-file", &password, "--amount", STAKE];
            let said = self.send(&programs.prover, &words, &account).await?;
            ensure!(said["sent"] == json!(true), "prover {number}: {said}");
        }
        Ok(())
    }

    /// Enrols the chain's first validators under a simulated beacon root, and gives the sidecar the keys of all but the last.
    ///
    /// # Errors
    /// If one fails.
    pub async fn enrol_all(&self, programs: &Programs) -> anyhow::Result<()> {
        let keystores = self.keystores();
        std::fs::create_dir_all(&keystores)?;
        let password = Password::from_file(&self.password)?;
        let secrets = (0..VALIDATORS).map(interop_key).collect::<Result<Vec<_>, _>>()?;
        let records: Vec<_> = secrets.iter().map(|secret| record(secret.public_key().into())).collect();
        let (root, proofs) = simulated_proofs(&records);
        let timestamp = self.anvil.simulate_beacon_root(root).await?;
        for ((secret, mut proof), index) in secrets.iter().zip(proofs).zip(0..) {
            proof.timestamp = timestamp;
            let file = self.dir.join(format!("validator-{index}.proof.json"));
            std::fs::write(&file, serde_json::to_vec_pretty(&proof)?)?;
            let keystore = self.keystore_folder(index).join(format!("keystore-{index}.json"));
            Keystore::encrypt(secret, &password, KdfCost::DEVNET, None, None)?.write(&keystore)?;
            let account = self.account(&format!("validator-{index}")).await?;
            let (keystore, password, proof) =
                (keystore.display().to_string(), self.password.display().to_string(), file.display().to_string());
            let words = ["validator", "enrol", "--validator-key", &keystore, "--password-file", &password, "--proof", &proof];
            let said = self.send(&programs.sidecar, &words, &account).await?;
            ensure!(said["sent"] == json!(true), "validator {index}: {said}");
        }
        Ok(())
    }

    fn keystore_folder(&self, validator: u64) -> PathBuf {
        if validator < SIGNERS { self.keystores() } else { self.dir.clone() }
    }

    fn keystores(&self) -> PathBuf {
        self.dir.join("validators")
    }

    /// Writes the sidecar's configuration of the contracts. It posts settlements from an account of its own.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn sidecar_config(&self) -> anyhow::Result<PathBuf> {
        let (keystores, password) = (self.keystores(), &self.password);
        let text = format!(
            "{}keystores = \"{}\"\nkeystore_passwords = \"{}\"\n",
            self.settings("sidecar").await?,
            keystores.display(),
            password.display(),
        );
        let file = self.dir.join("sidecar.toml");
        std::fs::write(&file, text).with_context(|| format!("writing {}", file.display()))?;
        Ok(file)
    }

    /// The enrolled validators for sidecars that close phases together, each with the key of its own and an account that posts settlements.
    ///
    /// # Errors
    /// If something cannot be written.
    pub async fn members(&self, count: u64) -> anyhow::Result<Vec<Contracted>> {
        let mut members = Vec::new();
        for index in 0..count {
            let keys = self.dir.join(format!("sidecar-{index}"));
            std::fs::create_dir_all(&keys)?;
            let name = format!("keystore-{index}.json");
            std::fs::copy(self.keystore_folder(index).join(&name), keys.join(&name))
                .with_context(|| format!("validator {index} is not enrolled"))?;
            let staking = format!("\n{}", self.settings(&format!("sidecar-{index}")).await?);
            members.push(Contracted { keys, staking });
        }
        Ok(members)
    }

    /// `[staking]` without keys of validators; settlements are posted from the account of this name.
    async fn settings(&self, sender: &str) -> anyhow::Result<String> {
        let account = self.account(sender).await?;
        let DeploymentFile { chain_id, deployed_at_block, prover_registry, validator_set, settlement } = &self.deployment;
        Ok(format!(
            "[staking]\nrpc_urls = [\"{}\"]\nchain_id = {chain_id}\nregistry = \"{prover_registry}\"\nvalidator_set = \"{validator_set}\"\n\
             settlement = \"{settlement}\"\ndeployed_at = {deployed_at_block}\nsender_key = \"{}\"\n",
            self.anvil.url,
            account.key_file.display(),
        ))
    }
}

/// Runs a program that prints JSON.
///
/// # Errors
/// With what it wrote to standard error, if it fails.
pub async fn run(program: &Path, arguments: &[String]) -> anyhow::Result<Value> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).kill_on_drop(true).output().await?;
    let error = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("{} {}:\n{error}", program.display(), arguments.join(" "));
    }
    serde_json::from_slice(&output.stdout).with_context(|| format!("{error}\n{}", String::from_utf8_lossy(&output.stdout)))
}

/// An active validator of 32 ETH.
fn record(pubkey: quintet_types::PublicKeyBytes) -> ValidatorRecord {
    ValidatorRecord {
        pubkey,
        withdrawal_credentials: B256::ZERO,
        effective_balance: 32_000_000_000,
        slashed: false,
        activation_eligibility_epoch: 0,
        activation_epoch: 0,
        exit_epoch: u64::MAX,
        withdrawable_epoch: u64::MAX,
    }
}
