//! `quintet-prover stake`: the prover's stake on chain.

mod act;
mod claim;
mod status;

use std::path::PathBuf;

use alloy_primitives::{Address, U256};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use quintet_keys::{Keystore, Password, PublicKey, SecretKey};
use quintet_staking::{
    calls,
    cli::{AccountFlags, ChainFlags, SendFlags, parse_ether},
    tx::Reader,
};
use quintet_types::ProverIndex;

/// The stake on chain: deposit, top up, look, pause, leave, be paid.
#[derive(Debug, Args)]
pub(crate) struct Stake {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Register the prover with a stake. The paying account becomes its owner.
    Deposit(Box<Deposit>),
    /// Add to a stake. Anyone may.
    TopUp(Box<TopUp>),
    /// What the contracts say of a prover.
    Status(status::Status),
    /// Leave: no work after the delay, and the stake can be withdrawn later. Cannot be taken back.
    Exit(Box<Act>),
    /// Pay the stake out, once it is free.
    Withdraw(Box<Act>),
    /// Be paid what the newest settlement gives, and have penalties taken.
    Claim(Box<claim::Claim>),
    /// Maintenance without leaving: no work after the delay, until `resume`.
    Pause(Box<Act>),
    /// End the pause.
    Resume(Box<Act>),
}

#[derive(Debug, Args)]
struct Deposit {
    /// Keystore with the stake key.
    #[arg(long, value_name = "KEYSTORE", env = "QUINTET_STAKE_KEY")]
    stake_key: PathBuf,
    /// File with that keystore's password, in its first line.
    #[arg(long, value_name = "FILE", env = "QUINTET_PASSWORD_FILE")]
    password_file: PathBuf,
    /// The stake.
    #[arg(long, value_name = "ETH", value_parser = parse_ether)]
    amount: U256,
    /// Where rewards and stake go; the paying account if absent.
    #[arg(long, value_name = "ADDRESS")]
    withdrawal_address: Option<Address>,
    #[command(flatten)]
    with: With,
}

#[derive(Debug, Args)]
struct TopUp {
    #[command(flatten)]
    prover: Which,
    /// How much.
    #[arg(long, value_name = "ETH", value_parser = parse_ether)]
    amount: U256,
    #[command(flatten)]
    with: With,
}

/// An act of the owner that needs nothing but the prover.
#[derive(Debug, Args)]
struct Act {
    #[command(flatten)]
    prover: Which,
    #[command(flatten)]
    with: With,
}

/// What sending needs.
#[derive(Debug, Args)]
struct With {
    #[command(flatten)]
    chain: ChainFlags,
    #[command(flatten)]
    account: AccountFlags,
    #[command(flatten)]
    send: SendFlags,
}

/// Which prover.
#[derive(Debug, Clone, Args)]
struct Which {
    /// Its public key, or its index in the registry.
    #[arg(long, value_name = "PUBKEY|INDEX", env = "QUINTET_PROVER", value_parser = parse_which)]
    prover: Prover,
}

/// A prover as people name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prover {
    Index(ProverIndex),
    Key(PublicKey),
}

fn parse_which(text: &str) -> Result<Prover, String> {
    match text.parse() {
        Ok(index) => Ok(Prover::Index(ProverIndex(index))),
        Err(_) => text.parse().map(Prover::Key).map_err(|error| format!("neither an index nor a public key: {error}")),
    }
}

impl Which {
    /// Its index; the registry is asked where a key was given.
    async fn index(&self, reader: &Reader, registry: Address) -> anyhow::Result<ProverIndex> {
        match &self.prover {
            Prover::Index(index) => Ok(*index),
            Prover::Key(key) => Ok(ProverIndex(reader.call(registry, &calls::index_of(key)).await?)),
        }
    }
}

/// The key that a registration proves the possession of. The daemon may be running with it: nothing is signed here that it could sign too,
/// so its lock is not needed.
fn stake_key(keystore: &std::path::Path, password_file: &std::path::Path) -> anyhow::Result<SecretKey> {
    let password =
        Password::from_file(password_file).with_context(|| format!("reading the password from {}", password_file.display()))?;
    let keystore = Keystore::read(keystore)?;
    Ok(keystore.decrypt(&password)?)
}

impl Stake {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            match self.action {
                Action::Deposit(command) => command.run().await,
                Action::TopUp(command) => command.run().await,
                Action::Status(command) => command.run().await,
                Action::Claim(command) => command.run().await,
                Action::Exit(command) => command.run(calls::request_exit).await,
                Action::Withdraw(command) => command.run(calls::withdraw).await,
                Action::Pause(command) => command.run(calls::pause).await,
                Action::Resume(command) => command.run(calls::resume).await,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prover_is_named_by_index_or_key() {
        assert_eq!(parse_which("7"), Ok(Prover::Index(ProverIndex(7))));
        let key = SecretKey::from_bytes(&[1; 32]).unwrap().public_key();
        assert_eq!(parse_which(&key.to_string()), Ok(Prover::Key(key)));
        assert!(parse_which("0x12").unwrap_err().contains("neither an index nor a public key"));
    }
}
