//! The command line.

mod backend;
mod bench;
mod devices;
mod doctor;
mod history;
mod key;
mod protection;
mod prove;
mod run;
mod status;
mod verify;
mod watch;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use quintet_node::{Completions, ManPages};

pub(crate) use status::ask_daemon;

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
    /// List the GPUs of this machine, their limits, and how they would be used.
    Devices(devices::Devices),
    /// Make, import, list and export stake keys.
    Key(key::Key),
    /// Prove blocks for a network: follow a gateway, find duties, commit, prove, aggregate, submit.
    Run(Box<run::Run>),
    /// Export and import the record of what a key has signed.
    Protection(protection::Protection),
    /// The stake on chain: deposit, top up, look, pause, leave, be paid.
    Stake(crate::stake::Stake),
    /// Show a prover's standing, duties and history.
    Status(status::Status),
    /// What became of a prover's past duties, newest first, and what each job paid.
    History(history::History),
    /// Watch the current job on the terminal: phases and their countdown, instances, and this prover's part.
    Watch(watch::Watch),
    /// Check key, protection record, gateways, beacon nodes, clock, disk and addresses, and say how to mend what is wrong.
    Doctor(Box<doctor::Doctor>),
    /// Print completions for a shell.
    Completions(Completions),
    /// Write man pages to a folder.
    Man(ManPages),
}

impl Cli {
    /// Does what was asked for; errors go to standard error.
    #[must_use]
    pub fn run(self) -> ExitCode {
        match self.dispatch() {
            Ok(status) => status,
            Err(error) => {
                eprintln!("error: {error:#}");
                ExitCode::FAILURE
            }
        }
    }

    fn dispatch(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Prove(command) => command.run()?,
            Command::Verify(command) => command.run()?,
            Command::Bench(command) => command.run()?,
            Command::Devices(command) => command.run()?,
            Command::Key(command) => command.run()?,
            Command::Run(command) => command.run()?,
            Command::Protection(command) => command.run()?,
            Command::Stake(command) => command.run()?,
            Command::Status(command) => command.run()?,
            Command::History(command) => command.run()?,
            Command::Watch(command) => command.run()?,
            Command::Doctor(command) => return command.run(),
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
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli/prover.md");
        quintet_node::check_reference(&Cli::command(), &file).unwrap();
    }
}
