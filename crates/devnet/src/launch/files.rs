//! What the processes find on disk: parameters, registry, keys, data folders.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use quintet_keys::{KdfCost, KeystoreDir, NewKey, Password};
use quintet_types::{PublicKeyBytes, Spec, spec};

/// Password of the throw-away keys.
const PASSWORD: &str = "devnet";

/// Parameters for a few provers on one machine: small circuits, one job at a time, phases that end when everybody is done.
///
/// # Errors
/// If they contradict each other.
pub fn devnet_spec(slot: Duration, phase_slots: u64) -> anyhow::Result<Spec> {
    let spec = Spec {
        k_min: 11,
        k_max: 12,
        redundancy_factor: 2,
        t1_redundancy: 2,
        phase_slots,
        early_close: true,
        job_interval_slots: 0,
        slot_duration_ms: u64::try_from(slot.as_millis())?,
        ..spec::Network::Devnet.spec()
    };
    spec.check()?;
    Ok(spec)
}

/// A prover's files.
#[derive(Clone, Debug)]
pub struct ProverFiles {
    /// Public key.
    pub pubkey: PublicKeyBytes,
    /// Keystore.
    pub keystore: PathBuf,
    /// Folder of its own.
    pub data: PathBuf,
}

/// The folder of a network.
#[derive(Debug)]
pub struct Files {
    dir: PathBuf,
    /// Removes the folder when dropped.
    temporary: Option<tempfile::TempDir>,
    provers: Vec<ProverFiles>,
}

impl Files {
    /// Writes everything. `keep` names the folder, which must be empty or new.
    ///
    /// # Errors
    /// If something cannot be written.
    pub fn create(keep: Option<&Path>, provers: usize, spec: &Spec) -> anyhow::Result<Self> {
        ensure!(provers >= 4, "{provers} provers; a job takes half of the free ones and at least 2, so 4 are needed");
        let temporary = if keep.is_some() { None } else { Some(tempfile::Builder::new().prefix("quintet-devnet-").tempdir()?) };
        let dir = keep.or(temporary.as_ref().map(tempfile::TempDir::path)).context("a folder")?.to_owned();
        std::fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
        ensure!(dir.read_dir()?.next().is_none(), "{} is not empty", dir.display());
        // Programs are given this path and run elsewhere.
        let dir = dir.canonicalize()?;
        let mut files = Self { dir, temporary, provers: Vec::new() };
        write(&files.network(), &spec.to_toml())?;
        write(&files.password(), PASSWORD)?;
        files.provers = (0..provers).map(|number| files.prover(number)).collect::<Result<_, _>>()?;
        let mut registry = String::new();
        for prover in &files.provers {
            // Writing to a string does not fail.
            let _ = writeln!(registry, "[[prover]]\npubkey = \"{}\"\n", prover.pubkey);
        }
        write(&files.registry(), &registry)?;
        Ok(files)
    }

    fn prover(&self, number: usize) -> anyhow::Result<ProverFiles> {
        let data = self.dir.join(format!("prover-{number}"));
        let password = Password::new(PASSWORD);
        let key = NewKey { password: &password, cost: KdfCost::DEVNET, description: Some(format!("devnet prover {number}")) };
        let info = KeystoreDir::open(&data.join("keys"))?.create(key)?;
        Ok(ProverFiles { pubkey: info.public_key.into(), keystore: info.file, data })
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Keeps the folder, also if it was to be removed.
    pub fn keep(self) -> PathBuf {
        if let Some(temporary) = self.temporary {
            return temporary.keep();
        }
        self.dir
    }

    /// Every prover's files, in the order of the registry.
    pub fn provers(&self) -> &[ProverFiles] {
        &self.provers
    }

    /// Parameter file.
    pub fn network(&self) -> PathBuf {
        self.dir.join("network.toml")
    }

    /// Registry of provers.
    pub fn registry(&self) -> PathBuf {
        self.dir.join("registry.toml")
    }

    /// File with the password of all keystores.
    pub fn password(&self) -> PathBuf {
        self.dir.join("password")
    }

    /// Data folder of the sidecar.
    pub fn sidecar(&self) -> PathBuf {
        self.dir.join("sidecar")
    }

    /// Log of a process.
    pub fn log(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.log"))
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network() -> Spec {
        devnet_spec(Duration::from_secs(4), 45).unwrap()
    }

    #[test]
    fn a_network_is_written_and_removed() {
        let files = Files::create(None, 4, &network()).unwrap();
        let spec = Spec::from_toml(&std::fs::read_to_string(files.network()).unwrap()).unwrap();
        assert_eq!((spec.phase_slots, spec.k_max, spec.genesis_time), (45, 12, 0));
        let registry = std::fs::read_to_string(files.registry()).unwrap();
        assert_eq!(registry.matches("[[prover]]").count(), 4);
        assert!(
            files.provers().iter().all(|prover| prover.keystore.is_file() && registry.contains(&prover.pubkey.to_string()))
        );
        let dir = files.dir().to_owned();
        drop(files);
        assert!(!dir.exists());
    }

    #[test]
    fn a_folder_in_use_and_too_few_provers_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        Files::create(Some(dir.path()), 4, &network()).unwrap();
        assert!(Files::create(Some(dir.path()), 4, &network()).unwrap_err().to_string().contains("not empty"));
        assert!(Files::create(None, 3, &network()).unwrap_err().to_string().contains("4 are needed"));
    }
}
