//! From the configuration to a running agreement.

use std::{path::Path, sync::Arc};

use anyhow::{Context as _, bail};
use async_trait::async_trait;
use quintet_agreement::Timing;
use quintet_gossip::{Multiaddr, Network, NetworkConfig, NodeKey, Status, fork_digest};
use quintet_node::spec_root;
use quintet_signer::{SignError, SigningRequest, ValidatorKey, ValidatorSigner, config::ValidatorConfig};
use quintet_types::{PublicKeyBytes, RetryPolicy, SignatureBytes, SigningVariant, Spec, ValidatorIndex};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Board, Enrolment, Joint, JointError, ProposerSource, enrolled};
use crate::{
    config::Config,
    metrics::Metrics,
    service::{IntakeQueue, Shared},
};

/// Folder of the data folder in which our validator's signatures are recorded.
pub const RECORD_DIR: &str = "validator-record";

/// What `[p2p]` wants.
#[derive(Debug)]
pub struct Plan {
    /// Who takes part.
    pub enrolled: Enrolment,
    /// What our key is signed with; without it this sidecar follows and does not vote.
    pub signer: Option<ValidatorConfig>,
}

/// What can be said of the files that `[p2p]` names before anything is opened; `None` if this sidecar is alone.
///
/// # Errors
/// Names the file or key that is wrong.
pub fn check(config: &Config) -> anyhow::Result<Option<Plan>> {
    let me = ValidatorIndex(config.validator_index);
    let enrolled: Enrolment = match &config.p2p.validators {
        Some(file) => {
            let enrolled = enrolled::read(file).context("p2p.validators")?;
            if config.p2p.signer.is_some() {
                let missing = || format!("p2p.validators: validator {me} (validator_index) is not enrolled");
                enrolled.member(me).with_context(missing)?;
            }
            enrolled.into()
        }
        None if config.p2p.contract => Enrolment::contract(),
        None => return Ok(None),
    };
    if config.spec()?.retry_policy == RetryPolicy::NewSet {
        bail!(
            "RETRY_POLICY is new_set: who is busy when an attempt fails differs between sidecars; those that agree with others need same_set"
        );
    }
    let Some(file) = &config.p2p.signer else { return Ok(Some(Plan { enrolled, signer: None })) };
    let shown = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("p2p.signer: {shown}"))?;
    let signer = toml::from_str(&text).with_context(|| format!("p2p.signer: {shown}"))?;
    Ok(Some(Plan { enrolled, signer: Some(signer) }))
}

/// The key that `me` is enrolled with now; `None` if the contract does not have it, or not yet.
fn enrolled_key(enrolled: &Enrolment, shared: &Shared, me: ValidatorIndex) -> Option<ValidatorKey> {
    match enrolled {
        Enrolment::Fixed(enrolled) => {
            enrolled.member(me).map(|member| ValidatorKey { pubkey: member.key.into(), variant: member.variant })
        }
        Enrolment::Contract(_) => {
            let known = shared.read().contracts()?;
            known.members.get(me).map(|member| ValidatorKey { pubkey: member.pubkey, variant: SigningVariant::Direct })
        }
    }
}

/// What runs once this sidecar has joined others.
#[derive(Debug)]
pub struct Joined {
    /// What others may know of it.
    pub board: Board,
    /// The agreement; nothing counts any more once it has ended.
    pub task: JoinHandle<Result<(), JointError>>,
    /// Signs as our validator, settlements too; `None` if this sidecar only follows.
    pub signer: Option<Arc<dyn ValidatorSigner>>,
}

/// Joins the others, if the configuration names them.
///
/// # Errors
/// Names the file or key that is wrong.
pub async fn start(
    config: &Config,
    spec: &Arc<Spec>,
    shared: Shared,
    intake: IntakeQueue,
    metrics: Metrics,
    proposers: Arc<dyn ProposerSource>,
    stop: &CancellationToken,
) -> anyhow::Result<Option<Joined>> {
    let p2p = &config.p2p;
    let Some(Plan { enrolled, signer }) = check(config)? else { return Ok(None) };
    let (signer, me) = match signer {
        None => {
            tracing::warn!("p2p.signer is not set: this sidecar follows the others and does not vote");
            (Arc::new(Nobody) as Arc<dyn ValidatorSigner>, None)
        }
        Some(keys) => {
            let me = ValidatorIndex(config.validator_index);
            let signer = open(keys, spec, &config.data_dir.join(RECORD_DIR)).await?;
            let keys = signer.public_keys().await.context("p2p.signer")?;
            match enrolled_key(&enrolled, &shared, me) {
                Some(wanted) if !keys.contains(&wanted) => {
                    bail!(
                        "p2p.signer: the signer has no key {} that signs {:?}, of validator {me}",
                        wanted.pubkey,
                        wanted.variant
                    )
                }
                Some(_) => {}
                None => tracing::warn!(%me, "this validator is not enrolled yet: it votes on jobs that come once it counts"),
            }
            (signer, Some(me))
        }
    };
    let for_settlements = me.map(|_| Arc::clone(&signer));
    let addresses = |list: &[String]| -> anyhow::Result<Vec<Multiaddr>> {
        list.iter().map(|text| text.parse().with_context(|| format!("{text} is no address"))).collect()
    };
    let node_key = NodeKey::load_or_create(&config.data_dir.join("p2p-key")).context("key of the network")?;
    let digest = fork_digest(spec.genesis_validators_root, spec_root(spec));
    let mut network = NetworkConfig::new(node_key, Status { fork_digest: digest, ..Status::default() });
    network.listen = addresses(&p2p.listen)?;
    network.static_peers = addresses(&p2p.peers)?;
    network.bootnodes = addresses(&p2p.bootnodes)?;
    network.quic = p2p.quic;
    network.limits.process_bytes = p2p.process_bytes;
    // In a small network everybody may be there and still be few.
    if let Some(enrolled) = enrolled.latest() {
        // What a certificate takes besides us, if all weigh the same: with fewer than that nothing can be agreed on.
        let (others, isolation) = (enrolled.members().len() * 2 / 3, &mut network.limits.isolation);
        isolation.peers = isolation.peers.min(others);
        isolation.groups = isolation.groups.min(others);
    }
    let (network, events) = Network::start(network).context("network of sidecars")?;
    tracing::info!(peer_id = %network.local_peer_id(), %digest, ?me, "network of sidecars");
    let board = Board::new(network.clone(), enrolled.clone(), me);
    let timing = Timing::default();
    let joint = Joint { shared, intake, network, signer, enrolled, me, proposers, timing, board: board.clone(), metrics };
    let stop = stop.clone();
    let task = tokio::spawn(async move {
        let result = joint.run(events, stop.clone()).await;
        // Nothing counts any more without it.
        stop.cancel();
        result
    });
    Ok(Some(Joined { board, task, signer: for_settlements }))
}

async fn open(config: ValidatorConfig, spec: &Arc<Spec>, record: &Path) -> anyhow::Result<Arc<dyn ValidatorSigner>> {
    let (spec, record) = (Arc::clone(spec), record.to_owned());
    // Keystores take a second each.
    let signer = tokio::task::spawn_blocking(move || quintet_signer::open(&config, spec, &record)).await?;
    Ok(Arc::new(signer.context("p2p.signer")?))
}

/// Signs nothing: for a sidecar that only follows.
#[derive(Debug)]
struct Nobody;

#[async_trait]
impl ValidatorSigner for Nobody {
    async fn public_keys(&self) -> Result<Vec<ValidatorKey>, SignError> {
        Ok(Vec::new())
    }

    async fn sign(&self, key: &PublicKeyBytes, _: SigningRequest) -> Result<SignatureBytes, SignError> {
        Err(unsupported(key))
    }

    async fn prove_possession(&self, key: &PublicKeyBytes, _: [u8; 32]) -> Result<SignatureBytes, SignError> {
        Err(unsupported(key))
    }
}

fn unsupported(key: &PublicKeyBytes) -> SignError {
    SignError::Unsupported { signer: "nobody".into(), what: format!("a signature of {key}"), why: "p2p.signer is not set" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_before_anything_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let key = quintet_keys::SecretKey::from_bytes(&[7; 32]).unwrap().public_key();
        let mut config = Config { validator_index: 7, ..Config::default() };
        let error = |config: &Config| format!("{:#}", check(config).unwrap_err());
        assert!(check(&config).unwrap().is_none());

        config.p2p.validators = Some(folder.path().join("nobody.toml"));
        assert!(error(&config).contains("nobody.toml"), "{}", error(&config));
        config.p2p.validators = Some(file("v.toml", &format!("[[validator]]\nindex = 8\npubkey = \"{key}\"\n")));
        assert!(check(&config).unwrap().unwrap().signer.is_none(), "a sidecar that only follows");

        config.p2p.signer = Some(file("s.toml", "[keys]\nkind = \"keystores\"\ndirr = \"x\"\n"));
        assert!(error(&config).contains("validator 7"), "{}", error(&config));
        config.validator_index = 8;
        assert!(error(&config).contains("s.toml"), "{}", error(&config));

        let new_set = quintet_types::Spec { retry_policy: RetryPolicy::NewSet, ..config.spec().unwrap() };
        config.network = file("network.toml", &new_set.to_toml()).display().to_string();
        assert!(error(&config).contains("RETRY_POLICY"), "{}", error(&config));
    }
}
