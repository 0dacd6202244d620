//! Keccak-256 as a parameter of the check: the guest has an ecall for it, everyone else software.

/// Keccak-256 over a message in two parts.
///
/// Two parts are what the check needs: a trie leaf is a few bytes of framing and then a transaction, which is hashed
/// where it lies instead of being copied behind its framing.
pub trait Keccak {
    /// The hash of `first` followed by `second`.
    fn hash(first: &[u8], second: &[u8]) -> [u8; 32];
}

/// Software Keccak-256, as alloy has it.
#[derive(Clone, Copy, Debug)]
pub struct SoftKeccak;

impl Keccak for SoftKeccak {
    fn hash(first: &[u8], second: &[u8]) -> [u8; 32] {
        let mut hasher = alloy_primitives::Keccak256::new();
        hasher.update(first);
        hasher.update(second);
        hasher.finalize().0
    }
}
