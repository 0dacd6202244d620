//! A whole network as one tree of processes: the embedded chain or another's, a sidecar, and provers that speak HTTP with it and nothing else.

mod anvil;
mod beacon_proof;
mod children;
mod files;
mod sidecars;
mod staking;
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

use crate::{ChainFlags, Devnet, DevnetConfig};
pub use anvil::{Anvil, Clock, anvil_program, deploy};
pub use children::{Children, Programs};
pub use files::{Files, ProverFiles, devnet_spec};
pub use sidecars::{Contracted, SidecarFiles, Validators, join_sidecars};
pub use staking::{Account, SIGNERS, Staked, VALIDATORS, run as run_for_json};
use view::View;

/// How long the sidecar may take until it answers.
const START: Duration = Duration::from_secs(120);
/// Epochs until a stake counts, as the deployment script sets them.
const ACTIVATION_EPOCHS: u64 = 5;
/// How often the processes are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What to start, and when to stop.
#[derive(Clone, Debug)]
pub struct LaunchOptions {
    /// Number of provers.
    pub provers: usize,
    /// Number of sidecars; several close phases together, and the provers post to them in turn.
    pub sidecars: usize,
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
    /// Blocks of the embedded chain.
    pub blocks: ChainFlags,
    /// Address of the embedded chain's Beacon API; port 0 takes a free one.
    pub chain_listen: SocketAddr,
    /// Beacon API of another chain, to use instead of the embedded one.
    pub beacon_url: Option<String>,
    /// Address of the gateway; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Folder of the generators, shared by all processes; the user's cache if absent.
    pub params_dir: Option<PathBuf>,
    /// Threads of each prover; all cores if absent.
    pub threads: Option<usize>,
    /// Further arguments of each prover.
    pub prover_arguments: Vec<String>,
    /// Whether provers stake in contracts on anvil and are paid by them, instead of standing in a file.
    pub staking: bool,
}

impl Default for LaunchOptions {
    /// What `make devnet` does.
    fn default() -> Self {
        let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Self {
            provers: 8,
            sidecars: 1,
            jobs: 3,
            exit: false,
            keep: None,
            timeout: Duration::from_secs(1800),
            slot: Duration::from_secs(4),
            phase_slots: 45,
            blocks: ChainFlags::default(),
            chain_listen: local(0),
            beacon_url: None,
            listen: local(5062),
            params_dir: None,
            threads: None,
            prover_arguments: Vec::new(),
            staking: false,
        }
    }
}

/// Somebody asked us to stop before all was done.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// Starts everything, shows what happens, and stops everything.
///
/// # Errors
/// [`Interrupted`], or if a program is missing or dies, if the time is over, or if a job did not end as it should. The logs' ends are on standard
/// error then.
pub async fn launch(options: LaunchOptions) -> anyhow::Result<()> {
    ensure!(options.sidecars >= 1, "a network needs a sidecar");
    ensure!(
        options.sidecars as u64 <= VALIDATORS || !options.staking,
        "{VALIDATORS} validators are enrolled in the contracts: no more sidecars than that"
    );
    let programs = Programs::find()?;
    let mut spec = devnet_spec(options.slot, options.phase_slots)?;
    if options.staking {
        // The registry as of an epoch earlier: the end of this one's predecessor is not final on anvil when the epoch begins.
        spec.registry_lookback_epochs = 1;
        spec.registry_delay_epochs = ACTIVATION_EPOCHS;
    }
    let files = Files::create(options.keep.as_deref(), options.provers, &spec)?;
    quintet_node::outln!("logs and data: {}", files.dir().display());
    let mut children = Children::default();
    let outcome = tokio::select! {
        outcome = run_network(&options, &programs, &files, &mut children) => outcome,
        interrupted = interrupted() => interrupted.and_then(|()| Err(Interrupted.into())),
    };
    let outcome = match outcome {
        Ok(mut network) if !options.exit => network.stay_up(&mut children).await,
        other => other.map(|_| ()),
    };
    children.stop().await;
    // Without processes there are no logs.
    if !children.is_empty() && outcome.as_ref().is_err_and(|error| !error.is::<Interrupted>()) {
        children.print_tails();
        let dir = files.keep();
        eprintln!("logs are in {}", dir.display());
    }
    outcome
}

/// A network that did what was asked of it.
struct Network {
    gateway: String,
    client: GatewayClient,
    view: View,
    /// Stops when dropped.
    _chain: Option<Devnet>,
}

impl Network {
    /// Leaves everything as it is until somebody wants to stop.
    async fn stay_up(&mut self, children: &mut Children) -> anyhow::Result<()> {
        let gateway = &self.gateway;
        quintet_node::outln!("the gateway stays up at {gateway}, e.g. curl {gateway}/v1/jobs; Ctrl-C ends everything");
        tokio::select! {
            interrupted = interrupted() => interrupted,
            outcome = watch(&self.client, &mut self.view, children, usize::MAX) => outcome,
        }
    }
}

async fn run_network(
    options: &LaunchOptions,
    programs: &Programs,
    files: &Files,
    children: &mut Children,
) -> anyhow::Result<Network> {
    let started = Instant::now();
    let listen = free_address(options.listen)?;
    let gateway = format!("http://{listen}");
    let chain = match options.beacon_url {
        Some(_) => None,
        None => Some(Devnet::start(embedded(options)).await.map_err(|error| occupied(error, "--chain-listen"))?),
    };
    let chain_url = chain.as_ref().map(Devnet::url).or(options.beacon_url.clone()).context("a chain")?;
    quintet_node::outln!("chain: {chain_url}  gateway: {gateway}");
    if chain.is_some() {
        quintet_node::outln!(
            "at will: curl {chain_url}/devnet/v1/reorg --json '{{\"depth\":2}}' (also miss, empty, offline: '{{\"slots\":1}}')"
        );
    }
    let staked = match &chain {
        Some(chain) if options.staking => Some(stake(options, programs, files, children, chain).await?),
        _ => None,
    };
    let gateways = match options.sidecars {
        1 => {
            let config = match &staked {
                Some(staked) => Some(staked.sidecar_config().await?),
                None => None,
            };
            start_sidecar(options, programs, files, children, (&chain_url, listen, config))?;
            vec![gateway.clone()]
        }
        _ => {
            let origin = match &staked {
                Some(staked) => Validators::Contract(staked.members(options.sidecars as u64).await?),
                None => Validators::File,
            };
            start_sidecars(options, programs, files, children, (&chain_url, listen, &origin)).await?
        }
    };
    let clients: Vec<GatewayClient> =
        gateways.iter().map(|gateway| GatewayClient::new(gateway, Duration::from_secs(10))).collect::<Result<_, _>>()?;
    for client in &clients {
        wait_for(client, children).await?;
    }
    let client = clients.first().context("a sidecar")?.clone();
    let stake_flags = staked.as_ref().map(Staked::chain_flags).unwrap_or_default();
    start_provers(options, programs, files, children, (&chain_url, &gateways, &stake_flags))?;
    quintet_node::outln!("{} provers, a process each; {} jobs to go", options.provers, options.jobs);

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
    quintet_node::outln!("{} jobs finalized after {:.0} s", options.jobs, started.elapsed().as_secs_f64());
    ensure!(sound, "a full proof was refused");
    summary::compare(&clients, &view, options.jobs).await?;
    Ok(Network { gateway, client, view, _chain: chain })
}

/// Contracts on anvil, with all provers and some validators in them.
async fn stake(
    options: &LaunchOptions,
    programs: &Programs,
    files: &Files,
    children: &mut Children,
    chain: &Devnet,
) -> anyhow::Result<Staked> {
    let clock = Clock::of(chain)?;
    quintet_node::outln!("contracts: compiling and deploying them takes a minute or two");
    let port = free_address(([127, 0, 0, 1], 0).into())?.port();
    let staked = Staked::start(files, children, port, &clock).await?;
    quintet_node::outln!("contracts on anvil at {}, in {}", staked.anvil.url, staked.deployment_file().display());
    // Validators first: a job whose provers are there and whose validators are not is never certified.
    staked.enrol_all(programs).await?;
    staked.deposit_all(programs, files).await?;
    let wait = Duration::from_secs(ACTIVATION_EPOCHS * clock.slots_per_epoch * clock.seconds_per_slot);
    quintet_node::outln!(
        "{} provers staked, {VALIDATORS} validators enrolled (under a simulated beacon root); the first job comes in {} s at the earliest",
        options.provers,
        wait.as_secs()
    );
    Ok(staked)
}

fn embedded(options: &LaunchOptions) -> DevnetConfig {
    options.blocks.apply(DevnetConfig { listen: options.chain_listen, slot_duration: options.slot, ..DevnetConfig::default() })
}

fn params(options: &LaunchOptions) -> Option<String> {
    options.params_dir.as_ref().map(|dir| format!("--params-dir={}", dir.display()))
}

fn start_sidecar(
    options: &LaunchOptions,
    programs: &Programs,
    files: &Files,
    children: &mut Children,
    (chain, listen, staking): (&str, SocketAddr, Option<PathBuf>),
) -> anyhow::Result<()> {
    let arguments = [
        "run".to_owned(),
        format!("--network={}", files.network().display()),
        match staking {
            Some(config) => format!("--config={}", config.display()),
            None => format!("--registry={}", files.registry().display()),
        },
        format!("--data-dir={}", files.sidecar().display()),
        format!("--beacon-url={chain}"),
        format!("--listen={listen}"),
    ];
    children.spawn("sidecar", &programs.sidecar, arguments.into_iter().chain(params(options)), files.log("sidecar"))
}

/// Starts several, and says where their gateways are; the first is the one that was asked for.
async fn start_sidecars(
    options: &LaunchOptions,
    programs: &Programs,
    files: &Files,
    children: &mut Children,
    (chain, first, origin): (&str, SocketAddr, &Validators),
) -> anyhow::Result<Vec<String>> {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let addresses: Vec<(SocketAddr, u16)> = (0..options.sidecars)
        .map(|index| Ok((if index == 0 { first } else { free_address(any)? }, free_address(any)?.port())))
        .collect::<anyhow::Result<_>>()?;
    // The next block is the first that all of them see.
    let first_slot = head_slot(chain).await? + 1;
    let link = |_, to: usize| SocketAddr::from(([127, 0, 0, 1], addresses[to].1));
    let sidecars = join_sidecars(files, &addresses, first_slot, origin, link)?;
    for sidecar in &sidecars {
        sidecar.start(programs, files, children, chain, params(options))?;
    }
    let gateways: Vec<String> = sidecars.iter().map(|sidecar| format!("http://{}", sidecar.gateway)).collect();
    quintet_node::outln!("{} sidecars close phases together: {}", gateways.len(), gateways.join(" "));
    Ok(gateways)
}

/// Slot of the block that a beacon node has for the head.
async fn head_slot(chain: &str) -> anyhow::Result<u64> {
    let header: serde_json::Value =
        reqwest::get(format!("{chain}/eth/v1/beacon/headers/head")).await?.error_for_status()?.json().await?;
    let slot = header["data"]["header"]["message"]["slot"].as_str().context("a header without a slot")?;
    Ok(slot.parse()?)
}

fn start_provers(
    options: &LaunchOptions,
    programs: &Programs,
    files: &Files,
    children: &mut Children,
    (chain, gateways, stake): (&str, &[String], &[String]),
) -> anyhow::Result<()> {
    for ((number, prover), gateway) in files.provers().iter().enumerate().zip(gateways.iter().cycle()) {
        let arguments = [
            "run".to_owned(),
            "--aggregate".to_owned(),
            format!("--gateway={gateway}"),
            format!("--beacon-url={chain}"),
            format!("--stake-key={}", prover.keystore.display()),
            format!("--password-file={}", files.password().display()),
            format!("--data-dir={}", prover.data.display()),
        ];
        let threads = options.threads.map(|threads| format!("--threads={threads}"));
        let further = stake.iter().chain(&options.prover_arguments).cloned();
        let arguments = arguments.into_iter().chain(params(options)).chain(threads).chain(further);
        let name = format!("prover-{number}");
        let log = files.log(&name);
        children.spawn(&name, &programs.prover, arguments, log)?;
    }
    Ok(())
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

/// `wanted`, with a free port if that is 0.
///
/// # Errors
/// If the port is taken.
fn free_address(wanted: SocketAddr) -> anyhow::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind(wanted)
        .map_err(|source| occupied(crate::DevnetError::Listen { address: wanted, source }, "--listen"))?;
    Ok(listener.local_addr()?)
}

/// Says what to do about an address that is in use.
fn occupied(error: crate::DevnetError, flag: &str) -> anyhow::Error {
    let advice = match &error {
        crate::DevnetError::Listen { address, source } if source.kind() == std::io::ErrorKind::AddrInUse => Some(format!(
            "something else listens there, perhaps another devnet; take another port with {flag} {}:0",
            address.ip()
        )),
        _ => None,
    };
    let error = anyhow::Error::from(error);
    match advice {
        Some(advice) => error.context(advice),
        None => error,
    }
}

/// SIGINT, SIGTERM, or the terminal was closed.
async fn interrupted() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut hangup) = (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_occupied_port_is_an_error_that_says_what_to_do() {
        let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let error = format!("{:#}", free_address(taken.local_addr().unwrap()).unwrap_err());
        assert!(error.contains("--listen 127.0.0.1:0") && error.contains("cannot listen on"), "{error}");
        assert_ne!(free_address(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap().port(), 0);
    }
}
