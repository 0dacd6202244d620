//! The command line.

mod key;
mod prove;
mod verify;

use clap::{Parser, Subcommand};

/// Proves Ethereum blocks together with others.
#[derive(Debug, Parser)]
#[command(name = "quintet-prover", version, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prove one block from a file, with several simulated provers in this process.
    Prove(prove::Prove),
    /// Check a proof of a block. Exit status 0 only if it is valid.
    Verify(verify::Verify),
    /// Make, import, list and export stake keys.
    Key(key::Key),
}

impl Cli {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Prove(command) => command.run(),
            Command::Verify(command) => command.run(),
            Command::Key(command) => command.run(),
        }
    }
}
