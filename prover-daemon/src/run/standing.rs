//! Whether the prover may work: a slashed one stops and says why; one that is not drawn says why it has nothing to do.

use std::time::{Duration, Instant};

use quintet_api::{ProverStatus, ProverView};
use quintet_keys::{PublicKey, Signature};
use quintet_staking::{bindings::ProverRegistry, calls, cli::DeploymentFile, tx::Reader};
use quintet_types::{EquivocationEvidence, PublicKeyBytes, Spec, domain::submission_domain_type};

use super::Shared;

/// How often gateway and contract are asked.
const INTERVAL: Duration = Duration::from_secs(30);

/// The contracts, as far as a daemon looks at them.
#[derive(Debug)]
pub(crate) struct OnChain {
    /// Where they are.
    pub(crate) deployment: DeploymentFile,
    /// Through which nodes.
    pub(crate) reader: Reader,
}

/// The prover signed two bodies. Whatever it signs from now on cannot earn, and can cost more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this prover equivocated: {0}. It takes no more work. Find out what else used the key, and stake a new one")]
pub(crate) struct Slashed(String);

/// What is known of our standing.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    asked: Option<Instant>,
    status: Option<ProverStatus>,
    /// Whether the gateway's evidence was looked through since we came to it.
    looked: bool,
}

impl Standing {
    /// Another gateway: what the last one said does not count.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Asks, if it is time to.
    ///
    /// # Errors
    /// [`Slashed`]. A gateway or node that does not answer changes nothing.
    pub(crate) async fn check(&mut self, shared: &Shared) -> Result<(), Slashed> {
        if self.asked.is_some_and(|asked| asked.elapsed() < INTERVAL) {
            return Ok(());
        }
        self.asked = Some(Instant::now());
        if let Some(chain) = &shared.chain {
            on_chain(chain, shared).await?;
        }
        let detail = match shared.gateways.current().prover(&shared.pubkey).await {
            Ok(detail) => detail,
            Err(error) if error.status() == Some(404) => {
                let reason = "the gateway knows no prover with this key: its stake is not there, or not final yet";
                if shared.board.set_idle(Some(reason.to_owned())) {
                    tracing::warn!(prover = %shared.pubkey, "{reason}");
                }
                return Ok(());
            }
            Err(error) => {
                tracing::debug!(%error, "our standing is not known");
                return Ok(());
            }
        };
        let status = detail.prover.status;
        let suspicious = matches!(status, ProverStatus::Exiting | ProverStatus::Underfunded);
        if !self.looked || (suspicious && self.status != Some(status)) {
            match shared.gateways.current().evidence().await {
                Ok(view) => {
                    self.looked = true;
                    if let Some(found) = view.equivocations.iter().find(|one| holds(one, &shared.pubkey, &shared.spec)) {
                        let header = &found.header_1;
                        let what = format!("it signed two bodies in {} of the job with root {}", header.phase, header.job_root);
                        return Err(Slashed(what));
                    }
                }
                Err(error) => tracing::debug!(%error, "the gateway's evidence is not known"),
            }
        }
        self.status = Some(status);
        let idle = idle_because(&detail.prover);
        if shared.board.set_idle(idle.clone()) {
            match idle {
                Some(reason) => tracing::warn!(prover = %shared.pubkey, "{reason}"),
                None => tracing::info!(prover = %shared.pubkey, "the prover can be drawn"),
            }
        }
        Ok(())
    }
}

/// What the registry's log says of us.
async fn on_chain(chain: &OnChain, shared: &Shared) -> Result<(), Slashed> {
    let OnChain { deployment, reader } = chain;
    let slashes = async {
        let index = reader.call(deployment.prover_registry, &calls::index_of(shared.key.public_key())).await?;
        let topic = calls::index_topic(index);
        reader.events::<ProverRegistry::Slashed>(deployment.prover_registry, deployment.deployed_at_block, topic).await
    };
    match slashes.await {
        Ok(slashes) => slashes.first().map_or(Ok(()), |slash| {
            let left = alloy_primitives::utils::format_ether(slash.stake);
            let (phase, job, by) = (slash.phase, slash.jobRoot, slash.reporter);
            Err(Slashed(format!(
                "slashed on chain for two bodies in T{phase} of job {job}, reported by {by}; {left} ETH are left"
            )))
        }),
        Err(error) => {
            tracing::debug!(%error, "the contract does not tell our standing");
            Ok(())
        }
    }
}

/// Whether this is evidence against `pubkey` that its own signatures prove: a gateway's word is not enough to stop for.
fn holds(evidence: &EquivocationEvidence, pubkey: &PublicKeyBytes, spec: &Spec) -> bool {
    let signed = |header: &quintet_types::SubmissionHeader, signature: &quintet_types::SignatureBytes| {
        let (Ok(key), Ok(signature)) = (PublicKey::from_bytes(&pubkey.0), Signature::from_bytes(&signature.0)) else {
            return false;
        };
        signature.verify(&header.signing_root(submission_domain_type(header.phase), spec).0, &key)
    };
    evidence.is_slashable()
        && evidence.header_1.prover == *pubkey
        && signed(&evidence.header_1, &evidence.signature_1)
        && signed(&evidence.header_2, &evidence.signature_2)
}

/// Why a prover with this record is not drawn; `None` if it is.
fn idle_because(prover: &ProverView) -> Option<String> {
    match prover.status {
        ProverStatus::Active | ProverStatus::Busy => None,
        ProverStatus::Pending => Some("registered, and not active yet".to_owned()),
        ProverStatus::Paused => Some("paused by its owner; `stake resume` ends that".to_owned()),
        ProverStatus::Exiting => Some("leaving: what is under way is finished, nothing new is drawn".to_owned()),
        ProverStatus::Underfunded => {
            let stake = prover.stake_gwei;
            Some(format!("the stake of {stake} gwei is below the minimum; `stake top-up` adds to it"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quintet_keys::SecretKey;
    use quintet_types::{Phase, Root, SubmissionHeader, spec::Network};

    #[test]
    fn evidence_stops_us_only_if_we_signed_it() {
        let spec = Network::Devnet.spec();
        let ours = SecretKey::from_bytes(&[1; 32]).unwrap();
        let other = SecretKey::from_bytes(&[2; 32]).unwrap();
        let pubkey: PublicKeyBytes = ours.public_key().into();
        let signed = |key: &SecretKey, byte| {
            let body_root = Root::repeat_byte(byte);
            let header = SubmissionHeader { job_root: Root::ZERO, phase: Phase::T2, prover: pubkey, body_root };
            let signature = key.sign(&header.signing_root(submission_domain_type(Phase::T2), &spec).0);
            (header, quintet_types::SignatureBytes::from(signature.to_bytes()))
        };
        let evidence = EquivocationEvidence::new(signed(&ours, 1), signed(&ours, 2)).unwrap();
        assert!(holds(&evidence, &pubkey, &spec));
        assert!(!holds(&evidence, &other.public_key().into(), &spec));
        let forged = EquivocationEvidence::new(signed(&ours, 1), signed(&other, 2)).unwrap();
        assert!(!holds(&forged, &pubkey, &spec));
    }

    #[test]
    fn whoever_is_not_drawn_is_told_why() {
        let view = |status| ProverView {
            index: quintet_types::ProverIndex(1),
            pubkey: PublicKeyBytes::repeat_byte(1),
            stake_gwei: 5,
            status,
            weight: 65_536,
            balance: quintet_types::Balance(0),
        };
        assert_eq!(idle_because(&view(ProverStatus::Busy)), None);
        assert!(idle_because(&view(ProverStatus::Underfunded)).unwrap().contains("5 gwei"));
        assert!(idle_because(&view(ProverStatus::Paused)).unwrap().contains("resume"));
    }
}
