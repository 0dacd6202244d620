//! A folder for each key, named by it: Lighthouse, Lodestar and Nimbus.

use std::path::{Path, PathBuf};

use quintet_keys::PublicKey;

use super::{PasswordSource, Source};
use crate::OpenError;

/// Name of the keystore in Lighthouse's and Lodestar's folders.
pub(super) const VOTING_KEYSTORE: &str = "voting-keystore.json";
/// Name of the keystore in Nimbus's folders.
pub(super) const KEYSTORE: &str = "keystore.json";

/// Whether any folder of a key has a keystore of this name.
pub(super) fn has(base: &Path, name: &str) -> bool {
    keys(base).is_ok_and(|keys| keys.iter().any(|(folder, _)| folder.join(name).is_file()))
}

/// All keystores of this name. Folders without one (remote keys) are passed over.
pub(super) fn sources(base: &Path, name: &str, secrets: Option<&Path>) -> Result<Vec<Source>, OpenError> {
    let keys = keys(base)?.into_iter().map(|(folder, key)| (folder.join(name), key)).filter(|(path, _)| path.is_file());
    Ok(keys
        .map(|(path, key)| Source { password: password(base, &key, secrets), path, named: Some(key), is_wallet: false })
        .collect())
}

/// Where a key's password may be: where `secrets` says, or in the `secrets` folder beside or in the base.
pub(super) fn password(base: &Path, key: &PublicKey, secrets: Option<&Path>) -> PasswordSource {
    PasswordSource::File(match secrets {
        Some(secrets) if secrets.is_file() => vec![secrets.to_owned()],
        Some(secrets) => vec![secrets.join(key.to_string())],
        None => {
            let folders = base.parent().into_iter().chain([base]);
            folders.map(|folder| folder.join("secrets").join(key.to_string())).collect()
        }
    })
}

/// The folders that are named by a key, in order.
fn keys(base: &Path) -> Result<Vec<(PathBuf, PublicKey)>, OpenError> {
    let mut found = Vec::new();
    for entry in base.read_dir().map_err(OpenError::io(base))? {
        let path = entry.map_err(OpenError::io(base))?.path();
        let key =
            path.file_name().and_then(|name| name.to_str()).filter(|name| name.starts_with("0x")).map(str::parse::<PublicKey>);
        if let Some(Ok(key)) = key
            && path.is_dir()
        {
            found.push((path, key));
        }
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(found)
}
