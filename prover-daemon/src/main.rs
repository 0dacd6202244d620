//! The prover's program: proves blocks for the network, or a single block from a file, and keeps stake keys.

mod block_file;
mod cli;
mod params;
mod progress;
mod protection;
mod run;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
