//! `quintet-testnet`: real clients from npm, a sidecar and provers, with a live view.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use quintet_devnet::launch::{LaunchOptions, launch};
use quintet_integration_tests::testnet::{Chain, Testnet, TestnetOptions};
use tracing_subscriber::EnvFilter;

/// Starts a consensus and an execution client, sends transactions, and has a sidecar and provers prove the blocks.
#[derive(Debug, Parser)]
#[command(name = "quintet-testnet", version, max_term_width = 110)]
struct Args {
    /// capella: Lodestar 1.5.1 over EthereumJS. fulu: a block driver on Lodestar's libraries over EthereumJS.
    #[arg(long, default_value = "capella")]
    chain: Chain,
    /// Install the clients from npm and end.
    #[arg(long)]
    install_only: bool,
    /// Stop after the summary. Exit status 0 if and only if the jobs finalized and their full proofs are valid.
    #[arg(long)]
    exit: bool,
    /// Finalized jobs until the summary.
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Provers, each a process of its own. A job takes up to 4 of those that are free, and at most half.
    #[arg(long, default_value_t = 8)]
    provers: usize,
    /// Folder for keys, data and logs, new or empty; kept. Without it a temporary one, which stays only after a failure.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Give up so many seconds after the clients are up.
    #[arg(long, value_name = "SECONDS", default_value_t = 1800)]
    timeout: u64,
    /// Length of a slot in whole seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 6)]
    slot_seconds: u64,
    /// Most slots that a phase lasts; it ends when everybody has submitted.
    #[arg(long, value_name = "SLOTS", default_value_t = 45)]
    phase_slots: u64,
    /// Transfers in a block, besides the call of a contract.
    #[arg(long, default_value_t = 10)]
    transfers: u64,
    /// Address of the gateway; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5062")]
    listen: SocketAddr,
    /// Folder of the generators, shared by all processes.
    #[arg(long, value_name = "DIR", env = "QUINTET_PARAMS_DIR")]
    params_dir: Option<PathBuf>,
    /// Threads of each prover; all cores if absent.
    #[arg(long)]
    threads: Option<usize>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_env("QUINTET_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> anyhow::Result<()> {
    if args.install_only {
        for package in args.chain.packages() {
            package.install()?;
        }
        return Ok(());
    }
    let temporary = tempfile::Builder::new().prefix("quintet-testnet-").tempdir()?;
    let dir = args.keep.clone().unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&dir)?;
    let dir = dir.canonicalize()?;
    let clients = dir.join("clients");
    let slot = Duration::from_secs(args.slot_seconds.max(1));
    let options = TestnetOptions { chain: args.chain, slot, transfers: args.transfers };
    let testnet = tokio::select! {
        testnet = Testnet::start(&clients, options) => testnet?,
        interrupted = tokio::signal::ctrl_c() => return Ok(interrupted?),
    };
    println!("clients: {}  execution: {}  logs: {}", testnet.beacon_url(), testnet.rpc_url(), clients.display());
    let outcome = launch(LaunchOptions {
        provers: args.provers,
        jobs: args.jobs,
        exit: args.exit,
        keep: Some(dir.join("quintet")),
        timeout: Duration::from_secs(args.timeout),
        slot,
        phase_slots: args.phase_slots,
        beacon_url: Some(testnet.beacon_url()),
        listen: args.listen,
        params_dir: args.params_dir,
        threads: args.threads,
        ..LaunchOptions::default()
    })
    .await;
    let stopped = testnet.stop().await;
    if outcome.is_err() {
        eprintln!("logs are in {}", temporary.keep().display());
    }
    outcome.and(stopped)
}
