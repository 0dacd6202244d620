//! Lighthouse: what `validator_definitions.yml` enables, or all folders if there is no such file.

use std::path::{Path, PathBuf};

use quintet_keys::{Password, PublicKey, read_capped};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{PasswordSource, Source, folders};
use crate::OpenError;

/// Largest file taken; a definition has some 500 bytes.
const MAX_BYTES: u64 = 16 << 20;

/// One entry of the file. It has more fields, for the validator client alone.
#[derive(Deserialize)]
struct Definition {
    enabled: bool,
    voting_public_key: String,
    #[serde(rename = "type")]
    kind: String,
    voting_keystore_path: Option<PathBuf>,
    voting_keystore_password_path: Option<PathBuf>,
    voting_keystore_password: Option<Zeroized>,
}

/// A password that is wiped.
struct Zeroized(Zeroizing<String>);

impl<'de> Deserialize<'de> for Zeroized {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

/// The file that says which keys are in use.
pub(super) fn definitions(base: &Path) -> PathBuf {
    base.join("validator_definitions.yml")
}

/// All keystores in use.
pub(super) fn sources(base: &Path, secrets: Option<&Path>) -> Result<Vec<Source>, OpenError> {
    let file = definitions(base);
    if !file.is_file() {
        return folders::sources(base, folders::VOTING_KEYSTORE, secrets);
    }
    let malformed = |why: String| OpenError::Malformed { path: file.clone(), why };
    let bytes = read_capped(&file, MAX_BYTES).map_err(OpenError::keystore(&file))?;
    let text = std::str::from_utf8(&bytes).map_err(|error| malformed(error.to_string()))?;
    let definitions: Vec<Definition> =
        serde_saphyr::from_str(text).map_err(|error| malformed(shortened(&error.to_string())))?;
    let mut sources = Vec::new();
    for definition in definitions {
        let key: PublicKey =
            definition.voting_public_key.parse().map_err(|error| malformed(format!("voting_public_key: {error}")))?;
        if !definition.enabled {
            tracing::info!(%key, "not enabled in {}", file.display());
        } else if definition.kind == "local_keystore" {
            sources.push(source(base, definition, key, secrets));
        } else {
            tracing::warn!(%key, kind = definition.kind, "not used: only local_keystore of {} is; name the remote signer as such", file.display());
        }
    }
    Ok(sources)
}

fn source(base: &Path, definition: Definition, key: PublicKey, secrets: Option<&Path>) -> Source {
    // The paths are those of the validator client; seen from here the folder may be mounted elsewhere.
    let own = base.join(key.to_string()).join(folders::VOTING_KEYSTORE);
    let path = definition.voting_keystore_path.filter(|path| path.is_file()).unwrap_or(own);
    let named = definition.voting_keystore_password_path.filter(|path| path.is_file());
    let password = match (secrets, definition.voting_keystore_password, named) {
        (None, Some(password), _) => PasswordSource::Inline(Password::new(&password.0)),
        (None, None, Some(file)) => PasswordSource::File(vec![file]),
        _ => folders::password(base, &key, secrets),
    };
    Source { path, password, named: Some(key), is_wallet: false }
}

/// The first line of a parser's message: what follows may quote the file, passwords included.
fn shortened(message: &str) -> String {
    message.lines().next().unwrap_or_default().chars().take(120).collect()
}
