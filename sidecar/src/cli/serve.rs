//! The sidecar put together: files and addresses first, so that what cannot work is said at once; then the beacon node, then everything else.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::{Context as _, bail};
use quintet_beacon::{BeaconClient, ChainFollower, ClientConfig, Error as BeaconError, FollowerConfig, OptimisticHeads};
use quintet_node::{hangups, interrupted, spec_root};
use quintet_plonk::ParamsCache;
use quintet_proving::{Circuits, Guest};
use quintet_sidecar::{
    config::{Config, millis},
    core::{Core, CoreConfig},
    db,
    gateway::{Admission, App, Startup, admin, router},
    joint,
    metrics::Metrics,
    net::{Listener, ListenerLimits, Seats, TlsFiles},
    service::{self, Bounds, IntakeQueue, Shared, now_ms},
};
use quintet_store::{Options, Store};
use quintet_types::{Root, Slot, Spec, ValidatorIndex};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::provers::Provers;

/// Connections of the admin listener.
const ADMIN_CONNECTIONS: usize = 64;

/// Blocks that a sidecar may have missed and still take up, where others closed its phases: nine days of mainnet.
const MAX_BACKFILL: usize = 1 << 16;

/// Runs until the end; `printed` is the configuration as the admin listener shows it.
pub(super) async fn serve(config: Config, printed: String) -> anyhow::Result<()> {
    let mut spec = config.spec()?;
    let provers = Provers::open(&config, &spec)?;
    let options = Options { cache_bytes: config.limits.store_cache_bytes, ..Options::default() };
    let store = Store::open(&config.data_dir.join("store"), &db::SCHEMA, &options)?;
    let (stop, metrics) = (CancellationToken::new(), Metrics::default());
    let listeners = Listeners::open(&config, &store, &metrics, printed, &stop).await?;

    let ended = tokio::select! {
        result = attached(&config, &mut spec, provers, &store, metrics, &listeners, &stop) => result,
        () = interrupted() => Ok(()),
        () = stop.cancelled() => Ok(()),
    };
    tracing::info!("shutting down");
    stop.cancel();
    listeners.drained().await;
    store.shutdown()?;
    tracing::info!("the store is closed");
    ended
}

/// The two addresses, taken before anything is known of the chain.
struct Listeners {
    startup: Startup,
    app: Arc<OnceLock<App>>,
    servers: [JoinHandle<bool>; 2],
}

impl Listeners {
    async fn open(
        config: &Config,
        store: &Store,
        metrics: &Metrics,
        printed: String,
        stop: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let (gateway, limits) = (&config.gateway, &config.limits);
        let tls = match (&gateway.tls.cert, &gateway.tls.key) {
            (Some(cert), Some(key)) => Some(TlsFiles::read(cert, key)?),
            _ => None,
        };
        let public = ListenerLimits {
            seats: Seats::new(limits.connections, limits.connections_per_address),
            header_timeout: millis(gateway.header_timeout_ms),
            write_timeout: millis(gateway.write_timeout_ms),
            drain_timeout: millis(gateway.drain_timeout_ms),
            trusted_proxies: gateway.trusted_proxies.clone(),
        };
        let private = ListenerLimits {
            seats: Seats::new(ADMIN_CONNECTIONS, ADMIN_CONNECTIONS),
            trusted_proxies: Vec::new(),
            ..public.clone()
        };
        let public = Listener::bind(gateway.listen, public, tls.clone()).await?;
        let private = Listener::bind(config.admin_listen(), private, None).await.context("admin listener")?;
        tracing::info!(address = %public.local_addr()?, scheme = public.scheme(), "gateway");
        tracing::info!(address = %private.local_addr()?, "admin listener");

        let startup = Startup::default();
        let app = Arc::new(OnceLock::new());
        let administration = admin::Admin {
            metrics: metrics.clone(),
            store: store.clone(),
            backups: config.data_dir.join("backups"),
            config: printed.into(),
            tls: tls.clone(),
            stop: stop.clone(),
            app: Arc::clone(&app),
        };
        if let Some(tls) = tls {
            tokio::spawn(hangups(move || match tls.reload() {
                Ok(()) => tracing::info!("certificate and key read again"),
                Err(error) => tracing::error!(%error, "the old certificate stays"),
            }));
        } else {
            // A hang-up has nothing to say without files to read again; without a handler it would end the process.
            tokio::spawn(hangups(|| tracing::info!("SIGHUP: there is no TLS certificate to read again")));
        }
        let servers = [
            tokio::spawn(public.serve(startup.router(), stop.clone())),
            tokio::spawn(private.serve(admin::router(administration), stop.clone())),
        ];
        Ok(Self { startup, app, servers })
    }

    /// Waits for requests under way, as long as the configuration allows.
    async fn drained(self) {
        for server in self.servers {
            if !server.await.unwrap_or(false) {
                tracing::warn!("requests were cut off, they took too long");
            }
        }
    }
}

/// From the beacon node on.
async fn attached(
    config: &Config,
    spec: &mut Spec,
    provers: Provers,
    store: &Store,
    metrics: Metrics,
    listeners: &Listeners,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let client = connect(config, spec).await?;
    let genesis_ms = adopt_genesis(&client, spec).await?;
    let spec = Arc::new(spec.clone());
    let guest = Guest::payload()?;
    let program_hash = guest.hash;
    let circuits = Arc::new(Circuits::new(guest, params_source(config)?));
    let core = CoreConfig {
        spec: Arc::clone(&spec),
        genesis_ms,
        validator: ValidatorIndex(config.validator_index),
        program_hash,
        retention_epochs: config.retention_epochs,
        max_job_bytes: config.limits.job_bytes,
        max_fill: config.limits.fill,
        joint: config.p2p.is_joint(),
        contract_votes: config.p2p.contract,
        first_slot: Slot(config.p2p.first_slot),
    };
    let (registry, staking) = provers.attach(&spec, &metrics).await?;
    let core = Core::load(core, store.clone(), registry, now_ms())?;
    let (head, finalized) = (core.chain.head, core.chain.finalized_slot);
    let shared = Shared::new(core);
    #[cfg(feature = "otel")]
    if let Some(jobs) = quintet_node::otel::jobs() {
        let events = shared.read().events.subscribe(None).1;
        tokio::spawn(quintet_sidecar::traces::follow(jobs, events));
    }
    let intake = IntakeQueue::start(shared.clone(), config.limits.waiting, metrics.clone());
    // Before the gateway opens: a key that is missing is said at once, and no answer is without what belongs to it.
    let proposers = Arc::new(client.clone());
    let joint = joint::start(config, &spec, shared.clone(), intake.clone(), metrics.clone(), proposers, stop).await?;
    let (board, joint, signer) = match joint {
        Some(joined) => (Some(joined.board), Some(joined.task), joined.signer),
        None => (None, None, None),
    };
    let app = App {
        shared: shared.clone(),
        intake: intake.clone(),
        metrics: Arc::new(metrics.clone()),
        spec_root: spec_root(&spec),
        admission: Arc::new(Admission::new(config)),
        board,
        stop: stop.clone(),
        spec: Arc::clone(&spec),
    };
    // Set once, here.
    let _ = listeners.app.set(app.clone());
    listeners.startup.ready(router(app));
    tracing::info!(network = %spec.config_name, "ready");

    let optimistic = if config.accept_optimistic_heads { OptimisticHeads::Accept } else { OptimisticHeads::Wait };
    let resume_from = (head != Root::ZERO).then_some(head);
    // Whoever joins others needs all blocks since their ledger's beginning, or since it left.
    let together = config.p2p.is_joint();
    let first = Some(Slot(config.p2p.first_slot)).filter(|slot| together && *slot > Slot(0));
    let follow = FollowerConfig {
        optimistic,
        resume_from,
        begin_at: if resume_from.is_some() { Some(finalized) } else { first },
        ..FollowerConfig::default()
    };
    let max_backfill = if together { MAX_BACKFILL } else { follow.max_backfill };
    let (follower, chain) = ChainFollower::spawn(client, FollowerConfig { max_backfill, ..follow });
    let settling = match staking {
        Some(staking) => staking.start(shared.clone(), metrics.clone(), signer, stop),
        None => Vec::new(),
    };
    let bounds = Bounds { threads: config.limits.effective_threads(), max_bytes: config.limits.submissions_bytes };
    let result = service::run(shared, circuits, chain, intake, bounds, metrics, stop.clone()).await;
    follower.stop().await;
    stop.cancel();
    if let Some(joint) = joint {
        joint.await.context("agreement with other sidecars")??;
    }
    for task in settling {
        task.await.context("settling")??;
    }
    result.context("the sidecar cannot go on")
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
                tokio::time::sleep(Duration::from_secs(2)).await;
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
