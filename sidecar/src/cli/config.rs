//! `quintet-sidecar config`.

use anyhow::Context as _;
use clap::{Args, Subcommand};
use quintet_sidecar::{
    config::{KEYS, markdown, to_toml},
    joint::{self, Enrolment, Plan},
    net::TlsFiles,
    registry::{ProverSource as _, RegistryFile},
};

use super::{
    provers::{read_keys, sender_key},
    settings::Settings,
};

/// The configuration.
#[derive(Debug, Args)]
pub(crate) struct ConfigCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Check it, with the files that it names, and open nothing.
    Check(Box<Settings>),
    /// Print what would be in force, as a file, and where each value is from.
    Print(Box<Settings>),
    /// List all keys with their environment variables, defaults and meanings.
    Keys {
        /// As a Markdown table.
        #[arg(long)]
        markdown: bool,
    },
}

impl ConfigCommand {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self.action {
            Action::Check(settings) => check(&settings),
            Action::Print(settings) => {
                let layers = settings.layers()?;
                quintet_node::out!("{}", to_toml(&layers.unchecked()?, |path| layers.source(path)));
                Ok(())
            }
            Action::Keys { markdown: true } => {
                quintet_node::out!("{}", markdown());
                Ok(())
            }
            Action::Keys { markdown: false } => {
                let width = KEYS.iter().map(|key| key.path.len()).max().unwrap_or_default();
                KEYS.iter().for_each(|key| quintet_node::outln!("{:width$}  {}", key.path, key.help));
                Ok(())
            }
        }
    }
}

fn check(settings: &Settings) -> anyhow::Result<()> {
    let config = settings.layers()?.config()?;
    let spec = config.spec()?;
    let provers = match &config.registry {
        Some(file) => format!("{} provers", RegistryFile::read(file)?.latest().len()),
        None => {
            let keys = read_keys(&config.staking)?;
            sender_key(&config.staking)?;
            let registry = config.staking.registry.context("registry is not set")?;
            format!("provers of {registry}, {} validators' keys", keys.len())
        }
    };
    if let (Some(cert), Some(key)) = (&config.gateway.tls.cert, &config.gateway.tls.key) {
        TlsFiles::read(cert, key)?;
    }
    let together = match joint::check(&config)? {
        Some(Plan { enrolled: Enrolment::Fixed(enrolled), .. }) => {
            format!("together with {} validators", enrolled.members().len())
        }
        Some(Plan { enrolled: Enrolment::Contract(_), .. }) => "together with the validators of the contract".to_owned(),
        None => "alone".to_owned(),
    };
    quintet_node::outln!(
        "good: network {}, {}, {together}, gateway {}{}, admin {}, {} threads",
        spec.config_name,
        provers,
        config.gateway.listen,
        if config.gateway.tls.cert.is_some() { " (TLS)" } else { "" },
        config.admin_listen(),
        config.limits.effective_threads(),
    );
    Ok(())
}
