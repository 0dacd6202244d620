//! Keccak-256 as a parameter of the check: the guest has an ecall for it, everyone else software.

/// Up to 15 bytes that come before the data in a hashed message: the framing of a trie leaf.
///
/// Built in an array whose index is masked, so that no write needs a check.
#[derive(Clone, Copy, Debug, Default)]
pub struct Frame {
    bytes: [u8; 16],
    len: usize,
}

impl Frame {
    /// The frame without bytes.
    pub const EMPTY: Self = Self { bytes: [0; 16], len: 0 };

    /// Appends a byte; a sixteenth one would be a mistake of this crate, and overwrites the first.
    #[inline(always)]
    pub(crate) fn push(&mut self, byte: u8) {
        self.bytes[self.len & 15] = byte;
        self.len += 1;
    }

    /// Appends the lowest `len` bytes of a number, most significant first.
    #[inline(always)]
    pub(crate) fn push_big_endian(&mut self, number: u64, len: usize) {
        for i in (0..len).rev() {
            self.push((number >> (8 * i)) as u8);
        }
    }

    /// Number of bytes.
    #[inline(always)]
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[inline(always)]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes.
    #[inline(always)]
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len & 15]
    }

    /// The bytes as two little-endian words; those after the last are zero.
    #[inline(always)]
    #[must_use]
    pub fn words(&self) -> [u64; 2] {
        let (words, _) = self.bytes.as_chunks::<8>();
        [u64::from_le_bytes(words[0]), u64::from_le_bytes(words[1])]
    }
}

/// Keccak-256 over a message in two parts: a transaction is hashed where it lies, its framing stands before it.
pub trait Keccak {
    /// The hash of `frame` followed by `data`.
    fn hash(frame: &Frame, data: &[u8]) -> [u8; 32];
}

/// Software Keccak-256, as alloy has it.
#[derive(Clone, Copy, Debug)]
pub struct SoftKeccak;

impl Keccak for SoftKeccak {
    fn hash(frame: &Frame, data: &[u8]) -> [u8; 32] {
        let mut hasher = alloy_primitives::Keccak256::new();
        hasher.update(frame.as_slice());
        hasher.update(data);
        hasher.finalize().0
    }
}
