//! The command line.

mod backend;
mod bench;
mod key;
mod protection;
mod prove;
mod run;
mod status;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Proves Ethereum blocks together with others.
#[derive(Debug, Parser)]
#[command(name = "quintet-prover", version, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prove one block from a file, with several simulated provers in this process.
    Prove(prove::Prove),
    /// Check a proof of a block. Exit status 0 only if it is valid.
    Verify(verify::Verify),
    /// Measure what this machine proves in a slot, and how many instances it can take on.
    Bench(bench::Bench),
    /// Make, import, list and export stake keys.
    Key(key::Key),
    /// Prove blocks for a network: follow a gateway, find duties, commit, prove, aggregate, submit.
    Run(Box<run::Run>),
    /// Export and import the record of what a key has signed.
    Protection(protection::Protection),
    /// Show a prover's standing, duties and history.
    Status(status::Status),
}

impl Cli {
    /// Does what was asked for; errors go to standard error.
    #[must_use]
    pub fn run(self) -> ExitCode {
        match self.dispatch() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error:#}");
                ExitCode::FAILURE
            }
        }
    }

    fn dispatch(self) -> anyhow::Result<()> {
        match self.command {
            Command::Prove(command) => command.run(),
            Command::Verify(command) => command.run(),
            Command::Bench(command) => command.run(),
            Command::Key(command) => command.run(),
            Command::Run(command) => command.run(),
            Command::Protection(command) => command.run(),
            Command::Status(command) => command.run(),
        }
    }
}
