//! Points as the precompiles of EIP-2537 take them: each coordinate in 64 bytes, big-endian, 16 zeros first.

use quintet_keys::{PublicKey, Signature};

/// A key as `x ‖ y`, 64 bytes each.
#[must_use]
pub fn g1_words(key: &PublicKey) -> [u8; 128] {
    let plain = key.to_uncompressed();
    let mut words = [0; 128];
    for (padded, coordinate) in words.chunks_exact_mut(64).zip(plain.chunks_exact(48)) {
        padded[16..].copy_from_slice(coordinate);
    }
    words
}

/// A signature as `x.c0 ‖ x.c1 ‖ y.c0 ‖ y.c1`, 64 bytes each. The consensus layer's encoding has c1 before c0.
#[must_use]
pub fn g2_words(signature: &Signature) -> [u8; 256] {
    let plain = signature.to_uncompressed();
    let mut words = [0; 256];
    for (place, from) in [1, 0, 3, 2].into_iter().enumerate() {
        words[place * 64 + 16..(place + 1) * 64].copy_from_slice(&plain[from * 48..(from + 1) * 48]);
    }
    words
}
