//! The command line.

mod db;
mod run;

use clap::{Parser, Subcommand};

/// Runs distributed proof generation beside a beacon node.
#[derive(Debug, Parser)]
#[command(name = "quintet-sidecar", version, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Follow the chain, run the phases, serve the gateway.
    Run(Box<run::Run>),
    /// Look at the store, prune it, back it up. The sidecar must not be running.
    Db(db::Db),
    /// Print the OpenAPI description of the gateway.
    Openapi,
}

impl Cli {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Run(command) => command.run(),
            Command::Db(command) => command.run(),
            Command::Openapi => {
                println!("{}", quintet_sidecar::gateway::openapi());
                Ok(())
            }
        }
    }
}
