//! The key that a node is known by: kept in a file, so that a peer id outlives restarts.

use std::path::Path;

use libp2p::PeerId;
use libp2p::identity::{Keypair, secp256k1};
use quintet_keys::{KeystoreError, read_capped, write_private};

use crate::NetworkError;

/// More than 64 hex digits and a line end need not be read.
const MAX_FILE_BYTES: u64 = 128;

/// A secp256k1 key, as Ethereum's node records use. Not a stake key and not a validator key: it signs nothing but libp2p handshakes.
#[derive(Clone)]
pub struct NodeKey(secp256k1::Keypair);

impl std::fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NodeKey({})", self.peer_id())
    }
}

impl NodeKey {
    /// A fresh key that nothing keeps.
    pub fn generate() -> Self {
        Self(secp256k1::Keypair::generate())
    }

    /// Reads the key from `path`; makes one there, mode 0600, if there is no such file.
    ///
    /// # Errors
    /// [`NetworkError::NodeKeyFile`], [`NetworkError::NodeKeyContent`].
    pub fn load_or_create(path: &Path) -> Result<Self, NetworkError> {
        let fault = |source: KeystoreError| NetworkError::NodeKeyFile { path: path.to_owned(), source: Box::new(source) };
        if let Err(error) = path.symlink_metadata()
            && error.kind() == std::io::ErrorKind::NotFound
        {
            let key = Self::generate();
            match write_private(path, hex::encode(key.0.secret().to_bytes()).as_bytes()) {
                Ok(()) => return Ok(key),
                // Somebody else was quicker: theirs is the key.
                Err(KeystoreError::Exists { .. }) => {}
                Err(error) => return Err(fault(error)),
            }
        }
        let text = read_capped(path, MAX_FILE_BYTES).map_err(fault)?;
        Self::parse(&text).ok_or_else(|| NetworkError::NodeKeyContent(path.to_owned()))
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let mut bytes = [0u8; 32];
        hex::decode_to_slice(text.trim_ascii(), &mut bytes).ok()?;
        // Wipes `bytes`.
        let secret = secp256k1::SecretKey::try_from_bytes(&mut bytes).ok()?;
        Some(Self(secp256k1::Keypair::from(secret)))
    }

    /// The name under which peers know this node.
    pub fn peer_id(&self) -> PeerId {
        self.keypair().public().to_peer_id()
    }

    pub(crate) fn keypair(&self) -> Keypair {
        Keypair::from(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_key_is_made_once_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.key");
        let key = NodeKey::load_or_create(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(NodeKey::load_or_create(&path).unwrap().peer_id(), key.peer_id());
        assert!(!format!("{key:?}").contains(&hex::encode(key.0.secret().to_bytes())));
    }

    #[test]
    fn another_file_is_neither_taken_nor_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.key");
        for content in ["", "0x", &"0".repeat(64), &"f".repeat(64), &"1".repeat(63), &"1".repeat(200)] {
            std::fs::write(&path, content).unwrap();
            assert!(NodeKey::load_or_create(&path).is_err(), "{content}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
        }
        std::fs::write(&path, format!("{}\n", "1".repeat(64))).unwrap();
        assert!(NodeKey::load_or_create(&path).is_ok());
    }
}
