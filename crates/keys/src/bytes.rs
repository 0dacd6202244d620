//! Hex as files and command lines have it: with or without `0x`.

/// Decodes hex; a leading `0x` is allowed.
pub(crate) fn decode_hex(text: &str) -> Result<Vec<u8>, hex::FromHexError> {
    hex::decode(text.strip_prefix("0x").unwrap_or(text))
}
