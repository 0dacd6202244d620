//! Teku: keystores and passwords of the same names, `a.json` and `a.txt`; also any plain folder of keystores.

use std::path::{Path, PathBuf};

use super::{PasswordSource, Source};
use crate::OpenError;

/// How deep folders are searched.
const MAX_DEPTH: usize = 4;

/// What `--validator-keys` takes: `keys:passwords` pairs with commas between them. `None` for a plain path.
pub(super) fn pairs(text: &Path) -> Option<Vec<(PathBuf, PathBuf)>> {
    let text = text.to_str().filter(|text| text.contains(':') && !Path::new(text).exists())?;
    text.split(',').map(|pair| pair.split_once(':').map(|(keys, passwords)| (keys.into(), passwords.into()))).collect()
}

/// Whether there is anything that may be a keystore.
pub(super) fn has_keys(path: &Path) -> bool {
    keystores(path).is_ok_and(|found| !found.is_empty())
}

/// The keystores of a folder, or the one named, with the passwords of a folder, the one named, or those beside the keystores.
pub(super) fn sources(keys: &Path, passwords: Option<&Path>) -> Result<Vec<Source>, OpenError> {
    let passwords = match passwords {
        None if keys.is_file() => keys.parent().unwrap_or(keys),
        None => keys,
        Some(passwords) => passwords,
    };
    let mut sources = Vec::new();
    for path in keystores(keys)? {
        let password = if passwords.is_file() {
            passwords.to_owned()
        } else {
            let name = path.strip_prefix(keys).ok().filter(|name| !name.as_os_str().is_empty());
            let name = name.map_or_else(|| path.file_name().unwrap_or_default().into(), Path::to_owned);
            passwords.join(name).with_extension("txt")
        };
        sources.push(Source { path, password: PasswordSource::File(vec![password]), named: None, is_wallet: false });
    }
    Ok(sources)
}

fn keystores(path: &Path) -> Result<Vec<PathBuf>, OpenError> {
    if path.is_file() {
        let is_json = path.extension().is_some_and(|extension| extension == "json");
        return Ok(is_json.then(|| path.to_owned()).into_iter().collect());
    }
    let mut found = Vec::new();
    collect(path, MAX_DEPTH, &mut found)?;
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), OpenError> {
    for entry in folder.read_dir().map_err(OpenError::io(folder))? {
        let path = entry.map_err(OpenError::io(folder))?.path();
        if path.is_dir() && depth > 1 {
            collect(&path, depth - 1, found)?;
        } else if is_keystore(&path) && path.is_file() {
            found.push(path);
        }
    }
    Ok(())
}

/// `*.json`, but not the deposit data that the deposit tool writes beside keystores, and nothing hidden.
fn is_keystore(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.ends_with(".json") && !name.starts_with('.') && !name.starts_with("deposit_data")
}
