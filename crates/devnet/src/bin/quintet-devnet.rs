//! `quintet-devnet`: chain, sidecar and provers as one tree of processes, with a live view.

// `println!` panics when its reader has gone; `quintet_node::outln!` does not.
#![cfg_attr(not(test), deny(clippy::print_stdout))]

use std::{io::IsTerminal as _, net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use quintet_devnet::{
    ChainFlags,
    launch::{Interrupted, LaunchOptions, launch},
};
use tracing_subscriber::EnvFilter;

/// Starts an embedded chain, a sidecar and provers, and shows how they prove blocks.
#[derive(Debug, Parser)]
#[command(name = "quintet-devnet", version, max_term_width = 110)]
struct Args {
    /// Stop after the summary. Exit status 0 if and only if the jobs finalized and their full proofs are valid.
    #[arg(long)]
    exit: bool,
    /// Finalized jobs until the summary.
    #[arg(long, default_value_t = 3)]
    jobs: usize,
    /// Provers, each a process of its own. A job takes up to 4 of those that are free, and at most half.
    #[arg(long, default_value_t = 8)]
    provers: usize,
    /// Sidecars, each of another validator; several close phases together, which takes each phase its whole time. Provers post to them in turn.
    #[arg(long, default_value_t = 1)]
    sidecars: usize,
    /// Folder for keys, data and logs, new or empty; kept. Without it a temporary one, which stays only after a failure.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Give up after so many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 1800)]
    timeout: u64,
    /// Length of a slot in seconds; fractions are allowed.
    #[arg(long, value_name = "SECONDS", default_value_t = 4.0)]
    slot_seconds: f64,
    /// Most slots that a phase lasts; it ends when everybody has submitted. Provers rest for one phase after a job. 45, and 12 with several sidecars.
    #[arg(long, value_name = "SLOTS")]
    phase_slots: Option<u64>,
    #[command(flatten)]
    blocks: ChainFlags,
    /// Address of the embedded chain's Beacon API; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    chain_listen: SocketAddr,
    /// Address of the gateway; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5062")]
    listen: SocketAddr,
    /// Folder of the generators, shared by all processes.
    #[arg(long, value_name = "DIR", env = "QUINTET_PARAMS_DIR")]
    params_dir: Option<PathBuf>,
    /// Threads of each prover; all cores if absent.
    #[arg(long)]
    threads: Option<usize>,
    /// Provers stake in contracts on anvil, validators enrol, settlements are posted. Needs anvil and forge: `make test-contracts` installs them.
    #[arg(long)]
    staking: bool,
    /// Further argument of each prover, e.g. --prover-arg=--full-proof-when-faster. Repeat for more.
    #[arg(long = "prover-arg", value_name = "ARGUMENT", allow_hyphen_values = true)]
    prover_args: Vec<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    // The chain runs in this process; its log would drown the view.
    let filter = EnvFilter::try_from_env("QUINTET_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let ansi = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(ansi).with_writer(std::io::stderr).init();
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        // As shells report a program that SIGINT ended.
        Err(error) if error.is::<Interrupted>() => {
            eprintln!("{error}; all processes have ended");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> anyhow::Result<()> {
    launch(LaunchOptions {
        provers: args.provers,
        sidecars: args.sidecars,
        jobs: args.jobs,
        exit: args.exit,
        keep: args.keep,
        timeout: Duration::from_secs(args.timeout),
        slot: Duration::try_from_secs_f64(args.slot_seconds)?,
        phase_slots: args.phase_slots.unwrap_or(if args.sidecars > 1 { 12 } else { 45 }),
        blocks: args.blocks,
        chain_listen: args.chain_listen,
        beacon_url: None,
        listen: args.listen,
        params_dir: args.params_dir,
        threads: args.threads,
        prover_arguments: args.prover_args,
        staking: args.staking,
    })
    .await
}
