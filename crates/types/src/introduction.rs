//! How a sidecar introduces itself to its peers: its validator says which peer it is.

use serde::{Deserialize, Serialize};
use ssz_derive::{Decode, Encode};
use tree_hash::TreeHash as _;
use tree_hash_derive::TreeHash;

use crate::domain::DOMAIN_INTRODUCTION;
use crate::{Root, SignatureBytes, SigningVariant, Slot, Spec, ValidatorIndex};

/// What a validator signs: that a peer is its sidecar, until a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode, TreeHash)]
pub struct PeerClaim {
    /// SHA-256 of the peer's id. Handshakes prove that the peer has the key behind that id.
    pub peer: Root,
    /// The validator.
    pub validator: ValidatorIndex,
    /// First slot in which it no longer holds.
    pub expires: Slot,
}

impl PeerClaim {
    /// What a key that signs in `variant` signs.
    pub fn signing_root(&self, variant: SigningVariant, spec: &Spec) -> Root {
        variant.signing_root(self.tree_hash_root(), spec.domain(DOMAIN_INTRODUCTION), spec)
    }
}

/// A claim without the peer, whom the receiver sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode, TreeHash)]
pub struct Introduction {
    /// The validator.
    pub validator: ValidatorIndex,
    /// First slot in which it no longer holds.
    pub expires: Slot,
    /// The validator's signature over the claim.
    pub signature: SignatureBytes,
}

impl Introduction {
    /// What is signed, if it came from the peer with this hash.
    pub const fn claim(&self, peer: Root) -> PeerClaim {
        PeerClaim { peer, validator: self.validator, expires: self.expires }
    }
}
