//! The second half of EIP-2335: AES-128-CTR under the first 16 derived bytes, a SHA-256 checksum under the other 16.

use aes::Aes128;
use ctr::{
    Ctr128BE,
    cipher::{KeyIvInit, StreamCipher},
};
use sha2::{Digest, Sha256};

/// Encrypts or decrypts in place (it is the same operation).
pub(super) fn apply(derived: &[u8; 32], iv: &[u8; 16], text: &mut [u8]) {
    let (key, _) = derived.split_at(16);
    Ctr128BE::<Aes128>::new(key.into(), iv.into()).apply_keystream(text);
}

/// `SHA256(derived[16..32] ‖ ciphertext)`.
pub(super) fn checksum(derived: &[u8; 32], ciphertext: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(&derived[16..]).chain_update(ciphertext).finalize().into()
}
