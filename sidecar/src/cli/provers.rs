//! Where provers come from, put together: a file, or the contracts with everything that settles the ledger.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use quintet_api::GatewayClient;
use quintet_sidecar::{
    config::{Config, Staking as StakingConfig},
    metrics::Metrics,
    registry::{ProverSource, RegistryFile},
    service::Shared,
    staking::{Follow, Peer, SettlementSigners, Settler, StakingRegistry, ValidatorKeys, follow},
};
use quintet_signer::ValidatorSigner;
use quintet_staking::{
    Follower, FollowerConfig,
    tx::{FeePolicy, LocalKey, Sender, SenderConfig, Timing},
};
use quintet_types::Spec;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How often the contracts are asked for at start-up before the sidecar goes on with what it knew.
const FIRST_LOOKS: usize = 3;
/// How long a peer may take for an answer.
const PEER_TIMEOUT: Duration = Duration::from_secs(10);

/// The source of provers, opened before anything is known of the chain, so that what cannot work is said at once.
pub(super) enum Provers {
    /// A file.
    File(RegistryFile),
    /// The contracts.
    Contracts(Box<Opened>),
}

/// What the contracts need.
pub(super) struct Opened {
    follower: Follower,
    registry: Arc<StakingRegistry>,
    keys: ValidatorKeys,
    sender: Option<Sender>,
    dry_run: bool,
    peers: Vec<Peer>,
}

/// The contracts, ready to be followed and settled with.
pub(super) struct Attached {
    follow: Follow,
    keys: ValidatorKeys,
    sender: Option<Sender>,
    dry_run: bool,
    peers: Vec<Peer>,
    slot: Duration,
}

impl Provers {
    /// Reads files and keys, and opens the store of the contracts; asks nobody.
    pub(super) fn open(config: &Config, spec: &Spec) -> anyhow::Result<Self> {
        if let Some(path) = &config.registry {
            return Ok(Self::File(RegistryFile::read(path)?));
        }
        let staking = &config.staking;
        let Some(contracts) = staking.contracts() else { bail!("registry is not set") };
        let chain_id = if staking.chain_id == 0 { spec.deposit_chain_id } else { staking.chain_id };
        if chain_id == 0 {
            bail!("staking.chain_id is not set, and the network does not name its execution chain");
        }
        let follower = Follower::open(FollowerConfig {
            endpoints: staking.rpc_urls.clone(),
            chain_id,
            contracts,
            deployed_at: staking.deployed_at,
            store: config.data_dir.join("staking"),
        })?;
        let registry = Arc::new(StakingRegistry::new(chain_id, &contracts, follower.known()));
        let peers = staking.peers.iter().map(|url| Ok(Peer::new(GatewayClient::new(url, PEER_TIMEOUT)?)));
        let peers = peers.collect::<anyhow::Result<_>>().context("staking.peers")?;
        let (keys, sender) = (read_keys(staking)?, sender(config, chain_id)?);
        let dry_run = staking.dry_run;
        Ok(Self::Contracts(Box::new(Opened { follower, registry, keys, sender, dry_run, peers })))
    }

    /// The source, and what goes on beside it. Waits a little for an execution node, so that a start after a pause misses nothing.
    pub(super) async fn attach(
        self,
        spec: &Arc<Spec>,
        metrics: &Metrics,
    ) -> anyhow::Result<(Arc<dyn ProverSource>, Option<Attached>)> {
        let Opened { follower, registry, keys, sender, dry_run, peers } = match self {
            Self::File(file) => {
                let source: Arc<dyn ProverSource> = Arc::new(file);
                return Ok((source, None));
            }
            Self::Contracts(opened) => *opened,
        };
        // Known from an earlier run: a mistake in the configuration is said before anything goes on.
        if let Some(deployment) = registry.known().deployment {
            deployment.check(spec)?;
        }
        let slot = Duration::from_millis(spec.slot_duration_ms);
        let mut follow = Follow::new(follower, Arc::clone(&registry), Arc::clone(spec), metrics.clone());
        for _ in 0..FIRST_LOOKS {
            match follow.step().await {
                Ok(_) => break,
                Err(error) if error.is_lasting() => return Err(error.into()),
                Err(error) => {
                    tracing::warn!(%error, "trying again in 2 s");
                    tokio::time::sleep(Duration::from_secs(2)).await;
                }
            }
        }
        let known = registry.known();
        tracing::info!(
            provers = known.registry.registered(),
            settlements = known.posted.len(),
            known_until = known.checkpoint.map_or(0, |checkpoint| checkpoint.timestamp),
            "staking contracts"
        );
        let source: Arc<dyn ProverSource> = registry;
        Ok((source, Some(Attached { follow, keys, sender, dry_run, peers, slot })))
    }
}

impl Attached {
    /// Follows the contracts and settles the ledger with them until `stop`. Keys of `signer` sign settlements beside those of `staking.keystores`.
    pub(super) fn start(
        self,
        shared: Shared,
        metrics: Metrics,
        signer: Option<Arc<dyn ValidatorSigner>>,
        stop: &CancellationToken,
    ) -> Vec<JoinHandle<anyhow::Result<()>>> {
        let Self { follow: follows, keys, sender, dry_run, peers, slot } = self;
        let settler =
            Settler::new(shared.clone(), SettlementSigners::new(keys, signer), peers, sender, metrics).dry_run(dry_run);
        let (one, other) = (stop.clone(), stop.clone());
        let following = async move {
            follow(follows, shared, slot, one).await;
            Ok(())
        };
        let settling = async move {
            // It fails with the store alone, and without that nothing can go on.
            settler.run(other.clone()).await.context("settling the ledger").inspect_err(|_| other.cancel())
        };
        vec![tokio::spawn(following), tokio::spawn(settling)]
    }
}

/// Keys of the validators that sign settlements, if there are any.
pub(super) fn read_keys(staking: &StakingConfig) -> anyhow::Result<ValidatorKeys> {
    match (&staking.keystores, &staking.keystore_passwords) {
        (Some(keystores), Some(passwords)) => ValidatorKeys::read(keystores, passwords).context("staking.keystores"),
        _ => Ok(ValidatorKeys::default()),
    }
}

/// Key of the account that posts settlements, if there is one.
pub(super) fn sender_key(staking: &StakingConfig) -> anyhow::Result<Option<LocalKey>> {
    staking.sender().map(|source| source.load()).transpose().context("staking.sender_key")
}

fn sender(config: &Config, chain_id: u64) -> anyhow::Result<Option<Sender>> {
    let staking = &config.staking;
    let Some(key) = sender_key(staking)? else { return Ok(None) };
    let config = SenderConfig {
        endpoints: staking.rpc_urls.clone(),
        chain_id,
        journal: config.data_dir.join("transactions"),
        fees: FeePolicy { cap: u128::from(staking.max_fee_gwei) * 1_000_000_000, ..FeePolicy::default() },
        timing: Timing::default(),
    };
    Ok(Some(Sender::new(config, Box::new(key))?))
}
