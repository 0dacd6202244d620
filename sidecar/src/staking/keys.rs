//! The validators' keys that this sidecar holds, for settlements alone: they sign nothing under a domain of the consensus layer.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use quintet_keys::{Keystore, KeystoreError, Password, PublicKey, SecretKey};
use quintet_types::PublicKeyBytes;

/// Keys by which settlements are signed.
#[derive(Default)]
pub struct ValidatorKeys(Vec<(PublicKeyBytes, SecretKey)>);

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The folder cannot be listed.
    #[error("{path}: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// There is no keystore in it.
    #[error("{0} has no keystore (*.json)")]
    None(PathBuf),
    /// A keystore cannot be read, or its password is another one.
    #[error("{path}: {source}")]
    Keystore {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: KeystoreError,
    },
    /// A keystore has no password.
    #[error("{keystore} has no password: neither {} exists", tried.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" nor "))]
    NoPassword {
        /// The keystore.
        keystore: PathBuf,
        /// Where it was looked for.
        tried: Vec<PathBuf>,
    },
}

impl fmt::Debug for ValidatorKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(pubkey, _)| pubkey)).finish()
    }
}

impl ValidatorKeys {
    /// Opens all EIP-2335 keystores of a folder. `passwords` is one file for all, or a folder with a file for each: `<keystore's name>.txt`, or the key in
    /// hex, as validator clients have it. No lock is taken: the validator client holds these keys too, and what is signed here cannot equivocate there.
    ///
    /// # Errors
    /// [`KeysError`].
    pub fn read(keystores: &Path, passwords: &Path) -> Result<Self, KeysError> {
        let fault = |source| KeysError::Folder { path: keystores.to_owned(), source };
        let mut files = Vec::new();
        for entry in keystores.read_dir().map_err(fault)? {
            let file = entry.map_err(fault)?.path();
            if file.extension().is_some_and(|extension| extension == "json") && file.is_file() {
                files.push(file);
            }
        }
        files.sort();
        let opened = files.iter().map(|file| open(file, passwords)).collect::<Result<Vec<_>, _>>()?;
        if opened.is_empty() {
            return Err(KeysError::None(keystores.to_owned()));
        }
        Ok(Self::new(opened))
    }

    /// These keys.
    pub fn new(secrets: impl IntoIterator<Item = SecretKey>) -> Self {
        Self(secrets.into_iter().map(|secret| (secret.public_key().into(), secret)).collect())
    }

    /// The secret of a key, if it is here.
    pub fn secret(&self, pubkey: &PublicKeyBytes) -> Option<&SecretKey> {
        self.0.iter().find(|(held, _)| held == pubkey).map(|(_, secret)| secret)
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn open(file: &Path, passwords: &Path) -> Result<SecretKey, KeysError> {
    let fault = |source| KeysError::Keystore { path: file.to_owned(), source };
    let keystore = Keystore::read(file).map_err(fault)?;
    let password = password_file(file, keystore.public_key(), passwords)?;
    let password = Password::from_file(&password).map_err(fault)?;
    keystore.decrypt(&password).map_err(fault)
}

fn password_file(keystore: &Path, key: Option<&PublicKey>, passwords: &Path) -> Result<PathBuf, KeysError> {
    if !passwords.is_dir() {
        return Ok(passwords.to_owned());
    }
    let stem = keystore.file_stem().unwrap_or_default().to_string_lossy();
    let mut tried = vec![passwords.join(format!("{stem}.txt"))];
    tried.extend(key.map(|key| passwords.join(key.to_string())));
    let found = tried.iter().find(|path| path.is_file()).cloned();
    found.ok_or_else(|| KeysError::NoPassword { keystore: keystore.to_owned(), tried })
}

#[cfg(test)]
mod tests {
    use super::*;
    use quintet_keys::{KdfCost, KeystoreDir, NewKey};

    #[test]
    fn keystores_are_opened_with_one_password_or_one_each() {
        let folder = tempfile::tempdir().unwrap();
        let (keystores, secrets) = (folder.path().join("keys"), folder.path().join("secrets"));
        std::fs::create_dir(&secrets).unwrap();
        let dir = KeystoreDir::open(&keystores).unwrap();
        const fn new(password: &Password) -> NewKey<'_> {
            NewKey { password, cost: KdfCost::DEVNET, description: None }
        }
        let one = dir.create(new(&Password::new("one"))).unwrap();
        let empty = ValidatorKeys::read(&secrets, &secrets).unwrap_err();
        assert!(matches!(empty, KeysError::None(_)), "{empty}");

        let common = folder.path().join("password");
        std::fs::write(&common, "one\n").unwrap();
        assert_eq!(ValidatorKeys::read(&keystores, &common).unwrap().len(), 1);

        let two = dir.create(new(&Password::new("two"))).unwrap();
        let wrong = ValidatorKeys::read(&keystores, &common).unwrap_err();
        assert!(matches!(wrong, KeysError::Keystore { .. }), "{wrong}");
        std::fs::write(secrets.join(one.public_key.to_string()), "one").unwrap();
        let missing = ValidatorKeys::read(&keystores, &secrets).unwrap_err();
        assert!(matches!(missing, KeysError::NoPassword { .. }), "{missing}");
        let name = two.file.file_stem().unwrap().to_str().unwrap();
        std::fs::write(secrets.join(format!("{name}.txt")), "two").unwrap();
        let keys = ValidatorKeys::read(&keystores, &secrets).unwrap();
        assert!(keys.secret(&one.public_key.into()).is_some() && keys.secret(&two.public_key.into()).is_some());
        assert!(!format!("{keys:?}").contains("one"));
    }
}
