//! The part of RLP that headers and trie nodes need, written into buffers on the stack.
//!
//! alloy-rlp writes through a trait object; on the machine that costs more cycles than the hashing around it. The tests
//! hold this module against alloy-rlp.

/// An RLP writer into a buffer that is known to be large enough.
#[derive(Debug)]
pub struct Writer<'a> {
    buffer: &'a mut [u8],
    len: usize,
}

impl<'a> Writer<'a> {
    /// Writes from `start` on.
    #[inline]
    pub const fn new(buffer: &'a mut [u8], start: usize) -> Self {
        Self { buffer, len: start }
    }

    /// Position after what was written.
    #[inline]
    #[must_use]
    pub const fn position(&self) -> usize {
        self.len
    }

    /// Bytes as they are.
    ///
    /// # Panics
    /// If the buffer is too small, as all methods here.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        self.buffer[self.len..end].copy_from_slice(bytes);
        self.len = end;
    }

    /// One byte as it is.
    #[inline]
    pub fn byte(&mut self, byte: u8) {
        self.buffer[self.len] = byte;
        self.len += 1;
    }

    /// A string of 2 to 55 bytes whose length is known when compiling.
    #[inline]
    pub fn fixed<const N: usize>(&mut self, bytes: &[u8; N]) {
        const { assert!(N > 1 && N < 56) };
        let to = &mut self.buffer[self.len..][..N + 1];
        to[0] = 0x80 + N as u8;
        to[1..].copy_from_slice(bytes);
        self.len += N + 1;
    }

    /// A string of any length.
    #[inline]
    pub fn string(&mut self, bytes: &[u8]) {
        if !is_own_encoding(bytes) {
            self.header(0x80, bytes.len());
        }
        self.raw(bytes);
    }

    /// A number: the string of its big-endian bytes without leading zeros.
    #[inline]
    pub fn number(&mut self, number: u64) {
        if number < 0x80 {
            self.byte(if number == 0 { 0x80 } else { number as u8 });
        } else {
            let len = byte_len(number);
            self.byte(0x80 + len as u8);
            self.big_endian(number, len);
        }
    }

    /// A 256-bit number given as little-endian bytes.
    #[inline]
    pub fn number_256(&mut self, little_endian: &[u8; 32]) {
        let (words, _) = little_endian.as_chunks::<8>();
        let Some(top) = (0..4).rev().find(|i| words[*i] != [0; 8]) else {
            return self.byte(0x80);
        };
        let top_word = u64::from_le_bytes(words[top]);
        if top == 0 {
            return self.number(top_word);
        }
        let len = byte_len(top_word);
        self.byte(0x80 + (len + 8 * top) as u8);
        self.big_endian(top_word, len);
        for word in words[..top].iter().rev() {
            self.big_endian(u64::from_le_bytes(*word), 8);
        }
    }

    /// Header of a string (`offset` 0x80) or list (0xc0) with `len` bytes of payload.
    #[inline]
    pub fn header(&mut self, offset: u8, len: usize) {
        if len < 56 {
            self.byte(offset + len as u8);
        } else {
            let bytes = byte_len(len as u64);
            self.byte(offset + 55 + bytes as u8);
            self.big_endian(len as u64, bytes);
        }
    }

    /// The lowest `len` bytes of a number, most significant first.
    #[inline]
    fn big_endian(&mut self, number: u64, len: usize) {
        let to = &mut self.buffer[self.len..][..len];
        let mut rest = number;
        for byte in to.iter_mut().rev() {
            *byte = rest as u8;
            rest >>= 8;
        }
        self.len += len;
    }
}

/// Bytes that a number has without leading zeros, at least one. A loop, since the machine has no instruction that
/// counts zeros and most numbers are short.
#[inline]
pub(crate) const fn byte_len(number: u64) -> usize {
    let mut len = 1;
    let mut rest = number >> 8;
    while rest != 0 {
        len += 1;
        rest >>= 8;
    }
    len
}

/// Whether a string is one byte that stands for itself.
#[inline]
#[must_use]
pub fn is_own_encoding(bytes: &[u8]) -> bool {
    matches!(bytes, [byte] if *byte < 0x80)
}

/// Bytes of the header before `len` bytes of payload.
#[inline]
#[must_use]
pub const fn header_len(len: usize) -> usize {
    if len < 56 { 1 } else { 1 + byte_len(len as u64) }
}

/// Bytes of a string's encoding.
#[inline]
#[must_use]
pub fn string_len(bytes: &[u8]) -> usize {
    if is_own_encoding(bytes) { 1 } else { header_len(bytes.len()) + bytes.len() }
}

/// Puts a list's header right before its payload, which starts at `payload` in the buffer; gives where the list
/// starts.
///
/// # Panics
/// If there is no room before the payload; three bytes do for a payload below 64 KiB.
#[inline]
pub fn prepend_list_header(buffer: &mut [u8], payload: usize, end: usize) -> usize {
    let len = end - payload;
    let start = payload - header_len(len);
    Writer::new(buffer, start).header(0xc0, len);
    start
}
