//! What signs settlements: keystores that are there for it, and the validators' signer where its keys sign directly.

use std::{collections::BTreeSet, sync::Arc};

use quintet_keys::Signature;
use quintet_signer::{SigningRequest, Subject, ValidatorSigner};
use quintet_staking::{DOMAIN_SETTLEMENT, Statement};
use quintet_types::{PublicKeyBytes, SigningVariant, Spec, TreeHash as _};

use super::ValidatorKeys;

/// Keys that sign settlements, wherever they lie.
#[derive(Debug, Default)]
pub struct SettlementSigners {
    keys: ValidatorKeys,
    signer: Option<Arc<dyn ValidatorSigner>>,
    /// The signer's keys that sign directly, as it said last: the contract knows no other variant.
    held: BTreeSet<PublicKeyBytes>,
}

impl From<ValidatorKeys> for SettlementSigners {
    fn from(keys: ValidatorKeys) -> Self {
        Self { keys, ..Self::default() }
    }
}

impl SettlementSigners {
    /// These keys, and those of a signer.
    pub fn new(keys: ValidatorKeys, signer: Option<Arc<dyn ValidatorSigner>>) -> Self {
        Self { keys, signer, held: BTreeSet::new() }
    }

    /// Asks the signer for its keys, which may come and go. Those that it said last stay while it cannot be reached.
    pub(super) async fn refresh(&mut self) {
        let Some(signer) = &self.signer else { return };
        match signer.public_keys().await {
            Ok(keys) => {
                let direct = keys.into_iter().filter(|key| key.variant == SigningVariant::Direct);
                self.held = direct.map(|key| key.pubkey).collect();
            }
            Err(error) => tracing::warn!(%error, "the validators' signer does not say which keys it has"),
        }
    }

    /// Whether there is nothing to sign with.
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.held.is_empty()
    }

    /// Whether this key is here or at the signer.
    pub(super) fn holds(&self, pubkey: &PublicKeyBytes) -> bool {
        self.keys.secret(pubkey).is_some() || self.held.contains(pubkey)
    }

    /// A key's signature under a statement; `None`, with a word in the log, if the signer gives none.
    pub(super) async fn sign(&self, pubkey: &PublicKeyBytes, statement: &Statement, spec: &Spec) -> Option<Signature> {
        let subject = Subject::Settlement { number: statement.number };
        let request =
            SigningRequest { subject, object_root: statement.tree_hash_root(), domain: spec.domain(DOMAIN_SETTLEMENT) };
        if let Some(secret) = self.keys.secret(pubkey) {
            return Some(secret.sign(&request.signing_root().0));
        }
        let signed = self.signer.as_ref()?.sign(pubkey, request).await;
        let signed = signed.inspect_err(|error| tracing::warn!(%pubkey, %error, "a settlement is not signed")).ok()?;
        // Whoever counts signatures later takes them for verified.
        Signature::try_from(&signed).ok().filter(|signature| {
            let key = quintet_keys::PublicKey::try_from(pubkey);
            let good = key.is_ok_and(|key| signature.verify(&request.signing_root().0, &key));
            if !good {
                tracing::warn!(%pubkey, "the validators' signer signed something else than the settlement");
            }
            good
        })
    }
}
