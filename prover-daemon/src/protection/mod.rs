//! The protection record: what a key has signed, on disk before it leaves the process, so that no two bodies are ever signed for one job and phase.
//!
//! One file a submission, written whole, flushed and never replaced. A body that is to be signed for a job and phase that already has a file is not signed:
//! the bytes in the file are what is sent again. Old files go once their slot is below a floor, and nothing below the floor is signed any more.
//! `exchange` takes a record from one machine to another.

mod exchange;

use std::{
    fs::DirBuilder,
    io::ErrorKind,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use quintet_keys::{KeyLock, KeystoreError, SecretKey, read_capped, write_private};
use quintet_types::{
    Decode as _, Encode as _, JobId, Phase, PublicKeyBytes, Root, Signed, Slot, Spec, Submission, SubmissionBody, TypesError,
};

/// Largest submission that is read back.
const MAX_RECORD: u64 = 64 << 20;

/// Why nothing is signed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProtectionError {
    /// The record cannot be read or written, or another process has it.
    #[error("protection record: {0}")]
    File(#[from] KeystoreError),
    /// The folder cannot be read.
    #[error("protection record in {path}: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A file is not what its name says.
    #[error("{path} is no record of {job} {phase}; nothing is signed for it")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The job.
        job: Box<JobId>,
        /// The phase.
        phase: Phase,
    },
    /// The record of that time is gone.
    #[error("{job} is of a slot before {floor}, whose records were removed; nothing is signed for it")]
    BelowFloor {
        /// The job.
        job: Box<JobId>,
        /// First slot for which something may be signed.
        floor: Slot,
    },
    /// The body cannot be signed.
    #[error(transparent)]
    Types(#[from] TypesError),
    /// An exchange file cannot be used.
    #[error("exchange file: {0}")]
    Exchange(String),
}

/// What one key has signed.
#[derive(Debug)]
pub(crate) struct Protection {
    dir: PathBuf,
    key: PublicKeyBytes,
    floor: AtomicU64,
    _lock: KeyLock,
}

impl Protection {
    /// Opens the record of `key` below `base`, making it if there is none. No other process can have it open.
    ///
    /// # Errors
    /// If the folder cannot be used, or another process has it.
    pub(crate) fn open(base: &Path, key: PublicKeyBytes) -> Result<Self, ProtectionError> {
        let dir = base.join(key.to_string());
        let fault = |source| ProtectionError::Folder { path: dir.clone(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(fault)?;
        let lock = KeyLock::acquire(&dir.join("lock"))?;
        let protection = Self { dir, key, floor: AtomicU64::new(0), _lock: lock };
        let floor = protection.names()?.iter().filter_map(|name| name.strip_prefix("floor-")?.parse().ok()).max();
        protection.floor.store(floor.unwrap_or(0), Ordering::Release);
        Ok(protection)
    }

    /// First slot for which something may be signed.
    pub(crate) fn floor(&self) -> Slot {
        Slot(self.floor.load(Ordering::Acquire))
    }

    /// What was signed for a job and phase.
    ///
    /// # Errors
    /// If the file cannot be read, or is not what its name says.
    pub(crate) fn stored(&self, job: &JobId, phase: Phase) -> Result<Option<Submission>, ProtectionError> {
        let path = self.file(job, phase);
        if !path.try_exists().map_err(|source| ProtectionError::Folder { path: path.clone(), source })? {
            return Ok(None);
        }
        let bytes = read_capped(&path, MAX_RECORD)?;
        match Submission::from_ssz_bytes(&bytes) {
            Ok(found) if found.job() == job && found.phase() == phase && *found.prover() == self.key => Ok(Some(found)),
            _ => Err(ProtectionError::Damaged { path, job: Box::new(*job), phase }),
        }
    }

    /// Root of the body that was signed for a job and phase.
    ///
    /// # Errors
    /// As [`Self::stored`].
    pub(crate) fn body_root(&self, job: &JobId, phase: Phase) -> Result<Option<Root>, ProtectionError> {
        Ok(self.stored(job, phase)?.map(|submission| submission.header().body_root))
    }

    /// Signs a body, or gives back what was signed for this job and phase before. What is returned is on disk.
    ///
    /// # Errors
    /// If it cannot be recorded: then nothing signed leaves this function.
    pub(crate) fn sign<B: SubmissionBody>(
        &self,
        secret: &SecretKey,
        spec: &Spec,
        (job, phase): (JobId, Phase),
        body: B,
        wrap: fn(Signed<B>) -> Submission,
    ) -> Result<Submission, ProtectionError> {
        if let Some(stored) = self.stored(&job, phase)? {
            return Ok(stored);
        }
        if job.slot < self.floor() {
            return Err(ProtectionError::BelowFloor { job: Box::new(job), floor: self.floor() });
        }
        let mut signed = Signed { job, phase, prover: self.key, body, signature: Default::default() };
        let root = signed.signing_root(spec)?;
        signed.signature = secret.sign(&root.0).into();
        let submission = wrap(signed);
        self.record(submission)
    }

    /// Writes a record; if another thread was first, its record counts.
    fn record(&self, submission: Submission) -> Result<Submission, ProtectionError> {
        let (job, phase) = (*submission.job(), submission.phase());
        let path = self.file(&job, phase);
        match write_private(&path, &submission.as_ssz_bytes()) {
            Ok(()) => Ok(submission),
            Err(KeystoreError::Exists { .. }) => {
                let stored = self.stored(&job, phase)?;
                stored.ok_or(ProtectionError::Damaged { path, job: Box::new(job), phase })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Removes records of slots before `floor`, for which nothing is signed from now on.
    ///
    /// # Errors
    /// If the folder cannot be changed. The floor holds all the same once it is written.
    pub(crate) fn prune(&self, floor: Slot) -> Result<usize, ProtectionError> {
        if floor <= self.floor() {
            return Ok(0);
        }
        match write_private(&self.dir.join(format!("floor-{:020}", floor.0)), b"") {
            Ok(()) | Err(KeystoreError::Exists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        self.floor.store(floor.0, Ordering::Release);
        let mut removed = 0;
        for name in self.names()? {
            let slot = |text: &str| text.get(..20)?.parse::<u64>().ok();
            let (old, counts) = match name.strip_prefix("floor-") {
                Some(rest) => (slot(rest), 0),
                None => (slot(&name), 1),
            };
            if old.is_some_and(|slot| slot < floor.0) {
                let path = self.dir.join(&name);
                std::fs::remove_file(&path).map_err(|source| ProtectionError::Folder { path, source })?;
                removed += counts;
            }
        }
        Ok(removed)
    }

    fn names(&self) -> Result<Vec<String>, ProtectionError> {
        let fault = |source| ProtectionError::Folder { path: self.dir.clone(), source };
        let mut names = Vec::new();
        for entry in self.dir.read_dir().map_err(fault)? {
            match entry.map_err(fault)?.file_name().into_string() {
                // Hidden files are writes that a crash cut short; they were never signed for anyone to see.
                Ok(name) if !name.starts_with('.') => names.push(name),
                _ => {}
            }
        }
        names.sort();
        Ok(names)
    }

    fn file(&self, job: &JobId, phase: Phase) -> PathBuf {
        let JobId { slot, block_root, sub_block, attempt } = job;
        self.dir.join(format!("{:020}-{block_root}-{sub_block}-{attempt}-{phase}.ssz", slot.0))
    }
}

/// Whether a folder holds a record at all, so that a wrong path is noticed.
pub(crate) fn exists(base: &Path, key: &PublicKeyBytes) -> bool {
    match base.join(key.to_string()).metadata() {
        Ok(found) => found.is_dir(),
        Err(error) => error.kind() != ErrorKind::NotFound,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use quintet_types::{Commitment, Commitments, InstanceIndex, spec::Network};

    pub(crate) fn id(slot: u64) -> JobId {
        JobId::new(Slot(slot), Root::repeat_byte(7))
    }

    fn body(instance: u32) -> Commitments {
        let commitments = vec![Commitment { instance: InstanceIndex(instance), ..Commitment::default() }];
        Commitments { commitments: commitments.try_into().unwrap(), ..Commitments::default() }
    }

    pub(crate) struct Signer {
        pub(crate) secret: SecretKey,
        pub(crate) spec: Spec,
    }

    impl Signer {
        pub(crate) fn new() -> Self {
            Self { secret: SecretKey::generate().unwrap(), spec: Network::Devnet.spec() }
        }

        pub(crate) fn key(&self) -> PublicKeyBytes {
            self.secret.public_key().into()
        }

        pub(crate) fn sign(&self, protection: &Protection, job: JobId, instance: u32) -> Result<Submission, ProtectionError> {
            protection.sign(&self.secret, &self.spec, (job, Phase::T1), body(instance), Submission::Commitments)
        }
    }

    #[test]
    fn a_second_body_is_never_signed_also_across_restarts() {
        let (dir, signer) = (tempfile::tempdir().unwrap(), Signer::new());
        let protection = Protection::open(dir.path(), signer.key()).unwrap();
        let first = signer.sign(&protection, id(9), 1).unwrap();
        assert_eq!(signer.sign(&protection, id(9), 2).unwrap(), first);
        drop(protection);
        let protection = Protection::open(dir.path(), signer.key()).unwrap();
        assert_eq!(signer.sign(&protection, id(9), 3).unwrap(), first);
        assert_ne!(signer.sign(&protection, id(10), 3).unwrap(), first);
        let other_attempt = id(9).next_attempt().unwrap();
        assert_eq!(*signer.sign(&protection, other_attempt, 3).unwrap().job(), other_attempt);
    }

    #[test]
    fn one_process_at_a_time_has_the_record() {
        let (dir, signer) = (tempfile::tempdir().unwrap(), Signer::new());
        let _held = Protection::open(dir.path(), signer.key()).unwrap();
        let error = Protection::open(dir.path(), signer.key()).unwrap_err();
        assert!(matches!(error, ProtectionError::File(KeystoreError::InUse { .. })), "{error}");
    }

    #[test]
    fn a_damaged_record_blocks_signing_rather_than_being_replaced() {
        let (dir, signer) = (tempfile::tempdir().unwrap(), Signer::new());
        let protection = Protection::open(dir.path(), signer.key()).unwrap();
        signer.sign(&protection, id(9), 1).unwrap();
        std::fs::write(protection.file(&id(9), Phase::T1), b"rubbish").unwrap();
        assert!(matches!(signer.sign(&protection, id(9), 1), Err(ProtectionError::Damaged { .. })));
    }

    #[test]
    fn below_the_floor_nothing_is_signed() {
        let (dir, signer) = (tempfile::tempdir().unwrap(), Signer::new());
        let protection = Protection::open(dir.path(), signer.key()).unwrap();
        for slot in 1..=4 {
            signer.sign(&protection, id(slot), 1).unwrap();
        }
        assert_eq!(protection.prune(Slot(3)).unwrap(), 2);
        assert_eq!(protection.prune(Slot(2)).unwrap(), 0);
        drop(protection);
        let protection = Protection::open(dir.path(), signer.key()).unwrap();
        assert_eq!(protection.floor(), Slot(3));
        assert!(matches!(signer.sign(&protection, id(2), 1), Err(ProtectionError::BelowFloor { .. })));
        assert!(protection.stored(&id(3), Phase::T1).unwrap().is_some());
    }
}
