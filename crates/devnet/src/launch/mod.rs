//! A whole network as one tree of processes: the embedded chain or another's, a sidecar, and provers that speak HTTP with it and nothing else.

mod children;
mod files;
mod summary;
mod view;

use std::{
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use futures::StreamExt as _;
use quintet_api::{EventStream, GatewayClient, Topic};

use crate::{Devnet, DevnetConfig};
use children::Children;
use files::{Files, Network};
use view::View;

/// How long the sidecar may take until it answers.
const START: Duration = Duration::from_secs(120);
/// How often the processes are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What to start, and when to stop.
#[derive(Clone, Debug)]
pub struct LaunchOptions {
    /// Number of provers.
    pub provers: usize,
    /// Finalized jobs after which there is a summary.
    pub jobs: usize,
    /// Whether to stop then, instead of leaving the gateway up.
    pub exit: bool,
    /// Folder for everything, kept; otherwise a temporary one, which is kept only after a failure.
    pub keep: Option<PathBuf>,
    /// When to give up.
    pub timeout: Duration,
    /// Length of a slot.
    pub slot: Duration,
    /// Slots that a phase may last. Phases close earlier, once everybody has submitted.
    pub phase_slots: u64,
    /// Transactions in a block of the embedded chain.
    pub txs_per_block: usize,
    /// Beacon API of another chain, to use instead of the embedded one.
    pub beacon_url: Option<String>,
    /// Address of the gateway; a free port is taken if this one is in use.
    pub listen: SocketAddr,
    /// Folder of the generators, shared by all processes; the user's cache if absent.
    pub params_dir: Option<PathBuf>,
    /// Threads of each prover; all cores if absent.
    pub threads: Option<usize>,
}

/// Starts everything, shows what happens, and stops everything.
///
/// # Errors
/// If a program is missing or dies, if the time is over, or if a job did not end as it should. The logs' ends are on standard error then.
pub async fn launch(options: LaunchOptions) -> anyhow::Result<()> {
    let programs = children::Programs::find()?;
    let files = Files::create(
        options.keep.as_deref(),
        options.provers,
        &Network { slot: options.slot, phase_slots: options.phase_slots },
    )?;
    println!("logs and data: {}", files.dir().display());
    let mut children = Children::default();
    let outcome = tokio::select! {
        outcome = run(&options, &programs, &files, &mut children) => outcome,
        interrupted = interrupted() => interrupted.and_then(|()| bail!("interrupted")),
    };
    children.stop().await;
    if outcome.is_err() {
        children.print_tails();
        let dir = files.keep();
        eprintln!("logs are in {}", dir.display());
    }
    outcome
}

async fn run(
    options: &LaunchOptions,
    programs: &children::Programs,
    files: &Files,
    children: &mut Children,
) -> anyhow::Result<()> {
    let started = Instant::now();
    let chain = match options.beacon_url {
        Some(_) => None,
        None => Some(Devnet::start(embedded(options)).await?),
    };
    let chain_url = chain.as_ref().map(Devnet::url).or(options.beacon_url.clone()).context("a chain")?;
    let listen = free_address(options.listen)?;
    let gateway = format!("http://{listen}");
    println!("chain: {chain_url}  gateway: {gateway}");

    let params = options.params_dir.as_ref().map(|dir| format!("--params-dir={}", dir.display()));
    let sidecar = [
        "run".to_owned(),
        format!("--network={}", files.network().display()),
        format!("--registry={}", files.registry().display()),
        format!("--data-dir={}", files.sidecar().display()),
        format!("--beacon-url={chain_url}"),
        format!("--listen={listen}"),
    ];
    children.spawn("sidecar", &programs.sidecar, sidecar.into_iter().chain(params.clone()), files.log("sidecar"))?;
    let client = GatewayClient::new(&gateway, Duration::from_secs(10))?;
    wait_for(&client, children).await?;
    for (number, prover) in files.provers().iter().enumerate() {
        let arguments = [
            "run".to_owned(),
            "--aggregate".to_owned(),
            format!("--gateway={gateway}"),
            format!("--beacon-url={chain_url}"),
            format!("--stake-key={}", prover.keystore.display()),
            format!("--password-file={}", files.password().display()),
            format!("--data-dir={}", prover.data.display()),
        ];
        let threads = options.threads.map(|threads| format!("--threads={threads}"));
        let name = format!("prover-{number}");
        let log = files.log(&name);
        children.spawn(&name, &programs.prover, arguments.into_iter().chain(params.clone()).chain(threads), log)?;
    }
    println!("{} provers, a process each; {} jobs to go", options.provers, options.jobs);

    let names =
        files.provers().iter().enumerate().map(|(number, prover)| (prover.pubkey, format!("prover-{number}"))).collect();
    let mut view = View::new(started, names);
    let give_up = tokio::time::sleep_until((started + options.timeout).into());
    tokio::pin!(give_up);
    tokio::select! {
        outcome = watch(&client, &mut view, children, options.jobs) => outcome?,
        () = &mut give_up => bail!(
            "{} of {} jobs finalized within {} s", view.finalized().len(), options.jobs, options.timeout.as_secs()
        ),
    }
    let sound = summary::print(&client, &view, options.jobs).await?;
    println!("{} jobs finalized after {:.0} s", options.jobs, started.elapsed().as_secs_f64());
    ensure!(sound, "a full proof was refused");
    if !options.exit {
        println!("the gateway stays up at {gateway}, e.g. curl {gateway}/v1/jobs; Ctrl-C ends everything");
        tokio::select! {
            interrupted = interrupted() => interrupted?,
            outcome = watch(&client, &mut view, children, usize::MAX) => outcome?,
        }
    }
    if let Some(chain) = chain {
        chain.shutdown().await;
    }
    Ok(())
}

fn embedded(options: &LaunchOptions) -> DevnetConfig {
    DevnetConfig { slot_duration: options.slot, txs_per_block: options.txs_per_block, ..DevnetConfig::default() }
}

/// Shows events until `jobs` jobs are finalized.
async fn watch(client: &GatewayClient, view: &mut View, children: &mut Children, jobs: usize) -> anyhow::Result<()> {
    let mut looks = tokio::time::interval(LOOK_EVERY);
    let mut events: Option<EventStream> = None;
    while view.finalized().len() < jobs {
        if events.is_none() {
            // The first look replays what was missed before.
            events = client.events(&Topic::ALL, Some(view.last_event())).await.ok();
        }
        let next = async {
            match &mut events {
                Some(stream) => stream.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            event = next => match event {
                Some(Ok(event)) => view.show(&event),
                _ => events = None,
            },
            _ = looks.tick() => children.check()?,
        }
    }
    Ok(())
}

/// Waits until the gateway answers.
async fn wait_for(client: &GatewayClient, children: &mut Children) -> anyhow::Result<()> {
    let until = Instant::now() + START;
    loop {
        children.check()?;
        match client.identity().await {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() > until => return Err(error).context("the sidecar does not answer"),
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

/// `wanted`, or with another port if that is taken.
fn free_address(wanted: SocketAddr) -> anyhow::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind(wanted)
        .or_else(|_| std::net::TcpListener::bind(SocketAddr::new(wanted.ip(), 0)))
        .with_context(|| format!("no port is free at {}", wanted.ip()))?;
    Ok(listener.local_addr()?)
}

/// SIGINT or SIGTERM.
async fn interrupted() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    Ok(())
}
