//! The program `quintet-prover`: proves blocks for the network, or a single block from a file, and keeps stake keys.

// `println!` panics when its reader has gone; `quintet_node::outln!` does not.
#![cfg_attr(not(test), deny(clippy::print_stdout))]

use std::process::ExitCode;

use clap::Parser;
use quintet_prover::cli::Cli;

fn main() -> ExitCode {
    Cli::parse().run()
}
