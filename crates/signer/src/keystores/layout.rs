//! Which validator client laid out a folder, and where its keystores and passwords are.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{PasswordSource, Source, folders, lighthouse, teku};
use crate::{OpenError, config::KeystoresConfig};

/// Prysm's wallet of keys.
const WALLET: &str = "all-accounts.keystore.json";

/// How keystores and passwords lie in a folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Whatever fits.
    #[default]
    Auto,
    /// `validators/0x…/voting-keystore.json`, `validators/validator_definitions.yml`, `secrets/0x…`.
    Lighthouse,
    /// `direct/accounts/all-accounts.keystore.json`, one password.
    Prysm,
    /// `*.json`, and `*.txt` of the same names.
    Teku,
    /// `keystores/0x…/voting-keystore.json`, `secrets/0x…`.
    Lodestar,
    /// `validators/0x…/keystore.json`, `secrets/0x…`.
    Nimbus,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Lighthouse => "lighthouse",
            Self::Prysm => "prysm",
            Self::Teku => "teku",
            Self::Lodestar => "lodestar",
            Self::Nimbus => "nimbus",
        })
    }
}

impl Layout {
    /// Those that a folder can have.
    const CLIENTS: [Self; 5] = [Self::Lighthouse, Self::Prysm, Self::Teku, Self::Lodestar, Self::Nimbus];

    /// The folder or file that holds keys in this layout, if it is there.
    fn base(self, dir: &Path) -> Option<PathBuf> {
        let named = |name: &str| dir.file_name().is_some_and(|found| found == name);
        let first = |candidates: Vec<PathBuf>, fits: &dyn Fn(&Path) -> bool| candidates.into_iter().find(|path| fits(path));
        match self {
            Self::Auto => None,
            Self::Lighthouse => first(vec![dir.join("validators"), dir.to_owned()], &|path| {
                lighthouse::definitions(path).is_file() || (!named("keystores") && folders::has(path, folders::VOTING_KEYSTORE))
            }),
            Self::Lodestar => {
                let candidates = if named("keystores") { vec![dir.to_owned()] } else { vec![dir.join("keystores")] };
                first(candidates, &|path| folders::has(path, folders::VOTING_KEYSTORE))
            }
            Self::Nimbus => first(vec![dir.join("validators"), dir.to_owned()], &|path| folders::has(path, folders::KEYSTORE)),
            Self::Prysm => {
                let candidates = vec![
                    dir.join("direct/accounts").join(WALLET),
                    dir.join("accounts").join(WALLET),
                    dir.join(WALLET),
                    dir.to_owned(),
                ];
                first(candidates, &|path| path.is_file() && path.file_name().is_some_and(|name| name == WALLET))
            }
            Self::Teku => teku::has_keys(dir).then(|| dir.to_owned()),
        }
    }
}

/// The layout of a folder and the files in it.
pub(super) fn find(config: &KeystoresConfig) -> Result<(Layout, Vec<Source>), OpenError> {
    let KeystoresConfig { dir, layout, secrets } = config;
    let pairs = teku::pairs(dir);
    let layout = match (layout, &pairs) {
        (Layout::Auto | Layout::Teku, Some(_)) => Layout::Teku,
        (Layout::Auto, None) => detect(dir)?,
        (named, _) => *named,
    };
    let sources = if let (Layout::Teku, Some(pairs)) = (layout, pairs) {
        pairs
            .iter()
            .map(|(keys, passwords)| teku::sources(keys, Some(passwords)))
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .flatten()
            .collect()
    } else {
        let missing = || OpenError::NoKeys { path: dir.clone(), layout };
        let base = layout.base(dir).ok_or_else(missing)?;
        let secrets = secrets.as_deref();
        match layout {
            Layout::Lighthouse => lighthouse::sources(&base, secrets)?,
            Layout::Lodestar => folders::sources(&base, folders::VOTING_KEYSTORE, secrets)?,
            Layout::Nimbus => folders::sources(&base, folders::KEYSTORE, secrets)?,
            Layout::Prysm => {
                let secrets = secrets.ok_or_else(|| OpenError::Config {
                    key: "secrets",
                    why: format!("name the file with the password of {} (Prysm's --wallet-password-file)", base.display()),
                })?;
                let password = PasswordSource::File(vec![secrets.to_owned()]);
                vec![Source { path: base, password, named: None, is_wallet: true }]
            }
            Layout::Auto | Layout::Teku => teku::sources(&base, secrets)?,
        }
    };
    if sources.is_empty() {
        return Err(OpenError::NoKeys { path: dir.clone(), layout });
    }
    Ok((layout, sources))
}

fn detect(dir: &Path) -> Result<Layout, OpenError> {
    // A folder that is not there, or closed to us, should be called that.
    if !dir.is_file() {
        dir.read_dir().map_err(OpenError::io(dir))?;
    }
    let mut found: Vec<_> = Layout::CLIENTS.into_iter().filter(|layout| layout.base(dir).is_some()).collect();
    // Teku's is the loosest: any JSON file will do. It is meant only where nothing else fits.
    if found.len() > 1 {
        found.retain(|layout| *layout != Layout::Teku);
    }
    match found.as_slice() {
        [] => Err(OpenError::NoLayout(dir.to_owned())),
        [layout] => Ok(*layout),
        _ => Err(OpenError::AmbiguousLayout { path: dir.to_owned(), found }),
    }
}
