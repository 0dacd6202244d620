//! The words that the guest commits, and with them the public outputs of a proof.
//!
//! | word | what |
//! | --- | --- |
//! | 0–3 | block hash |
//! | 4–7 | parent hash |
//! | 8–11 | state root |
//! | 12 | block number |
//! | 13 | gas used |
//!
//! A hash is four words: bytes 0–7, 8–15, 16–23, 24–31, each read little-endian.

/// Number of output words.
pub const OUTPUT_WORDS: usize = 14;

/// What a proof of payload integrity says publicly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PayloadOutput {
    /// Hash of the block.
    pub block_hash: [u8; 32],
    /// Hash of its parent.
    pub parent_hash: [u8; 32],
    /// State root that the header claims.
    pub state_root: [u8; 32],
    /// Block number.
    pub block_number: u64,
    /// Gas used that the header claims.
    pub gas_used: u64,
}

impl PayloadOutput {
    /// The output words.
    #[inline]
    #[must_use]
    pub fn to_words(&self) -> [u64; OUTPUT_WORDS] {
        let mut words = [0; OUTPUT_WORDS];
        for (i, hash) in [&self.block_hash, &self.parent_hash, &self.state_root].into_iter().enumerate() {
            let (parts, _) = hash.as_chunks::<8>();
            for (j, part) in parts.iter().enumerate() {
                words[4 * i + j] = u64::from_le_bytes(*part);
            }
        }
        words[12] = self.block_number;
        words[13] = self.gas_used;
        words
    }

    /// The outputs that these words are; every 14 words are some.
    #[must_use]
    pub fn from_words(words: &[u64; OUTPUT_WORDS]) -> Self {
        let hash = |from: usize| {
            let mut bytes = [0; 32];
            for (part, word) in bytes.chunks_exact_mut(8).zip(&words[from..]) {
                part.copy_from_slice(&word.to_le_bytes());
            }
            bytes
        };
        Self { block_hash: hash(0), parent_hash: hash(4), state_root: hash(8), block_number: words[12], gas_used: words[13] }
    }
}
