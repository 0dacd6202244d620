//! `quintet-devnet-chain`: the embedded chain as a process of its own.

// `println!` panics when its reader has gone; `quintet_node::outln!` does not.
#![cfg_attr(not(test), deny(clippy::print_stdout))]

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Parser;
use quintet_beacon::{Fork, Preset};
use quintet_devnet::{ChainFlags, Clock, Devnet, DevnetConfig};
use tracing_subscriber::EnvFilter;

/// A simulated chain with a real Beacon API.
#[derive(Debug, Parser)]
#[command(name = "quintet-devnet-chain", version)]
struct Args {
    /// Where the Beacon API listens.
    #[arg(long, default_value = "127.0.0.1:5052")]
    listen: SocketAddr,
    /// Length of a slot in seconds; fractions are allowed.
    #[arg(long, default_value_t = 4.0)]
    slot_seconds: f64,
    /// Draws proposers and execution accounts.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of validators.
    #[arg(long, default_value_t = 64)]
    validators: u64,
    #[command(flatten)]
    blocks: ChainFlags,
    /// Fork of all blocks: electra or fulu.
    #[arg(long, default_value = "fulu")]
    fork: Fork,
    /// Unix time of slot 0; by default two seconds from now.
    #[arg(long)]
    genesis_time: Option<u64>,
    /// Container sizes of mainnet rather than of the minimal preset (32 slots an epoch).
    #[arg(long)]
    mainnet_preset: bool,
    /// Chain id of the execution chain.
    #[arg(long, default_value_t = 1337)]
    chain_id: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let ansi = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(ansi).with_writer(std::io::stderr).init();
    let args = Args::parse();
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let config = args.blocks.apply(DevnetConfig {
        listen: args.listen,
        clock: Clock::Real,
        slot_duration: Duration::try_from_secs_f64(args.slot_seconds)?,
        genesis_time: args.genesis_time.unwrap_or(now + 2),
        seed: args.seed,
        validators: args.validators,
        fork: args.fork,
        preset: if args.mainnet_preset { Preset::MAINNET } else { Preset::MINIMAL },
        chain_id: args.chain_id,
        ..DevnetConfig::default()
    });
    let devnet = Devnet::start(config).await?;
    // One line on standard output, for programs that start this one.
    quintet_node::outln!("{} {}", devnet.url(), devnet.genesis_validators_root());
    shutdown_signal().await?;
    tracing::info!("stopping");
    devnet.shutdown().await;
    Ok(())
}

/// Waits for SIGINT or SIGTERM.
async fn shutdown_signal() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    Ok(())
}
