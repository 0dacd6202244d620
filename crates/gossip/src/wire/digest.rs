//! The fork digest: what keeps networks apart.

use std::fmt;
use std::str::FromStr;

use quintet_types::{FixedBytes, Root};
use ssz_derive::{Decode, Encode};
use tree_hash::TreeHash as _;
use tree_hash_derive::TreeHash;

/// Raised whenever nodes of before and after would misunderstand each other.
pub const PROTOCOL_VERSION: [u8; 4] = [0, 0, 0, 1];

/// First four bytes of the hash tree root of genesis validators root, protocol version and the root of all parameters.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[ssz(struct_behaviour = "transparent")]
pub struct ForkDigest(pub FixedBytes<4>);

/// What the fork digest is the root of.
#[derive(TreeHash)]
struct QuintetForkData {
    genesis_validators_root: Root,
    protocol_version: FixedBytes<4>,
    spec_root: Root,
}

/// The digest of the network on the chain with this `genesis_validators_root` whose parameters have this `spec_root`.
pub fn fork_digest(genesis_validators_root: Root, spec_root: Root) -> ForkDigest {
    let data = QuintetForkData { genesis_validators_root, protocol_version: PROTOCOL_VERSION.into(), spec_root };
    ForkDigest(FixedBytes::from_slice(&data.tree_hash_root()[..4]))
}

impl fmt::Display for ForkDigest {
    /// Eight lower-case hex digits without prefix, as in topics.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for ForkDigest {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 4];
        hex::decode_to_slice(text, &mut bytes)?;
        Ok(Self(bytes.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_the_network_changes_the_digest() {
        let (a, b) = (Root::repeat_byte(1), Root::repeat_byte(2));
        assert_eq!(fork_digest(a, b), fork_digest(a, b));
        assert_ne!(fork_digest(a, b), fork_digest(b, a));
        assert_ne!(fork_digest(a, a), fork_digest(a, b));
        assert_ne!(fork_digest(a, a), fork_digest(b, a));
    }

    #[test]
    fn text_is_eight_hex_digits() {
        let digest = ForkDigest([0, 1, 0xab, 0xff].into());
        assert_eq!(digest.to_string(), "0001abff");
        assert_eq!("0001abff".parse(), Ok(digest));
        assert!("0x01abff".parse::<ForkDigest>().is_err());
    }
}
