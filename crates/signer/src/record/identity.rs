//! Whose record a folder is: the network, and the very folder, so that a copy or a restored backup is noticed.
//!
//! A copy of the files has other inodes than the original. The identity names the inode of a file beside it; where that differs, the folder was copied,
//! or brought back from a backup that may lack what was signed since. An image of a whole disk is not noticed.

use std::{os::unix::fs::MetadataExt, path::Path};

use quintet_keys::{read_capped, write_private};
use quintet_types::Root;
use serde::{Deserialize, Serialize};

use crate::OpenError;

const NAME: &str = "identity.json";
const ANCHOR: &str = "anchor";
const VERSION: u32 = 1;
const MAX_BYTES: u64 = 4096;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    version: u32,
    genesis_validators_root: Root,
    anchor: String,
}

/// What a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// A record of this network, where it was made.
    Ours,
    /// It was copied or restored.
    Copied,
    /// There is none.
    Nothing,
}

/// What a folder says of itself, if it says anything.
fn read(dir: &Path) -> Result<Option<Identity>, OpenError> {
    let path = dir.join(NAME);
    match path.try_exists() {
        Ok(true) => {}
        Ok(false) => return Ok(None),
        Err(error) => return Err(OpenError::io(&path)(error)),
    }
    let bytes = read_capped(&path, MAX_BYTES).map_err(OpenError::keystore(&path))?;
    let malformed = |why: String| OpenError::Malformed { path: path.clone(), why };
    let identity: Identity = serde_json::from_slice(&bytes).map_err(|error| malformed(error.to_string()))?;
    if identity.version != VERSION {
        return Err(malformed(format!("version {}, this program reads {VERSION}", identity.version)));
    }
    Ok(Some(identity))
}

/// The network of a folder's record.
pub(super) fn network(dir: &Path) -> Result<Option<Root>, OpenError> {
    Ok(read(dir)?.map(|identity| identity.genesis_validators_root))
}

/// Looks at a folder.
pub(super) fn examine(dir: &Path, network: Root) -> Result<Found, OpenError> {
    let Some(identity) = read(dir)? else { return Ok(Found::Nothing) };
    if identity.genesis_validators_root != network {
        let recorded = identity.genesis_validators_root;
        return Err(OpenError::OtherNetwork { path: dir.to_owned(), recorded, network });
    }
    let anchor = anchor(dir).ok();
    Ok(if anchor == Some(identity.anchor) { Found::Ours } else { Found::Copied })
}

/// Makes this folder the record's own place.
pub(super) fn settle(dir: &Path, network: Root) -> Result<(), OpenError> {
    for name in [NAME, ANCHOR] {
        match std::fs::remove_file(dir.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(OpenError::io(&dir.join(name))(error)),
            _ => {}
        }
    }
    let (path, anchor_path) = (dir.join(NAME), dir.join(ANCHOR));
    write_private(&anchor_path, b"its inode is named in identity.json\n").map_err(OpenError::keystore(&anchor_path))?;
    let anchor = anchor(dir).map_err(OpenError::io(&anchor_path))?;
    let identity = Identity { version: VERSION, genesis_validators_root: network, anchor };
    let text = serde_json::to_vec_pretty(&identity).expect("strings and numbers always serialise");
    write_private(&path, &text).map_err(OpenError::keystore(&path))
}

fn anchor(dir: &Path) -> std::io::Result<String> {
    Ok(dir.join(ANCHOR).metadata()?.ino().to_string())
}
