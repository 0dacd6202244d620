//! A folder of keystores: what `quintet-prover key new|import|list|export` does, without the command line.

use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use uuid::Uuid;

use crate::{
    BlsError, DerivationPath, KdfCost, Keystore, KeystoreError, Password, PublicKey, SecretKey, Seed, StakeKey, lock::KeyLock,
    lock_path,
};

/// A folder that holds one file a key, `keystore-0x<public key>.json`.
#[derive(Debug, Clone)]
pub struct KeystoreDir {
    dir: PathBuf,
}

/// How a key that is about to be written gets protected and labelled.
#[derive(Debug)]
pub struct NewKey<'a> {
    /// The password of the new keystore.
    pub password: &'a Password,
    /// What guessing it shall cost.
    pub cost: KdfCost,
    /// Free text for the file.
    pub description: Option<String>,
}

/// What is known about a key without its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// The key.
    pub public_key: PublicKey,
    /// Its keystore.
    pub file: PathBuf,
    /// The keystore's uuid.
    pub uuid: Uuid,
    /// Where the key was derived; empty if it was not.
    pub path: String,
    /// Free text of whoever made it.
    pub description: Option<String>,
    /// What unlocking costs.
    pub cost: KdfCost,
    /// The process that has it in use, if one has.
    pub in_use_by: Option<String>,
}

/// Everything in the folder.
#[derive(Debug)]
pub struct KeyListing {
    /// The keys, ordered by file name.
    pub keys: Vec<KeyInfo>,
    /// JSON files that are not keystores, or that name no key, and why.
    pub unreadable: Vec<(PathBuf, KeystoreError)>,
}

impl KeystoreDir {
    /// Opens a folder, making it (mode 0700) if it is not there.
    ///
    /// # Errors
    /// [`KeystoreError::Io`].
    pub fn open(dir: &Path) -> Result<Self, KeystoreError> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(KeystoreError::io("creating folder", dir))?;
        Ok(Self { dir: dir.to_owned() })
    }

    /// The file that holds, or would hold, a key.
    #[must_use]
    pub fn file_of(&self, key: &PublicKey) -> PathBuf {
        self.dir.join(format!("keystore-{key}.json"))
    }

    /// Makes a fresh random key (`key new`).
    ///
    /// # Errors
    /// [`KeystoreError::EmptyPassword`], [`KeystoreError::Io`].
    pub fn create(&self, new: NewKey<'_>) -> Result<KeyInfo, KeystoreError> {
        self.store(&SecretKey::generate()?, new, None)
    }

    /// Keeps a key that was made elsewhere.
    ///
    /// # Errors
    /// As [`Self::create`]; [`KeystoreError::Exists`] if the key is here already.
    pub fn keep(&self, secret: &SecretKey, new: NewKey<'_>) -> Result<KeyInfo, KeystoreError> {
        self.store(secret, new, None)
    }

    /// Derives a key from a seed (`key import --seed`), by [`DerivationPath::prover`] unless told otherwise.
    ///
    /// # Errors
    /// [`BlsError::Path`] for a path outside EIP-2334; [`KeystoreError::Exists`] if the key is here already.
    pub fn import_seed(&self, seed: &Seed, path: &DerivationPath, new: NewKey<'_>) -> Result<KeyInfo, KeystoreError> {
        if !path.is_eip2334() {
            let reason = "EIP-2334 wants m/12381 and four levels at least";
            return Err(BlsError::Path { path: path.to_string(), reason }.into());
        }
        self.store(&seed.derive(path)?, new, Some(path))
    }

    /// Takes over a keystore made by any EIP-2335 tool (`key import FILE`), after its password has opened it. It is kept
    /// as it is, or encrypted anew if `new` is given.
    ///
    /// # Errors
    /// Whatever [`Keystore::decrypt`] gives; [`KeystoreError::Exists`] if the key is here already.
    pub fn import(&self, keystore: Keystore, password: &Password, new: Option<NewKey<'_>>) -> Result<KeyInfo, KeystoreError> {
        let secret = keystore.decrypt(password)?;
        match new {
            Some(new) => {
                let path = keystore.path().parse().ok();
                self.store(&secret, new, path.as_ref())
            }
            None => self.put(&keystore.naming(secret.public_key())),
        }
    }

    /// All keys of the folder (`key list`). Needs no password.
    ///
    /// # Errors
    /// [`KeystoreError::Io`] if the folder cannot be read; files that cannot are part of the answer.
    pub fn list(&self) -> Result<KeyListing, KeystoreError> {
        let fault = || KeystoreError::io("listing", &self.dir);
        let mut files = Vec::new();
        for entry in self.dir.read_dir().map_err(fault())? {
            let file = entry.map_err(fault())?.path();
            if file.extension().is_some_and(|extension| extension == "json") && file.is_file() {
                files.push(file);
            }
        }
        files.sort();
        let mut listing = KeyListing { keys: Vec::new(), unreadable: Vec::new() };
        for file in files {
            match Keystore::read(&file).and_then(|keystore| info(&keystore, &file)) {
                Ok(key) => listing.keys.push(key),
                Err(error) => listing.unreadable.push((file, error)),
            }
        }
        Ok(listing)
    }

    /// A key's keystore, encrypted anew under a password of its own (`key export`). The caller writes it somewhere with
    /// [`Keystore::write`] and should warn: a key that runs in two places equivocates.
    ///
    /// # Errors
    /// [`KeystoreError::NotFound`]; whatever [`Keystore::decrypt`] gives.
    pub fn export(&self, key: &PublicKey, password: &Password, new: NewKey<'_>) -> Result<Keystore, KeystoreError> {
        let keystore = self.get(key)?;
        let secret = keystore.decrypt(password)?;
        let path = keystore.path().parse().ok();
        let description = new.description.or_else(|| keystore.description().map(str::to_owned));
        Keystore::encrypt(&secret, new.password, new.cost, path.as_ref(), description)
    }

    /// Locks and decrypts a key for use.
    ///
    /// # Errors
    /// [`KeystoreError::NotFound`], [`KeystoreError::InUse`]; whatever [`Keystore::decrypt`] gives.
    pub fn unlock(&self, key: &PublicKey, password: &Password) -> Result<StakeKey, KeystoreError> {
        self.get(key)?;
        StakeKey::unlock(&self.file_of(key), password, None)
    }

    /// A key's keystore as it stands in the folder.
    ///
    /// # Errors
    /// [`KeystoreError::NotFound`]; whatever [`Keystore::read`] gives.
    pub fn get(&self, key: &PublicKey) -> Result<Keystore, KeystoreError> {
        let file = self.file_of(key);
        if !file.exists() {
            let (public_key, dir) = (key.to_string(), self.dir.clone());
            return Err(KeystoreError::NotFound { public_key, dir });
        }
        Keystore::read(&file)
    }

    fn store(&self, secret: &SecretKey, new: NewKey<'_>, path: Option<&DerivationPath>) -> Result<KeyInfo, KeystoreError> {
        let file = self.file_of(&secret.public_key());
        // Before the second of scrypt; the write itself checks again.
        if file.exists() {
            return Err(KeystoreError::Exists { path: file });
        }
        self.put(&Keystore::encrypt(secret, new.password, new.cost, path, new.description)?)
    }

    fn put(&self, keystore: &Keystore) -> Result<KeyInfo, KeystoreError> {
        let file = self.file_of(named_key(keystore)?);
        keystore.write(&file)?;
        info(keystore, &file)
    }
}

fn named_key(keystore: &Keystore) -> Result<&PublicKey, KeystoreError> {
    keystore.public_key().ok_or_else(|| KeystoreError::Field {
        field: "pubkey",
        reason: "missing; import the file to have it filled in".to_owned(),
    })
}

fn info(keystore: &Keystore, file: &Path) -> Result<KeyInfo, KeystoreError> {
    Ok(KeyInfo {
        public_key: *named_key(keystore)?,
        file: file.to_owned(),
        uuid: keystore.uuid(),
        path: keystore.path().to_owned(),
        description: keystore.description().map(str::to_owned),
        cost: keystore.kdf_cost(),
        in_use_by: KeyLock::holder(&lock_path(file)),
    })
}
