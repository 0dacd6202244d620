//! `quintet-prover run`: the daemon.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use quintet_api::Identity;
use quintet_beacon::{BeaconClient, ClientConfig};
use quintet_keys::{Password, StakeKey};
use quintet_node::{LogFormat, init_log_to, spec_root};
use quintet_staking::{cli::DeploymentFile, tx::Reader};
use quintet_types::{Root, Spec, spec::Network};
use tokio_util::sync::CancellationToken;

use super::backend::BackendFlag;
use crate::{
    params, progress,
    protection::Protection,
    run::{
        self, Shared,
        board::{Board, Mode},
        gateways::{Gateways, now_ms},
        listener::{self, Shown},
        metrics::Metrics,
        standing::OnChain,
        twin::LookOutPolicy,
    },
};

/// A clock that is off by more than this is worth a warning, in milliseconds.
const MAX_SKEW_MS: u64 = 500;

/// Prove blocks for a network: follow a gateway, find duties, commit, prove, aggregate, submit.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Gateway; repeat for fail-over, most preferred first. The first that is healthy is used; all have to be of one network.
    #[arg(long = "gateway", value_name = "URL", env = "QUINTET_GATEWAYS", value_delimiter = ',', required = true)]
    gateways: Vec<String>,
    /// Keystore with the stake key.
    #[arg(long, value_name = "KEYSTORE", env = "QUINTET_STAKE_KEY")]
    stake_key: PathBuf,
    /// File with the keystore's password, in its first line.
    #[arg(long, value_name = "FILE", env = "QUINTET_PASSWORD_FILE")]
    password_file: PathBuf,
    /// Our own beacon node: blocks are taken from there, and what the gateway says of them is held against it. Repeat for fail-over.
    #[arg(long = "beacon-url", value_name = "URL", env = "QUINTET_BEACON_URLS", value_delimiter = ',')]
    beacon_urls: Vec<String>,
    /// Execution node to watch the stake at, so that the daemon notices a slash whatever its gateway says. Needs --deployment.
    #[arg(
        long = "execution-url",
        value_name = "URL",
        env = "QUINTET_EXECUTION_URLS",
        value_delimiter = ',',
        requires = "deployment"
    )]
    execution_urls: Vec<String>,
    /// File with chain and contracts, as `make deploy-devnet` writes it.
    #[arg(long, value_name = "FILE", env = "QUINTET_DEPLOYMENT")]
    deployment: Option<PathBuf>,
    /// Put full proofs together in T3 to T5.
    #[arg(long, env = "QUINTET_AGGREGATE")]
    aggregate: bool,
    /// Make a whole proof alone in T1 or T2 where the times measured so far say that it is ready before the phase ends.
    #[arg(long, env = "QUINTET_FULL_PROOF_WHEN_FASTER")]
    full_proof_when_faster: bool,
    /// Whether to sit out one job first, to see whether another process uses the key.
    #[arg(long, value_enum, default_value_t = LookOutPolicy::Auto, env = "QUINTET_LOOK_OUT")]
    look_out: LookOutPolicy,
    /// Serve `/metrics` and `/status` on this address, e.g. 127.0.0.1:5064. Off if absent.
    #[arg(long, value_name = "ADDRESS", env = "QUINTET_METRICS")]
    metrics: Option<SocketAddr>,
    #[command(flatten)]
    backend: BackendFlag,
    /// Folder of the generators.
    #[arg(long, value_name = "DIR", env = "QUINTET_PARAMS_DIR")]
    params_dir: Option<PathBuf>,
    /// Folder of the protection record. Keep it: without it a restart can sign a second body, which is slashed.
    #[arg(long, value_name = "DIR", default_value_os_t = default_data_dir(), env = "QUINTET_DATA_DIR")]
    data_dir: PathBuf,
    /// Threads that commit and prove; all cores if absent.
    #[arg(long, env = "QUINTET_THREADS")]
    threads: Option<usize>,
    /// The network that the gateway has to be on.
    #[arg(long, env = "QUINTET_NETWORK")]
    network: Option<String>,
    /// Form of the log.
    #[arg(long, value_enum, default_value_t = LogFormat::Human, env = "QUINTET_LOG_FORMAT")]
    log_format: LogFormat,
}

/// `$XDG_DATA_HOME/quintet/prover`.
pub(super) fn default_data_dir() -> PathBuf {
    let base = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/share"));
    base.or_else(home).unwrap_or_default().join("quintet/prover")
}

/// Where the protection record is in a data folder.
pub(super) fn protection_dir(data_dir: &Path) -> PathBuf {
    data_dir.join("protection")
}

impl Run {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let _logging = init_log_to("quintet-prover", self.log_format, progress::LogWriter);
        if let Some(threads) = self.threads {
            ensure!(threads > 0, "--threads must be at least 1");
            rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().context("starting threads")?;
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let stop = CancellationToken::new();
        let outcome = runtime.block_on(async {
            tokio::select! {
                outcome = self.serve(stop.clone()) => outcome,
                () = interrupted(&stop) => Ok(()),
            }
        });
        // A proof that is being made cannot be stopped, and need not be waited for: nothing is signed after this.
        runtime.shutdown_timeout(Duration::from_millis(500));
        outcome
    }

    async fn serve(self, stop: CancellationToken) -> anyhow::Result<()> {
        let password = Password::from_file(&self.password_file)
            .with_context(|| format!("reading the password from {}", self.password_file.display()))?;
        let key = StakeKey::unlock(&self.stake_key, &password, None)?;
        let pubkey = (*key.public_key()).into();
        let protection = Protection::open(&protection_dir(&self.data_dir), pubkey)?;
        let quiet = self.log_format == LogFormat::Json || progress::nobody_watches();
        let listener = match self.metrics {
            Some(address) => Some(listener::bind(address).await?),
            None => None,
        };
        let circuits = params::circuits(self.params_dir.clone(), quiet)?;
        let (circuits, gpus) = self.backend.apply(circuits, |warning| tracing::warn!("{warning}"))?;
        let circuits = Arc::new(circuits);
        let gateways = Gateways::new(&self.gateways)?;
        let backend = circuits.backend().name();
        let mut metrics = Metrics::new(backend, rayon::current_num_threads());
        metrics.show_gateways(gateways.switches(), gateways.in_use());
        metrics.show_gpus(gpus.unwrap_or_default());
        let (metrics, board) = (Arc::new(metrics), Arc::new(Board::new(pubkey, backend)));
        let shown = Shown { metrics: Arc::clone(&metrics), board: Arc::clone(&board) };
        let serving = listener.map(|listener| tokio::spawn(listener::serve(listener, shown)));
        let Some((identity, spec)) = meet(&gateways, &board, &stop).await? else { return Ok(()) };
        self.check(&identity, &spec, circuits.guest().hash)?;
        let beacon = self.beacon(&spec).await?;
        tracing::info!(prover = %pubkey, gateway = %gateways.current().base(), network = %spec.config_name, backend, "following");
        board.set_network(&spec.config_name);
        let chain = self.chain()?;
        let shared = Shared {
            chain,
            board,
            metrics,
            speed: Arc::default(),
            gateways,
            spec: Arc::new(spec),
            key,
            pubkey,
            circuits,
            protection,
            beacon,
            aggregate: self.aggregate,
            full_proof_when_faster: self.full_proof_when_faster,
            look_out: self.look_out,
            quiet,
        };
        let outcome = run::run(Arc::new(shared), stop).await;
        if let Some(serving) = serving {
            serving.abort();
        }
        outcome
    }

    /// Whether this gateway is one to work for.
    fn check(&self, identity: &Identity, spec: &Spec, program: Root) -> anyhow::Result<()> {
        ensure!(
            identity.program_hash == program,
            "the gateway proves the program {}, this one has {program}: different versions",
            identity.program_hash
        );
        let expected = spec_root(spec);
        ensure!(
            identity.spec_root == expected,
            "the gateway's parameters have root {expected}, it says {}: different versions",
            identity.spec_root
        );
        if let Some(wanted) = &self.network {
            ensure!(*wanted == spec.config_name, "the gateway is on {}, not on {wanted}", spec.config_name);
        }
        check_known_network(spec)?;
        let skew = identity.now_ms.abs_diff(now_ms());
        if skew > MAX_SKEW_MS {
            tracing::warn!(skew_ms = skew, "our clock and the gateway's differ; deadlines are the gateway's");
        }
        Ok(())
    }

    /// Where our stake is, if we were told.
    fn chain(&self) -> anyhow::Result<Option<OnChain>> {
        let Some(deployment) = self.deployment.as_ref().filter(|_| !self.execution_urls.is_empty()) else { return Ok(None) };
        let deployment = DeploymentFile::read(deployment)?;
        let reader = Reader::new(&self.execution_urls, deployment.chain_id)?;
        Ok(Some(OnChain { deployment, reader }))
    }

    async fn beacon(&self, spec: &Spec) -> anyhow::Result<Option<BeaconClient>> {
        if self.beacon_urls.is_empty() {
            return Ok(None);
        }
        let mut config = ClientConfig::new(self.beacon_urls.clone());
        config.genesis_validators_root = Some(spec.genesis_validators_root);
        Ok(Some(BeaconClient::connect(config).await.context("connecting to our beacon node")?))
    }
}

/// Mainnet's and Hoodi's parameters are part of this program; a gateway that has others is on another network, whatever it calls itself.
pub(super) fn check_known_network(spec: &Spec) -> anyhow::Result<()> {
    let Ok(network @ (Network::Mainnet | Network::Hoodi)) = spec.config_name.parse::<Network>() else { return Ok(()) };
    let mut known = network.spec();
    if known.genesis_validators_root == Root::ZERO {
        known.genesis_validators_root = spec.genesis_validators_root;
        known.genesis_fork_version = spec.genesis_fork_version;
    }
    if known.genesis_time == 0 {
        known.genesis_time = spec.genesis_time;
    }
    if known.deposit_chain_id == 0 {
        known.deposit_chain_id = spec.deposit_chain_id;
    }
    if known != *spec {
        bail!("the gateway's parameters are not those of {network}");
    }
    Ok(())
}

/// Waits until a gateway answers; `None` if we are to stop before.
async fn meet(gateways: &Gateways, board: &Board, stop: &CancellationToken) -> anyhow::Result<Option<(Identity, Spec)>> {
    loop {
        let client = gateways.current().clone();
        board.set_mode(Mode::Connecting, client.base());
        let answer = async { Ok::<_, quintet_api::ClientError>((client.identity().await?, client.spec().await?)) }.await;
        match answer {
            Ok(answer) => return Ok(Some(answer)),
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "no gateway answers yet; trying again in 2 s");
                gateways.rotate(&client);
            }
            Err(error) => return Err(error).context("asking the gateway who it is"),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(None),
            () = tokio::time::sleep(Duration::from_secs(2)) => {}
        }
    }
}

/// After SIGINT or SIGTERM the daemon gets a moment to say what it leaves; then this returns.
async fn interrupted(stop: &CancellationToken) {
    quintet_node::interrupted().await;
    tracing::info!("shutting down");
    stop.cancel();
    tokio::time::sleep(Duration::from_secs(1)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_with_other_parameters_is_not_on_mainnet() {
        let spec = Network::Mainnet.spec();
        check_known_network(&spec).unwrap();
        let error = check_known_network(&Spec { phase_slots: 3, ..spec.clone() }).unwrap_err();
        assert!(error.to_string().contains("mainnet"), "{error}");
        check_known_network(&Spec { phase_slots: 3, config_name: "mine".into(), ..spec }).unwrap();
    }
}
