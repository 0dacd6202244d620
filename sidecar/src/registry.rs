//! Where provers come from.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use quintet_beacon::{BlockInfo, Execution};
use quintet_keys::PublicKey;
use quintet_protocol::ProverRecord;
use quintet_staking::{BranchError, Known, MemberView, NotFinal};
use quintet_types::{Epoch, ProverIndex, PublicKeyBytes, Root, Slot, Spec};
use serde::Deserialize;

/// Where a block of the beacon chain stands, as far as the state that counts for it depends on that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockAt {
    /// Its slot.
    pub slot: Slot,
    /// Hash of the execution block that it builds on; zero if it names none.
    pub tip: Root,
}

impl From<&BlockInfo> for BlockAt {
    fn from(block: &BlockInfo) -> Self {
        let tip = match &block.execution {
            Execution::None => Root::ZERO,
            Execution::Payload(payload) => payload.parent_hash,
            Execution::Promised(bid) => bid.parent_block_hash,
        };
        Self { slot: block.slot, tip }
    }
}

/// The state that counts for a block is not known.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotKnown {
    /// It is not final, and the block names no branch to look for it.
    #[error(transparent)]
    NotFinal(NotFinal),
    /// It is being read from the block's own branch.
    #[error("{not_final}; the branch of execution block {tip} is being read")]
    Reading {
        /// How far finality is.
        not_final: NotFinal,
        /// The execution block that the block builds on.
        tip: Root,
    },
    /// The block's own branch cannot be read so far.
    #[error("{not_final}; and the block's own branch: {error}")]
    Unreadable {
        /// How far finality is.
        not_final: NotFinal,
        /// What is wrong.
        error: Arc<BranchError>,
    },
}

/// The registered provers. Staking contracts and the registry file stand behind this one trait.
pub trait ProverSource: Send + Sync + std::fmt::Debug {
    /// What it is, so that a ledger is never continued with the provers of another registry.
    fn identity(&self) -> String;

    /// Whether it is known who counts for a block. If not, asking has it looked for.
    ///
    /// # Errors
    /// [`NotKnown`] while it is not.
    fn check_known(&self, at: &BlockAt, genesis_time: u64, spec: &Spec) -> Result<(), NotKnown>;

    /// The provers that count for a block, by index, as the registry stood `REGISTRY_LOOKBACK_EPOCHS` before in the block's own ancestry.
    ///
    /// # Errors
    /// [`NotKnown`] while that is not known. Nobody is drawn then: others would have to be drawn than everywhere else.
    fn provers_for(&self, at: &BlockAt, genesis_time: u64, spec: &Spec) -> Result<Vec<ProverRecord>, NotKnown>;

    /// All provers as far as they are known, by index: for names and keys, not for drawing.
    fn latest(&self) -> Vec<ProverRecord>;

    /// Changes whenever [`Self::latest`] does.
    fn version(&self) -> u64;

    /// The enrolled validators that count for a block, if provers come from the contracts; as of the same moment on the same branch.
    fn members_for(&self, _: &BlockAt, _: u64, _: &Spec) -> Option<Result<MemberView, NotKnown>> {
        None
    }

    /// The staking contracts as far as they are final, if provers come from there.
    fn contracts(&self) -> Option<Arc<Known>> {
        None
    }
}

/// A registry file: for networks without staking contracts.
#[derive(Clone, Debug)]
pub struct RegistryFile {
    provers: Vec<ProverRecord>,
}

/// Why a registry file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The file is not TOML of the expected form.
    #[error("{path}: {source}")]
    Toml {
        /// The file.
        path: String,
        /// The cause.
        source: Box<toml::de::Error>,
    },
    /// A key is no public key, or occurs twice.
    #[error("{path}: prover {index}: {reason}")]
    Key {
        /// The file.
        path: String,
        /// Place in the file.
        index: usize,
        /// What is wrong.
        reason: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    prover: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    pubkey: PublicKeyBytes,
    #[serde(default = "one_ether")]
    stake_gwei: u64,
    #[serde(default)]
    activation_epoch: u64,
    exit_epoch: Option<u64>,
}

const fn one_ether() -> u64 {
    1_000_000_000
}

impl RegistryFile {
    /// Reads a file of `[[prover]]` tables: `pubkey`, and optionally `stake_gwei`, `activation_epoch`, `exit_epoch`. The index of a prover is its
    /// place in the file, so entries are only ever appended.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub fn read(path: &Path) -> Result<Self, RegistryError> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|source| RegistryError::Io { path: shown.clone(), source })?;
        Self::parse(&text, &shown)
    }

    /// As [`Self::read`], from text; `path` is named in errors.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub fn parse(text: &str, path: &str) -> Result<Self, RegistryError> {
        let file: File =
            toml::from_str(text).map_err(|source| RegistryError::Toml { path: path.to_owned(), source: Box::new(source) })?;
        let mut seen = BTreeSet::new();
        let mut provers = Vec::new();
        for (index, entry) in file.prover.into_iter().enumerate() {
            let wrong = |reason: String| RegistryError::Key { path: path.to_owned(), index, reason };
            PublicKey::from_bytes(&entry.pubkey.0).map_err(|error| wrong(error.to_string()))?;
            if !seen.insert(entry.pubkey) {
                return Err(wrong(format!("{} occurs twice", entry.pubkey)));
            }
            provers.push(ProverRecord {
                index: ProverIndex(index as u64),
                pubkey: entry.pubkey,
                stake_gwei: entry.stake_gwei,
                activation: Epoch(entry.activation_epoch),
                exit: entry.exit_epoch.map(Epoch),
                pauses: Vec::new(),
            });
        }
        Ok(Self { provers })
    }
}

impl ProverSource for RegistryFile {
    fn identity(&self) -> String {
        "a registry file".into()
    }

    fn check_known(&self, _: &BlockAt, _: u64, _: &Spec) -> Result<(), NotKnown> {
        Ok(())
    }

    fn provers_for(&self, _: &BlockAt, _: u64, _: &Spec) -> Result<Vec<ProverRecord>, NotKnown> {
        Ok(self.provers.clone())
    }

    fn latest(&self) -> Vec<ProverRecord> {
        self.provers.clone()
    }

    fn version(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quintet_keys::SecretKey;

    #[test]
    fn a_file_gives_provers_by_place_and_wrong_ones_are_named() {
        let key = SecretKey::generate().unwrap().public_key();
        let one = format!("[[prover]]\npubkey = \"{key}\"\n");
        let provers = RegistryFile::parse(&one, "f").unwrap().latest();
        assert_eq!((provers.len(), provers[0].stake_gwei), (1, 1_000_000_000));

        let twice = RegistryFile::parse(&one.repeat(2), "f").unwrap_err().to_string();
        assert!(twice.starts_with("f: prover 1: 0x") && twice.ends_with("occurs twice"), "{twice}");
        let point = format!("[[prover]]\npubkey = \"0x{}\"\n", "11".repeat(48));
        assert!(RegistryFile::parse(&point, "f").unwrap_err().to_string().starts_with("f: prover 0: "));
        let unknown = format!("{one}stke_gwei = 3\n");
        assert!(RegistryFile::parse(&unknown, "f").unwrap_err().to_string().contains("stke_gwei"));
    }
}
