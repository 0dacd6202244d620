//! Parameters on disk: `k14.params` is a magic line, BLAKE2b-256 of what follows, and the points' coordinates.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{OnProgress, Params, ParamsProgress, ParamsStage, generate, known::KNOWN, raw};
use crate::Error;

const MAGIC: &[u8; 16] = b"quintet params\0\x02";
const HASH: usize = 32;

/// A folder with parameters. Several processes may use it at once: one makes what is missing, the others wait for it.
#[derive(Clone, Debug)]
pub struct ParamsCache {
    folder: PathBuf,
}

impl ParamsCache {
    /// A cache in a folder, which is made when it is first written to.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Where parameters usually are: `$XDG_CACHE_HOME/quintet/params`, or `$HOME/.cache/quintet/params`.
    pub fn default_folder() -> Option<PathBuf> {
        let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let cache = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))?;
        Some(cache.join("quintet").join("params"))
    }

    /// File of a size.
    pub fn file(&self, k: u32) -> PathBuf {
        self.folder.join(format!("k{k}.params"))
    }

    /// Parameters of size `2^k`: read if they are there and intact, made and written otherwise. A damaged file is replaced.
    ///
    /// # Errors
    /// If the folder cannot be used.
    pub fn load(&self, k: u32, progress: OnProgress<'_>) -> Result<Arc<Params>, Error> {
        let path = self.file(k);
        if let Some(params) = read(&path, k, progress)? {
            return Ok(Arc::new(params));
        }
        let at = |doing, path: &Path| {
            let path = path.to_owned();
            move |source| Error::Cache { doing, path, source }
        };
        fs::create_dir_all(&self.folder).map_err(at("making", &self.folder))?;
        let lock_path = self.folder.join(format!("k{k}.lock"));
        let lock = File::create(&lock_path).map_err(at("opening", &lock_path))?;
        progress(ParamsProgress { stage: ParamsStage::Waiting, done: 0, total: 1 });
        lock.lock().map_err(at("locking", &lock_path))?;
        // Another process may have made them while this one waited. The lock goes with the file handle.
        if let Some(params) = read(&path, k, progress)? {
            return Ok(Arc::new(params));
        }
        let params = generate(k, progress);
        let temporary = self.folder.join(format!("k{k}.new"));
        write(&temporary, &raw::encode(&params)).map_err(at("writing", &temporary))?;
        fs::rename(&temporary, &path).map_err(at("renaming", &temporary))?;
        Ok(Arc::new(params))
    }
}

fn hash(payload: &[u8]) -> [u8; HASH] {
    let hash = blake2b_simd::Params::new().hash_length(HASH).hash(payload);
    let mut bytes = [0; HASH];
    bytes.copy_from_slice(hash.as_bytes());
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn write(path: &Path, payload: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(MAGIC)?;
    file.write_all(&hash(payload))?;
    file.write_all(payload)?;
    file.sync_all()
}

/// Nothing if there is no file or it is damaged.
fn read(path: &Path, k: u32, progress: OnProgress<'_>) -> Result<Option<Params>, Error> {
    let expected = MAGIC.len() + HASH + raw::length(k);
    let report = |done: usize| {
        progress(ParamsProgress { stage: ParamsStage::Reading, done: done as u64, total: expected as u64 });
    };
    let mut bytes = Vec::new();
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::Cache { doing: "opening", path: path.to_owned(), source }),
        Ok(file) => {
            report(0);
            let read = file.take(expected as u64 + 1).read_to_end(&mut bytes);
            read.map_err(|source| Error::Cache { doing: "reading", path: path.to_owned(), source })?;
        }
    }
    let params = intact(&bytes, expected, k);
    match &params {
        Some(_) => report(expected),
        None => tracing::warn!(path = %path.display(), "parameters are damaged and are made anew"),
    }
    Ok(params)
}

/// The parameters, if length, magic, hash, size, every point and, for the usual sizes, the known hash of upstream's encoding are right.
fn intact(bytes: &[u8], expected: usize, k: u32) -> Option<Params> {
    let rest = bytes.strip_prefix(MAGIC).filter(|_| bytes.len() == expected)?;
    let (stated, payload) = rest.split_at_checked(HASH)?;
    let params = raw::decode(payload).filter(|params| stated == hash(payload) && params.k() == k)?;
    let known = KNOWN.iter().find(|(size, _)| *size == k);
    known.is_none_or(|(_, known)| *known == hex(&hash(&params.encode()))).then_some(params)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn parameters_are_made_once_and_a_damaged_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let cache = ParamsCache::new(folder.path().join("a").join("b"));
        let made = AtomicUsize::new(0);
        let watch = |progress: ParamsProgress| {
            if progress.stage == ParamsStage::Hashing && progress.done == 0 {
                made.fetch_add(1, Ordering::Relaxed);
            }
        };
        let bytes = |params: &Params| params.encode();
        let first = bytes(&cache.load(4, &watch).unwrap());
        assert_eq!(bytes(&cache.load(4, &watch).unwrap()), first);
        assert_eq!(made.load(Ordering::Relaxed), 1);

        let mut damaged = fs::read(cache.file(4)).unwrap();
        *damaged.last_mut().unwrap() ^= 1;
        fs::write(cache.file(4), damaged).unwrap();
        assert_eq!(bytes(&cache.load(4, &watch).unwrap()), first);
        assert_eq!(made.load(Ordering::Relaxed), 2);
        assert!(intact(&fs::read(cache.file(4)).unwrap(), 48 + 4 + 64 * 34, 4).is_some());
    }

    #[test]
    fn processes_that_start_together_make_parameters_once() {
        let folder = tempfile::tempdir().unwrap();
        let made = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let cache = ParamsCache::new(folder.path());
                    let watch = |progress: ParamsProgress| {
                        if progress.stage == ParamsStage::Transforming && progress.done == progress.total {
                            made.fetch_add(1, Ordering::Relaxed);
                        }
                    };
                    cache.load(5, &watch).unwrap();
                });
            }
        });
        assert_eq!(made.load(Ordering::Relaxed), 1);
    }

    /// Prints the table of [`KNOWN`]; run it with `--ignored --nocapture`.
    #[test]
    #[ignore = "takes minutes"]
    fn print_known_hashes() {
        for k in 6..=16 {
            println!("    ({k}, \"{}\"),", hex(&hash(&generate(k, &|_| {}).encode())));
        }
    }

    #[test]
    fn small_known_hashes_are_right() {
        for (k, known) in KNOWN.iter().filter(|(k, _)| *k <= 6) {
            assert_eq!(*known, hex(&hash(&generate(*k, &|_| {}).encode())));
        }
    }
}
