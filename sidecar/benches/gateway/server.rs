//! The server's process: a gateway as `quintet-sidecar run` puts it together, with limits that one address can live with.

use std::{io::Read as _, net::SocketAddr, sync::Arc, time::Duration};

use quintet_node::spec_root;
use quintet_sidecar::{
    config::Config,
    db,
    gateway::{Admission, App, router},
    metrics::Metrics,
    net::{Listener, ListenerLimits, Seats},
    service::{IntakeQueue, Shared},
};
use quintet_store::{Options, Store};
use tokio_util::sync::CancellationToken;

use crate::world::World;

/// Serves until standard input ends. The address goes to standard output.
pub(crate) fn serve(world: &World) -> anyhow::Result<()> {
    // On a disk, not in memory: what is measured includes the flush.
    let base = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench");
    std::fs::create_dir_all(&base)?;
    let folder = tempfile::tempdir_in(base)?;
    let store = Store::open(&folder.path().join("store"), &db::SCHEMA, &Options::default())?;
    let (core, _) = world.core(store.clone())?;
    let mut config = Config::default();
    config.limits.requests_per_second = u32::MAX;
    config.limits.requests_burst = u32::MAX;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let (metrics, stop) = (Metrics::default(), CancellationToken::new());
        let spec = Arc::clone(&core.config.spec);
        let shared = Shared::new(core);
        let app = App {
            intake: IntakeQueue::start(shared.clone(), config.limits.waiting, metrics.clone()),
            shared,
            metrics: Arc::new(metrics),
            spec_root: spec_root(&spec),
            spec,
            admission: Arc::new(Admission::new(&config)),
            board: None,
            stop: stop.clone(),
        };
        let limits = ListenerLimits {
            seats: Seats::new(1024, 1024),
            header_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(20),
            drain_timeout: Duration::from_secs(5),
            trusted_proxies: Vec::new(),
        };
        let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0)), limits, None).await?;
        println!("{}", listener.local_addr()?);
        let serving = tokio::spawn(listener.serve(router(app), stop.clone()));
        tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
        stop.cancel();
        serving.await?;
        anyhow::Ok(())
    })?;
    let stats = store.stats();
    eprintln!("{} batches in {} flushes", stats.batches, stats.groups);
    store.shutdown()?;
    Ok(())
}
