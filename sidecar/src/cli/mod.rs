//! The command line.

mod ask;
mod config;
mod db;
mod doctor;
mod provers;
mod run;
mod serve;
mod settings;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use quintet_node::{Completions, ManPages};
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
    /// How a running sidecar is: its chain, and the jobs that are not over.
    Status(ask::Status),
    /// Jobs, newest first.
    Jobs(ask::Jobs),
    /// One job: its phases, and how far its instances are.
    Job(ask::Job),
    /// Provers with stake, selection weight and balance.
    Provers(ask::Provers),
    /// The ledger: what every account has earned and lost, or what one job paid to whom and why.
    Rewards(ask::Rewards),
    /// Check configuration, files, addresses, clock, beacon nodes and gateway, and say how to mend what is wrong.
    Doctor(Box<doctor::Doctor>),
    /// Validators that sign settlements: enrol, look, remove. And the record of what their keys have signed.
    Validator(crate::stake::Validator),
    /// Show evidence of equivocation to the contract.
    Slash(crate::stake::Slash),
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
    /// Print completions for a shell.
    Completions(Completions),
    /// Write man pages to a folder.
    Man(ManPages),
}

impl Cli {
    /// Does what was asked for; the exit status is the command's.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Run(command) => command.run()?,
            Command::Status(command) => command.run()?,
            Command::Jobs(command) => command.run()?,
            Command::Job(command) => command.run()?,
            Command::Provers(command) => command.run()?,
            Command::Rewards(command) => command.run()?,
            Command::Doctor(command) => return command.run(),
            Command::Validator(command) => command.run()?,
            Command::Slash(command) => command.run()?,
            Command::Config(command) => command.run()?,
            Command::Db(command) => command.run()?,
            Command::Openapi { admin } => {
                let text = if admin { gateway::admin::openapi() } else { gateway::openapi() };
                quintet_node::outln!("{text}");
            }
            Command::Completions(command) => command.print(Self::command())?,
            Command::Man(command) => command.write(Self::command())?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(feature = "ledger", ignore = "the reference is that of a default build")]
    fn the_reference_in_the_docs_is_what_the_program_takes() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli/sidecar.md");
        quintet_node::check_reference(&Cli::command(), &file).unwrap();
    }
}
