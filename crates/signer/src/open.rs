//! From the `[validator]` section to a signer.

use std::{path::Path, sync::Arc};

use quintet_types::Spec;

use crate::{
    Backend, CommitBoostBackend, KeystoreBackend, OpenError, RecordedSigner, SigningRecord, Web3SignerBackend,
    config::{KeysConfig, ValidatorConfig},
};

/// Opens the record, then the keys. Keystores take about a second a key and core: not on a thread that has anything else to do. Remote signers are not
/// asked yet; [`RecordedSigner::check`] does.
///
/// `record` is where the record lies unless the section says otherwise.
///
/// # Errors
/// [`OpenError`], which names the file or key.
pub fn open(config: &ValidatorConfig, spec: Arc<Spec>, record: &Path) -> Result<RecordedSigner, OpenError> {
    let folder = config.record.as_deref().unwrap_or(record);
    let record = SigningRecord::open(folder, spec.genesis_validators_root)?;
    let backend: Arc<dyn Backend> = match &config.keys {
        KeysConfig::Keystores(keys) => Arc::new(KeystoreBackend::open(keys)?),
        KeysConfig::Web3signer(keys) => Arc::new(Web3SignerBackend::open(keys, Arc::clone(&spec))?),
        KeysConfig::CommitBoost(keys) => Arc::new(CommitBoostBackend::open(keys, Arc::clone(&spec))?),
    };
    Ok(RecordedSigner::new(backend, record, spec))
}
