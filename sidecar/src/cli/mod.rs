//! The command line.

mod config;
mod db;
mod run;
mod serve;
mod settings;

use clap::{Parser, Subcommand};
use quintet_sidecar::gateway;

/// Runs distributed proof generation beside a beacon node.
#[derive(Debug, Parser)]
#[command(name = "quintet-sidecar", version, max_term_width = 110, args_override_self = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Follow the chain, run the phases, serve the gateway.
    Run(Box<run::Run>),
    /// Check the configuration, print it, list its keys.
    Config(Box<config::ConfigCommand>),
    /// Look at the store, prune it, back it up. The sidecar must not be running; a running one does its backup itself (admin listener).
    Db(db::Db),
    /// Print the OpenAPI description of the gateway.
    Openapi {
        /// That of the admin listener instead.
        #[arg(long)]
        admin: bool,
    },
}

impl Cli {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Run(command) => command.run(),
            Command::Config(command) => command.run(),
            Command::Db(command) => command.run(),
            Command::Openapi { admin } => {
                let text = if admin { gateway::admin::openapi() } else { gateway::openapi() };
                println!("{text}");
                Ok(())
            }
        }
    }
}
