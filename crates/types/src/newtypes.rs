//! Integers and byte strings that must not be mixed up: slots, epochs, indices, keys, signatures.

use std::fmt;

use alloy_primitives::{B256, FixedBytes};
use serde::{Deserialize, Serialize};
use ssz_derive::{Decode, Encode};
use tree_hash::{Hash256, PackedEncoding, TreeHash, TreeHashType};

/// A hash tree root, block root or other 32-byte hash.
pub type Root = B256;

/// A compressed BLS12-381 public key. Whether it is a point of the group is `quintet-keys`' affair.
pub type PublicKeyBytes = FixedBytes<48>;

/// A compressed BLS12-381 signature.
pub type SignatureBytes = FixedBytes<96>;

/// An unsigned integer with a meaning of its own: SSZ and hash tree root of the integer, quoted in JSON.
macro_rules! uint_newtype {
    ($(#[$doc:meta])* $name:ident, $int:ty) => {
        $(#[$doc])*
        #[derive(
            Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Encode, Decode,
        )]
        #[serde(transparent)]
        #[ssz(struct_behaviour = "transparent")]
        pub struct $name(#[serde(with = "crate::quoted")] pub $int);

        impl $name {
            /// The bare integer.
            pub const fn as_int(self) -> $int {
                self.0
            }

            /// The bare integer as a list position.
            pub const fn as_usize(self) -> usize {
                self.0 as usize
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<$int> for $name {
            fn from(value: $int) -> Self {
                Self(value)
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl TreeHash for $name {
            fn tree_hash_type() -> TreeHashType {
                TreeHashType::Basic
            }

            fn tree_hash_packed_encoding(&self) -> PackedEncoding {
                self.0.tree_hash_packed_encoding()
            }

            fn tree_hash_packing_factor() -> usize {
                <$int>::tree_hash_packing_factor()
            }

            fn tree_hash_root(&self) -> Hash256 {
                self.0.tree_hash_root()
            }
        }
    };
}

uint_newtype!(
    /// A slot of the beacon chain.
    Slot,
    u64
);
uint_newtype!(
    /// An epoch of the beacon chain.
    Epoch,
    u64
);
uint_newtype!(
    /// A prover's place in the registry of staked provers; given once, never reused.
    ProverIndex,
    u64
);
uint_newtype!(
    /// A validator's index on the beacon chain.
    ValidatorIndex,
    u64
);
uint_newtype!(
    /// The position of an instance in its job's plan.
    InstanceIndex,
    u32
);

impl Slot {
    /// The epoch that this slot lies in.
    ///
    /// # Panics
    /// If `slots_per_epoch` is 0.
    pub const fn epoch(self, slots_per_epoch: u64) -> Epoch {
        Epoch(self.0 / slots_per_epoch)
    }

    /// The slot `count` later; stops at the last one there is.
    #[must_use]
    pub const fn plus(self, count: u64) -> Self {
        Self(self.0.saturating_add(count))
    }
}

impl Epoch {
    /// The first slot of the epoch.
    pub const fn start_slot(self, slots_per_epoch: u64) -> Slot {
        Slot(self.0.saturating_mul(slots_per_epoch))
    }

    /// The epoch `count` later; stops at the last one there is.
    #[must_use]
    pub const fn plus(self, count: u64) -> Self {
        Self(self.0.saturating_add(count))
    }

    /// The epoch `count` earlier; stops at 0.
    #[must_use]
    pub const fn minus(self, count: u64) -> Self {
        Self(self.0.saturating_sub(count))
    }
}
