//! The Keccak-256 sponge over the keccak-f ecall.
//!
//! A message comes in two parts: a frame of less than 16 bytes, given as two words, and the data. Hashing a trie leaf
//! needs just that, and it lets the data be absorbed in whole words wherever it lies: the state is read and written at
//! aligned words, and the bytes at both ends of the data cost one shift each. The first block is copied into the state
//! instead of being XORed with zeros.

use crate::absorb::{MAX_WORDS, clear_words, copy_words, xor_words};
use crate::ecall::keccak_f;
use core::mem::MaybeUninit;

/// Bytes of the state that take message bytes: 1600 bits less twice the digest.
const RATE: usize = 8 * RATE_WORDS;
const RATE_WORDS: usize = MAX_WORDS;
const STATE_WORDS: usize = 25;

/// The Keccak-256 hash of `bytes`.
#[inline]
#[must_use]
pub fn keccak256(bytes: &[u8]) -> [u8; 32] {
    keccak256_framed([0, 0], 0, bytes)
}

/// The Keccak-256 hash of the first `frame_len` bytes of `frame`, read as little-endian words whose other bytes are
/// zero, followed by `data`.
///
/// # Panics
/// If the frame is longer than 15 bytes.
#[must_use]
pub fn keccak256_framed(frame: [u64; 2], frame_len: usize, data: &[u8]) -> [u8; 32] {
    assert!(frame_len < 16);
    let mut state = MaybeUninit::<[u64; STATE_WORDS]>::uninit();
    let words = state.as_mut_ptr().cast::<u64>();
    if data.len() < 8 {
        // SAFETY: `words` are the 25 of the state; all are written. Frame and data make less than 23 bytes.
        unsafe {
            clear_words(words.add(STATE_WORDS), STATE_WORDS);
            let bytes = words.cast::<u8>();
            words.write(frame[0]);
            words.add(1).write(frame[1]);
            for (i, byte) in data.iter().enumerate() {
                bytes.add(frame_len + i).write(*byte);
            }
            bytes.add(frame_len + data.len()).write(1);
            return finish(words);
        }
    }

    // Words that have bytes of the frame in them, the last filled up with data.
    let framed = frame_len.div_ceil(8);
    let taken = 8 * framed - frame_len;
    let mut left = data.len() - taken;
    let mut at = framed;
    // SAFETY: reads: `data` has at least 8 bytes, so its first and its last 8 are readable, and `left` counts what is
    // between `from` and its end. Writes: `at` is at most 2, and at most 17 - `at` words follow it, so all stay in the
    // state. The state is complete before its first permutation: frame words, copied words, cleared words.
    unsafe {
        let shifted = if taken == 0 { 0 } else { load(data.as_ptr()) << (64 - 8 * taken) };
        match framed {
            0 => {}
            1 => words.write(frame[0] | shifted),
            _ => {
                words.write(frame[0]);
                words.add(1).write(frame[1] | shifted);
            }
        }
        let mut from = data.as_ptr().add(taken);
        if left >= RATE - 8 * at {
            let count = RATE_WORDS - at;
            copy_words(words.add(RATE_WORDS), from.add(8 * count), count);
            clear_words(words.add(STATE_WORDS), STATE_WORDS - RATE_WORDS);
            keccak_f(&mut *words.cast());
            left -= 8 * count;
            from = from.add(8 * count);
            while left >= RATE {
                from = from.add(RATE);
                xor_words(words.add(RATE_WORDS), from, RATE_WORDS);
                keccak_f(&mut *words.cast());
                left -= RATE;
            }
            at = left / 8;
            xor_words(words.add(at), from.add(8 * at), at);
            *words.add(at) ^= last_word(from.add(left), left % 8);
        } else {
            let count = left / 8;
            at += count;
            copy_words(words.add(at), from.add(8 * count), count);
            words.add(at).write(last_word(from.add(left), left % 8));
            clear_words(words.add(STATE_WORDS), STATE_WORDS - 1 - at);
        }
        finish(words)
    }
}

/// What alloy-primitives calls with its feature `native-keccak`.
///
/// # Safety
/// `bytes` is readable for `len` bytes and `output` writable for 32.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn native_keccak256(bytes: *const u8, len: usize, output: *mut u8) {
    // SAFETY: the caller's promise; an empty slice may come with any non-null pointer.
    unsafe {
        let digest = keccak256(core::slice::from_raw_parts(bytes, len));
        output.cast::<[u8; 32]>().write_unaligned(digest);
    }
}

/// The end of the padding, the last permutation, the digest.
///
/// # Safety
/// `words` are the 25 of a state, all of them written.
#[inline(always)]
unsafe fn finish(words: *mut u64) -> [u8; 32] {
    // SAFETY: the caller's promise.
    let state: &mut [u64; STATE_WORDS] = unsafe { &mut *words.cast() };
    state[RATE_WORDS - 1] ^= 1 << 63;
    keccak_f(state);
    let mut digest = [0; 32];
    for (bytes, word) in digest.chunks_exact_mut(8).zip(state.iter()) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    digest
}

/// The `len` < 8 bytes before `end`, and after them the first bit of the padding.
///
/// # Safety
/// Eight bytes before `end` are readable.
#[inline(always)]
unsafe fn last_word(end: *const u8, len: usize) -> u64 {
    let padding = 1 << (8 * len);
    if len == 0 {
        return padding;
    }
    // SAFETY: the caller's promise.
    (unsafe { load(end.sub(8)) } >> (64 - 8 * len)) | padding
}

/// A word from anywhere.
///
/// # Safety
/// Eight bytes at `from` are readable.
#[inline(always)]
unsafe fn load(from: *const u8) -> u64 {
    // SAFETY: the caller's promise.
    u64::from_le(unsafe { from.cast::<u64>().read_unaligned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(len: usize) -> Vec<u8> {
        (0..len).map(|i| (i * 131 + i / 7) as u8).collect()
    }

    /// The definition, with no cleverness: pad, XOR bytes, permute.
    fn plain(bytes: &[u8]) -> [u8; 32] {
        let mut padded = bytes.to_vec();
        padded.push(1);
        padded.resize(padded.len().next_multiple_of(RATE), 0);
        *padded.last_mut().unwrap() |= 0x80;
        let mut state = [0u64; 25];
        for block in padded.chunks(RATE) {
            for (i, byte) in block.iter().enumerate() {
                state[i / 8] ^= u64::from(*byte) << (8 * (i % 8));
            }
            keccak_f(&mut state);
        }
        core::array::from_fn(|i| state[i / 8].to_le_bytes()[i % 8])
    }

    #[test]
    fn known_digests() {
        let empty = [0xc5, 0xd2, 0x46, 0x01, 0x86, 0xf7, 0x23, 0x3c];
        assert_eq!(keccak256(b"")[..8], empty);
        let abc = [0x4e, 0x03, 0x65, 0x7a, 0xea, 0x45, 0xa9, 0x4f];
        assert_eq!(keccak256(b"abc")[..8], abc);
    }

    #[test]
    fn every_length_agrees_with_the_definition() {
        for len in 0..3 * RATE + 9 {
            assert_eq!(keccak256(&message(len)), plain(&message(len)), "length {len}");
        }
    }

    #[test]
    fn every_frame_gives_the_digest_of_the_whole() {
        for len in (0..170).chain(250..300) {
            let bytes = message(len);
            let whole = plain(&bytes);
            for frame_len in 0..usize::min(16, len + 1) {
                let (frame, data) = bytes.split_at(frame_len);
                let word = |at: usize| frame.iter().skip(at).take(8).rev().fold(0, |w, b| w << 8 | u64::from(*b));
                let digest = keccak256_framed([word(0), word(8)], frame_len, data);
                assert_eq!(digest, whole, "length {len}, of which {frame_len} in the frame");
            }
        }
    }

    #[test]
    fn alloy_entry_point_writes_the_digest_anywhere() {
        let bytes = message(77);
        let mut out = [0u8; 33];
        // SAFETY: 77 bytes to read, 32 to write.
        unsafe { native_keccak256(bytes.as_ptr(), bytes.len(), out.as_mut_ptr().add(1)) };
        assert_eq!(out[1..], keccak256(&bytes));
    }
}
