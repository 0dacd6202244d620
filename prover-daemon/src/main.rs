//! The program `quintet-prover`: proves blocks for the network, or a single block from a file, and keeps stake keys.

use std::process::ExitCode;

use clap::Parser;
use quintet_prover::cli::Cli;

fn main() -> ExitCode {
    Cli::parse().run()
}
