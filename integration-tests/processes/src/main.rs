//! `quintet-villain`: a staked prover that does not keep to the protocol, in one way of eight. For tests only.
//!
//! It takes part in the first job in which its key is drawn, writes a line of JSON for everything that it sends, with the gateway's answer, and ends
//! with the job.

mod acts;
mod part;
mod post;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum};

/// What the villain does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Role {
    /// Sends nothing.
    Silent,
    /// Sends everything after the deadline.
    Late,
    /// Commits to one instance wrongly.
    WrongDigest,
    /// Proves another trace than the one it committed to.
    OtherTrace,
    /// Hands in what others made under its own key.
    Thief,
    /// Signs two bodies for one phase.
    Equivocation,
    /// Sends bytes that mean nothing.
    Garbage,
    /// Hands in what it made for another job.
    Replay,
}

/// A prover that does not keep to the protocol.
#[derive(Debug, Parser)]
#[command(name = "quintet-villain")]
struct Args {
    /// What to do.
    #[arg(long)]
    role: Role,
    /// The gateway.
    #[arg(long)]
    gateway: String,
    /// Keystore with the stake key.
    #[arg(long)]
    stake_key: PathBuf,
    /// File with its password.
    #[arg(long)]
    password_file: PathBuf,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    match acts::play(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
