//! The program `quintet-sidecar`: configuration, wiring, command line.

// `println!` panics when its reader has gone; `quintet_node::outln!` does not.
#![cfg_attr(not(test), deny(clippy::print_stdout))]

mod cli;
mod stake;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(status) => status,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
