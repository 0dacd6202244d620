//! The Keccak-256 sponge over the keccak-f ecall.
//!
//! Message bytes are absorbed eight at a time: the state is always read and written at aligned words, the message is
//! read wherever it lies, and a part that starts or ends inside a word costs one shift instead of byte loads. Every
//! instruction here is paid for once a word of the block, so the loop is unrolled.

use crate::ecall::keccak_f;

/// Bytes of the state that take message bytes: 1600 bits less twice the digest.
const RATE: usize = 136;
const RATE_WORDS: usize = RATE / 8;

/// An unfinished hash.
#[derive(Clone, Debug)]
pub struct Keccak256 {
    state: [u64; 25],
    /// Bytes absorbed into the current block, below [`RATE`].
    used: usize,
}

impl Default for Keccak256 {
    fn default() -> Self {
        Self::new()
    }
}

impl Keccak256 {
    /// The hash of nothing so far.
    #[inline]
    #[must_use]
    pub const fn new() -> Self {
        Self { state: [0; 25], used: 0 }
    }

    /// Appends `bytes` to the message.
    #[inline]
    pub fn update(&mut self, bytes: &[u8]) {
        let mut left = bytes.len();
        let mut from = bytes.as_ptr();

        if left < 8 {
            self.absorb_few(load_few(bytes), left);
            return;
        }
        let head = self.used % 8;
        if head != 0 {
            let take = 8 - head;
            // SAFETY: at least 8 bytes are left; the shift drops those that belong to the next word.
            let word = unsafe { load(from) } << (8 * head);
            self.state[self.used / 8] ^= word;
            self.advance(take);
            left -= take;
            // SAFETY: take < 8 <= left before the subtraction.
            from = unsafe { from.add(take) };
        }
        while left >= 8 {
            let at = self.used / 8;
            let words = usize::min(left / 8, RATE_WORDS - at);
            // SAFETY: `words` whole words are left in the message, and fit between `at` and the end of the rate.
            unsafe { xor_words(self.state.as_mut_ptr().add(at), from, words) };
            self.advance(8 * words);
            left -= 8 * words;
            // SAFETY: as above, so the pointer stays within the message or one past its end.
            from = unsafe { from.add(8 * words) };
        }
        if left > 0 {
            // SAFETY: the message has at least 8 bytes, so the 8 before its end are readable.
            let last = unsafe { load(from.add(left).sub(8)) };
            self.state[self.used / 8] ^= last >> (8 * (8 - left));
            self.used += left;
        }
    }

    /// Pads, and gives the digest.
    #[inline]
    #[must_use]
    pub fn finalize(mut self) -> [u8; 32] {
        self.state[self.used / 8] ^= 1 << (8 * (self.used % 8));
        self.state[RATE_WORDS - 1] ^= 1 << 63;
        keccak_f(&mut self.state);
        let mut digest = [0; 32];
        for (bytes, word) in digest.chunks_exact_mut(8).zip(self.state) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        digest
    }

    /// Absorbs the lowest `len` < 8 bytes of `word`, whose other bytes are zero.
    #[inline]
    fn absorb_few(&mut self, word: u64, len: usize) {
        let shift = self.used % 8;
        self.state[self.used / 8] ^= word << (8 * shift);
        if shift + len < 8 {
            self.used += len;
        } else {
            let first = 8 - shift;
            self.advance(first);
            if len > first {
                self.state[self.used / 8] ^= word >> (8 * first);
                self.used += len - first;
            }
        }
    }

    /// Moves on by `bytes`, never past the block's end, and permutes when it is full.
    #[inline]
    fn advance(&mut self, bytes: usize) {
        self.used += bytes;
        if self.used == RATE {
            keccak_f(&mut self.state);
            self.used = 0;
        }
    }
}

/// The Keccak-256 hash of `bytes`.
#[inline]
#[must_use]
pub fn keccak256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = Keccak256::new();
    hash.update(bytes);
    hash.finalize()
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

/// A word from anywhere.
///
/// # Safety
/// Eight bytes at `from` are readable.
#[inline(always)]
unsafe fn load(from: *const u8) -> u64 {
    // SAFETY: the caller's promise.
    u64::from_le(unsafe { from.cast::<u64>().read_unaligned() })
}

/// Fewer than eight bytes as the low bytes of a word.
#[inline]
fn load_few(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// `to[i] ^= from[i]` for `words` words.
///
/// # Safety
/// `to` is aligned and writable, `from` readable for `words` words; they do not overlap.
#[inline(always)]
unsafe fn xor_words(to: *mut u64, from: *const u8, words: usize) {
    let mut i = 0;
    // SAFETY: i stays below `words`.
    unsafe {
        while i + 8 <= words {
            for j in 0..8 {
                *to.add(i + j) ^= load(from.add(8 * (i + j)));
            }
            i += 8;
        }
        while i < words {
            *to.add(i) ^= load(from.add(8 * i));
            i += 1;
        }
    }
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
    fn every_split_into_two_parts_gives_the_same_digest() {
        let bytes = message(2 * RATE + 5);
        let whole = plain(&bytes);
        for cut in 0..bytes.len() {
            let mut hash = Keccak256::new();
            hash.update(&bytes[..cut]);
            hash.update(&bytes[cut..]);
            assert_eq!(hash.finalize(), whole, "cut at {cut}");
        }
    }

    #[test]
    fn small_parts_give_the_same_digest() {
        let bytes = message(RATE * 2 + 50);
        for size in 1..20 {
            let mut hash = Keccak256::new();
            bytes.chunks(size).for_each(|part| hash.update(part));
            assert_eq!(hash.finalize(), plain(&bytes), "parts of {size}");
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
