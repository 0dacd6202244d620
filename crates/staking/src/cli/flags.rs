//! Which chain, which account, and how to send.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use alloy_primitives::{Address, U256, utils::parse_ether as ether};
use clap::Args;
use serde::{Deserialize, Serialize};

use crate::{
    Contracts,
    tx::{BoxedSigner, FeePolicy, KeyError, KeySource, Reader, Sender, SenderConfig, Timing, TxError},
};

/// The chain and its contracts.
#[derive(Debug, Clone, Args)]
pub struct ChainFlags {
    /// Execution nodes, best first.
    #[arg(long = "execution-url", value_name = "URL", env = "QUINTET_EXECUTION_URLS", value_delimiter = ',', required = true)]
    pub execution_urls: Vec<String>,
    /// File with chain and contracts, as `make deploy-devnet` writes it.
    #[arg(long, value_name = "FILE", env = "QUINTET_DEPLOYMENT")]
    pub deployment: PathBuf,
}

/// The account that pays. One of keystore, key file, environment variable and (if built in) Ledger.
#[derive(Debug, Clone, Args)]
pub struct AccountFlags {
    /// Keystore (version 3) of the account.
    #[arg(long, value_name = "FILE", env = "QUINTET_ACCOUNT_KEYSTORE", requires = "account_password_file")]
    pub account_keystore: Option<PathBuf>,
    /// File with that keystore's password, in its first line.
    #[arg(long, value_name = "FILE", env = "QUINTET_ACCOUNT_PASSWORD_FILE")]
    pub account_password_file: Option<PathBuf>,
    /// File with the account's key as hex.
    #[arg(long, value_name = "FILE", env = "QUINTET_ACCOUNT_KEY_FILE", conflicts_with = "account_keystore")]
    pub account_key_file: Option<PathBuf>,
    /// Name of an environment variable with the account's key as hex, if no file is named.
    #[arg(long, value_name = "NAME", default_value = "QUINTET_ACCOUNT_KEY")]
    pub account_key_env: String,
    /// Sign with a Ledger, which must be unlocked and have its Ethereum application open.
    #[cfg(feature = "ledger")]
    #[arg(long, conflicts_with_all = ["account_keystore", "account_key_file"])]
    pub ledger: bool,
    /// Which of the Ledger's accounts, counted from 0 as Ledger Live does.
    #[cfg(feature = "ledger")]
    #[arg(long, value_name = "NUMBER", default_value_t = 0, requires = "ledger")]
    pub ledger_account: usize,
}

/// How to send.
#[derive(Debug, Clone, Args)]
pub struct SendFlags {
    /// Send without asking.
    #[arg(long)]
    pub yes: bool,
    /// Show what would be sent and what it would cost, and send nothing.
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Never pay more than this, gwei per gas.
    #[arg(long, value_name = "GWEI", default_value_t = 200, env = "QUINTET_MAX_FEE_GWEI")]
    pub max_fee_gwei: u64,
    /// Blocks that the receipt must have on it, its own included.
    #[arg(long, value_name = "BLOCKS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    pub confirmations: u64,
    /// After so many seconds the outcome is unknown; the same command goes on waiting for it.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub timeout: u64,
    /// Folder of the journals of what was sent. All programs that send from one account must share it.
    #[arg(long, value_name = "DIR", default_value_os_t = default_journal(), env = "QUINTET_TRANSACTIONS_DIR")]
    pub journal: PathBuf,
}

/// Chain and contracts, as the deployment script writes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentFile {
    /// The execution chain.
    pub chain_id: u64,
    /// The block that the first contract is in, or the one before it.
    pub deployed_at_block: u64,
    /// The prover registry.
    pub prover_registry: Address,
    /// The validator set.
    pub validator_set: Address,
    /// The settlement contract.
    pub settlement: Address,
}

/// Flags that make no sense.
#[derive(Debug, thiserror::Error)]
pub enum FlagError {
    /// The deployment file cannot be read.
    #[error("deployment {}: {reason}", path.display())]
    Deployment {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// No account.
    #[error("no account: name --account-keystore, --account-key-file, or set {0}")]
    NoAccount(String),
    /// The key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The nodes.
    #[error(transparent)]
    Tx(#[from] TxError),
    /// The Ledger does not answer.
    #[cfg(feature = "ledger")]
    #[error("Ledger: {0}; is it plugged in and unlocked, with the Ethereum application open?")]
    Ledger(#[from] alloy_signer_ledger::LedgerError),
}

impl DeploymentFile {
    /// Reads the file.
    ///
    /// # Errors
    /// [`FlagError::Deployment`].
    pub fn read(path: &Path) -> Result<Self, FlagError> {
        let fault = |reason: String| FlagError::Deployment { path: path.to_owned(), reason };
        let text = std::fs::read(path).map_err(|error| fault(error.to_string()))?;
        serde_json::from_slice(&text).map_err(|error| fault(error.to_string()))
    }

    /// The addresses.
    #[must_use]
    pub const fn contracts(&self) -> Contracts {
        Contracts { registry: self.prover_registry, validators: self.validator_set, settlement: self.settlement }
    }
}

impl ChainFlags {
    /// The deployment, and a reader of its chain.
    ///
    /// # Errors
    /// [`FlagError`].
    pub fn open(&self) -> Result<(DeploymentFile, Reader), FlagError> {
        let deployment = DeploymentFile::read(&self.deployment)?;
        let reader = Reader::new(&self.execution_urls, deployment.chain_id)?;
        Ok((deployment, reader))
    }

    /// The deployment, and a sender from the account.
    ///
    /// # Errors
    /// [`FlagError`].
    pub async fn sender(&self, account: &AccountFlags, send: &SendFlags) -> Result<(DeploymentFile, Sender), FlagError> {
        let deployment = DeploymentFile::read(&self.deployment)?;
        let config = SenderConfig {
            endpoints: self.execution_urls.clone(),
            chain_id: deployment.chain_id,
            journal: send.journal.clone(),
            fees: FeePolicy { cap: u128::from(send.max_fee_gwei) * 1_000_000_000, ..FeePolicy::default() },
            timing: Timing {
                confirmations: send.confirmations,
                give_up_after: Duration::from_secs(send.timeout),
                ..Timing::default()
            },
        };
        let sender = Sender::new(config, account.signer(deployment.chain_id).await?)?;
        Ok((deployment, sender))
    }
}

impl AccountFlags {
    /// What signs for the account: a key in memory, or a device that is asked each time.
    ///
    /// # Errors
    /// [`FlagError`].
    #[cfg_attr(not(feature = "ledger"), allow(unused_variables, reason = "a device has to know the chain"))]
    pub async fn signer(&self, chain_id: u64) -> Result<BoxedSigner, FlagError> {
        #[cfg(feature = "ledger")]
        if self.ledger {
            let account = alloy_signer_ledger::HDPath::LedgerLive(self.ledger_account);
            return Ok(Box::new(alloy_signer_ledger::LedgerSigner::new(account, Some(chain_id)).await?));
        }
        Ok(Box::new(self.source()?.load()?))
    }

    /// Where the key is.
    ///
    /// # Errors
    /// [`FlagError::NoAccount`].
    pub fn source(&self) -> Result<KeySource, FlagError> {
        match (&self.account_keystore, &self.account_password_file, &self.account_key_file) {
            (Some(file), Some(password_file), _) => {
                Ok(KeySource::Keystore { file: file.clone(), password_file: password_file.clone() })
            }
            (_, _, Some(file)) => Ok(KeySource::File(file.clone())),
            _ if std::env::var_os(&self.account_key_env).is_some() => Ok(KeySource::Environment(self.account_key_env.clone())),
            _ => Err(FlagError::NoAccount(self.account_key_env.clone())),
        }
    }
}

/// An amount in ETH, as wei.
///
/// # Errors
/// For what is no decimal number of at most 18 places.
pub fn parse_ether(text: &str) -> Result<U256, String> {
    if text.starts_with('-') {
        return Err("an amount is not negative".to_owned());
    }
    // Further digits would be dropped in silence.
    if text.split_once('.').is_some_and(|(_, fraction)| fraction.len() > 18) {
        return Err("an ETH has 18 decimal places".to_owned());
    }
    ether(text).map_err(|error| error.to_string())
}

/// `$XDG_DATA_HOME/quintet/transactions`.
fn default_journal() -> PathBuf {
    let base = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/share"));
    base.or_else(home).unwrap_or_default().join("quintet/transactions")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_deployment_script_writes_is_read() {
        let text = r#"{"chain_id": 31337, "deployed_at_block": 0,
            "prover_registry": "0x5FbDB2315678afecb367f032d93F642f64180aa3",
            "validator_set": "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512",
            "settlement": "0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0"}"#;
        let file: DeploymentFile = serde_json::from_str(text).unwrap();
        assert_eq!((file.chain_id, file.contracts().settlement), (31337, file.settlement));
        assert!(matches!(DeploymentFile::read(Path::new("/no/such")), Err(FlagError::Deployment { .. })));
    }

    #[test]
    fn amounts_are_in_ether() {
        assert_eq!(parse_ether("0.5"), Ok(U256::from(500_000_000_000_000_000u64)));
        assert!(parse_ether("-1").is_err() && parse_ether("1.0000000000000000001").is_err() && parse_ether("x").is_err());
    }
}
