//! `quintet-sidecar run`.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use clap::Args;
use quintet_beacon::{BeaconClient, ChainFollower, ClientConfig, Error as BeaconError, FollowerConfig, OptimisticHeads};
use quintet_plonk::ParamsCache;
use quintet_proving::{Circuits, Guest};
use quintet_sidecar::{
    config::{Config, LogFormat},
    core::{Core, CoreConfig},
    db,
    gateway::{App, Limits, router},
    metrics::Metrics,
    registry::RegistryFile,
    service::{self, IntakeQueue, Shared, now_ms},
};
use quintet_store::{Options, Store};
use quintet_types::{Root, Spec, ValidatorIndex};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Follow the chain, run the phases, serve the gateway.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Configuration file (TOML); flags and environment win over it.
    #[arg(long, value_name = "FILE", env = "QUINTET_CONFIG")]
    config: Option<PathBuf>,
    /// mainnet, hoodi, devnet, or a parameter file.
    #[arg(long, env = "QUINTET_NETWORK")]
    network: Option<String>,
    /// Folder of the store.
    #[arg(long, value_name = "DIR", env = "QUINTET_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// Beacon node, e.g. http://127.0.0.1:5052; repeat for fail-over.
    #[arg(long = "beacon-url", value_name = "URL", env = "QUINTET_BEACON_URLS", value_delimiter = ',')]
    beacon_urls: Vec<String>,
    /// Registry file with the provers.
    #[arg(long, value_name = "FILE", env = "QUINTET_REGISTRY")]
    registry: Option<PathBuf>,
    /// Address of the gateway.
    #[arg(long, value_name = "ADDRESS", env = "QUINTET_LISTEN")]
    listen: Option<SocketAddr>,
    /// Index of our validator.
    #[arg(long, value_name = "INDEX", env = "QUINTET_VALIDATOR_INDEX")]
    validator_index: Option<u64>,
    /// Threads for planning and verification.
    #[arg(long, env = "QUINTET_THREADS")]
    threads: Option<usize>,
    /// Folder of the generators.
    #[arg(long, value_name = "DIR", env = "QUINTET_PARAMS_DIR")]
    params_dir: Option<PathBuf>,
    /// Take heads whose payload the node has not validated yet.
    #[arg(long)]
    accept_optimistic_heads: bool,
    /// Form of the log.
    #[arg(long, value_enum, env = "QUINTET_LOG_FORMAT")]
    log_format: Option<LogFormat>,
}

impl Run {
    fn config(self) -> anyhow::Result<Config> {
        let mut config = self.config.as_deref().map_or_else(|| Ok(Config::default()), Config::read)?;
        macro_rules! take {
            ($($field:ident),*) => {$(if let Some(value) = self.$field { config.$field = value; })*};
        }
        take!(network, data_dir, listen, validator_index, threads, log_format);
        config.registry = self.registry.or(config.registry);
        config.params_dir = self.params_dir.or(config.params_dir);
        config.accept_optimistic_heads |= self.accept_optimistic_heads;
        if !self.beacon_urls.is_empty() {
            config.beacon_urls = self.beacon_urls;
        }
        config.check()?;
        Ok(config)
    }

    pub(crate) fn run(self) -> anyhow::Result<()> {
        let config = self.config()?;
        init_log(config.log_format);
        tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(config))
    }
}

fn init_log(format: LogFormat) {
    let filter = EnvFilter::try_from_env("QUINTET_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Human => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let mut spec = config.spec()?;
    let registry = match &config.registry {
        Some(path) => RegistryFile::read(path)?,
        None => bail!("registry is not set"),
    };
    let store = Store::open(&config.data_dir.join("store"), &db::SCHEMA, &Options::default())?;
    let client = connect(&config, &spec).await?;
    let genesis_ms = adopt_genesis(&client, &mut spec).await?;
    let spec = Arc::new(spec);

    let guest = Guest::payload()?;
    let program_hash = guest.hash;
    let circuits = Arc::new(Circuits::new(guest, params_source(&config)?));
    let core = CoreConfig {
        spec: Arc::clone(&spec),
        genesis_ms,
        validator: ValidatorIndex(config.validator_index),
        program_hash,
        retention_epochs: config.retention_epochs,
        max_job_bytes: config.max_job_bytes,
        max_fill: config.max_fill,
    };
    let core = Core::load(core, store.clone(), Arc::new(registry), now_ms())?;
    let head = core.chain.head;
    let shared = Shared::new(core);

    let metrics = Metrics::default();
    let stop = CancellationToken::new();
    let listener =
        tokio::net::TcpListener::bind(config.listen).await.with_context(|| format!("listening on {}", config.listen))?;
    tracing::info!(address = %listener.local_addr()?, network = %spec.config_name, "gateway");
    let app = App {
        shared: shared.clone(),
        intake: IntakeQueue::start(shared.clone(), config.max_waiting),
        metrics: metrics.clone(),
        spec_root: spec_root(&spec),
        spec,
    };
    let limits = Limits { body_bytes: config.max_body_bytes, ..Limits::default() };
    let server = axum::serve(listener, router(app, limits)).with_graceful_shutdown(stop.clone().cancelled_owned());
    let server = tokio::spawn(server.into_future());

    let optimistic = if config.accept_optimistic_heads { OptimisticHeads::Accept } else { OptimisticHeads::Wait };
    let resume_from = (head != Root::ZERO).then_some(head);
    let (follower, chain) =
        ChainFollower::spawn(client, FollowerConfig { optimistic, resume_from, ..FollowerConfig::default() });
    let running = service::run(shared.clone(), circuits, chain, config.threads, metrics, stop.clone());
    let result = tokio::select! {
        result = running => result.context("the sidecar cannot go on"),
        () = interrupted() => Ok(()),
    };
    tracing::info!("shutting down");
    stop.cancel();
    follower.stop().await;
    // Event streams do not end by themselves.
    let _ = tokio::time::timeout(Duration::from_secs(2), server).await;
    store.shutdown()?;
    result
}

/// Connects to the beacon node, and waits for it if it is not there yet. A node on another network is refused.
async fn connect(config: &Config, spec: &Spec) -> anyhow::Result<BeaconClient> {
    let mut client = ClientConfig::new(config.beacon_urls.clone());
    client.genesis_validators_root = (spec.genesis_validators_root != Root::ZERO).then_some(spec.genesis_validators_root);
    loop {
        match BeaconClient::connect(client.clone()).await {
            Ok(client) => return Ok(client),
            Err(error @ (BeaconError::Unreachable { .. } | BeaconError::Status { .. })) => {
                tracing::warn!(%error, "no beacon node answers yet; trying again in 2 s");
                tokio::select! {
                    () = tokio::time::sleep(Duration::from_secs(2)) => {}
                    () = interrupted() => bail!("interrupted before a beacon node answered"),
                }
            }
            Err(error) => return Err(error).context("connecting to the beacon node"),
        }
    }
}

/// Parameters that a network leaves to its beacon node. Returns genesis in Unix milliseconds.
async fn adopt_genesis(client: &BeaconClient, spec: &mut Spec) -> anyhow::Result<u64> {
    let chain = client.spec();
    if spec.genesis_time == 0 {
        spec.genesis_time = chain.genesis_time;
    } else if spec.genesis_time != chain.genesis_time {
        bail!("GENESIS_TIME is {}, the beacon node says {}: another network?", spec.genesis_time, chain.genesis_time);
    }
    if spec.genesis_validators_root == Root::ZERO {
        spec.genesis_validators_root = chain.genesis_validators_root;
        spec.genesis_fork_version = chain.values.version("GENESIS_FORK_VERSION").unwrap_or_default();
    }
    let (slot_ms, epoch) = (chain.slot_duration.as_millis() as u64, chain.preset.slots_per_epoch);
    if spec.slot_duration_ms != slot_ms || spec.slots_per_epoch != epoch {
        if spec.config_name == "mainnet" || spec.config_name == "hoodi" {
            bail!("slots of {slot_ms} ms, {epoch} an epoch: the beacon node is not on {}", spec.config_name);
        }
        tracing::info!(slot_ms, slots_per_epoch = epoch, "clock as the beacon node has it");
        spec.slot_duration_ms = slot_ms;
        spec.slots_per_epoch = epoch;
    }
    Ok(spec.genesis_time * 1000)
}

fn params_source(config: &Config) -> anyhow::Result<quintet_proving::ParamsSource> {
    let folder = config.params_dir.clone().or_else(ParamsCache::default_folder);
    let cache = ParamsCache::new(folder.context("neither HOME nor XDG_CACHE_HOME is set: name a folder with --params-dir")?);
    Ok(Box::new(move |k| {
        tracing::info!(k, file = %cache.file(k).display(), "generators");
        cache.load(k, &|_| {})
    }))
}

/// Hash of all parameters, by which daemon and sidecar see that they mean the same network.
fn spec_root(spec: &Spec) -> Root {
    quintet_payload::input_root(spec.to_toml().as_bytes())
}

/// SIGINT or SIGTERM.
async fn interrupted() {
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminate => {}
    }
}
