//! `quintet-sidecar run`.

use clap::Args;
use quintet_node::init_log;
use quintet_sidecar::config::to_toml;

use super::{serve::serve, settings::Settings};

/// tokio's own blocking threads: they wait for the pool that computes, and write to disk.
const WAITING_THREADS: usize = 32;

/// Follow the chain, run the phases, serve the gateway.
#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    settings: Settings,
}

impl Run {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let layers = self.settings.layers()?;
        let config = layers.config()?;
        let _logging = init_log("quintet-sidecar", config.log_format);
        let threads = config.limits.effective_threads();
        // Whatever computes outside of the pool for work, keys and generators at start-up.
        rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
        let printed = to_toml(&config, |path| layers.source(path));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(config.limits.runtime_threads)
            .max_blocking_threads(WAITING_THREADS + 2 * threads)
            .thread_name("http")
            .enable_all()
            .build()?;
        let outcome = runtime.block_on(serve(config, printed));
        // A verification that is under way cannot be stopped, and is made again after the next start.
        runtime.shutdown_timeout(std::time::Duration::from_millis(500));
        outcome
    }
}
