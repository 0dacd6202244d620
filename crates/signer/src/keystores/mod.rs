//! Keys in EIP-2335 keystores, as validator clients lay them out.
//!
//! The validator client that runs with these keys has its own locks on them, which are left alone: what is signed here cannot equivocate there, as no
//! domain of the consensus layer is used. Against a second sidecar each keystore has a lock of ours beside it, besides that of the signing record.

mod folders;
mod layout;
mod lighthouse;
mod teku;

use std::{
    collections::BTreeMap,
    fmt,
    num::NonZero,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use quintet_keys::{
    KeyLock, Keystore, KeystoreError, MAX_WALLET_BYTES, Password, ProofOfPossession, PublicKey, SecretKey, decrypt_wallet,
    read_capped,
};
use quintet_types::{PublicKeyBytes, SignatureBytes, SigningVariant};

use crate::{Backend, OpenError, Permit, SignError, config::KeystoresConfig};

pub use layout::Layout;

/// Keystores that are decrypted at a time: scrypt takes 256 MiB for each.
const MAX_THREADS: usize = 4;

/// A file with one key or more.
#[derive(Debug)]
struct Source {
    path: PathBuf,
    password: PasswordSource,
    /// The key that its place says it holds.
    named: Option<PublicKey>,
    is_wallet: bool,
}

#[derive(Debug)]
enum PasswordSource {
    /// The first of these that is there.
    File(Vec<PathBuf>),
    /// It stands in the definitions.
    Inline(Password),
}

/// The keys of a validator client's folder, decrypted.
pub struct KeystoreBackend {
    layout: Layout,
    keys: BTreeMap<PublicKeyBytes, SecretKey>,
    _locks: Vec<KeyLock>,
}

impl fmt::Debug for KeystoreBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeystoreBackend").field("layout", &self.layout).field("keys", &self.keys.keys()).finish()
    }
}

impl KeystoreBackend {
    /// Finds, locks and decrypts the keys of a folder. Takes about a second a key and core.
    ///
    /// # Errors
    /// [`OpenError`], which names the file.
    pub fn open(config: &KeystoresConfig) -> Result<Self, OpenError> {
        let (layout, sources) = layout::find(config)?;
        let opened = open_all(&sources)?;
        let mut backend = Self { layout, keys: BTreeMap::new(), _locks: Vec::new() };
        let mut places = BTreeMap::<PublicKeyBytes, &Path>::new();
        for (source, (secrets, lock)) in sources.iter().zip(opened) {
            backend._locks.extend(lock);
            for secret in secrets {
                let pubkey = secret.public_key().into();
                if let Some(first) = places.insert(pubkey, &source.path) {
                    let [first, second] = [first, &source.path].map(|path| path.display().to_string());
                    return Err(OpenError::Twice { pubkey, first, second });
                }
                backend.keys.insert(pubkey, secret);
            }
        }
        if backend.keys.is_empty() {
            return Err(OpenError::NoKeys { path: config.dir.clone(), layout });
        }
        Ok(backend)
    }

    /// Keys that are here already, for tests and networks without value.
    #[must_use]
    pub fn from_secrets(secrets: impl IntoIterator<Item = SecretKey>) -> Self {
        let keys = secrets.into_iter().map(|secret| (secret.public_key().into(), secret)).collect();
        Self { layout: Layout::Auto, keys, _locks: Vec::new() }
    }

    /// The layout that was found.
    #[must_use]
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    fn secret(&self, key: &PublicKeyBytes) -> Result<&SecretKey, SignError> {
        self.keys.get(key).ok_or(SignError::UnknownKey(*key))
    }
}

#[async_trait]
impl Backend for KeystoreBackend {
    fn name(&self) -> String {
        format!("keystores ({})", self.layout)
    }

    fn variant(&self) -> SigningVariant {
        SigningVariant::Direct
    }

    async fn keys(&self) -> Result<Vec<PublicKeyBytes>, SignError> {
        Ok(self.keys.keys().copied().collect())
    }

    async fn sign(&self, permit: &Permit) -> Result<SignatureBytes, SignError> {
        Ok(self.secret(permit.pubkey())?.sign(&permit.request().signing_root().0).into())
    }

    async fn prove_possession(&self, key: &PublicKeyBytes, binding: [u8; 32]) -> Result<SignatureBytes, SignError> {
        Ok(ProofOfPossession::prove_bound(self.secret(key)?, &binding).to_bytes().into())
    }
}

type Opened = (Vec<SecretKey>, Option<KeyLock>);

/// Opens all, a few at a time, in their order.
fn open_all(sources: &[Source]) -> Result<Vec<Opened>, OpenError> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(MAX_THREADS).min(sources.len());
    let (next, done) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((index, source)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|i| Some((i, sources.get(i)?)))
                {
                    let opened = open_one(source);
                    let failed = opened.is_err();
                    done.lock().unwrap_or_else(PoisonError::into_inner).insert(index, opened);
                    if failed {
                        // The others need not start.
                        next.store(sources.len(), Ordering::Relaxed);
                    }
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}

fn open_one(source: &Source) -> Result<Opened, OpenError> {
    let Source { path, password, named, is_wallet } = source;
    let fault = || OpenError::keystore(path);
    // Parsed before the lock: a lock beside something that is no keystore would be litter.
    let keystore = if *is_wallet { None } else { Some(Keystore::read(path).map_err(fault())?) };
    let lock = lock(path)?;
    let read;
    let password = match password {
        PasswordSource::Inline(password) => password,
        PasswordSource::File(tried) => {
            let mut tried = tried.clone();
            // A folder of passwords may also have them under the key's name.
            if let (Some(folder), Some(key)) =
                (tried.last().and_then(|path| path.parent()), keystore.as_ref().and_then(Keystore::public_key))
            {
                tried.push(folder.join(key.to_string()));
                tried.dedup();
            }
            let Some(file) = tried.iter().find(|path| path.is_file()) else {
                return Err(OpenError::NoPassword { keystore: path.clone(), tried });
            };
            read = Password::from_file(file).map_err(OpenError::keystore(file))?;
            &read
        }
    };
    let secrets = match keystore {
        Some(keystore) => vec![keystore.decrypt(password).map_err(fault())?],
        None => {
            let text = read_capped(path, MAX_WALLET_BYTES).map_err(fault())?;
            decrypt_wallet(&text, password).map_err(fault())?
        }
    };
    if let (Some(named), [secret]) = (named, secrets.as_slice()) {
        let actual = secret.public_key();
        if actual != *named {
            return Err(OpenError::OtherKey { path: path.clone(), actual: actual.to_string(), named: named.to_string() });
        }
    }
    Ok((secrets, lock))
}

/// Our lock beside the keystore; none where nothing can be written.
fn lock(keystore: &Path) -> Result<Option<KeyLock>, OpenError> {
    let mut path = keystore.as_os_str().to_owned();
    path.push(".quintet.lock");
    match KeyLock::acquire(Path::new(&path)) {
        Ok(lock) => Ok(Some(lock)),
        Err(error @ KeystoreError::Lock { .. }) => {
            tracing::warn!("{error}: a second sidecar with this key would not be noticed here");
            Ok(None)
        }
        Err(error) => Err(OpenError::keystore(keystore)(error)),
    }
}
