//! The exchange file: a key that moves to another machine takes along what it has signed.

use std::path::Path;

use quintet_keys::{KeystoreError, read_capped, write_private};
use quintet_types::{JobId, Phase, PublicKeyBytes, Slot, Submission};
use serde::{Deserialize, Serialize};

use super::{Protection, ProtectionError};

/// Version of the exchange file.
const VERSION: u32 = 1;
/// Largest exchange file that is read.
const MAX_EXCHANGE: u64 = 2 << 30;

/// The exchange file.
#[derive(Debug, Serialize, Deserialize)]
struct Exchange {
    version: u32,
    pubkey: PublicKeyBytes,
    floor: Slot,
    signed: Vec<Submission>,
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Imported {
    /// Records that are new here.
    pub(crate) added: usize,
    /// Records that were here.
    pub(crate) known: usize,
    /// Records of a body other than the one here: the key equivocated elsewhere. Ours stays.
    pub(crate) conflicting: usize,
}

impl Protection {
    /// Everything that was signed, as JSON.
    ///
    /// # Errors
    /// If a record cannot be read, or the file is there already.
    pub(crate) fn export(&self, file: &Path) -> Result<usize, ProtectionError> {
        let mut signed = Vec::new();
        self.each(|submission| signed.push(submission))?;
        let count = signed.len();
        let exchange = Exchange { version: VERSION, pubkey: self.key, floor: self.floor(), signed };
        let json = serde_json::to_vec_pretty(&exchange).map_err(|error| ProtectionError::Exchange(error.to_string()))?;
        write_private(file, &json)?;
        Ok(count)
    }

    /// Reads everything that was signed, and counts it.
    ///
    /// # Errors
    /// If a record cannot be read.
    pub(crate) fn audit(&self) -> Result<usize, ProtectionError> {
        let mut count = 0;
        self.each(|_| count += 1)?;
        Ok(count)
    }

    /// Calls `take` with every record, in order of their slots.
    fn each(&self, mut take: impl FnMut(Submission)) -> Result<(), ProtectionError> {
        for name in self.names()? {
            let Some(stem) = name.strip_suffix(".ssz") else { continue };
            let (id, phase) =
                parse_name(stem).ok_or_else(|| ProtectionError::Exchange(format!("{name} is no record's name")))?;
            self.stored(&id, phase)?.into_iter().for_each(&mut take);
        }
        Ok(())
    }

    /// Takes over what [`Self::export`] wrote for the same key elsewhere. Records that are here stay as they are.
    ///
    /// # Errors
    /// If the file is not an export of this key, or a record cannot be written.
    pub(crate) fn import(&self, file: &Path) -> Result<Imported, ProtectionError> {
        let refused = |reason: String| ProtectionError::Exchange(format!("{}: {reason}", file.display()));
        let bytes = read_capped(file, MAX_EXCHANGE).map_err(|error: KeystoreError| refused(error.to_string()))?;
        let exchange: Exchange = serde_json::from_slice(&bytes).map_err(|error| refused(error.to_string()))?;
        if exchange.version != VERSION {
            return Err(refused(format!("version {}, this program reads {VERSION}", exchange.version)));
        }
        let foreign = exchange.signed.iter().find(|submission| *submission.prover() != self.key);
        if exchange.pubkey != self.key || foreign.is_some() {
            return Err(refused(format!("it is of {}, not of {}", exchange.pubkey, self.key)));
        }
        let mut imported = Imported::default();
        for submission in exchange.signed {
            match self.body_root(submission.job(), submission.phase())? {
                None => {
                    self.record(submission)?;
                    imported.added += 1;
                }
                Some(root) if root == submission.header().body_root => imported.known += 1,
                Some(_) => imported.conflicting += 1,
            }
        }
        self.prune(exchange.floor)?;
        Ok(imported)
    }
}

/// Job and phase out of a file name without its ending.
fn parse_name(stem: &str) -> Option<(JobId, Phase)> {
    let (slot, rest) = stem.split_at_checked(20)?;
    let (id, phase) = rest.rsplit_once('-')?;
    let slot: u64 = slot.parse().ok()?;
    Some((format!("{slot}{id}").parse().ok()?, phase.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protection::tests::{Signer, id};

    #[test]
    fn what_is_exported_protects_elsewhere() {
        let (here, there, signer) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), Signer::new());
        let ours = Protection::open(here.path(), signer.key()).unwrap();
        let first = signer.sign(&ours, id(9), 1).unwrap();
        ours.prune(Slot(5)).unwrap();
        let file = here.path().join("export.json");
        assert_eq!(ours.export(&file).unwrap(), 1);
        assert_eq!(ours.audit().unwrap(), 1);

        let theirs = Protection::open(there.path(), signer.key()).unwrap();
        assert_eq!(theirs.import(&file).unwrap(), Imported { added: 1, ..Imported::default() });
        assert_eq!(theirs.import(&file).unwrap(), Imported { known: 1, ..Imported::default() });
        assert_eq!(signer.sign(&theirs, id(9), 2).unwrap(), first);
        assert_eq!(theirs.floor(), Slot(5));

        let stranger = Protection::open(there.path(), Signer::new().key()).unwrap();
        assert!(stranger.import(&file).unwrap_err().to_string().contains("not of"));
    }

    #[test]
    fn a_conflicting_import_leaves_ours() {
        let (here, there, signer) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), Signer::new());
        let ours = Protection::open(here.path(), signer.key()).unwrap();
        let theirs = Protection::open(there.path(), signer.key()).unwrap();
        let first = signer.sign(&ours, id(9), 1).unwrap();
        signer.sign(&theirs, id(9), 2).unwrap();
        let file = there.path().join("export.json");
        theirs.export(&file).unwrap();
        assert_eq!(ours.import(&file).unwrap(), Imported { conflicting: 1, ..Imported::default() });
        assert_eq!(ours.stored(&id(9), Phase::T1).unwrap(), Some(first));
    }
}
