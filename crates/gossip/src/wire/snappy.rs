//! Raw snappy blocks with the decompressed length looked at before memory is taken for it.

use snap::raw::{Decoder, Encoder, decompress_len, max_compress_len};

/// Why bytes are not a snappy block that may be decompressed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnappyError {
    /// Claims to be longer or shorter than is allowed.
    #[error("{length} bytes decompressed, {least} to {most} are allowed")]
    Length {
        /// What the block claims.
        length: usize,
        /// Least.
        least: usize,
        /// Most.
        most: usize,
    },
    /// The compressed block is longer than any of its content can be.
    #[error("{0} bytes compressed, which no content of this length needs")]
    Padded(usize),
    /// Not snappy.
    #[error("not a snappy block: {0}")]
    Malformed(#[from] snap::Error),
}

/// Most bytes that `length` bytes can be compressed to.
pub fn compressed_limit(length: usize) -> usize {
    max_compress_len(length)
}

/// Compresses.
///
/// # Errors
/// If there are more than 2³² bytes.
pub fn compress(bytes: &[u8]) -> Result<Vec<u8>, SnappyError> {
    Ok(Encoder::new().compress_vec(bytes)?)
}

/// Decompresses a block that holds `least` to `most` bytes.
///
/// # Errors
/// If the block says that it holds another number of bytes (nothing is allocated then), or is not what it says.
pub fn decompress(block: &[u8], least: usize, most: usize) -> Result<Vec<u8>, SnappyError> {
    let length = decompress_len(block)?;
    if !(least..=most).contains(&length) {
        return Err(SnappyError::Length { length, least, most });
    }
    if block.len() > compressed_limit(length) {
        return Err(SnappyError::Padded(block.len()));
    }
    Ok(Decoder::new().decompress_vec(block)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_bomb_is_refused_by_its_length_alone() {
        // The head of a block that claims to hold 2³² − 1 bytes.
        let bomb = [0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0];
        assert_eq!(
            decompress(&bomb, 0, 1 << 20),
            Err(SnappyError::Length { length: u32::MAX as usize, least: 0, most: 1 << 20 })
        );
        let zeros = compress(&vec![0; 1 << 20]).unwrap();
        assert!(zeros.len() < 1 << 16);
        assert!(matches!(decompress(&zeros, 0, (1 << 20) - 1), Err(SnappyError::Length { .. })));
        assert_eq!(decompress(&zeros, 0, 1 << 20).unwrap().len(), 1 << 20);
    }

    proptest! {
        #[test]
        fn what_was_compressed_comes_back(bytes in prop::collection::vec(any::<u8>(), 0..3000), repeat in 1usize..20) {
            let bytes = bytes.repeat(repeat);
            let block = compress(&bytes).unwrap();
            prop_assert!(block.len() <= compressed_limit(bytes.len()));
            prop_assert_eq!(decompress(&block, bytes.len(), bytes.len()).unwrap(), bytes);
        }

        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(content) = decompress(&bytes, 1, 100) {
                prop_assert!((1..=100).contains(&content.len()));
            }
        }
    }
}
