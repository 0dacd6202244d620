//! Reading and writing of the versioned binary encodings: fixed-width little-endian integers, lengths before what they measure, canonical field
//! elements, and not a byte more.

use ff::PrimeField;
use quintet_air::F;

use crate::DecodeError;

/// A value with one binary encoding.
pub trait Encode: Sized {
    /// Appends the encoding.
    fn encode_to(&self, out: &mut Vec<u8>);

    /// Reads one value.
    ///
    /// # Errors
    /// If the bytes are not an encoding.
    fn decode_from(input: &mut Input<'_>) -> Result<Self, DecodeError>;

    /// The encoding.
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode_to(&mut out);
        out
    }

    /// Reads one value from exactly these bytes.
    ///
    /// # Errors
    /// If the bytes are not an encoding, or go on after it.
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Input { bytes };
        let value = Self::decode_from(&mut input)?;
        match input.bytes.len() {
            0 => Ok(value),
            left => Err(DecodeError::Trailing(left)),
        }
    }
}

/// What is left to be read.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    bytes: &'a [u8],
}

impl<'a> Input<'a> {
    /// Exactly `len` bytes. `len` is never allocated before it is known to be there.
    pub(crate) fn take(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let (head, tail) = self.bytes.split_at_checked(len).ok_or(DecodeError::Short(what))?;
        self.bytes = tail;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], DecodeError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N, what)?);
        Ok(array)
    }

    pub(crate) fn u8(&mut self, what: &'static str) -> Result<u8, DecodeError> {
        self.array::<1>(what).map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self, what: &'static str) -> Result<u16, DecodeError> {
        self.array(what).map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self, what: &'static str) -> Result<u32, DecodeError> {
        self.array(what).map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self, what: &'static str) -> Result<u64, DecodeError> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// A four-byte length of at most `limit`.
    pub(crate) fn length(&mut self, limit: usize, what: &'static str) -> Result<usize, DecodeError> {
        let got = self.u32(what)? as usize;
        if got > limit { Err(DecodeError::Limit { what, limit, got }) } else { Ok(got) }
    }

    /// A length and as many bytes.
    pub(crate) fn bytes(&mut self, limit: usize, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let len = self.length(limit, what)?;
        self.take(len, what)
    }

    pub(crate) fn field(&mut self, what: &'static str) -> Result<F, DecodeError> {
        Option::from(F::from_repr(self.array(what)?)).ok_or(DecodeError::Scalar(what))
    }

    pub(crate) fn magic(&mut self, magic: &[u8], what: &'static str) -> Result<(), DecodeError> {
        if self.take(magic.len(), what)? == magic { Ok(()) } else { Err(DecodeError::Version { what }) }
    }
}

/// Appends a length and the bytes.
///
/// # Panics
/// If there are 4 GiB or more of them: callers keep far lower limits.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(u32::try_from(bytes.len()).expect("limits are below 4 GiB").to_le_bytes());
    out.extend(bytes);
}

/// Appends a field element.
pub(crate) fn put_field(out: &mut Vec<u8>, value: &F) {
    out.extend(value.to_repr());
}
