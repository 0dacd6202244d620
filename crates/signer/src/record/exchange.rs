//! The exchange file: keys that move to another machine take along what they have signed, as EIP-3076 does for slashing protection.

use std::{collections::BTreeMap, path::Path};

use quintet_keys::{read_capped, write_private};
use quintet_types::{Domain, JobId, Phase, PublicKeyBytes, Root, Slot};
use serde::{Deserialize, Serialize};

use super::entry::{Content, Signed};
use crate::{OpenError, PhaseMessage, Turn};

const FORMAT: &str = "quintet-signing-record";
const VERSION: &str = "1";
/// Largest file that is read.
const MAX_BYTES: u64 = 1 << 30;

/// What an import did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    /// Entries that are new here.
    pub added: usize,
    /// Entries that were here.
    pub known: usize,
    /// Entries of another object than the one here: the key signed both. Ours stay.
    pub conflicting: usize,
}

/// A record as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    metadata: Metadata,
    floor: Slot,
    data: Vec<OfKey>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    interchange_format: String,
    interchange_format_version: String,
    genesis_validators_root: Root,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfKey {
    pubkey: PublicKeyBytes,
    signed: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    job: JobId,
    phase: Phase,
    #[serde(with = "quintet_types::quoted")]
    round: u32,
    kind: PhaseMessage,
    object_root: Root,
    domain: Domain,
}

impl Exchange {
    pub(super) fn new(network: Root, floor: Slot, contents: impl IntoIterator<Item = Content>) -> Self {
        let mut data = BTreeMap::<_, Vec<_>>::new();
        for content in contents {
            let Content::Signed(pubkey, Turn { job, phase, round, kind }, Signed { object_root, domain }) = content else {
                continue;
            };
            data.entry(pubkey).or_default().push(Line { job, phase, round, kind, object_root, domain });
        }
        let metadata = Metadata {
            interchange_format: FORMAT.to_owned(),
            interchange_format_version: VERSION.to_owned(),
            genesis_validators_root: network,
        };
        Self { metadata, floor, data: data.into_iter().map(|(pubkey, signed)| OfKey { pubkey, signed }).collect() }
    }

    /// How many signatures it tells of.
    #[must_use]
    pub fn len(&self) -> usize {
        self.data.iter().map(|key| key.signed.len()).sum()
    }

    /// Whether it tells of none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// First slot for which its keys sign.
    #[must_use]
    pub const fn floor(&self) -> Slot {
        self.floor
    }

    /// Genesis validators root of the network whose keys it is of.
    #[must_use]
    pub const fn network(&self) -> Root {
        self.metadata.genesis_validators_root
    }

    pub(super) fn contents(self) -> impl Iterator<Item = (PublicKeyBytes, Turn, Signed)> {
        self.data.into_iter().flat_map(|OfKey { pubkey, signed }| {
            signed.into_iter().map(move |Line { job, phase, round, kind, object_root, domain }| {
                (pubkey, Turn { job, phase, round, kind }, Signed { object_root, domain })
            })
        })
    }

    /// Reads an exchange file.
    ///
    /// # Errors
    /// If it cannot be read, or is none.
    pub fn read(path: &Path) -> Result<Self, OpenError> {
        let bytes = read_capped(path, MAX_BYTES).map_err(OpenError::keystore(path))?;
        let malformed = |why: String| OpenError::Malformed { path: path.to_owned(), why };
        let exchange: Self = serde_json::from_slice(&bytes).map_err(|error| malformed(error.to_string()))?;
        let Metadata { interchange_format: format, interchange_format_version: version, .. } = &exchange.metadata;
        if format != FORMAT || version != VERSION {
            return Err(malformed(format!("{format} of version {version}, this program reads {FORMAT} of version {VERSION}")));
        }
        Ok(exchange)
    }

    /// Writes an exchange file, mode 0600, never over another file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), OpenError> {
        let text = serde_json::to_vec_pretty(self).expect("strings and numbers always serialise");
        write_private(path, &text).map_err(OpenError::keystore(path))
    }
}
